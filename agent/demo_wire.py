"""Both OpenAI wires from the server's side, as data: a request's body -> what is asked, a Reply -> events. No I/O.

The events are checked against the SDK's own types in tests/agent/test_fault_server.py.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from agent.model import Item, StepRequest, text_of

ARGUMENT_PIECE = 24  # characters of a call's arguments in one event


@dataclass(frozen=True, slots=True)
class Reply:
    """What a model answers in one step: words, then tool calls (name, arguments)."""

    text: str = ""
    calls: tuple[tuple[str, Mapping[str, Any]], ...] = ()
    cut: Literal["max_output_tokens", "content_filter"] | None = None
    """Set: the answer ends here although it was not finished."""


@dataclass(frozen=True, slots=True)
class Stamp:
    """What else stands in every event: ids and time, given by the caller. `serial` is unique among answers."""

    serial: str
    model: str
    created: int
    usage: tuple[int, int] = field(default=(0, 0))
    """(input, output) tokens."""


def responses_request(body: Mapping[str, Any]) -> StepRequest:
    """The request of `POST /responses`. Raises ValueError: a sentence for the caller."""
    given = body.get("input")
    items = [{"role": "user", "content": given}] if isinstance(given, str) else given
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise ValueError("input must be a string or a list of items")
    return StepRequest(str(body.get("instructions") or ""), _tools(body), items)


def chat_request(body: Mapping[str, Any]) -> StepRequest:
    """The request of `POST /chat/completions`, its messages as items. Raises ValueError."""
    messages = body.get("messages")
    if not isinstance(messages, list) or not all(isinstance(message, dict) for message in messages):
        raise ValueError("messages must be a list of objects")
    instructions: list[str] = []
    items: list[Item] = []
    for message in messages:
        role = message.get("role")
        if role in ("system", "developer") and not items:
            instructions.append(text_of(message))
        elif role == "tool":
            output = {"call_id": message.get("tool_call_id"), "output": text_of(message)}
            items.append({"type": "function_call_output", **output})
        else:
            if message.get("content"):
                items.append({"type": "message", "role": role, "content": text_of(message)})
            for call in message.get("tool_calls") or ():
                function = call["function"]
                items.append({"type": "function_call", "call_id": call["id"], **function})
    return StepRequest("\n".join(instructions), _tools(body), items)


def _tools(body: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Tools of either wire in the flat form."""
    tools = body.get("tools") or []
    return [tool.get("function", tool) for tool in tools if isinstance(tool, dict)]


def unanswered(items: list[Item]) -> str | None:
    """What a real server answers with 400: a call without an output, or an output without a call. None when fine."""
    open_calls: dict[str, None] = {}
    seen: set[str] = set()
    for item in items:
        call_id = str(item.get("call_id"))
        if item.get("type") == "function_call":
            if call_id in seen:
                return f"Duplicate call_id {call_id}."
            seen.add(call_id)
            open_calls[call_id] = None
        elif item.get("type") == "function_call_output":
            if call_id not in open_calls:
                return f"No tool call found for function call output with call_id {call_id}."
            del open_calls[call_id]
    return f"No tool output found for function call {next(iter(open_calls))}." if open_calls else None


def output_items(reply: Reply, serial: str) -> list[Item]:
    """The reply as Responses items."""
    status = "incomplete" if reply.cut else "completed"
    items: list[Item] = []
    if reply.text:
        content = [{"type": "output_text", "text": reply.text, "annotations": []}]
        items.append(
            {"type": "message", "id": f"msg_{serial}", "role": "assistant", "status": status, "content": content}
        )
    for n, (name, arguments) in enumerate(reply.calls):
        call = {"type": "function_call", "id": f"fc_{serial}_{n}", "call_id": f"call_{serial}_{n}", "status": status}
        items.append({**call, "name": name, "arguments": json.dumps(arguments, ensure_ascii=False)})
    return items


def response_object(reply: Reply, stamp: Stamp, status: str, output: list[Item]) -> dict[str, Any]:
    """The `response` object as it stands at some moment."""
    tokens_in, tokens_out = stamp.usage
    usage = {
        "input_tokens": tokens_in,
        "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
        "output_tokens": tokens_out,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": tokens_in + tokens_out,
    }
    ended = status in ("completed", "incomplete")
    return {
        "id": f"resp_{stamp.serial}",
        "object": "response",
        "created_at": stamp.created,
        "status": status,
        "error": None,
        "incomplete_details": {"reason": reply.cut} if status == "incomplete" else None,
        "instructions": None,
        "metadata": {},
        "model": stamp.model,
        "output": output,
        "parallel_tool_calls": True,
        "temperature": 1.0,
        "tool_choice": "auto",
        "tools": [],
        "top_p": 1.0,
        "usage": usage if ended else None,
    }


def response_events(reply: Reply, stamp: Stamp) -> Iterator[dict[str, Any]]:
    """The events of `POST /responses` with `stream: true`, in order."""
    bare = _response_events(reply, stamp)
    for number, event in enumerate(bare):
        yield {**event, "sequence_number": number}


