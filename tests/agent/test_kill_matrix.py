"""R5, R8: the worker dies at every await of a ten-call run; the next one finishes it, each call's effect once.

All points are tried with `--kills 3` or more. With SIGKILL to the real process, at each of its awaits and at random
moments: `python benchmarks/agent_kill.py`.
"""

from __future__ import annotations

import asyncio
from typing import Any

import anyio.lowlevel
import pytest
from pycrdt import Doc, TransactionEvent
from pycrdt import Map as YMap

from benchmarks import agent_kill
from sync.board import ask
from sync.canvas.canvas import read_json
from sync.canvas.conversation import RunId
from tests.agent.mortal import CALLS, WORDS, ScriptedModel, counted, effect, ten_calls
from tests.agent.scene import Scene

pytestmark = pytest.mark.anyio
LEAST_AWAITS = 60
SHORT_STEP = 5  # of the points, all with --kills 3 or more


class Server:
    """What is on the server: all that a worker sent, or only what it was told is saved."""

    def __init__(self, *, loses_unsaved: bool) -> None:
        self.doc: Doc[Any] = Doc()
        self.run = RunId(
            ask(
                self.doc, text="draw", by="ann", by_name="Ann", now_ms=1, thread="main", context={}, agent="assistant"
            )
        )  # fmt: skip
        self.model = ScriptedModel(lambda: ten_calls(self.run))
        self._loses_unsaved = loses_unsaved
        self._epoch = 0

    async def work(self, die_at: int | None = None) -> int:
        """One worker's life; the awaits it came to. What it does after its death reaches nobody."""
        self._epoch += 1
        doc: Doc[Any] = Doc(client_id=self._epoch)
        doc.apply_update(self.doc.get_update())
        scene = Scene(self.model, doc)
        unsaved: list[bytes] = []
        awaits, is_dead = 0, False

        def send(event: TransactionEvent) -> None:
            if not is_dead:
                (unsaved.append if self._loses_unsaved else self.doc.apply_update)(event.update)

        async def saved() -> None:
            sent = len(unsaved)
            await anyio.lowlevel.checkpoint()  # to the server and its disk
            if not is_dead:
                for update in unsaved[:sent]:
                    self.doc.apply_update(update)
                del unsaved[:sent]
            await anyio.lowlevel.checkpoint()  # and back

        def on_await() -> None:
            nonlocal awaits, is_dead
            awaits += not is_dead
            if awaits == die_at and not is_dead:
                is_dead = True
                task.cancel()

        async def life() -> None:
            for state in scene.ledger.unfinished():
                await scene.runner.work(state.id)

        doc.observe(send)
        scene.on_saved = saved
        task = asyncio.ensure_future(counted(life(), on_await))
        await asyncio.wait([task])
        if die_at is None:
            task.result()
        return awaits

    def effect(self) -> dict[str, Any]:
        return effect({root: read_json(self.doc.get(root, type=YMap)) for root in ROOTS}, self.run)


ROOTS = ("shapes", "calls", "messages", "runs")


async def test_r5_killed_at_every_await_of_a_ten_call_run_each_effect_is_there_once(
    request: pytest.FixtureRequest,
) -> None:
    calm = Server(loses_unsaved=False)
    points = await calm.work()
    expected = calm.effect()
    assert points >= LEAST_AWAITS
    assert [call["status"] for _, call in sorted(expected["calls"].items())].count("done") == CALLS - 1
    assert list(expected["said"].values()) == WORDS
    is_long = request.config.getoption("--kills") > 2
    deaths = 0
    for at in range(1, points + 1, 1 if is_long else SHORT_STEP):
        for loses_unsaved in (False, True) if is_long else (at % 2 == 0,):
            server = Server(loses_unsaved=loses_unsaved)
            await server.work(die_at=at)
            await server.work()
            assert server.effect() == expected, f"died at await {at} of {points}, loses_unsaved={loses_unsaved}"
            assert server.model.refused == []
            deaths += 1
    print(f"{deaths} deaths at {points} await points, every effect once")  # noqa: T201 - the figure of the long form


async def test_r8_killed_at_random_moments_the_next_process_finishes_and_no_face_is_left(
    request: pytest.FixtureRequest,
) -> None:
    totals, _ = await agent_kill.run(request.config.getoption("--kills"), seed=5)
    assert totals.broken == []
    assert totals.killed + totals.outlived == totals.rounds > 0
