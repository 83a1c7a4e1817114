"""The demo assistant as an HTTP server: the two OpenAI wires, streaming and not. The ordinary adapter talks to it.

POST /v1/responses    POST /v1/chat/completions    GET /v1/models
"""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager
from ipaddress import ip_address
from typing import Any

import anyio
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from agent import demo_wire as wire
from agent.demo_wire import Reply, Stamp
from agent.loopback import serve_loopback
from agent.model import StepRequest
from agent.settings import DEMO_NAME

MAX_BODY = 8 << 20  # bytes of one request; far above any prompt of ours

Answer = Callable[[StepRequest], Reply]
Sleep = Callable[[float], Awaitable[None]]


class DemoApp:
    """Answers requests with `answer`, one event every `pace_s` seconds so that people can watch the words come."""

    def __init__(
        self, answer: Answer, pace_s: float, sleep: Sleep = anyio.sleep, now: Callable[[], float] = time.time
    ) -> None:
        self._answer = answer
        self._pace_s = pace_s
        self._sleep = sleep
        self._now = now
        self._serials = itertools.count(1)

    def starlette(self) -> Starlette:
        """The routes, to be served or mounted."""
        return Starlette(
            routes=[
                Route("/v1/responses", self.responses, methods=["POST"]),
                Route("/v1/chat/completions", self.chat, methods=["POST"]),
                Route("/v1/models", self.models, methods=["GET"]),
            ]
        )

    async def models(self, request: Request) -> Response:
        """The one model there is."""
        model = {"id": DEMO_NAME, "object": "model", "created": 0, "owned_by": "coplayer"}
        return JSONResponse({"object": "list", "data": [model]})

    async def responses(self, request: Request) -> Response:
        """POST /v1/responses."""
        try:
            body = await _body(request)
            asked = wire.responses_request(body)
        except ValueError as error:
            return _refused(str(error))
        refusal = wire.unanswered(list(asked.items))
        if refusal:
            return _refused(refusal)
        reply, stamp = self._answer(asked), self._stamp()
        if not body.get("stream"):
            return JSONResponse(wire.response_object(reply, stamp, "completed", wire.output_items(reply, stamp.serial)))
        return self._stream(wire.response_events(reply, stamp), end=b"")

    async def chat(self, request: Request) -> Response:
        """POST /v1/chat/completions."""
        try:
            body = await _body(request)
            asked = wire.chat_request(body)
        except (ValueError, KeyError, TypeError) as error:
            return _refused(str(error))
        refusal = wire.unanswered(list(asked.items))
        if refusal:
            return _refused(refusal)
        reply, stamp = self._answer(asked), self._stamp()
        if not body.get("stream"):
            return JSONResponse(wire.chat_completion(reply, stamp))
        return self._stream(wire.chat_chunks(reply, stamp), end=wire.DONE)

    def _stamp(self) -> Stamp:
        now = self._now()
        return Stamp(f"{int(now * 1000):x}{next(self._serials):x}", DEMO_NAME, int(now))

    def _stream(self, events: Iterable[Mapping[str, Any]], end: bytes) -> Response:
        return StreamingResponse(self._paced(iter(events), end), media_type="text/event-stream")

    async def _paced(self, events: Iterator[Mapping[str, Any]], end: bytes) -> AsyncIterator[bytes]:
        for event in events:
            if self._pace_s and (event.get("delta") or event.get("choices")):
                await self._sleep(self._pace_s)
            yield wire.frame(event)
        yield end


def loopback_only(app: ASGIApp) -> ASGIApp:
    """The app for callers on this machine; 403 for others, since nothing here asks who they are."""

    async def guard(scope: Scope, receive: Receive, send: Send) -> None:
        client = scope.get("client")
        if scope["type"] == "http" and not (client and _is_loopback(client[0])):
            refusal = JSONResponse({"error": {"message": "The demo model answers this machine only."}}, 403)
            await refusal(scope, receive, send)
        else:
            await app(scope, receive, send)

    return guard


@asynccontextmanager
async def serve_demo(answer: Answer, pace_s: float) -> AsyncIterator[str]:
    """Serve the demo model on a free port of this machine; yields its base URL for an OpenAI client."""
    async with serve_loopback(DemoApp(answer, pace_s).starlette()) as url:
        yield f"{url}/v1"


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


async def _body(request: Request) -> dict[str, Any]:
    """The JSON object of the request. Raises ValueError."""
    chunks = bytearray()
    async for chunk in request.stream():
        chunks += chunk
        if len(chunks) > MAX_BODY:
            raise ValueError(f"The request is larger than {MAX_BODY} bytes.")
    body = json.loads(bytes(chunks))
    if not isinstance(body, dict):
        raise ValueError("The request must be a JSON object.")  # noqa: TRY004 - told to the caller like the others
    return body


def _refused(message: str) -> Response:
    error = {"message": message, "type": "invalid_request_error", "param": None, "code": None}
    return JSONResponse({"error": error}, 400)