def _response_events(reply: Reply, stamp: Stamp) -> Iterator[dict[str, Any]]:
    begun = response_object(reply, stamp, "in_progress", [])
    yield {"type": "response.created", "response": begun}
    yield {"type": "response.in_progress", "response": begun}
    items = output_items(reply, stamp.serial)
    for index, item in enumerate(items):
        at: dict[str, Any] = {"output_index": index, "item_id": item["id"]}
        if item["type"] == "message":
            yield from _message_events(item, at)
        else:
            yield from _call_events(item, at)
    status = "incomplete" if reply.cut else "completed"
    yield {"type": f"response.{status}", "response": response_object(reply, stamp, status, items)}


def _message_events(item: Item, at: dict[str, Any]) -> Iterator[dict[str, Any]]:
    index = at["output_index"]
    part = item["content"][0]
    at = {**at, "content_index": 0}
    yield {
        "type": "response.output_item.added",
        "output_index": index,
        "item": {**item, "content": [], "status": "in_progress"},
    }
    yield {"type": "response.content_part.added", **at, "part": {**part, "text": ""}}
    for piece in pieces(part["text"]):
        yield {"type": "response.output_text.delta", **at, "delta": piece, "logprobs": []}
    yield {"type": "response.output_text.done", **at, "text": part["text"], "logprobs": []}
    yield {"type": "response.content_part.done", **at, "part": part}
    yield {"type": "response.output_item.done", "output_index": index, "item": item}


def _call_events(item: Item, at: dict[str, Any]) -> Iterator[dict[str, Any]]:
    index, arguments = at["output_index"], item["arguments"]
    added = {**item, "arguments": "", "status": "in_progress"}
    yield {"type": "response.output_item.added", "output_index": index, "item": added}
    for start in range(0, len(arguments), ARGUMENT_PIECE):
        piece = arguments[start : start + ARGUMENT_PIECE]
        yield {"type": "response.function_call_arguments.delta", **at, "delta": piece}
    yield {"type": "response.function_call_arguments.done", **at, "name": item["name"], "arguments": arguments}
    yield {"type": "response.output_item.done", "output_index": index, "item": item}


def chat_chunks(reply: Reply, stamp: Stamp) -> Iterator[dict[str, Any]]:
    """The chunks of `POST /chat/completions` with `stream: true`, without the closing `[DONE]`."""
    head = {
        "id": f"chatcmpl-{stamp.serial}",
        "object": "chat.completion.chunk",
        "created": stamp.created,
        "model": stamp.model,
    }

    def chunk(delta: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
        return {**head, "choices": [{"index": 0, "delta": delta, "finish_reason": finish, "logprobs": None}]}

    yield chunk({"role": "assistant", "content": ""})
    for piece in pieces(reply.text):
        yield chunk({"content": piece})
    for index, item in enumerate(item for item in output_items(reply, stamp.serial) if item["type"] != "message"):
        function = {"name": item["name"], "arguments": ""}
        yield chunk({"tool_calls": [{"index": index, "id": item["call_id"], "type": "function", "function": function}]})
        for start in range(0, len(item["arguments"]), ARGUMENT_PIECE):
            part = {"arguments": item["arguments"][start : start + ARGUMENT_PIECE]}
            yield chunk({"tool_calls": [{"index": index, "function": part}]})
    yield chunk({}, _finish(reply))
    yield {**head, "choices": [], "usage": _chat_usage(stamp)}


def chat_completion(reply: Reply, stamp: Stamp) -> dict[str, Any]:
    """The whole answer of `POST /chat/completions` without streaming."""
    message: dict[str, Any] = {"role": "assistant", "content": reply.text or None, "refusal": None}
    calls = [
        {"id": item["call_id"], "type": "function", "function": {"name": item["name"], "arguments": item["arguments"]}}
        for item in output_items(reply, stamp.serial)
        if item["type"] != "message"
    ]
    if calls:
        message["tool_calls"] = calls
    return {
        "id": f"chatcmpl-{stamp.serial}",
        "object": "chat.completion",
        "created": stamp.created,
        "model": stamp.model,
        "choices": [{"index": 0, "message": message, "finish_reason": _finish(reply), "logprobs": None}],
        "usage": _chat_usage(stamp),
    }


def _finish(reply: Reply) -> str:
    if reply.cut:
        return "length" if reply.cut == "max_output_tokens" else "content_filter"
    return "tool_calls" if reply.calls else "stop"


def _chat_usage(stamp: Stamp) -> dict[str, Any]:
    tokens_in, tokens_out = stamp.usage
    return {"prompt_tokens": tokens_in, "completion_tokens": tokens_out, "total_tokens": tokens_in + tokens_out}


def pieces(text: str) -> list[str]:
    """The text word by word, spaces included, so that it can be watched."""
    return re.findall(r"\s*\S+\s*?(?=\s|$)|\s+$", text)


def frame(event: Mapping[str, Any]) -> bytes:
    """One server-sent event; Responses events carry their type as the event's name."""
    name = f"event: {event['type']}\n" if isinstance(event.get("type"), str) else ""
    return f"{name}data: {json.dumps(event, ensure_ascii=False)}\n\n".encode()


DONE = b"data: [DONE]\n\n"
