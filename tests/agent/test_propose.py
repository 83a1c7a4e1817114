"""Propose mode over the real model wire: nothing shared changes before a person accepts, whatever happens meanwhile."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from pycrdt import Doc
from pycrdt import Map as YMap

from agent.demo_wire import Reply
from agent.model import StepRequest
from agent.settings import Api
from sync.canvas.canvas import Canvas, read_json
from sync.canvas.drafts import accept, open_shapes, reject
from sync.canvas.history import undo_run
from sync.canvas.lint import lint
from sync.canvas.render import render
from tests.agent.fault_server import Fault, ModelServer, Switch, serving
from tests.agent.scene import Scene, Stage

pytestmark = pytest.mark.anyio

BOX = {"type": "rect", "x": 0, "y": 0, "w": 100, "h": 60, "text": "Login", "fill": "slate", "z": "a0", "by": "ann"}
NOTE = {**BOX, "type": "note", "x": 400, "text": "Old", "z": "a1"}


def create(x: int = 0, y: int = 200, **fields: Any) -> tuple[str, dict[str, Any]]:
    return "create", {"shapes": [{"type": "rect", "x": x, "y": y, "w": 100, "h": 60, **fields}]}


def update(shape: str, **fields: Any) -> tuple[str, dict[str, Any]]:
    return "update", {"changes": [{"ids": [shape], "set": fields}]}


STEPS = [
    Reply("I propose.", (create(text="New"), update("a", x=30, fill="blue"))),
    Reply("", (("delete", {"ids": ["b"], "with_connectors": True}), ("set_text", {"id": "a", "text": "Sign in"}))),
    Reply("Done."),
]


@pytest.fixture(scope="module")
async def stage(anyio_backend: str) -> AsyncIterator[Stage]:
    switch = Switch(ModelServer([]))
    async with serving(switch) as url:
        yield Stage(url, switch)


def furnish(doc: Doc[Any]) -> None:
    shapes: YMap[Any] = doc.get("shapes", type=YMap)
    with doc.transaction():
        for key, fields in (("a", BOX), ("b", NOTE)):
            shapes[key] = YMap(dict(fields))


def stored(doc: Doc[Any]) -> dict[str, Any]:
    return dict(read_json(doc.get("shapes", type=YMap)))


def edit(doc: Doc[Any], shape: str, **fields: Any) -> None:
    with doc.transaction():
        for name, value in fields.items():
            doc.get("shapes", type=YMap)[shape][name] = value


def last_view(server: ModelServer) -> str:
    return str(server.requests[-1].items[-1]["content"])


async def propose(scene: Scene, text: str = "make it better") -> str:
    run = scene.prompt(text, propose=True)
    await scene.runner.work(run)
    assert scene.run(run)["status"] == "completed"
    assert scene.run(run)["propose"] is True
    return str(run)


@pytest.mark.parametrize("api", ["responses", "chat"])
async def test_r14_nothing_shared_changes_until_a_person_accepts_and_then_undo_takes_it_back(
    stage: Stage, api: Api
) -> None:
    server = ModelServer(STEPS)
    async with stage.scene(server, api) as scene:
        furnish(scene.doc)
        before = stored(scene.doc)
        run = await propose(scene)
        ghost = f"{run}.1.1"
        now = stored(scene.doc)
        assert {key: now[key] for key in before} == before, "what is everybody's stands as it stood"
        assert now[ghost]["draft"] == run
        assert [call.get("proposed") for call in scene.calls(run)] == [[], ["a"], ["b"], ["a"]]
        assert all(json.loads(call["output"])["proposed"] for call in scene.calls(run)), "the model knows it"
        assert scene.run(run)["overridden"] == []
        assert open_shapes(scene.doc, run) == [ghost, "a", "b"]
        decision = accept(scene.doc, run, None, "ann", 9)
        assert decision.kept == []
        after = stored(scene.doc)
        assert after[ghost]["draft"] is None
        assert (after["a"]["x"], after["a"]["fill"], after["a"]["text"]) == (30, "blue", "Sign in")
        assert after["b"]["deleted"] is True
        assert open_shapes(scene.doc, run) == []
        report = undo_run(scene.doc, run, "ben", 10)
        assert report.kept == []
        undone = stored(scene.doc)
        assert {key: value for key, value in undone["a"].items() if value is not None} == BOX
        assert undone["b"]["deleted"] is None
        assert undone[ghost]["deleted"] is True
        assert server.refused == []


async def test_r14_a_run_sees_its_own_proposals_as_if_they_had_been_accepted(stage: Stage) -> None:
    server = ModelServer(STEPS)
    async with stage.scene(server) as scene:
        furnish(scene.doc)
        run = await propose(scene)
        view = last_view(server)
        assert "until people accept" in view
        assert f'{run}.1.1 rect 0,200 100x60 slate "New" proposed' in view
        assert 'a rect 30,0 100x60 blue "Sign in"' in view
        assert "you propose to change: a" in view
        assert "you propose to delete: b" in view
        assert "\nb note" not in view


async def test_r14_a_later_run_sees_what_is_proposed_and_what_became_of_it(stage: Stage) -> None:
    server = ModelServer(STEPS)
    async with stage.scene(server) as scene:
        furnish(scene.doc)
        run = await propose(scene)
        reject(scene.doc, run, ["b"], "ann", 9)
        server.replies = [Reply("Fine.")]
        assert (await scene.ask("and now?"))["status"] == "completed"
        view = last_view(server)
        assert "until people accept" not in view
        assert 'a rect 0,0 100x60 slate "Login" by' in view, "the board is as it stands"
        assert "b note" in view
        assert (
            f'{run} would change a: fill "slate"->"blue", stroke "slate"->"blue", text "Login"->"Sign in", x 0->30'
            in view
        )
        said = [str(item.get("content")) for item in server.requests[-1].items]
        assert any("[rejected: b]" in words and f"[undecided: {run}.1.1 a]" in words for words in said)


async def test_r14_the_rooms_policy_makes_every_run_propose(stage: Stage) -> None:
    async with stage.scene(ModelServer(STEPS)) as scene:
        furnish(scene.doc)
        scene.doc.get("policy", type=YMap)["propose"] = True
        run = scene.prompt("make it better")
        await scene.runner.work(run)
        assert scene.run(run)["propose"] is True
        assert stored(scene.doc)["a"] == BOX


async def test_r14_what_a_run_changes_of_its_own_ghosts_is_written_and_can_be_rejected(stage: Stage) -> None:
    run_id: list[str] = []

    def answer(request: StepRequest) -> Reply:
        step = sum(item.get("type") == "function_call" for item in request.items)
        replies: list[Reply] = [Reply("", (create(),)), Reply("", (update(f"{run_id[0]}.1.1", x=50),)), Reply("Done.")]
        return replies[int(step)]

    async with stage.scene(ModelServer([], answer=answer)) as scene:
        furnish(scene.doc)
        run = scene.prompt("draw", propose=True)
        run_id.append(run)
        await scene.runner.work(run)
        assert stored(scene.doc)[f"{run}.1.1"]["x"] == 50
        assert [call["proposed"] for call in scene.calls(run)] == [[], []]
        assert reject(scene.doc, run, None, "ann", 9).kept == []
        assert stored(scene.doc)[f"{run}.1.1"]["deleted"] is True


async def test_r15_what_a_person_changed_since_stays_on_accepting(stage: Stage) -> None:
    async with stage.scene(ModelServer(STEPS)) as scene:
        furnish(scene.doc)
        run = await propose(scene)
        edit(scene.doc, "a", x=77)
        edit(scene.doc, "b", text="Keep me", deleted=True)
        decision = accept(scene.doc, run, None, "ann", 9)
        now = stored(scene.doc)
        assert (now["a"]["x"], now["a"]["fill"]) == (77, "blue")
        assert decision.kept == [["a", "x", "changed since"]]


async def test_r14_two_runs_may_propose_for_one_shape_and_one_is_accepted(stage: Stage) -> None:
    server = ModelServer(STEPS)
    async with stage.scene(server) as scene:
        furnish(scene.doc)
        first = await propose(scene)
        server.replies = [Reply("", (update("a", x=90, h=80),)), Reply("Done.")]
        second = await propose(scene, "another way")
        assert stored(scene.doc)["a"] == BOX, "the second starts from the board, not from the first's proposal"
        assert accept(scene.doc, first, ["a"], "ann", 9).kept == []
        decision = accept(scene.doc, second, None, "ben", 10)
        assert decision.kept == [["a", "x", "changed since"]]
        now = stored(scene.doc)["a"]
        assert (now["x"], now["h"], now["fill"]) == (30, 80, "blue")


async def test_r14_a_run_stopped_in_the_middle_leaves_proposals_that_can_be_decided_on(stage: Stage) -> None:
    async with stage.scene(ModelServer(STEPS)) as scene:
        furnish(scene.doc)
        run = scene.prompt("make it better", propose=True)

        async def stop_after_two() -> None:
            if len(scene.calls(run)) == 2:
                scene.stop(run)

        scene.on_saved = stop_after_two
        await scene.runner.work(run)
        assert scene.run(run)["status"] == "cancelled"
        assert open_shapes(scene.doc, run) == [f"{run}.1.1", "a"]
        accept(scene.doc, run, None, "ann", 9)
        assert stored(scene.doc)["a"]["text"] == "Login"
        assert stored(scene.doc)["a"]["x"] == 30


class Died(Exception):
    """The process is gone, at this await."""


async def test_r5_r14_a_proposing_run_whose_worker_dies_anywhere_ends_with_the_same_proposals(stage: Stage) -> None:
    at, died = 0, True
    while died:
        at += 1
        died = False
        server = ModelServer(STEPS, [Fault(after=6)] if at % 2 else [])
        async with stage.model(server) as model:
            scene = Scene(model)
            furnish(scene.doc)
            run = scene.prompt("make it better", propose=True)
            count = 0

            async def die(*_: object) -> None:
                nonlocal count
                count += 1
                if count == at:  # noqa: B023 - called before the next round
                    raise Died

            scene.on_saved = scene.on_sleep = die
            try:
                await scene.runner.work(run)
            except Died:
                died = True
                # People change the policy and the next worker goes on: the run stays what it began as.
                scene.doc.get("policy", type=YMap)["propose"] = False
                scene = Scene(model, scene.doc)
                await scene.runner.work(run)
            assert scene.run(run)["status"] == "completed", f"died at {at}"
            now = stored(scene.doc)
            assert (now["a"], now["b"]) == (BOX, NOTE), f"died at {at}"
            assert [key for key in now if key not in ("a", "b")] == [f"{run}.1.1"]
            assert [call["proposed"] for call in scene.calls(run)] == [[], ["a"], ["b"], ["a"]], f"died at {at}"
            assert accept(scene.doc, run, None, "ann", 9).kept == []
    assert at > 8, "there were awaits to die at"


async def test_d11_pictures_and_problems_leave_proposals_out(stage: Stage) -> None:
    async with stage.scene(ModelServer([Reply("", (create(10, 10, text="Over it"),)), Reply("Done.")])) as scene:
        furnish(scene.doc)
        run = await propose(scene)
        canvas = Canvas(scene.doc)
        assert "Over it" not in render(canvas).svg
        assert lint(canvas) == []
        accept(scene.doc, run, None, "ann", 9)
        assert "Over it" in render(Canvas(scene.doc)).svg
        assert [problem.name for problem in lint(Canvas(scene.doc))] == ["overlap"]


async def test_r14_a_proposing_run_does_not_undo_what_is_everybodys(stage: Stage) -> None:
    server = ModelServer([Reply("", (update("a", x=30),)), Reply("Done.")])
    async with stage.scene(server) as scene:
        furnish(scene.doc)
        assert (await scene.ask("move it"))["status"] == "completed"
        server.replies = [Reply("", (("undo", {"calls": None}),)), Reply("Done.")]
        run = await propose(scene, "undo that")
        (call,) = scene.calls(run)
        assert json.loads(call["output"])["error"]["code"] == "FORBIDDEN"
        assert stored(scene.doc)["a"]["x"] == 30


async def test_r16_a_run_may_take_back_what_it_proposed_itself(stage: Stage) -> None:
    server = ModelServer(
        [Reply("", (create(), update("a", x=30))), Reply("", (("undo", {"calls": None}),)), Reply("Done.")]
    )
    async with stage.scene(server) as scene:
        furnish(scene.doc)
        run = await propose(scene)
        assert open_shapes(scene.doc, run) == []
        assert stored(scene.doc)["a"] == BOX
        assert stored(scene.doc)[f"{run}.1.1"]["deleted"] is True
        assert accept(scene.doc, run, None, "ann", 9).shapes == ()
