"""A figure: what a scenario measures of a server, what ours is to reach, and whether it does."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Literal


@dataclass(frozen=True, slots=True)
class Goal:
    """`ratio`: of ours to the best of the others, which a smaller (or, for more-is-better, larger) one beats."""

    limit: float
    kind: Literal["ratio", "absolute"] = "ratio"


@dataclass(frozen=True, slots=True)
class Metric:
    """One figure of a scenario. `digits` after the point."""

    key: str
    unit: str
    goals: tuple[Goal, ...] = ()
    more_is_better: bool = False
    digits: int = 1
    label: str = ""
    """What the table calls it; its key without the unit when empty."""

    @property
    def name(self) -> str:
        """With its unit, for the table."""
        label = self.label or self.key.rpartition("_")[0] or self.key
        return f"{label}, {self.unit}" if self.unit else label

    def reaches(self, value: float, limit: float) -> bool:
        """Is a value at the limit or on its good side?"""
        return value >= limit if self.more_is_better else value <= limit

    def target(self) -> str:
        """The goals in words."""
        sign = "≥" if self.more_is_better else "≤"
        texts = (
            f"{sign} {goal.limit:g} x" if goal.kind == "ratio" else f"{sign} {goal.limit:g} {self.unit}"
            for goal in self.goals
        )
        return " and ".join(texts)


@dataclass(frozen=True, slots=True)
class Measured:
    """One run of one server in one scenario. With a `fault` there are no figures."""

    values: Mapping[str, float] = field(default_factory=dict)
    fault: str = ""
    generator_share: float = 0.0
    """Of its core, the highest of the run."""
    details: Mapping[str, object] = field(default_factory=dict)
    """For the JSON file."""


@dataclass(frozen=True, slots=True)
class Summary:
    """The repetitions of one server in one scenario: medians, or why there are none."""

    values: Mapping[str, float]
    fault: str
    generator_share: float

    @classmethod
    def of(cls, runs: Sequence[Measured]) -> Summary:
        """One failed run makes the row failed."""
        share = max((run.generator_share for run in runs), default=0.0)
        fault = next((run.fault for run in runs if run.fault), "" if runs else "not run")
        if fault:
            return cls({}, fault, share)
        keys = {key for run in runs for key in run.values}
        return cls({key: median(run.values[key] for run in runs if key in run.values) for key in keys}, "", share)


@dataclass(frozen=True, slots=True)
class Comparison:
    """One line of the table."""

    ours: float | None
    best: float | None
    """Of the others that did not fail."""
    best_name: str
    ratio: float | None
    is_met: bool | None
    """None when there is nothing to say: no goal, or nobody to compare with."""


def compare(metric: Metric, ours: Summary | None, others: Mapping[str, Summary]) -> Comparison:
    """Ours against the best of the others."""
    mine = None if ours is None else ours.values.get(metric.key)
    pick = max if metric.more_is_better else min
    theirs = {name: summary.values[metric.key] for name, summary in others.items() if metric.key in summary.values}
    best_name = pick(theirs, key=lambda name: theirs[name]) if theirs else ""
    best = theirs.get(best_name)
    ratio = mine / best if mine is not None and best else None
    return Comparison(mine, best, best_name, ratio, _is_met(metric, ours, mine, ratio))


def _is_met(metric: Metric, ours: Summary | None, mine: float | None, ratio: float | None) -> bool | None:
    if not metric.goals or ours is None:
        return None
    if ours.fault or mine is None or not math.isfinite(mine):
        return False
    verdicts = []
    for goal in metric.goals:
        value = mine if goal.kind == "absolute" else ratio
        if value is not None:
            verdicts.append(metric.reaches(value, goal.limit))
    return all(verdicts) if verdicts else None
