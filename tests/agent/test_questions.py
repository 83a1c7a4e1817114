"""Questions to people: the run waits, also for its next worker; the answer is the call's output."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from pycrdt import Doc
from pycrdt import Map as YMap

from agent.demo_wire import Reply
from tests.agent.fault_server import ModelServer, Switch, serving
from tests.agent.scene import SETTINGS, Scene, Stage

pytestmark = pytest.mark.anyio

QUESTION = ("ask", {"question": "Which colour?", "options": ["Red", "Blue"]})
DRAW = ("create", {"shapes": [{"type": "rect", "x": 0, "y": 0, "w": 100, "h": 60}]})


@pytest.fixture(scope="module")
async def stage(anyio_backend: str) -> AsyncIterator[Stage]:
    switch = Switch(ModelServer([]))
    async with serving(switch) as url:
        yield Stage(url, switch)


def answer(scene: Scene, run: str, words: str, by: str = "ann") -> None:
    """What a browser writes when a person answers."""
    entry: YMap[Any] = scene.doc.get("runs", type=YMap)[run]
    entry["question"] = {**entry["question"], "answer": {"text": words, "by": by, "by_name": by.title(), "at": 5}}


async def test_r12_a_run_waits_for_an_answer_and_goes_on_with_it(stage: Stage) -> None:
    server = ModelServer([Reply("I must know.", (DRAW, QUESTION, DRAW)), Reply("Done.")])
    async with stage.scene(server) as scene:
        run = scene.prompt("draw")
        await scene.runner.work(run)
        state = scene.run(run)
        assert state["status"] == "requires_user"
        assert state["question"] == {
            "text": "Which colour?", "options": ["Red", "Blue"], "call": f"{run}.2", "answer": None,
        }  # fmt: skip
        assert scene.face.shown[-1][:2] == ("waiting", "Which colour?")
        assert [c["tool"] for c in scene.calls(run)] == ["create"], "what comes after the question waits too"
        assert scene.ledger.ready() == []
        answer(scene, run, "  Blue, please \u202e")
        assert [state.id for state in scene.ledger.ready()] == [run]
        await scene.runner.work(run)
        assert scene.run(run)["status"] == "completed"
        asked = scene.calls(run)[1]
        output = json.loads(asked["output"])
        assert (output["answer"].strip(), output["by"]) == ("Blue, please", "Ann")
        assert asked["label"].startswith("Asked: Which colour? Ann: Blue, please")
        assert len(scene.shapes()) == 2
        assert len(server.requests) == 2, "the model was not asked meanwhile"


async def test_r12_a_question_survives_the_worker_and_its_answer_is_used_once(stage: Stage) -> None:
    server = ModelServer([Reply("", (QUESTION,)), Reply("", (QUESTION,)), Reply("Done.")])
    async with stage.model(server) as model:
        scene = Scene(model)
        run = scene.prompt("draw")
        await scene.runner.work(run)
        other: Doc[Any] = Doc(client_id=2)
        other.apply_update(scene.doc.get_update())
        heir = Scene(model, other, SETTINGS)
        await heir.runner.work(run)
        assert heir.run(run)["status"] == "requires_user"
        answer(heir, run, "Red")
        await heir.runner.work(run)
        assert heir.run(run)["status"] == "requires_user", "the next question is not answered by the last answer"
        assert heir.run(run)["question"]["call"] == f"{run}.2"
        answer(heir, run, "Blue")
        await heir.runner.work(run)
        assert [json.loads(c["output"])["answer"] for c in heir.calls(run)] == ["Red", "Blue"]
        assert heir.run(run)["status"] == "completed", (heir.run(run), heir.calls(run))


async def test_r12_an_answer_to_an_earlier_question_that_comes_late_makes_the_run_ask_again(stage: Stage) -> None:
    async with stage.scene(ModelServer([Reply("", (QUESTION,)), Reply("Done.")])) as scene:
        run = scene.prompt("draw")
        await scene.runner.work(run)
        entry: YMap[Any] = scene.doc.get("runs", type=YMap)[run]
        entry["question"] = {"text": "old", "options": [], "call": f"{run}.0", "answer": {"text": "x", "by": "b"}}
        await scene.runner.work(run)
        assert scene.run(run)["question"]["text"] == "Which colour?"
        assert scene.run(run)["status"] == "requires_user"


async def test_r12_stop_ends_a_run_that_waits_and_the_next_one_is_not_held_up(stage: Stage) -> None:
    server = ModelServer([Reply("", (QUESTION,))])
    async with stage.scene(server) as scene:
        first, second = scene.prompt("draw"), scene.prompt("hello")
        await scene.runner.work(first)
        assert [state.id for state in scene.ledger.ready()] == [second]
        server.replies = [Reply("Fine.")]
        await scene.runner.work(second)
        assert scene.run(second)["status"] == "completed"
        scene.stop(first)
        scene.ledger.sweep(9)
        assert (scene.run(first)["status"], scene.run(first)["ended_at"]) == ("cancelled", 9)
        assert scene.ledger.unfinished() == []


@pytest.mark.parametrize("junk", [5, "Red", {"text": 3}, {"text": "   "}, [], {"by": "x"}])
async def test_r12_what_is_no_answer_leaves_the_question_open(stage: Stage, junk: Any) -> None:
    async with stage.scene(ModelServer([Reply("", (QUESTION,)), Reply("Done.")])) as scene:
        run = scene.prompt("draw")
        await scene.runner.work(run)
        entry: YMap[Any] = scene.doc.get("runs", type=YMap)[run]
        entry["question"] = {**entry["question"], "answer": junk}
        assert scene.ledger.ready() == []


def others(scene: Scene, count: int) -> list[str]:
    shapes: YMap[Any] = scene.doc.get("shapes", type=YMap)
    for i in range(count):
        shapes[f"o{i}"] = YMap({"type": "rect", "x": i * 200, "y": 0, "w": 90, "h": 60, "z": f"a{i}V", "by": "ben"})
    return [f"o{i}" for i in range(count)]


@pytest.mark.parametrize("words", ["Delete", "Keep", "no!"])
async def test_t8_deleting_what_nobody_spoke_of_waits_for_a_person_whatever_the_model_does(
    stage: Stage, words: str
) -> None:
    replies = [Reply("", (("delete", {"ids": [f"o{i}" for i in range(3)]}),)), Reply("Done.")]
    async with stage.scene(ModelServer(replies)) as scene:
        others(scene, 3)
        run = scene.prompt("make it pretty")
        await scene.runner.work(run)
        state = scene.run(run)
        assert state["status"] == "requires_user"
        assert state["question"]["text"] == "Delete 3 shapes, 3 of them made by others?"
        assert len(scene.shapes()) == 3
        answer(scene, run, words)
        await scene.runner.work(run)
        assert scene.run(run)["status"] == "completed"
        output = json.loads(scene.calls(run)[0]["output"])
        if words == "Delete":
            assert scene.shapes() == []
            assert output["confirmed"] is True
        else:
            assert len(scene.shapes()) == 3
            assert output["error"]["code"] == "FORBIDDEN"
            assert words in output["error"]["message"]


async def test_t8_a_yes_to_one_question_is_no_yes_to_a_deletion(stage: Stage) -> None:
    pretext = ("ask", {"question": "Shall I go on?", "options": ["Delete"]})
    delete = ("delete", {"ids": ["o0", "o1"]})
    async with stage.scene(ModelServer([Reply("", (pretext,)), Reply("", (delete,)), Reply("Done.")])) as scene:
        others(scene, 2)
        run = scene.prompt("make it pretty")
        await scene.runner.work(run)
        answer(scene, run, "Delete")
        await scene.runner.work(run)
        assert scene.run(run)["status"] == "requires_user"
        assert len(scene.shapes()) == 2


async def test_a_plan_stands_in_the_run_and_pointing_moves_the_cursor(stage: Stage) -> None:
    steps = [{"text": "Draw", "state": "doing"}]
    calls = (("plan", {"steps": steps}), ("point", {"point": {"x": 7, "y": 8}, "note": "here"}))
    async with stage.scene(ModelServer([Reply("", calls), Reply("Done.")])) as scene:
        state = await scene.ask("draw")
        assert (state["status"], state["plan"]) == ("completed", steps)
        assert (7, 8) in scene.face.points
        assert any(note == "here" for _, note, _ in scene.face.shown)


async def test_look_at_changes_tells_what_a_person_changed_since_the_board_was_shown(stage: Stage) -> None:
    calls = (DRAW, ("look", {"scope": "changes"}))
    async with stage.scene(ModelServer([Reply("", calls), Reply("Done.")])) as scene:
        others(scene, 1)
        run = scene.prompt("draw")

        async def drag(*_: object) -> None:
            shapes: YMap[Any] = scene.doc.get("shapes", type=YMap)
            shapes["o0"]["x"] = 77

        scene.on_saved = drag
        await scene.runner.work(run)
        output = json.loads(scene.calls(run)[1]["output"])
        assert output["lines"] == ["o0 by somebody: x 0->77"], "and not what the assistant drew itself"


async def test_t11_who_wrote_meanwhile_is_told_by_name(stage: Stage) -> None:
    calls = (DRAW, ("set_text", {"id": "o0", "text": "Mine", "expect": "Old"}))
    async with stage.scene(ModelServer([Reply("", calls), Reply("Done.")])) as scene:
        others(scene, 1)
        scene.doc.get("shapes", type=YMap)["o0"]["text"] = "Old"
        run = scene.prompt("draw")
        ann: Doc[Any] = Doc(client_id=4_000_000_000)
        scene.face.here = {4_000_000_000: "Ann"}

        async def write(*_: object) -> None:
            ann.apply_update(scene.doc.get_update())
            shapes: YMap[Any] = ann.get("shapes", type=YMap)
            shapes["o0"]["text"] = "Hers"
            scene.doc.apply_update(ann.get_update())

        scene.on_saved = write
        await scene.runner.work(run)
        error = json.loads(scene.calls(run)[1]["output"])["error"]
        assert (error["code"], error["now"], error["by"]) == ("STALE", "Hers", "Ann")
