"""A ten-call run whose worker can die at any await, counted by instrumentation. Shared by tests and benchmarks."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Coroutine, Generator, Mapping
from contextlib import aclosing, asynccontextmanager
from typing import Any

import anyio.lowlevel

from agent.demo_wire import Reply, output_items, unanswered
from agent.model import CallDelta, Event, StepDone, StepRequest, TextDelta, Usage


def ten_calls(run: str) -> list[Reply]:
    """Ten calls in seven steps; most would show if they took effect twice: moves by a distance, copies, undo."""
    box = {"type": "rect", "w": 100, "h": 60}
    first, second = f"{run}.1.1", f"{run}.1.2"
    return [
        Reply("Two boxes.", (("create", {"shapes": [{**box, "x": 0, "y": 0}, {**box, "x": 300, "y": 0}]}),)),
        Reply(
            "I move them.",
            (
                ("move", {"ids": [first], "dx": 40, "dy": 7}),
                ("update", {"changes": [{"ids": [second], "set": {"fill": "red"}}]}),
            ),
        ),
        Reply("", (("set_text", {"id": first, "text": "Start"}), ("duplicate", {"ids": [first], "dx": 0, "dy": 400}))),
        Reply("A line.", (("connect", {"connectors": [{"from": {"id": first}, "to": {"id": second}}]}),)),
        Reply("", (("resize", {"ids": [second], "scale_x": 2, "scale_y": 2}), ("delete", {"ids": [f"{run}.5.1"]}))),
        Reply("That was wrong.", (("undo", {"calls": [f"{run}.7"]}),)),
        Reply("", (("move", {"ids": [first, second], "dx": 0, "dy": 11}),)),
        Reply("All done."),
    ]


CALLS = 10
WORDS = ["Two boxes.", "I move them.", "A line.", "That was wrong.", "All done."]


def reply_after(replies: list[Reply], request: StepRequest) -> Reply:
    """The reply to a history that holds the calls of the replies before it."""
    called = sum(item.get("type") == "function_call" for item in request.items)
    for reply in replies:
        if called <= 0:
            return reply
        called -= len(reply.calls)
    raise AssertionError("the model was asked once too often")


class ScriptedModel:
    """The script without a network: an await before each event. `refused` is what a real server would not take."""

    name = "scripted"
    is_demo = False

    def __init__(self, replies: Callable[[], list[Reply]]) -> None:
        self._replies = replies
        self._serial = 0
        self.refused: list[str] = []

    @asynccontextmanager
    async def step(self, request: StepRequest) -> AsyncIterator[AsyncIterator[Event]]:
        async with aclosing(self._events(request)) as events:
            yield events

    async def _events(self, request: StepRequest) -> AsyncGenerator[Event, None]:
        refusal = unanswered(list(request.items))
        if refusal:
            self.refused.append(refusal)
        reply = reply_after(self._replies(), request)
        self._serial += 1
        for word in reply.text.split():
            await anyio.lowlevel.checkpoint()
            yield TextDelta(word)
        for name, _ in reply.calls:
            await anyio.lowlevel.checkpoint()
            yield CallDelta(name, "")
        await anyio.lowlevel.checkpoint()
        yield StepDone(tuple(output_items(reply, f"{self._serial}")), Usage(5, 5))


class _Counted(Awaitable[Any]):
    """Drives a coroutine and tells of each of its suspensions before it happens."""

    def __init__(self, coroutine: Coroutine[Any, Any, Any], on_await: Callable[[], None]) -> None:
        self._coroutine = coroutine
        self._on_await = on_await

    def __await__(self) -> Generator[Any, Any, Any]:
        send: Callable[[], Any] = lambda: self._coroutine.send(None)  # noqa: E731 - replaced in the loop
        while True:
            try:
                waits_for = send()
            except StopIteration as end:
                return end.value
            self._on_await()
            try:
                value = yield waits_for
            except BaseException as error:  # noqa: BLE001 - passed on, as any awaiting coroutine does
                send = _thrower(self._coroutine, error)
            else:
                send = _sender(self._coroutine, value)


def _sender(coroutine: Coroutine[Any, Any, Any], value: Any) -> Callable[[], Any]:
    return lambda: coroutine.send(value)


def _thrower(coroutine: Coroutine[Any, Any, Any], error: BaseException) -> Callable[[], Any]:
    return lambda: coroutine.throw(error)


async def counted(coroutine: Coroutine[Any, Any, Any], on_await: Callable[[], None]) -> Any:
    """Run it; `on_await` is called at each of its await points."""
    return await _Counted(coroutine, on_await)


def effect(root: Mapping[str, Any], run: str) -> dict[str, Any]:
    """What a run did, without what differs between two equal ones: its id, clocks, and who held the lease."""
    shapes = {name: {k: v for k, v in fields.items() if k != "at"} for name, fields in root["shapes"].items()}
    calls = {
        name: {
            **{k: v for k, v in call.items() if k not in ("at", "ms", "output", "undo", "model_call_id")},
            "changes": {s: {k: v for k, v in f.items() if k != "at"} for s, f in call["changes"].items()},
        }
        for name, call in root["calls"].items()
    }
    said = {n: m["body"] for n, m in root["messages"].items() if m["role"] == "assistant"}
    state = {k: root["runs"][run].get(k) for k in ("status", "summary", "turn", "error")}
    told = json.dumps({"shapes": shapes, "calls": calls, "said": said, "run": state}, sort_keys=True)
    return dict(json.loads(told.replace(run, "RUN")))
