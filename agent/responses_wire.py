"""The Responses API as data: request body, and server-sent events -> neutral events. No I/O.

Source: https://platform.openai.com/docs/api-reference/responses-streaming. The SDK does not validate what servers
send, so nothing here trusts a field to be present or of its type. The items of a step are taken from the terminal
event; from `output_item.done` where a server leaves them out there; from the streamed words as a last resort.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agent.model import CallDelta, Event, Item, StepDone, StepFailed, StepRequest, TextDelta, Usage
from agent.wire_errors import failed_from_body, garbage, truncated


def request_body(request: StepRequest, model: str, *, wants_thoughts: bool = True) -> dict[str, Any]:
    """Keyword arguments of `client.responses.create`: nothing is stored at the provider, all items are replayed."""
    return {
        "model": model,
        "instructions": request.instructions,
        "input": list(request.items),
        "tools": [dict(tool) for tool in request.tools],
        "include": ["reasoning.encrypted_content"] if wants_thoughts else [],
        "store": False,
        "stream": True,
    }


def count(value: object) -> int:
    """A token count as sent, or 0."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else 0


def as_map(value: object) -> Mapping[str, Any]:
    """The JSON object, or an empty one."""
    return value if isinstance(value, Mapping) else {}


def unique_calls(items: list[Item]) -> tuple[Item, ...]:
    """The items with a distinct `call_id` on every call: outputs are matched to calls by it."""
    seen: set[str] = set()
    result: list[Item] = []
    for position, item in enumerate(items):
        if item.get("type") == "function_call":
            call_id = item.get("call_id") or item.get("id")
            if not isinstance(call_id, str) or call_id in seen:
                call_id = f"call_{position}_{len(seen)}"
            seen.add(call_id)
            arguments = item.get("arguments")
            item = {
                **item,
                "call_id": call_id,
                "name": str(item.get("name") or ""),
                "arguments": arguments if isinstance(arguments, str) else "",
            }
        result.append(item)
    return tuple(result)


class ResponsesReader:
    """Reads one stream: `feed` each event, then `finish` at its end. One terminal event comes out, always last."""

    def __init__(self) -> None:
        self._done: list[Item] = []
        self._text: list[str] = []
        self._names: dict[object, str] = {}
        self._arguments: dict[object, str] = {}

    def feed(self, event: Mapping[str, Any]) -> list[Event]:
        """The neutral events of one server event; unknown events are ignored (new ones appear all the time)."""
        match event.get("type"):
            case "response.output_text.delta" | "response.refusal.delta":
                delta = event.get("delta")
                if isinstance(delta, str) and delta:
                    self._text.append(delta)
                    return [TextDelta(delta)]
            case "response.output_item.added":
                item = as_map(event.get("item"))
                if item.get("type") == "function_call":
                    self._names[event.get("output_index")] = str(item.get("name") or "")
            case "response.function_call_arguments.delta":
                return self._call_delta(event)
            case "response.output_item.done":
                item = as_map(event.get("item"))
                if item:
                    self._done.append(dict(item))
            case "response.completed" | "response.incomplete" | "response.failed":
                return [self._terminal(str(event["type"]), as_map(event.get("response")))]
            case "error":
                return [failed_from_body(as_map(event.get("error")) or event)]
            case None:
                if "error" in event:
                    return [failed_from_body(as_map(event["error"]) or event)]
                return [garbage("an event without a type")]
            case _:
                pass
        return []

    def finish(self) -> StepFailed:
        """The stream ended and no terminal event came."""
        return truncated()

    def _call_delta(self, event: Mapping[str, Any]) -> list[Event]:
        index, delta = event.get("output_index"), event.get("delta")
        if not isinstance(delta, str):
            return []
        self._arguments[index] = self._arguments.get(index, "") + delta
        position = list(self._arguments).index(index)
        return [CallDelta(self._names.get(index, ""), self._arguments[index], position)]

    def _terminal(self, kind: str, response: Mapping[str, Any]) -> Event:
        status = response.get("status")
        if kind == "response.failed" or status in ("failed", "cancelled"):
            return failed_from_body(as_map(response.get("error")))
        usage = _usage(as_map(response.get("usage")))
        items = unique_calls(self._items(response))
        if kind == "response.incomplete" or status == "incomplete":
            reason = as_map(response.get("incomplete_details")).get("reason")
            cut = "content_filter" if reason == "content_filter" else "max_output_tokens"
            return StepDone(items, usage, "content_filter" if cut == "content_filter" else "max_output_tokens")
        return StepDone(items, usage)

    def _items(self, response: Mapping[str, Any]) -> list[Item]:
        output = response.get("output")
        items = [dict(item) for item in output if isinstance(item, Mapping)] if isinstance(output, list) else []
        if not items:
            items = self._done
        if not items and self._text:
            items = [{"type": "message", "role": "assistant", "content": "".join(self._text)}]
        return items


def _usage(usage: Mapping[str, Any]) -> Usage:
    return Usage(
        input_tokens=count(usage.get("input_tokens")),
        output_tokens=count(usage.get("output_tokens")),
        cached_tokens=count(as_map(usage.get("input_tokens_details")).get("cached_tokens")),
    )
