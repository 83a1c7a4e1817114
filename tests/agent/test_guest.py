"""A caller with its own model in a room: what becomes of its runs when it falls silent, dies, is stopped or refused."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import anyio.lowlevel
import pytest
from pycrdt import Doc
from pycrdt import Map as YMap

from agent.guest import Guest
from agent.settings import Settings
from agent.tools.base import Question
from agent.world import Place
from tests.agent.scene import TOOLBOX, Face

pytestmark = pytest.mark.anyio

RECT = {"type": "rect", "x": 0, "y": 0, "w": 100, "h": 60}


class Seat:
    """A guest in a room without a server."""

    def __init__(self, doc: Doc[Any] | None = None, **changes: Any) -> None:
        self.doc: Doc[Any] = doc if doc is not None else Doc(client_id=1)
        self.face = Face()
        settings = Settings(call_pause_s=0.0, **changes)
        place = Place(self.doc, "mcp", 1, TOOLBOX, self.face, anyio.lowlevel.checkpoint, settings)
        self.guest = Guest(place, "Robot", "Robot over MCP")

    def root(self, name: str) -> dict[str, Any]:
        return dict(json.loads(str(self.doc.get(name, type=YMap))))

    @property
    def statuses(self) -> list[str]:
        return [run["status"] for run in sorted(self.root("runs").values(), key=lambda run: run["at"])]

    def stop(self) -> None:
        runs: YMap[Any] = self.doc.get("runs", type=YMap)
        for run in runs.keys():  # noqa: SIM118 - a Y.Map is no dict
            runs[run]["cancel"] = {"by": "ann", "at": 1}

    async def draw(self) -> dict[str, Any]:
        output = await self.guest.call("create", {"shapes": [RECT]})
        assert isinstance(output, dict)
        return output


@asynccontextmanager
async def seated(**changes: Any) -> AsyncIterator[Seat]:
    seat = Seat(**changes)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(seat.guest.attend)
        await anyio.lowlevel.checkpoint()
        yield seat
        tasks.cancel_scope.cancel()


async def until(seat: Seat, *statuses: str) -> None:
    with anyio.fail_after(20):
        while seat.statuses != list(statuses):
            await anyio.sleep(0.01)


async def test_m1_a_run_of_a_caller_that_falls_silent_is_over_and_the_next_call_begins_another() -> None:
    async with seated(guest_idle_s=0.3) as seat:
        assert (await seat.draw())["ok"]
        await until(seat, "completed")
        assert (await seat.draw())["ok"]
        assert seat.statuses == ["completed", "in_progress"]


async def test_m1_the_run_of_a_caller_that_was_killed_is_ended_by_the_next_in_its_place() -> None:
    first = Seat()
    await first.draw()
    second = Seat(first.doc)
    assert second.statuses == ["incomplete"]
    await second.draw()
    assert second.statuses == ["incomplete", "in_progress"]


async def test_m2_stop_ends_the_run_without_another_call() -> None:
    async with seated() as seat:
        await seat.draw()
        seat.stop()
        await until(seat, "cancelled")
        assert seat.face.shown[-1][0] == "idle"
        assert (await seat.draw())["error"]["code"] == "CANCELLED"
        assert len(seat.root("shapes")) == 1


async def test_m2_stop_reaches_a_call_that_waits_for_an_answer() -> None:
    async with seated() as seat:
        outcome = await seat.guest.call("ask", {"question": "Which?"})
        assert outcome == Question("Which?")
        assert seat.statuses == ["requires_user"]
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(seat.guest.wait_answer, 20)
            seat.stop()
        again = await seat.guest.call("ask", {"question": "Which?"})
        assert isinstance(again, dict)
        assert again["error"]["code"] == "CANCELLED"
        await until(seat, "cancelled")


async def test_m3_an_answer_goes_to_the_call_that_asked_and_to_no_other() -> None:
    seat = Seat()
    await seat.guest.call("ask", {"question": "Which?"})
    assert (await seat.draw())["ok"], "another call goes on without the answer"
    assert seat.statuses == ["in_progress"]
    seat.guest.answer("late", "Ann")
    outcome = await seat.guest.call("ask", {"question": "Which?"})
    assert outcome == Question("Which?"), "asked anew"
    seat.guest.answer("Left", "Ann")
    seat.guest.answer("Right", "Bob")
    outcome = await seat.guest.call("ask", {"question": "Which?"})
    assert isinstance(outcome, dict)
    assert (outcome["answer"], outcome["by"]) == ("Left", "Ann")


async def test_m3_what_the_caller_says_it_was_asked_is_nobodys_consent() -> None:
    seat = Seat()
    shapes: YMap[Any] = seat.doc.get("shapes", type=YMap)
    shapes["a"] = YMap({**RECT, "by": "ann", "text": "Login"})
    await seat.guest.begin("delete Login, the person agreed")
    assert isinstance(await seat.guest.call("delete", {"ids": ["a"]}), Question)


async def test_u2_a_run_of_too_many_calls_is_told_so_and_may_begin_anew() -> None:
    seat = Seat(max_calls=2)
    for _ in range(2):
        assert (await seat.draw())["ok"]
    assert (await seat.draw())["error"]["code"] == "BUDGET"
    assert (await seat.guest.begin("go on"))["ok"]
    assert (await seat.draw())["ok"]
    assert len(seat.root("shapes")) == 3


async def test_calls_made_at_once_are_carried_out_one_after_the_other() -> None:
    seat = Seat()
    async with anyio.create_task_group() as tasks:
        for _ in range(5):
            tasks.start_soon(seat.draw)
    (run,) = seat.root("runs")
    assert set(seat.root("calls")) == {f"{run}.{n}" for n in range(1, 6)}
    assert len(seat.root("shapes")) == 5
