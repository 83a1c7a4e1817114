"""What works at the configured endpoint, tried out with a few small requests and told in words.

One request asks, as a run would, for one tool call, and so shows most at once: whether the server is reached, the key
taken, the tools' schemas accepted, the answer streamed, the tool called with arguments that fit. Two more try what is
good to have: calls in parallel, and pictures.
"""

from __future__ import annotations

import base64
import struct
import zlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

from pycrdt import Doc
from pydantic import ValidationError

from agent.instructions import INSTRUCTIONS
from agent.model import (
    CallDelta,
    Event,
    Item,
    Model,
    StepDone,
    StepFailed,
    StepRequest,
    TextDelta,
    ToolSchema,
    is_call,
    text_of,
)
from agent.records import Prompt
from agent.settings import Endpoint
from agent.thread import request_item
from agent.tools import openai_schema
from agent.tools.create import Create
from agent.tools.look import Look
from agent.view import Asker, describe

TOOLS = tuple(openai_schema(tool) for tool in (Look, Create))

State = Literal["works", "fails", "unknown"]
MARKS = {"works": "ok  ", "fails": "no  ", "unknown": "?   "}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was tried. `needed`: the assistant cannot work without it."""

    what: str
    state: State
    words: str
    needed: bool = True


@dataclass(slots=True)
class _Heard:
    """One answer, and how it came."""

    done: StepDone | None = None
    failed: StepFailed | None = None
    pieces: int = 0
    calls: list[Item] = field(default_factory=list)


def is_fine(findings: list[Finding]) -> bool:
    """Whether everything that is needed works."""
    return all(finding.state == "works" for finding in findings if finding.needed)


def told(endpoint: Endpoint, findings: list[Finding]) -> str:
    """For people: a line each, and what to make of it."""
    width = max(len(finding.what) for finding in findings)
    lines = [f"{endpoint.model} at {endpoint.base_url} ({endpoint.api})"]
    lines += [f"  {MARKS[finding.state]}{finding.what:<{width}}  {finding.words}" for finding in findings]
    lines.append("It can be used." if is_fine(findings) else "It cannot be used like this.")
    return "\n".join(lines)


async def check(model: Model, endpoint: Endpoint) -> list[Finding]:
    """Try the endpoint out: at most three requests, the later ones only where the first succeeded."""
    heard = await _ask(model, "Draw a red rectangle.")
    if heard.failed is not None:
        return _unanswered(heard.failed, endpoint)
    findings = [
        Finding("reached", "works", f"{endpoint.host} answers"),
        Finding("key", "works", "was taken" if not endpoint.is_local else "was taken, or is not asked for"),
        _streaming(heard),
        _tools(heard),
        await _parallel(model),
        await _vision(model),
    ]
    return [*findings, _counts(heard)]


def _unanswered(failed: StepFailed, endpoint: Endpoint) -> list[Finding]:
    """What a request that failed says of the endpoint."""
    if failed.code in ("connection", "timeout"):
        return [Finding("reached", "fails", failed.message)]
    reached = Finding("reached", "works", f"{endpoint.host} answers")
    if failed.code in ("auth", "quota"):
        return [reached, Finding("key", "fails", failed.message)]
    other = "chat" if endpoint.api == "responses" else "responses"
    hint = f" Perhaps it speaks the other API: COPLAYER_MODEL_API={other}." if failed.code in _WRONG_WIRE else ""
    return [reached, Finding("answer", "fails", f"{failed.message}{hint}")]


_WRONG_WIRE = ("not_found", "bad_request", "truncated", "garbage")


def _streaming(heard: _Heard) -> Finding:
    if heard.pieces > 1:
        return Finding("streaming", "works", f"the answer came in {heard.pieces} pieces", needed=False)
    return Finding("streaming", "unknown", "the answer came in one piece; people cannot watch it come", needed=False)


def _tools(heard: _Heard) -> Finding:
    if not heard.calls:
        return Finding("tools", "fails", "it answered in words instead of calling the tool; choose a model with tools")
    call = heard.calls[0]
    try:
        shapes = Create.model_validate_json(call.get("arguments") or "").shapes if call.get("name") == "create" else []
    except ValidationError as error:
        return Finding("tools", "fails", f"its arguments do not fit: {error.errors(include_url=False)[0]['msg']}")
    if len(shapes) != 1 or shapes[0].type != "rect":
        called = f"{call.get('name')}({str(call.get('arguments'))[:60]})"
        return Finding("tools", "unknown", f"it called {called} for a red rectangle; not every model does well here")
    return Finding("tools", "works", "it called the right tool with arguments that fit")


async def _parallel(model: Model) -> Finding:
    heard = await _ask(model, "Call two tools at once, in one answer: look, and create for a blue ellipse.")
    if heard.failed is not None:
        return Finding("parallel calls", "unknown", heard.failed.message, needed=False)
    if len(heard.calls) > 1:
        return Finding("parallel calls", "works", f"{len(heard.calls)} calls in one answer", needed=False)
    return Finding("parallel calls", "unknown", "it made one call at a time; runs take more steps", needed=False)


async def _vision(model: Model) -> Finding:
    picture = "data:image/png;base64," + base64.b64encode(_red_png()).decode()
    item: Item = {
        "role": "user",
        "content": [
            {"type": "input_text", "text": "Which colour is this picture? Answer with one word."},
            {"type": "input_image", "image_url": picture, "detail": "low"},
        ],
    }
    heard = await _ask_items(model, [item], ())
    if heard.failed is not None:
        return Finding("pictures", "unknown", f"not taken ({heard.failed.message})", needed=False)
    words = _words(heard)
    if words.strip(" .!*").lower() == "red":
        return Finding("pictures", "works", "it saw that a red picture is red", needed=False)
    return Finding("pictures", "unknown", f"it did not say that a red picture is red: {words[:60]!r}", needed=False)


def _counts(heard: _Heard) -> Finding:
    usage = heard.done.usage if heard.done is not None else None
    if usage is None or not usage.input_tokens:
        return Finding("token counts", "unknown", "it does not say what it used; caps on tokens do not work", False)
    return Finding("token counts", "works", f"{usage.input_tokens} in, {usage.output_tokens} out for one call", False)


def _words(heard: _Heard) -> str:
    return " ".join(text_of(item) for item in (heard.done.items if heard.done is not None else ())).strip()


async def _ask(model: Model, words: str) -> _Heard:
    """As a person on an empty board would."""
    request = request_item(Prompt(by="check", name="You", body=words, selection=(), view=None))
    view = {"role": "user", "content": describe(Doc(), Asker("You"), agent="assistant")}
    return await _ask_items(model, [request, view], TOOLS)


async def _ask_items(model: Model, items: list[Item], tools: Sequence[ToolSchema]) -> _Heard:
    heard = _Heard()
    async with model.step(StepRequest(INSTRUCTIONS, tools, items)) as events:
        await _listen(events, heard)
    return heard


async def _listen(events: AsyncIterator[Event], heard: _Heard) -> None:
    async for event in events:
        match event:
            case TextDelta() | CallDelta():
                heard.pieces += 1
            case StepDone():
                heard.done = event
                heard.calls = [item for item in event.items if is_call(item)]
            case StepFailed():
                heard.failed = event
    if heard.done is None and heard.failed is None:
        heard.failed = StepFailed("truncated", "The answer has no end.", retryable=True)


def _red_png(size: int = 32) -> bytes:
    """A red square."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = (b"\0" + b"\xff\0\0" * size) * size
    head = struct.pack(">IIBBBBB", size, size, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
