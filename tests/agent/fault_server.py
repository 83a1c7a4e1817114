"""A model server for tests: scripted answers over the real HTTP wire, and every fault real servers were seen to have.

Like a real server it refuses (400) a request in which a tool call has no output, and keeps such refusals in
`refused`, so that a test can say: the thread stayed answerable.
"""

from __future__ import annotations

import json
import socket
import struct
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

import anyio
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Mount
from starlette.types import ASGIApp, Receive, Scope, Send

from agent import demo_wire as wire
from agent.demo_wire import Reply, Stamp
from agent.loopback import serve_loopback
from agent.model import StepRequest

Frames = list[bytes]
Events = list[dict[str, Any]]
Ending = Literal["clean", "abort", "reset", "stall"]


@dataclass(frozen=True)
class Fault:
    """What goes wrong with one answer. By default nothing does."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    error: Mapping[str, Any] = field(default_factory=dict)
    """With status >= 400: the error object."""
    rewrite: Callable[[Events], Iterable[Mapping[str, Any] | bytes]] = list
    """Changes the events; bytes are sent as they are."""
    after: int | None = None
    """Stop after so many events."""
    after_bytes: int | None = None
    """Stop after so many bytes of the body."""
    ending: Ending = "clean"
    """How it stops: end of body, connection dropped inside the body, reset, or silence."""
    style: Literal["plain", "crlf", "comments", "one_byte"] = "plain"
    no_done: bool = False


@dataclass
class ModelServer:
    """Scripted answers: reply n is given to a request whose history holds the calls of replies 0..n-1.

    A step that is asked again therefore gets the same reply. `faults` are used up one a request.
    """

    replies: list[Reply]
    faults: list[Fault] = field(default_factory=list)
    pace_s: float = 0.0
    """Pause before each event; 0 still lets other tasks run."""
    requests: list[StepRequest] = field(default_factory=list)
    bodies: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    hung_up: anyio.Event = field(default_factory=anyio.Event)
    """Set when a client closed the connection before the answer's end."""
    answer: Callable[[StepRequest], Reply] | None = None
    """Instead of `replies`."""

    def reply_to(self, request: StepRequest) -> Reply:
        """The reply this request gets."""
        if self.answer is not None:
            return self.answer(request)
        called = sum(item.get("type") == "function_call" for item in request.items)
        for reply in self.replies:
            if called <= 0:
                return reply
            called -= len(reply.calls)
        return self.replies[-1] if not self.replies[-1].calls else Reply("Done.")

    def app(self) -> Starlette:
        """The server as an ASGI app."""
        return Starlette(routes=[Mount("/v1", app=self._route)])

    async def _route(self, scope: Scope, receive: Receive, send: Send) -> None:
        chat = scope["path"].endswith("/chat/completions")
        body = json.loads(await _read(receive))
        request = wire.chat_request(body) if chat else wire.responses_request(body)
        self.requests.append(request)
        self.bodies.append(body)
        self.headers.append({k.decode(): v.decode() for k, v in scope["headers"]})
        refusal = wire.unanswered(list(request.items))
        if refusal:
            self.refused.append(refusal)
            await JSONResponse({"error": {"message": refusal, "type": "invalid_request_error"}}, 400)(
                scope, receive, send
            )
            return
        fault = self.faults.pop(0) if self.faults else Fault()
        if fault.status >= 400:
            answer = JSONResponse({"error": dict(fault.error)}, fault.status, headers=dict(fault.headers))
            await answer(scope, receive, send)
            return
        reply = self.reply_to(request)
        stamp = Stamp(f"{len(self.requests)}", "scripted", 1_790_000_000, usage=(11, 7))
        events = list(wire.chat_chunks(reply, stamp) if chat else wire.response_events(reply, stamp))
        sent: list[Mapping[str, Any] | bytes] = list(fault.rewrite(events))
        if chat and not fault.no_done:
            sent.append(wire.DONE)
        frames = [e if isinstance(e, bytes) else wire.frame(e) for e in sent[: fault.after]]
        await self._stream(fault, frames, receive, send)

    async def _stream(self, fault: Fault, frames: Frames, receive: Receive, send: Send) -> None:
        transport = receive.__self__.transport  # type: ignore[attr-defined] # uvicorn's own; ASGI cannot break a connection
        head = [(b"content-type", b"text/event-stream")]
        await send({"type": "http.response.start", "status": 200, "headers": head})
        left = fault.after_bytes
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._watch, receive, tasks.cancel_scope)
            for piece in _styled(frames, fault.style):
                await anyio.sleep(self.pace_s)
                if left is not None:
                    piece, left = piece[:left], left - len(piece)
                await send({"type": "http.response.body", "body": piece, "more_body": True})
                if left is not None and left <= 0:
                    break
            match fault.ending:
                case "clean":
                    await send({"type": "http.response.body", "body": b"", "more_body": False})
                case "abort":
                    transport.close()
                case "reset":
                    raw = transport.get_extra_info("socket")
                    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    transport.abort()
                case "stall":
                    await anyio.sleep_forever()
            tasks.cancel_scope.cancel()

    async def _watch(self, receive: Receive, scope: anyio.CancelScope) -> None:
        message = await receive()
        if message["type"] == "http.disconnect":
            self.hung_up.set()
            scope.cancel()


@dataclass
class Switch:
    """One HTTP server whose script can be changed."""

    server: ModelServer

    def app(self) -> ASGIApp:
        """The app of whichever server is set."""

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            await self.server.app()(scope, receive, send)

        return app


@asynccontextmanager
async def serving(server: ModelServer | Switch) -> AsyncIterator[str]:
    """Yields the base URL for an OpenAI client."""
    async with serve_loopback(server.app(), grace_s=0) as url:
        yield f"{url}/v1"


