"""Around every request: its id, in the log and in the answer, its place in the tally, and an answer when we fail."""

from __future__ import annotations

import logging
from collections.abc import Callable
from time import perf_counter

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sync import logs, tracing
from sync.problems import response
from sync.tally import Tally

METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))
FAILED = "Something went wrong here; the log has more under this answer's x-request-id."
log = logging.getLogger(__name__)


class Requests:
    """Gives each request and WebSocket an id: `X-Request-ID` where the caller sent a sane one (O3)."""

    def __init__(self, app: ASGIApp, tally: Tally) -> None:
        self._app = app
        self._tally = tally

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        identity = logs.request_id(Headers(scope=scope).get("x-request-id"))
        scope.setdefault("state", {})["request_id"] = identity
        with logs.bound(request_id=identity):
            if scope["type"] == "http":
                await self._serve(scope, receive, send, identity)
            else:
                await self._app(scope, receive, send)

    async def _serve(self, scope: Scope, receive: Receive, send: Send, identity: str) -> None:
        status, began = 0, perf_counter()

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), (b"x-request-id", identity.encode())]
            await send(message)

        try:
            await self._traced(scope, receive, send_with_id, lambda: status)
        except Exception:
            log.exception("a request failed", extra=logs.with_fields(path=scope["path"]))
            if status:
                raise  # half of an answer is out: the server cuts the connection
            await response(500, FAILED, request_id=identity)(scope, receive, send_with_id)
        finally:
            method = scope["method"] if scope["method"] in METHODS else "other"
            self._tally.requests[method, status] += 1
            if log.isEnabledFor(logging.INFO):
                client = (scope.get("client") or ("",))[0]
                ms = round((perf_counter() - began) * 1000, 1)
                log.info(
                    "request",
                    extra=logs.with_fields(method=method, path=scope["path"], status=status, ms=ms, client=client),
                )

    async def _traced(self, scope: Scope, receive: Receive, send: Send, status_of: Callable[[], int]) -> None:
        headers, method = Headers(scope=scope), scope["method"]
        kept = method if method in METHODS else "_OTHER"
        about = {"http.request.method": kept, "url.path": scope["path"]}
        with tracing.span(kept, about, "server", headers) as span:
            await self._app(scope, receive, send)
            span.set({"http.response.status_code": status_of()})
            if status_of() >= 500:
                span.failed(str(status_of()))


def id_headers(scope: Scope) -> list[tuple[bytes, bytes]]:
    """For the answer to a WebSocket's handshake."""
    identity = scope.get("state", {}).get("request_id")
    return [] if identity is None else [(b"x-request-id", identity.encode())]
