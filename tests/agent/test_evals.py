"""The evals: a good model passes them all on both wires, and the oracles catch one that does nothing or too much."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from agent.demo_wire import Reply
from agent.evals.__main__ import main, table
from agent.evals.cases import CASES, Case
from agent.evals.runs import run_cases
from agent.settings import Api

pytestmark = pytest.mark.anyio


class Idle(Case):
    """A model that only says that it is done."""

    def replies(self) -> list[Reply]:
        return [Reply("Done.")]


class Vandal(Case):
    """A model that paints and moves all that was there."""

    def replies(self) -> list[Reply]:
        change = {"ids": list(self.start), "set": {"fill": "pink", "y": 700}}
        return [Reply("", (("update", {"changes": [change]}),)), Reply("Done.")]


def with_model(case: Case, kind: type[Case]) -> Case:
    return kind(**{name: getattr(case, name) for name in Case.__dataclass_fields__})


@pytest.mark.parametrize("api", ["responses", "chat"])
async def test_a_good_model_passes_every_case_and_nobodys_work_is_lost(api: Api) -> None:
    cases = CASES if api == "responses" else CASES[::4]
    outcomes = await run_cases("scripted", cases, api)
    assert [(o.name, o.wrong) for o in outcomes if not o.passed] == []
    assert len(CASES) >= 20
    figures = [outcome.figures for outcome in outcomes]
    assert sum(f.collateral for f in figures) == sum(f.duplicates for f in figures) == 0
    assert sum(f.human_fields_kept for f in figures) == sum(f.human_fields for f in figures)
    assert figures[0].first_change_s is not None
    if api == "responses":
        assert sum(f.human_fields for f in figures) == 6
        assert [case.name for f, case in zip(figures, cases, strict=True) if f.stop_s is not None] == ["stopped"]
    assert f"{len(cases)} of {len(cases)} passed" in table(outcomes)


async def test_a_model_that_does_nothing_passes_only_where_nothing_is_right() -> None:
    outcomes = await run_cases("scripted", [with_model(case, Idle) for case in CASES])
    passed = {outcome.name for outcome in outcomes if outcome.passed}
    assert passed == {"delete all, kept", "only a question", "a person drags it"}


async def test_a_model_that_changes_what_it_was_not_asked_to_is_caught() -> None:
    cases = [with_model(case, Vandal) for case in CASES if case.start and case.status == "completed"]
    outcomes = await run_cases("scripted", cases)
    passed = [outcome.name for outcome in outcomes if outcome.passed]
    assert passed == ["a person drags it"], "that call is refused whole"
    damage = {outcome.name: outcome.figures.collateral for outcome in outcomes}
    assert damage["recolour the blue"] == 4, "fill and y of the two green boxes"
    assert damage["only a question"] == 8


async def test_a_case_that_draws_twice_counts_its_twins() -> None:
    row = next(case for case in CASES if case.name == "labelled row")
    (outcome,) = await run_cases("scripted", [replace(row, good=(*row.good, *row.good))])
    assert outcome.figures.duplicates == 4
    assert not outcome.passed


def test_the_command_says_which_cases_it_knows(capsys: pytest.CaptureFixture[str]) -> None:
    with ThreadPoolExecutor(1) as pool:  # this thread may hold the event loop of fixtures that other tests share
        assert pool.submit(main, ["--filter", "row of", "--json"]).result() == 0
        assert '"name": "row of circles"' in capsys.readouterr().out
        with pytest.raises(SystemExit):
            pool.submit(main, ["--filter", "no such case"]).result()
