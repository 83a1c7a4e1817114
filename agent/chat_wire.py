"""chat.completions as data: items -> messages, streamed chunks -> neutral events. No I/O.

Spoken by Ollama, vLLM, llama.cpp, LM Studio and most gateways, each in its own accent. What they were seen to do and
what is therefore accepted: several parallel calls all with index 0; no index; a whole call in one chunk; arguments as
an object; no finish_reason (then only `[DONE]` tells an end from a cut); an error object among the chunks.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from agent.model import CallDelta, Event, Item, StepDone, StepFailed, StepRequest, TextDelta, Usage, text_of
from agent.responses_wire import as_map, count, unique_calls
from agent.wire_errors import failed_from_body, truncated


def request_body(request: StepRequest, model: str) -> dict[str, Any]:
    """Keyword arguments of `client.chat.completions.create`."""
    body: dict[str, Any] = {
        "model": model,
        "messages": messages(request.instructions, request.items),
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    if request.tools:
        body["tools"] = [_function(tool) for tool in request.tools]
    return body


def _function(tool: Mapping[str, Any]) -> dict[str, Any]:
    # `strict` is left out: servers other than OpenAI refuse or ignore it, and arguments are checked here anyway.
    return {"type": "function", "function": {k: tool[k] for k in ("name", "description", "parameters")}}


def messages(instructions: str, items: Iterable[Item]) -> list[dict[str, Any]]:
    """The history as chat messages; calls that follow each other share one assistant message."""
    result: list[dict[str, Any]] = [{"role": "system", "content": instructions}]
    for item in items:
        match item.get("type", "message"):
            case "message":
                role = item.get("role", "user")
                result.append({"role": role if role in ("assistant", "user") else "system", "content": _content(item)})
            case "function_call":
                call = {
                    "id": item["call_id"],
                    "type": "function",
                    "function": {"name": item["name"], "arguments": item["arguments"] or "{}"},
                }
                if result[-1]["role"] == "assistant":
                    result[-1].setdefault("tool_calls", []).append(call)
                else:
                    result.append({"role": "assistant", "content": None, "tool_calls": [call]})
            case "function_call_output":
                result.append({"role": "tool", "tool_call_id": item["call_id"], "content": item["output"]})
            case _:  # reasoning and whatever else belongs to the other wire
                continue
    return result


def _content(item: Item) -> str | list[dict[str, Any]]:
    """The words; with pictures between them the list of both."""
    parts = item.get("content")
    pictures = (
        [part["image_url"] for part in parts if part.get("type") == "input_image"] if isinstance(parts, list) else []
    )
    if not pictures:
        return text_of(item)
    shown = [{"type": "image_url", "image_url": {"url": url}} for url in pictures]
    return [{"type": "text", "text": text_of(item)}, *shown]


@dataclass(slots=True)
class _Call:
    id: str | None
    name: str
    arguments: str = ""

    @property
    def is_whole(self) -> bool:
        try:
            return isinstance(json.loads(self.arguments), dict)
        except ValueError:
            return False


class ChatReader:
    """Reads one stream: `feed` each chunk, then `finish` at its end."""

    def __init__(self) -> None:
        self._text: list[str] = []
        self._calls: list[_Call] = []
        self._by_index: dict[int, _Call] = {}
        self._finish: str | None = None
        self._usage = Usage()

    def feed(self, chunk: Mapping[str, Any]) -> list[Event]:
        """The neutral events of one chunk; a StepFailed ends the stream."""
        if chunk.get("error") or chunk.get("object") == "error":
            return [failed_from_body(as_map(chunk.get("error")) or chunk)]
        usage = as_map(chunk.get("usage"))
        if usage:
            self._usage = _usage(usage)
        choices = chunk.get("choices")
        choice = as_map(choices[0]) if isinstance(choices, list) and choices else {}
        if isinstance(choice.get("finish_reason"), str):
            self._finish = choice["finish_reason"]
        # Some servers put the whole answer into `message` of one last chunk.
        delta = as_map(choice.get("delta")) or as_map(choice.get("message"))
        events: list[Event] = []
        for field in ("content", "refusal"):
            words = delta.get(field)
            if isinstance(words, str) and words:
                self._text.append(words)
                events.append(TextDelta(words))
        entries = delta.get("tool_calls")
        for entry in entries if isinstance(entries, list) else ():
            if isinstance(entry, Mapping):
                call = self._add(entry)
                events.append(CallDelta(call.name, call.arguments, _position(call, self._calls)))
        return events

    def finish(self, *, saw_done: bool) -> StepDone | StepFailed:
        """The end of the stream. `saw_done`: the `[DONE]` line came, so a missing finish_reason is no cut."""
        if self._finish is None and not saw_done:
            return truncated()
        if self._finish == "error":
            return failed_from_body({"message": "the model stopped with an error"})
        items: list[Item] = []
        if self._text:
            items.append({"type": "message", "role": "assistant", "content": "".join(self._text)})
        items.extend(
            {"type": "function_call", "call_id": call.id, "name": call.name, "arguments": call.arguments}
            for call in self._calls
            if call.name
        )
        match self._finish:
            case "length":
                return StepDone(unique_calls(items), self._usage, "max_output_tokens")
            case "content_filter":
                return StepDone(unique_calls(items), self._usage, "content_filter")
            case _:
                return StepDone(unique_calls(items), self._usage)

    def _add(self, entry: Mapping[str, Any]) -> _Call:
        function = as_map(entry.get("function"))
        name = function.get("name") if isinstance(function.get("name"), str) else ""
        raw = function.get("arguments")
        arguments = raw if isinstance(raw, str) else json.dumps(raw) if isinstance(raw, Mapping) else ""
        call_id = entry.get("id") if isinstance(entry.get("id"), str) else None
        index = entry.get("index")
        call = self._known(call_id or None, str(name or ""), arguments, index if isinstance(index, int) else None)
        call.arguments += arguments
        return call

    def _known(self, call_id: str | None, name: str, arguments: str, index: int | None) -> _Call:
        if index is not None:
            call = self._by_index.get(index)
        else:
            same = [call for call in self._calls if call_id is not None and call.id == call_id]
            call = same[0] if same else (self._calls[-1] if self._calls and call_id is None else None)
        if call is not None and self._continues(call, call_id, name, arguments):
            call.id = call.id or call_id
            call.name = call.name or name
            return call
        call = _Call(call_id, name)
        self._calls.append(call)
        if index is not None:
            self._by_index[index] = call
        return call

    @staticmethod
    def _continues(call: _Call, call_id: str | None, name: str, arguments: str) -> bool:
        """Whether the entry goes on with `call`, or is another call under the same (or no) index."""
        if call_id and call.id and call_id != call.id:
            return False
        starts_again = bool(name) and bool(call.name) and call.is_whole and (bool(arguments) or name != call.name)
        return (call_id is not None and call_id == call.id) or not starts_again


def _position(call: _Call, calls: list[_Call]) -> int:
    return next(at for at, known in enumerate(calls) if known is call)


def _usage(usage: Mapping[str, Any]) -> Usage:
    return Usage(
        input_tokens=count(usage.get("prompt_tokens")),
        output_tokens=count(usage.get("completion_tokens")),
        cached_tokens=count(as_map(usage.get("prompt_tokens_details")).get("cached_tokens")),
    )
