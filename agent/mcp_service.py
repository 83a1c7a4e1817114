"""`coplayer mcp` as a process: the room, the transport, a clean end."""

from __future__ import annotations

import signal
import socket
from collections.abc import Callable, Sequence
from functools import partial
from math import inf
from typing import Any

import anyio
import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from agent.lobby import Lobby, open_lobby
from agent.mcp_server import SESSION_HEADER, Tools, caller_of_session, http_app, serve_stdio
from agent.settings import Settings, SettingsError
from agent.tools.base import Tool
from agent.visit import visiting

HOST = "127.0.0.1"  # who can reach it acts under our token
KEEP_ALIVE_S = 3600  # a client's open connection is how we know that it is there; who is idle leaves sooner


async def over_stdio(settings: Settings, tools: Sequence[type[Tool]], room: str, name: str) -> None:
    """Serve the client on stdin and stdout until it goes, or a signal comes."""
    async with _lobby(settings, tools, room, inf) as lobby:
        await _until_signal(partial(serve_stdio, Tools(lobby, tools, name, settings.answer_patience_s)))


async def over_http(
    settings: Settings,
    tools: Sequence[type[Tool]],
    room: str,
    name: str,
    port: int,
    on_ready: Callable[[str], None],
) -> None:
    """Serve clients on http://127.0.0.1:`port`/mcp (0: a free one) until a signal comes. Raises SettingsError."""
    listener = _listener(port)
    async with _lobby(settings, tools, room, settings.guest_idle_s) as lobby:
        app = _watched(http_app(Tools(lobby, tools, name, settings.answer_patience_s)), lobby)
        config = uvicorn.Config(
            app, log_level="critical", access_log=False, http=_told_of_ends(lobby), timeout_keep_alive=KEEP_ALIVE_S,
            timeout_graceful_shutdown=1,
        )  # fmt: skip
        server = uvicorn.Server(config)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(_serve, server, listener)
            try:
                on_ready(f"http://{HOST}:{listener.getsockname()[1]}/mcp")
                await _until_signal(anyio.sleep_forever)
            finally:
                server.should_exit = True


async def _serve(server: uvicorn.Server, listener: socket.socket) -> None:
    # Shielded: who is cancelled still closes its sockets; `should_exit` ends this in any case. `serve` would take the
    # process's signals over.
    with anyio.CancelScope(shield=True), listener:
        await server._serve([listener])


def _listener(port: int) -> socket.socket:
    try:
        return socket.create_server((HOST, port))
    except OSError as error:
        raise SettingsError(
            f"Port {port} of {HOST} cannot be used ({error.strerror}); choose another: --port"
        ) from error


def _lobby(settings: Settings, tools: Sequence[type[Tool]], room: str, idle_s: float) -> Any:
    return open_lobby(lambda name: visiting(settings, tools, room, name, f"{name} over MCP"), idle_s)


def _told_of_ends(lobby: Lobby) -> type[H11Protocol]:
    """uvicorn's connections, which tell the lobby when they end: HTTP itself knows no end of a client."""

    class Told(H11Protocol):
        def connection_lost(self, exc: Exception | None) -> None:
            super().connection_lost(exc)
            if self.client is not None:
                lobby.closed(self.client)

    return Told


def _watched(app: ASGIApp, lobby: Lobby) -> ASGIApp:
    """The app, and the lobby told of a session's every connection and of its goodbye (DELETE)."""

    async def watched(scope: Scope, receive: Receive, send: Send) -> None:
        session = dict(scope["headers"]).get(SESSION_HEADER.encode(), b"") if scope["type"] == "http" else b""
        if session and scope.get("client"):
            lobby.seen(caller_of_session(session.decode("latin-1")), tuple(scope["client"]))
        await app(scope, receive, send)
        if session and scope["method"] == "DELETE":
            lobby.leave(caller_of_session(session.decode("latin-1")))

    return watched


async def _until_signal(serve: Callable[[], Any]) -> None:
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(_watch_signals, tasks.cancel_scope)
        await serve()
        tasks.cancel_scope.cancel()


async def _watch_signals(scope: anyio.CancelScope) -> None:
    with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        async for _ in signals:
            scope.cancel()
            return
