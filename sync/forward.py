"""REST about a room that a worker has: the request travels to it, the answer comes back as it is made."""

from __future__ import annotations

import json
import logging
from collections.abc import Awaitable, Callable
from typing import Any

import anyio
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from sync import problems
from sync.admission import PEER
from sync.api import hub_of, room_of
from sync.connection import SocketClosed
from sync.pipe import BINARY, TEXT, Ask, Pipe
from sync.workers import ENDED, Workers

log = logging.getLogger(__name__)

TRAVELS = ("type", "http_version", "method", "scheme", "path", "raw_path", "query_string", "root_path", "headers",
           "client", "server", PEER)  # fmt: skip
"""What of an ASGI scope a worker gets."""

Endpoint = Callable[[Request], Awaitable[Response]]


def forwarding(route: Route) -> Route:
    """The same route; where a worker has the room, it is asked there. Who may not ask at all is told here."""
    endpoint: Endpoint = route.endpoint

    async def ask(request: Request) -> Response:
        workers = hub_of(request).workers
        assert workers is not None
        room, _ = room_of(request)
        if not await hub_of(request).connections.is_elsewhere(room):
            return await endpoint(request)
        return Forwarded(workers, room)

    return Route(route.path, ask, methods=sorted(route.methods or ()))


class Forwarded(Response):
    """The worker's answer. Its headers are its own: this process adds those that every answer has."""

    def __init__(self, workers: Workers, room: str) -> None:
        super().__init__()
        self._workers = workers
        self._room = room

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI. Raises Rejected while nothing of the answer is out."""
        pipe = await self._workers.open(self._room, Ask({name: scope[name] for name in TRAVELS if name in scope}))
        has_begun = False
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(_pass_body, pipe, receive, tasks.cancel_scope)
                try:
                    while True:
                        opcode, payload = await pipe.next()
                        if opcode == TEXT:
                            has_begun = True
                            await send(_start(payload))
                        elif opcode == BINARY:
                            await send({"type": "http.response.body", "body": payload, "more_body": True})
                        else:
                            await send({"type": "http.response.body", "body": b""})
                            break
                except SocketClosed:
                    if has_begun:
                        log.warning("an answer was cut off: its room worker has ended")
                    else:
                        await problems.response(503, ENDED)(scope, receive, send)
                tasks.cancel_scope.cancel()
        finally:
            pipe.end()


def _start(payload: bytes) -> dict[str, Any]:
    status, headers = json.loads(payload)
    pairs = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]
    return {"type": "http.response.start", "status": status, "headers": pairs}


async def _pass_body(pipe: Pipe, receive: Receive, answer: anyio.CancelScope) -> None:
    """The request's body; then waits whether the caller goes away."""
    try:
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                answer.cancel()
                return
            if message.get("body"):
                await pipe.send(message["body"])
            if not message.get("more_body"):
                await pipe.put(TEXT, b"")
    except SocketClosed:
        return  # who reads the answer knows, too
