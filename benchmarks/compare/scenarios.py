"""All scenarios, with what ours is to reach (ratios: ours to the best of the others in the same run)."""

from __future__ import annotations

from functools import cache

from benchmarks.compare import measures, plans
from benchmarks.compare.figures import Goal, Metric
from benchmarks.compare.peers import Peer
from benchmarks.compare.plan import Plan
from benchmarks.compare.scenario import Measure, Scenario, relay

_fan_out_plan, _rooms_plan = cache(plans.fan_out), cache(plans.busy_rooms)  # the same for all servers


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
        relay(lambda bench: _fan_out_plan(bench.some(readers), bench.seconds)),
        is_quick=readers == 100,
    )


def _mesh(people: int, cpu: float, *p99: Goal) -> Scenario:
    return Scenario(
        f"mesh-{people}",
        f"{people} people drag and point, 30 times a second each: CPU per delivery, latency",
        _relay_metrics(cpu, *p99),
        relay(lambda bench: measures.cached_mesh(bench.some(people), bench.seconds)),
        is_quick=people == 50,
    )


def _is_ours(peer: Peer) -> bool:
    return peer.is_ours


def _is_lean(peer: Peer) -> bool:
    """Not the others' variants with a store, which are never the best of them here and double the time."""
    return peer.is_ours or not peer.is_durable


def _acknowledges(peer: Peer) -> bool:
    """Hocuspocus answers each update, before it is on disk; the others do not answer."""
    return peer.is_ours or peer.dialect == "hocuspocus"


def _burst(transactions: int, about: str, goal: Goal) -> Scenario:
    metrics = (Metric("all_ms", "ms", (goal,)),)
    return Scenario(f"burst-{transactions}", about, metrics, measures.burst(transactions), is_quick=True)


def _joins(shapes: int, per_s: float) -> Scenario:
    return Scenario(
        f"join-{shapes}",
        f"a room of {shapes} shapes in memory: one comes, then 200 at once",
        (
            Metric("join_ms", "ms", digits=2),
            Metric("joins_per_s", "a second", (Goal(per_s),), more_is_better=True, digits=0, label="joins"),
        ),
        measures.joins(shapes),
        is_quick=shapes == 1_000,
    )


def _cold(shapes: int) -> Scenario:
    return Scenario(
        f"cold-{shapes}",
        f"the first comes into a room of {shapes} shapes after a restart",
        (Metric("join_ms", "ms", (Goal(1.0),)),),
        measures.cold(shapes),
        takes=lambda peer: peer.is_durable,
    )


def _memory(name: str, about: str, rooms: int, people: int, goal: float) -> Scenario:
    metrics = (Metric("kb", "KB", (Goal(goal),), label="memory"),)
    return Scenario(name, about, metrics, measures.memory(rooms, people), is_quick=rooms == 1, takes=_is_lean)


def _acks(name: str, about: str, rooms: int, edits_per_s: float, p99_ms: float) -> Scenario:
    metrics = (Metric("p50_ms", "ms"), Metric("p99_ms", "ms", (Goal(p99_ms, "absolute"),)))
    measure = measures.acks(rooms, edits_per_s)
    return Scenario(name, about, metrics, measure, is_quick=rooms == 1, takes=_acknowledges)


def _growth(name: str, about: str, measure: Measure, unit: str) -> Scenario:
    return Scenario(
        name,
        about,
        (
            Metric("exponent", "", (Goal(1.1, "absolute"),), digits=2),
            Metric("knee", "", (Goal(0, "absolute"),), digits=0),
            Metric("last", unit, label="at the largest"),
        ),
        measure,
        takes=_is_ours,
        is_once=True,
    )


def _calm_rooms(rooms: int, seconds: float) -> Plan:
    plan = plans.busy_rooms(rooms, seconds, edits_per_s=0.5)
    plan.join_timeout_s += rooms / 20
    return plan


SCENARIOS = (
    _fan_out(10, 0.5),
    _fan_out(100, 0.7),
    _fan_out(500, 0.75),
    _mesh(20, 0.45),
    _mesh(50, 0.3),
    _mesh(100, 0.35, Goal(1.0), Goal(8, "absolute")),
    Scenario(
        "largest-mesh",
        f"the most people of a mesh with p99 below {measures.CROWD_P99_MS:g} ms",
        (Metric("people", "", (Goal(2.5),), more_is_better=True, digits=0),),
        measures.largest_mesh,
        takes=_is_lean,
    ),
    Scenario(
        "rooms-500",
        "500 rooms of two people, 5 edits a second in each: CPU per delivery, latency",
        _relay_metrics(0.6, Goal(1.5, "absolute")),
        relay(lambda bench: _rooms_plan(bench.some(500), bench.seconds)),
        is_quick=True,
    ),
    _burst(1, "500 shapes in one transaction, until 20 readers have them", Goal(10, "absolute")),
    _burst(500, "500 transactions of one shape, until 20 readers have them", Goal(0.12)),
    _joins(1_000, 3.5),
    _joins(10_000, 6.0),
    _cold(1_000),
    _cold(10_000),
    _memory("memory-connection", "900 connections that do nothing in one room: KB of each", 1, 900, 0.6),
    _memory("memory-room", "1 000 rooms of two that do nothing: KB of each room", 1_000, 2, 0.5),
    _acks("ack-60", "one person, 60 edits a second: from the edit to the word that it is saved", 1, 60, 10),
    _acks("ack-2000", "100 rooms, 2 000 edits a second in all: the same", 100, 20, 25),
    _growth(
        "growth-connections",
        "one drags 60 times a second, 10 to 990 look on: the server's CPU ms a second",
        measures.growth((10, 30, 100, 300, 990), cache(plans.fan_out), measures.cpu_per_s),
        "CPU ms/s",
    ),
    _growth(
        "growth-rooms",
        "1 to 5 000 rooms of two, an edit every two seconds in each: the server's CPU ms a second",
        measures.growth((10, 100, 1_000, 5_000), cache(_calm_rooms), measures.cpu_per_s),
        "CPU ms/s",
    ),
    _growth(
        "growth-shapes",
        "one joins a board of 1 000 to 50 000 shapes on which somebody drags: ms",
        measures.growth((1_000, 5_000, 10_000, 50_000), cache(plans.large_board), measures.join_ms),
        "ms",
    ),
    _growth(
        "growth-shapes-cpu",
        "one drags 60 times a second on such a board: the server's CPU ms a second",
        measures.growth((1_000, 5_000, 10_000, 50_000), cache(plans.large_board), measures.cpu_per_s),
        "CPU ms/s",
    ),
)


def named(names: list[str]) -> tuple[Scenario, ...]:
    """Those of these names, or whose names begin so; all of them for none. Raises KeyError for a wrong name."""
    exact = {scenario.name for scenario in SCENARIOS}
    chosen: set[str] = set()
    for name in names:
        found = {name} if name in exact else {each for each in exact if each.startswith(name)}
        if not found:
            raise KeyError(name)
        chosen |= found
    return tuple(scenario for scenario in SCENARIOS if not names or scenario.name in chosen)
