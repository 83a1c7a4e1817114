"""All scenarios, with what ours is to reach (ratios: ours to the best of the others in the same run)."""

from __future__ import annotations

from benchmarks.compare import plans
from benchmarks.compare.figures import Goal, Metric
from benchmarks.compare.scenario import Scenario, relay


def _relay_metrics(cpu: float, *p99: Goal) -> tuple[Metric, ...]:
    return (
        Metric("cpu_us", "us", (Goal(cpu),), digits=2),
        Metric("p50_ms", "ms", digits=2),
        Metric("p99_ms", "ms", p99 or (Goal(1.0),), digits=2),
    )


def _fan_out(readers: int, cpu: float) -> Scenario:
    return Scenario(
        f"fanout-{readers}",
        f"one drags 60 times a second, {readers} look on: CPU per delivery, latency",
        _relay_metrics(cpu),
        relay(lambda bench: plans.fan_out(readers, bench.seconds)),
        is_quick=readers == 100,
    )


def _mesh(people: int, cpu: float, *p99: Goal) -> Scenario:
    return Scenario(
        f"mesh-{people}",
        f"{people} people drag and point, 30 times a second each: CPU per delivery, latency",
        _relay_metrics(cpu, *p99),
        relay(lambda bench: plans.mesh(people, bench.seconds)),
        is_quick=people == 50,
    )


SCENARIOS = (
    _fan_out(10, 0.5),
    _fan_out(100, 0.7),
    _fan_out(500, 0.75),
    _mesh(20, 0.45),
    _mesh(50, 0.3),
    _mesh(100, 0.35, Goal(1.0), Goal(8, "absolute")),
)


def named(names: list[str]) -> tuple[Scenario, ...]:
    """The scenarios whose names begin with one of these; all of them for none. Raises KeyError for a wrong name."""
    for name in names:
        if not any(scenario.name.startswith(name) for scenario in SCENARIOS):
            raise KeyError(name)
    return tuple(s for s in SCENARIOS if not names or any(s.name.startswith(name) for name in names))
