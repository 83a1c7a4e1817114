"""What a room allows and what was spent there: counted once a step, capped by day, room and person, told in words."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from pycrdt import Doc
from pycrdt import Map as YMap

from agent.budget import Policy, day_of, read_policy, refusal, spend, tokens_of_day
from agent.demo_wire import Reply
from agent.model import Usage
from agent.records import Prompt
from agent.settings import Prices, Settings, SettingsError
from tests.agent.fault_server import ModelServer, Switch, serving
from tests.agent.scene import Scene, Stage

pytestmark = pytest.mark.anyio

NOON = 1_795_348_800_000  # 2026-11-22 12:00 UTC
DAY_MS = 24 * 3600 * 1000
ANN = Prompt("ann", "Ann", "draw", (), None)
STEP = Usage(11, 7, 4)  # what ModelServer says a step took, less the cached part


@pytest.fixture(scope="module")
async def stage(anyio_backend: str) -> AsyncIterator[Stage]:
    switch = Switch(ModelServer([]))
    async with serving(switch) as url:
        yield Stage(url, switch)


def draw(n: int, count: int = 1) -> tuple[str, dict[str, Any]]:
    shapes = [{"type": "rect", "x": 150 * k, "y": 100 * n, "w": 100, "h": 60} for k in range(count)]
    return "create", {"shapes": shapes}


def usage(doc: Doc[Any]) -> dict[str, Any]:
    return dict(json.loads(str(doc.get("usage", type=YMap))))


def allow(doc: Doc[Any], **policy: Any) -> None:
    entries: YMap[Any] = doc.get("policy", type=YMap)
    for name, value in policy.items():
        entries[name] = value


async def test_u1_a_run_is_counted_for_its_day_and_for_who_asked(stage: Stage) -> None:
    async with stage.scene(ModelServer([Reply("", (draw(0), draw(1))), Reply("Done.")])) as scene:
        run = await scene.ask("draw")
        day = day_of(run["at"])
        counted = {"in": 22, "out": 14, "cached": 0, "calls": 2}
        assert usage(scene.doc) == {
            f"{day}:assistant": {"day": day, "agent": "assistant", **counted},
            f"{day}:assistant:ann": {"day": day, "agent": "assistant", "by": "ann", **counted},
        }
        assert run["usage"] == {"input": 22, "output": 14, "cached": 0}
        assert "cost" not in run, "there are no prices but those that somebody set"


async def test_u1_a_step_is_counted_once_whichever_write_was_its_workers_last(stage: Stage) -> None:
    server = ModelServer([Reply("", (draw(0),)), Reply("", (draw(1),)), Reply("Done.")])
    async with stage.model(server) as model:
        first = Scene(model)
        run = first.prompt("draw")
        written = [first.doc.get_update()]
        first.doc.observe(lambda event: written.append(event.update))
        await first.runner.work(run)
        assert len(written) > 8
        for last in range(1, len(written) + 1):
            doc: Doc[Any] = Doc(client_id=2)
            for update in written[:last]:
                doc.apply_update(update)
            second = Scene(model, doc)
            if second.run(run)["status"] != "completed":
                await second.runner.work(run)
            assert second.run(run)["usage"] == {"input": 33, "output": 21, "cached": 0}
            assert [(e["in"], e["out"], e["calls"]) for e in usage(doc).values()] == [(33, 21, 2)] * 2, last


async def test_u1_a_run_costs_what_the_operators_prices_say(stage: Stage) -> None:
    server = ModelServer([Reply("Done.")])
    async with stage.scene(server, model_prices="1000,100,10000") as scene:
        run = await scene.ask("hello")
        assert run["cost"] == pytest.approx((11 * 1000 + 7 * 10_000) / 1e6)
        assert all(entry["cost"] == run["cost"] for entry in usage(scene.doc).values())


@pytest.mark.parametrize("wrong", ["1,2", "a,b,c", "1,2,-3", "1,2,nan", "1,2,inf"])
def test_prices_that_are_none_are_refused_with_a_sentence(wrong: str) -> None:
    with pytest.raises(SettingsError, match="COPLAYER_MODEL_PRICES must be three numbers"):
        Settings.from_env({"COPLAYER_MODEL_PRICES": wrong})


def test_a_cached_token_costs_its_own_price() -> None:
    assert Prices(1.25, 0.125, 10).cost(1_000_000, 400_000, 100_000) == pytest.approx(0.75 + 0.05 + 1.0)


async def test_u2_a_room_that_has_used_its_tokens_says_so_and_asks_no_model(stage: Stage) -> None:
    server = ModelServer([Reply("Done.")])
    async with stage.scene(server, room_tokens_per_day=18) as scene:
        assert (await scene.ask("one"))["status"] == "completed"
        refused = await scene.ask("two")
        assert (refused["status"], refused["error"]["code"]) == ("failed", "budget_room")
        assert refused["error"]["message"] == "This room has used 18 of its 18 tokens for today (UTC)."
        assert len(server.requests) == 1


async def test_u2_a_cap_that_is_reached_in_the_middle_ends_the_run_between_two_steps(stage: Stage) -> None:
    server = ModelServer([Reply("", (draw(0),)), Reply("", (draw(1),)), Reply("Done.")])
    async with stage.scene(server) as scene:
        allow(scene.doc, tokens_per_day=30)
        run = await scene.ask("draw")
        assert (run["status"], run["error"]["code"]) == ("incomplete", "budget_room")
        assert len(scene.shapes()) == 2, "what was done stays"
        assert len(server.requests) == 2


def test_u2_caps_are_of_the_day_of_the_person_and_of_the_lower_number() -> None:
    doc: Doc[Any] = Doc(client_id=1)
    with doc.transaction():
        spend(doc, "assistant", ANN, STEP, 0, Prices(), NOON)
        spend(doc, "helper", ANN, STEP, 0, Prices(), NOON)
    assert (tokens_of_day(doc, NOON), tokens_of_day(doc, NOON, "ann"), tokens_of_day(doc, NOON, "bob")) == (36, 36, 0)
    assert tokens_of_day(doc, NOON + DAY_MS) == 0

    def code(by: str, at: int = NOON, **settings: int) -> str | None:
        refused = refusal(doc, Settings(**settings), by, at)  # type: ignore[arg-type] # numbers, all of them
        return refused["code"] if refused is not None else None

    assert code("ann", person_tokens_per_day=36) == "budget_person"
    assert code("ann", person_tokens_per_day=37) is None
    assert code("bob", person_tokens_per_day=36) is None
    assert code("ann", NOON + DAY_MS, person_tokens_per_day=36) is None
    allow(doc, tokens_per_day=1000)
    assert code("bob", room_tokens_per_day=36) == "budget_room", "a room cannot raise what the operator gives"
    allow(doc, tokens_per_day=20)
    assert code("bob", room_tokens_per_day=36_000) == "budget_room"


def test_u2_policy_switches_the_assistant_off_and_says_who_may_ask() -> None:
    doc: Doc[Any] = Doc(client_id=1)
    allow(doc, who_may_ask=["ann"])
    assert refusal(doc, Settings(), "ann", NOON) is None
    refused = refusal(doc, Settings(), "bob", NOON)
    assert refused is not None
    assert refused["code"] == "not_allowed"
    allow(doc, who_may_ask="everyone")
    assert refusal(doc, Settings(), "bob", NOON) is None
    allow(doc, agent_enabled=False)
    refused = refusal(doc, Settings(), "ann", NOON)
    assert refused is not None
    assert refused["code"] == "agent_off"


async def test_u2_policy_limits_calls_and_shapes_of_a_run(stage: Stage) -> None:
    replies = [Reply("", (draw(0, 3),)), Reply("", (draw(1, 3),)), Reply("", (draw(2, 1),)), Reply("Done.")]
    async with stage.scene(ModelServer(replies)) as scene:
        allow(scene.doc, max_shapes=4)
        run = await scene.ask("draw")
        calls = scene.calls(next(iter(scene.doc.get("runs", type=YMap))))
        assert [call["status"] for call in calls] == ["done", "error", "done"]
        assert json.loads(calls[1]["output"])["error"]["code"] == "BUDGET"
        assert (run["status"], len(scene.shapes())) == ("completed", 4)
        allow(scene.doc, max_calls=2, max_shapes=400)
        run = await scene.ask("draw again")
        assert (run["status"], run["error"]["code"]) == ("incomplete", "call_limit")
        assert len(scene.shapes()) == 4 + 6


@pytest.mark.parametrize(
    "wrong", [{"who_may_ask": 5}, {"max_calls": "many"}, {"tokens_per_day": -1}, {"agent_enabled": None}, {"x": []}]
)
def test_d6_a_policy_that_cannot_be_read_restricts_nothing(wrong: dict[str, Any]) -> None:
    doc: Doc[Any] = Doc(client_id=1)
    allow(doc, **wrong)
    assert read_policy(doc) == Policy()
