"""D4 at large: whatever people and the assistant do at once, people's work stands. Long form: --schedules 500."""

from __future__ import annotations

import pytest

from tests.agent.schedules import ASSISTANT, PEOPLE, Tally, Write, judge_field, run_schedule


def test_d4_in_any_schedule_peoples_values_and_deletions_stand_and_all_else_is_the_assistants(
    request: pytest.FixtureRequest,
) -> None:
    tally = Tally()
    for seed in range(request.config.getoption("--schedules")):
        run_schedule(seed, tally)
    print(tally)  # noqa: T201 - the figures of the long form
    assert tally.broken == []
    assert tally.contested > tally.schedules / 4, "people and the assistant met"
    assert tally.deletions > 0
    assert tally.acts["BEING_DRAGGED"] > 0
    assert tally.acts["DELETED"] > 0


def test_the_judge_of_schedules_sees_a_value_that_should_not_stand() -> None:
    base = Write(PEOPLE[0], 0, {}, "base")
    saw = {PEOPLE[0]: 1}
    own, theirs = Write(ASSISTANT, 0, saw, "own"), Write(PEOPLE[1], 0, saw, "theirs")
    assert judge_field("own", "fill", [base, own, theirs], Tally()) != []
    assert judge_field("base", "fill", [base, own], Tally()) != []
    assert judge_field("theirs", "fill", [base, own, theirs], Tally()) == []
