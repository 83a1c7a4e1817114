"""What the assistant asks of a language model: one step in, a few neutral events out.

A step is one request. Items (the history a model reads and writes) are plain JSON objects in the shape of the
Responses API (`message`, `reasoning`, `function_call`, `function_call_output`); every adapter speaks these.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

Item = dict[str, Any]
"""One JSON object of the history; kept verbatim, since models expect their own items back unchanged."""

ToolSchema = Mapping[str, Any]
"""{"type": "function", "name", "description", "parameters", "strict"}."""

FailureCode = Literal[
    "connection",
    "timeout",
    "truncated",
    "garbage",
    "rate_limit",
    "quota",
    "auth",
    "not_found",
    "bad_request",
    "too_long",
    "reasoning_refused",
    "content_filter",
    "server_error",
]
"""Why a step failed. `reasoning_refused`: earlier reasoning items were not accepted; ask again without them."""

Incomplete = Literal["max_output_tokens", "content_filter"]


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one step; `cached_tokens` is the part of the input that was read from a cache."""

    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0


@dataclass(frozen=True, slots=True)
class StepRequest:
    """One request. `instructions` and `tools` come first and never change in a run, so that caches hold."""

    instructions: str
    tools: Sequence[ToolSchema]
    items: Sequence[Item]


@dataclass(frozen=True, slots=True)
class TextDelta:
    """A piece of the words, as it streams. Preview only: the finished words are in StepDone.items."""

    text: str


@dataclass(frozen=True, slots=True)
class CallDelta:
    """A tool call is being written: its name and all of its arguments so far (partial JSON). Preview only.

    `position`: its place among the calls of the step, from 0.
    """

    name: str
    arguments: str
    position: int = 0


@dataclass(frozen=True, slots=True)
class StepDone:
    """The step is whole: `items` may be kept, its calls may run, unless `incomplete` says it was cut short."""

    items: tuple[Item, ...]
    usage: Usage = field(default_factory=Usage)
    incomplete: Incomplete | None = None


@dataclass(frozen=True, slots=True)
class StepFailed:
    """The step failed and nothing of it counts. `message` is a sentence for people and holds no secret."""

    code: FailureCode
    message: str
    retryable: bool
    retry_after_s: float | None = None


Event = TextDelta | CallDelta | StepDone | StepFailed


class Model(Protocol):
    """A model that can be asked. `is_demo` marks the rule-based one, which people must be able to tell apart."""

    @property
    def name(self) -> str:
        """Its name as people read it."""
        ...

    @property
    def is_demo(self) -> bool:
        """Whether it is the rule-based model, so that nobody takes it for AI."""
        ...

    def step(self, request: StepRequest) -> AbstractAsyncContextManager[AsyncIterator[Event]]:
        """Ask once. The last event is StepDone or StepFailed; leaving the context closes the connection.

        Never raises for what the network or the server does wrong: that is a StepFailed.
        """
        ...


def text_of(item: Item) -> str:
    """The words of a message item, empty for other items."""
    if item.get("type", "message") != "message":
        return ""
    content = item.get("content")
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return ""
    return "".join(str(part.get("text") or part.get("refusal") or "") for part in content if isinstance(part, dict))


def is_call(item: Item) -> bool:
    """Whether the item asks for a tool."""
    return item.get("type") == "function_call"


def call_output(call_id: str, output: str) -> Item:
    """The answer to one tool call. Every call must have exactly one before a model can be asked again."""
    return {"type": "function_call_output", "call_id": call_id, "output": output}