async def _read(receive: Receive) -> bytes:
    body = bytearray()
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            return bytes(body)


def _styled(frames: Frames, style: str) -> Iterator[bytes]:
    for frame in frames:
        match style:
            case "crlf":
                yield frame.replace(b"\n", b"\r\n")
            case "comments":
                yield b": keep-alive\n\n" + frame + b":\n\n"
            case "one_byte":
                yield from (frame[i : i + 1] for i in range(len(frame)))
            case _:
                yield frame


# ---- rewrites: what servers were seen to send. Each takes the events of a whole answer.


def garbage_after(count: int) -> Callable[[Events], Iterable[Mapping[str, Any] | bytes]]:
    """A frame that is not JSON."""
    return lambda events: [*events[:count], b"data: {not json\n\n", *events[count:]]


def not_utf8_after(count: int) -> Callable[[Events], Iterable[Mapping[str, Any] | bytes]]:
    """A frame that is not UTF-8."""
    return lambda events: [*events[:count], b'data: "\xff\xfe"\n\n', *events[count:]]


def scalar_after(count: int) -> Callable[[Events], Iterable[Mapping[str, Any] | bytes]]:
    """A frame that is JSON but no object."""
    return lambda events: [*events[:count], b"data: 5\n\n", *events[count:]]


def failed(code: str) -> Callable[[Events], Iterable[Mapping[str, Any]]]:
    """`response.failed` instead of the end."""

    def rewrite(events: Events) -> Iterable[Mapping[str, Any]]:
        response = {**events[0]["response"], "status": "failed", "error": {"code": code, "message": "It broke."}}
        return [*events[:-1], {"type": "response.failed", "sequence_number": 99, "response": response}]

    return rewrite


def error_flat(events: Events) -> Iterable[Mapping[str, Any]]:
    """An `error` event as the API reference has it."""
    error = {"type": "error", "code": "server_error", "message": "It broke.", "param": None, "sequence_number": 4}
    return [*events[:4], error]


def error_nested(events: Events) -> Iterable[Mapping[str, Any]]:
    """An `error` event as it was seen: the SDK raises it."""
    return [
        *events[:4],
        {"type": "error", "error": {"code": "server_error", "message": "It broke.", "type": "server_error"}},
    ]


def bare_error(events: Events) -> Iterable[Mapping[str, Any]]:
    """An error object among the chunks, as vLLM and llama.cpp send it."""
    return [*events[:2], {"error": {"code": 500, "message": "It broke.", "type": "server_error"}}]


def object_error(events: Events) -> Iterable[Mapping[str, Any]]:
    """vLLM's older form."""
    return [*events[:2], {"object": "error", "message": "It broke.", "type": "InternalServerError", "code": 500}]


def no_created(events: Events) -> Iterable[Mapping[str, Any]]:
    """No `response.created`, no `response.in_progress`."""
    return events[2:]


def bare_end(events: Events) -> Iterable[Mapping[str, Any]]:
    """A terminal event with an empty output, as gateways send it."""
    last = events[-1]
    return [*events[:-1], {**last, "response": {**last["response"], "output": []}}]


def other_ids(events: Events) -> Iterable[Mapping[str, Any]]:
    """Every event carries another id for the same item."""
    return [{**event, "item_id": f"other_{n}"} if "item_id" in event else event for n, event in enumerate(events)]


def unknown_events(events: Events) -> Iterable[Mapping[str, Any]]:
    """Events of a later API version in between."""
    return [e for event in events for e in ({"type": "response.telepathy.delta", "delta": "?"}, event)]


def _calls(events: Events, change: Callable[[dict[str, Any]], dict[str, Any]]) -> Events:
    result = json.loads(json.dumps(events))
    for chunk in result:
        for choice in chunk["choices"]:
            if "tool_calls" in choice["delta"]:
                choice["delta"]["tool_calls"] = [change(call) for call in choice["delta"]["tool_calls"]]
    return list(result)


def index_zero(events: Events) -> Iterable[Mapping[str, Any]]:
    """Every parallel call says index 0."""
    return _calls(events, lambda call: {**call, "index": 0})


def no_index(events: Events) -> Iterable[Mapping[str, Any]]:
    """No call has an index."""
    return _calls(events, lambda call: {k: v for k, v in call.items() if k != "index"})


def whole_calls(events: Events, *, as_object: bool = False, index: int | None = 0) -> Iterable[Mapping[str, Any]]:
    """Each call in one chunk, all with the same index (or none)."""
    whole: dict[int, dict[str, Any]] = {}
    rest: Events = []
    for event in events:
        calls = event["choices"][0]["delta"].get("tool_calls") if event["choices"] else None
        for call in calls or ():
            known = whole.setdefault(call["index"], {**call, "function": {**call["function"]}})
            if known["function"] is not call["function"] and "name" not in call["function"]:
                known["function"]["arguments"] += call["function"]["arguments"]
        if not calls:
            rest.append(event)
    merged: Events = []
    for call in whole.values():
        arguments = call["function"]["arguments"]
        call["function"]["arguments"] = json.loads(arguments) if as_object else arguments
        numbered = {**{k: v for k, v in call.items() if k != "index"}, **({} if index is None else {"index": index})}
        merged.append({**rest[0], "choices": [{**rest[0]["choices"][0], "delta": {"tool_calls": [numbered]}}]})
    return [*rest[:-2], *merged, *rest[-2:]]


def no_finish(events: Events) -> Iterable[Mapping[str, Any]]:
    """finish_reason is never set."""
    result = json.loads(json.dumps(events))
    for chunk in result:
        for choice in chunk["choices"]:
            choice["finish_reason"] = None
    return list(result)
