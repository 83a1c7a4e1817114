"""set_text while a person types in the same label, over the real model wire."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from pycrdt import Map as YMap

from agent.demo_wire import Reply
from agent.model import StepRequest
from tests.agent.fault_server import ModelServer, Switch, serving
from tests.agent.scene import Scene, Stage

pytestmark = pytest.mark.anyio

Call = tuple[str, dict[str, Any]]


@pytest.fixture(scope="module")
async def stage(anyio_backend: str) -> AsyncIterator[Stage]:
    switch = Switch(ModelServer([]))
    async with serving(switch) as url:
        yield Stage(url, switch)


async def rewrite(stage: Stage, calls: tuple[Call, ...], typed: str, **context: Any) -> tuple[Scene, str, Any]:
    """A person types while the model writes its calls; the scene, the label, and the last call's output."""
    async with stage.scene(ModelServer([])) as scene:

        def answer(request: StepRequest) -> Reply:
            if any(item.get("type") == "function_call" for item in request.items):
                return Reply("Done.")
            scene.doc.get("shapes", type=YMap)["a"]["text"] = typed
            return Reply("", calls)

        scene.doc.get("shapes", type=YMap)["a"] = YMap({"type": "rect", "text": "Login", "by": "ann"})
        stage.script(ModelServer([], answer=answer))
        run = scene.prompt("call it Sign in", **context)
        await scene.runner.work(run)
        output = json.loads(scene.calls(run)[-1]["output"])
        return scene, str(scene.doc.get("shapes", type=YMap)["a"]["text"]), output


SIGN_IN: Call = ("set_text", {"id": "a", "text": "Sign in"})


async def test_t11_what_a_person_typed_since_the_model_looked_stays_without_find_or_expect(stage: Stage) -> None:
    _, label, output = await rewrite(stage, (SIGN_IN,), "Login with passkeys")
    assert label == "Sign in with passkeys"
    assert output["text"] == "Sign in with passkeys", "the model is told what stands"
    assert output["merged_with"]


async def test_t11_where_both_changed_the_same_words_the_persons_stay_and_the_model_is_told(stage: Stage) -> None:
    _, label, output = await rewrite(stage, (SIGN_IN,), "Passkeys")
    assert label == "Passkeys"
    assert (output["error"]["code"], output["error"]["now"]) == ("STALE", "Passkeys")


async def test_t11_a_second_call_starts_from_what_the_first_has_written(stage: Stage) -> None:
    again: Call = ("set_text", {"id": "a", "text": "Register"})
    _, label, output = await rewrite(stage, (SIGN_IN, again), "Login")
    assert label == "Register"
    assert "merged_with" not in output


async def test_t11_r14_a_proposed_label_is_merged_as_well(stage: Stage) -> None:
    scene, label, output = await rewrite(stage, (SIGN_IN,), "Login with passkeys", propose=True)
    assert label == "Login with passkeys"
    assert output["text"] == "Sign in with passkeys"
    (call,) = (c for c in json.loads(str(scene.doc.get("calls", type=YMap))).values())
    assert call["changes"]["a"]["text"] == ["Login with passkeys", "Sign in with passkeys"]
