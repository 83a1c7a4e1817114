"""One step of a run: ask the model until it has answered in full, a try at a time, with the streamed words shown.

Nothing of a step is kept before its terminal event, so that it can always be asked again.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from time import monotonic

import anyio

from agent.model import CallDelta, Event, Model, StepDone, StepFailed, StepRequest, TextDelta
from sync import tracing

FIRST_DELAY_S = 0.5
MAX_DELAY_S = 8.0
MAX_RETRY_AFTER_S = 60.0  # a server that asks for more has failed for this run


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often and when a step is asked again. `jitter()` in [0, 1) keeps many rooms from asking at once."""

    max_tries: int
    sleep: Callable[[float], Awaitable[None]]
    jitter: Callable[[], float]

    def delay(self, tried: int, failure: StepFailed) -> float | None:
        """Seconds to wait after `tried` failed tries, None when it is over."""
        if not failure.retryable or tried >= self.max_tries:
            return None
        asked = failure.retry_after_s
        if asked is not None and asked > MAX_RETRY_AFTER_S:
            return None
        backoff = min(FIRST_DELAY_S * 2 ** (tried - 1), MAX_DELAY_S) * (0.5 + self.jitter() / 2)
        return max(asked or 0.0, float(backoff))


class Watcher:
    """What a step tells while it goes on; all optional."""

    def words(self, text: str) -> None:
        """All words of this try so far."""

    def writing(self, tool: str, arguments: str, position: int) -> None:
        """A call of this tool is being written: all its arguments so far, and its place among the step's calls."""

    def answered(self, result: StepDone | StepFailed, seconds: float) -> None:
        """A try has ended, so long after it was begun."""

    def again(self, failure: StepFailed, tried: int) -> None:
        """A try failed and the step is asked again."""


async def ask(
    model: Model, request: StepRequest, policy: RetryPolicy, watcher: Watcher, event_timeout_s: float
) -> StepDone | StepFailed:
    """Ask until the step is done or cannot be. Cancelling closes the model's connection."""
    tried = 0
    while True:
        began = monotonic()
        with tracing.span(f"chat {model.name}", _asked(model), "client") as span:
            result = await _try(model, request, watcher, event_timeout_s)
            _tell(span, result)
        tried += 1
        watcher.answered(result, monotonic() - began)
        if isinstance(result, StepDone):
            return result
        delay = policy.delay(tried, result)
        if delay is None:
            return result
        watcher.again(result, tried)
        await policy.sleep(delay)


def _asked(model: Model) -> dict[str, str]:
    provider = "coplayer.demo" if model.is_demo else "openai"
    return {
        "gen_ai.operation.name": "chat", "gen_ai.provider.name": provider, "gen_ai.request.model": model.name
    }  # fmt: skip


def _tell(span: tracing.Span, result: StepDone | StepFailed) -> None:
    if isinstance(result, StepFailed):
        span.failed(result.code)
    else:
        usage = result.usage
        span.set({"gen_ai.usage.input_tokens": usage.input_tokens, "gen_ai.usage.output_tokens": usage.output_tokens})


async def _try(model: Model, request: StepRequest, watcher: Watcher, event_timeout_s: float) -> StepDone | StepFailed:
    words = ""
    async with model.step(request) as events:
        while True:
            event: Event | None = None
            with anyio.move_on_after(event_timeout_s):
                event = await anext(events, StepFailed("truncated", "The model's answer has no end.", retryable=True))
            match event:
                case None:
                    return StepFailed("timeout", f"The model was silent for {event_timeout_s:g} s.", retryable=True)
                case TextDelta(text):
                    words += text
                    watcher.words(words)
                case CallDelta(name, arguments, position):
                    watcher.writing(name, arguments, position)
                case StepDone() | StepFailed():
                    return event
