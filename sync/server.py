"""Runs the application under uvicorn: bind, tell the address, drain on a signal."""

from __future__ import annotations

import signal
import socket as sockets
import sys
from collections.abc import Callable
from typing import Any, cast
from urllib.parse import urlsplit

import uvicorn
from starlette.applications import Starlette
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from sync import logs, tracing
from sync.admission import PEER
from sync.handshake import http_within
from sync.hub import Hub
from sync.settings import Settings, SettingsError
from sync.store import StoreError
from sync.transport import RawWebSocket, WebSocket

WS_PING_S = 20.0  # a half-open socket is noticed after two of these


SWITCH_INTERVAL_S = 0.001
"""How long the store's thread waits for Python's lock while the event loop is busy, a few times a commit. With the
default, 5 ms, the median commit beside a busy loop took twice as long."""


class Server(uvicorn.Server):
    """uvicorn's server that says when it is ready, and says goodbye to every connection before it stops."""

    def __init__(self, config: uvicorn.Config, hub: Hub, on_ready: Callable[[str], None]) -> None:
        super().__init__(config)
        self._hub = hub
        self._on_ready = on_ready

    async def startup(self, sockets: list[sockets.socket] | None = None) -> None:
        """As uvicorn's; then tells the address."""
        await super().startup(sockets)
        if self.started and self.servers:
            host, port = self.servers[0].sockets[0].getsockname()[:2]
            self._on_ready(f"http://{f'[{host}]' if ':' in host else host}:{port}")

    async def shutdown(self, sockets: list[sockets.socket] | None = None) -> None:
        """Drains the rooms while the sockets still stand (uvicorn would close them with 1012 first)."""
        for server in self.servers:
            server.close()
        await self._hub.drain()
        for connection in list(self.server_state.connections):
            if isinstance(connection, WebSocket) and connection.transport.get_write_buffer_size():
                # it had its time to read the goodbye
                connection.transport.abort()
        await super().shutdown(sockets)


def in_a_sentence(app: ASGIApp) -> ASGIApp:
    """A store that cannot be opened ends the start with its sentence, without a traceback before it."""

    async def told(scope: Scope, receive: Receive, send: Send) -> None:
        async def shorten(message: Message) -> None:
            if message["type"] == "lifespan.startup.failed":
                last = message["message"].rstrip().rpartition("\n")[2]
                kind, _, sentence = last.partition(": ")
                if kind == f"{StoreError.__module__}.{StoreError.__name__}":
                    message = {**message, "message": sentence}
            await send(message)

        await app(scope, receive, shorten if scope["type"] == "lifespan" else send)

    return told


def behind_proxies(app: ASGIApp, settings: Settings) -> ASGIApp:
    """Believe what trusted proxies say of their clients' addresses; the proxy's own stays in the scope."""
    forwarded: Any = ProxyHeadersMiddleware(cast(Any, app), list(settings.trusted_proxies))

    async def remembering(scope: Scope, receive: Receive, send: Send) -> None:
        scope[PEER] = scope.get("client")
        await forwarded(scope, receive, send)

    return remembering


def serve(app: Starlette, settings: Settings, on_ready: Callable[[str], None]) -> int:
    """Run until SIGTERM or SIGINT; the exit status. `on_ready` gets the address once connections are taken.

    Raises SettingsError when the address cannot be listened on.
    """
    logs.configure(cast(logs.Kind, settings.log), cast(logs.Level, settings.log_level), secrets_of(settings))
    trace(app)
    check_address(settings.host, settings.port)
    server = Server(configure(app, settings), app.state.hub, on_ready)
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    for number in (signal.SIGINT, signal.SIGTERM):  # uvicorn raises them again at its end; being asked is no failure
        signal.signal(number, lambda *_: None)
    server.run()
    return 0 if server.started else 1


def trace(app: Starlette) -> None:
    """Send spans where OpenTelemetry's variables say. Raises SettingsError when its SDK is not installed."""
    try:
        tracing.use_environment("coplayer")
    except ImportError:
        raise SettingsError("Traces need more packages: pip install 'coplayer[traces]'") from None
    tracing.watch(app.state.hub.tally)


def secrets_of(settings: Settings) -> list[str]:
    """What of the settings must never be printed."""
    password = urlsplit(settings.store).password if "://" in settings.store else None
    return [secret for secret in (settings.secret, settings.metrics_token, password) if secret]


def check_address(host: str, port: int) -> None:
    """Say in a sentence what uvicorn would say in a log line. Raises SettingsError."""
    family = sockets.AF_INET6 if ":" in host else sockets.AF_INET
    try:
        with sockets.socket(family, sockets.SOCK_STREAM) as probe:
            probe.setsockopt(
                sockets.SOL_SOCKET, sockets.SO_REUSEADDR, 1
            )  # as uvicorn: a port that was just left is free
            probe.bind((host, port))
    except OSError as error:
        reason = error.strerror or str(error)
        raise SettingsError(
            f"Cannot listen on {host}:{port}: {reason}. Choose another --port; 0 takes any free one."
        ) from None


def configure(app: Starlette, settings: Settings) -> uvicorn.Config:
    """How uvicorn serves it."""
    return uvicorn.Config(
        behind_proxies(in_a_sentence(app), settings),
        host=settings.host,
        port=settings.port,
        log_level="warning",
        log_config=None,  # it goes the way of all records
        access_log=False,
        proxy_headers=False,  # `behind_proxies` does it, and remembers who the proxy is
        http=http_within(settings.handshake_s) if settings.handshake_s else "auto",
        ws=RawWebSocket if settings.raw_transport else WebSocket,
        # above our own limits: ours close with 4413, the transport's 1009 makes stock clients loop
        ws_max_size=2 * max(settings.max_message_bytes, settings.max_any_message_bytes),
        ws_ping_interval=WS_PING_S,
        ws_ping_timeout=WS_PING_S,
        # permessage-deflate costs 9 us a message and 38 KB a connection, and joins take three times as long
        ws_per_message_deflate=False,
        timeout_graceful_shutdown=max(1, int(settings.drain_s)),
    )
