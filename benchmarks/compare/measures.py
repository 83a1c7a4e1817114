"""How a server is measured once in the scenarios that are not a plain relay."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from statistics import median

from benchmarks.compare import load, plans
from benchmarks.compare.bench import Bench
from benchmarks.compare.figures import Measured
from benchmarks.compare.load import Result
from benchmarks.compare.peers import Peer
from benchmarks.compare.plan import Plan, Target
from benchmarks.compare.scenario import Measure, failed, on_fresh_server, run_plan

CROWDS = (20, 30, 40, 50, 65, 80, 100, 120, 150, 200, 250, 300, 350, 400)
CROWD_P99_MS = 100.0

cached_mesh = cache(plans.mesh)


def burst(transactions: int) -> Measure:
    """From the first update to the moment when the last reader has the last: the median of the bursts."""
    plan = cache(plans.bursts)

    def measure(peer: Peer, bench: Bench) -> Measured:
        shapes = bench.some(500)
        result = run_plan(peer, bench, plan(min(transactions, shapes), shapes))
        if result.fault:
            return failed(result)
        began: dict[int, float] = {}
        done: dict[int, float] = {}
        for stream, sent_ms, done_ms in result.watched_ms:
            began[stream] = min(sent_ms, began.get(stream, sent_ms))
            done[stream] = max(done_ms, done.get(stream, done_ms))
        took = [done[stream] - began[stream] for stream in began]
        return Measured({"all_ms": median(took)}, generator_share=result.windows[0].own_share, details=result.raw)

    return measure


def joins(shapes: int, at_once: int = 200) -> Measure:
    """Milliseconds until one who comes has everything, and how many of those who come at once a second."""
    plan = cache(plans.warm_joins)

    def measure(peer: Peer, bench: Bench) -> Measured:
        result = run_plan(peer, bench, plan(bench.some(shapes), bench.some(at_once)))
        if result.fault:
            return failed(result)
        singles, rush = result.joins_ms[:5], result.joins_ms[5:-1]  # the last is the one who looks whether all is well
        seconds = (max(began + took for began, took in rush) - min(began for began, _ in rush)) / 1e3
        values = {"join_ms": median(took for _, took in singles), "joins_per_s": len(rush) / seconds}
        return Measured(values, generator_share=result.windows[0].own_share, details=result.raw)

    return measure


def cold(shapes: int) -> Measure:
    """Milliseconds until the first has a room of so many shapes that the server reads from disk."""
    plan = cache(plans.keep)

    def measure(peer: Peer, bench: Bench) -> Measured:
        kept = plan(bench.some(shapes))
        with tempfile.TemporaryDirectory(prefix="coplayer-peer-") as name:
            folder = Path(name)
            with peer.running(folder, bench.cores) as target:
                result = load.run(kept, target, bench)
            if result.fault:
                return failed(result)
            with peer.running(folder, bench.cores) as target:
                result = load.run(plans.cold_join(kept), target, bench, document=kept.shapes(0))
            if result.fault:
                return failed(result)
            return Measured({"join_ms": result.joins_ms[0][1]}, details=result.raw)

    return measure


def memory(rooms: int, people: int) -> Measure:
    """Resident KB that each room takes (with one room: each connection), after a first one has warmed the server."""

    def measure(peer: Peer, bench: Bench) -> Measured:
        def use(target: Target) -> Result:
            first = load.run(_warm(), target, bench)
            return first if first.fault else _grown(first, load.run(plan, target, bench))

        count = bench.some(people if rooms == 1 else rooms)
        plan = plans.idle(1, count) if rooms == 1 else plans.idle(count, people)
        plan.floor = "idle-"
        result = on_fresh_server(peer, bench, use)
        if result.fault:
            return failed(result)
        return Measured({"kb": (result.rss_kb[1] - result.rss_kb[0]) / count}, details=result.raw)

    return measure


@cache
def _warm() -> Plan:
    return plans.busy_rooms(5, 1.0)


def _grown(first: Result, then: Result) -> Result:
    return Result(then.fault, then.windows, (first.rss_kb[-1], *then.rss_kb), then.fds, (), (), then.raw)


def acks(rooms: int, edits_per_s: float) -> Measure:
    """Milliseconds from an edit to the server's word that it is saved."""
    plan = cache(plans.saved)

    def measure(peer: Peer, bench: Bench) -> Measured:
        result = run_plan(peer, bench, plan(rooms if rooms == 1 else bench.some(rooms), edits_per_s, bench.seconds))
        if result.fault:
            return failed(result)
        window = result.windows[0]
        if window.acks.count < window.sends:
            fault = f"only {window.acks.count} of {window.sends} edits were acknowledged"
            return Measured(fault=fault, details=result.raw)
        values = {"p50_ms": window.acks.p50_ms, "p99_ms": window.acks.p99_ms}
        return Measured(values, generator_share=window.own_share, details=result.raw)

    return measure


def largest_mesh(peer: Peer, bench: Bench) -> Measured:
    """The most people of CROWDS for whom a mesh's p99 stays below CROWD_P99_MS and nothing is lost; by bisection."""
    share = 0.0
    crowds = CROWDS if bench.scale == 1.0 else (2, 3)
    low, high = -1, len(crowds)
    steps: dict[int, str] = {}
    while high - low > 1:
        middle = (low + high) // 2
        plan = cached_mesh(crowds[middle], min(2.0, bench.seconds))
        plan.settle_s = 5.0
        try:
            result = run_plan(peer, bench, plan)
        except load.LoadError as error:
            steps[crowds[middle]], high = str(error), middle
            continue
        window = result.windows[0] if result.windows else None
        p99_ms = window.all.p99_ms if window is not None and window.all.count else math.inf
        steps[crowds[middle]] = result.fault or f"p99 {p99_ms:.1f} ms"
        if not result.fault and p99_ms < CROWD_P99_MS:
            low, share = middle, window.own_share if window is not None else share
        else:
            high = middle
    most = crowds[low] if low >= 0 else 0
    return Measured({"people": float(most)}, generator_share=share, details={"steps": steps})


def growth(
    sizes: tuple[int, ...], plan_of: Callable[[int, float], Plan], per: Callable[[Result, int], float]
) -> Measure:
    """How a cost grows with size: the exponent of all sizes (1 is linear), and where it bends upwards."""

    def measure(peer: Peer, bench: Bench) -> Measured:
        points: list[tuple[int, float]] = []
        share = 0.0
        for size in sizes if bench.scale == 1.0 else (bench.some(sizes[1]), bench.some(sizes[2])):
            result = run_plan(peer, bench, plan_of(size, min(3.0, bench.seconds)))
            if result.fault:
                return Measured(fault=f"with {size}: {result.fault}", details=result.raw)
            points.append((size, per(result, size)))
            share = max(share, result.windows[0].own_share)
        values = {"exponent": exponent(points), "knee": float(knee(points)), "last": points[-1][1]}
        return Measured(values, generator_share=share, details={"points": points})

    return measure


def exponent(points: list[tuple[int, float]]) -> float:
    """Of the power law that fits best: the slope of a line through the logarithms."""
    xs = [math.log(size) for size, _ in points]
    ys = [math.log(max(cost, 1e-9)) for _, cost in points]
    x0, y0 = sum(xs) / len(xs), sum(ys) / len(ys)
    spread = sum((x - x0) ** 2 for x in xs)
    return sum((x - x0) * (y - y0) for x, y in zip(xs, ys, strict=True)) / spread if spread else 0.0


def knee(points: list[tuple[int, float]], bend: float = 1.5) -> int:
    """The first size at which the cost of one more is `bend` times what it was on the way there; 0 for none."""
    for (a, cost_a), (b, cost_b), (c, cost_c) in zip(points, points[1:], points[2:], strict=False):
        before, after = (cost_b - cost_a) / (b - a), (cost_c - cost_b) / (c - b)
        if after > bend * max(before, cost_b / b):
            return c
    return 0


def cpu_per_s(result: Result, size: int) -> float:
    """The server's CPU time, ms a second."""
    window = result.windows[0]
    return window.cpu_us / window.seconds / 1e3


def join_ms(result: Result, size: int) -> float:
    """Of those who came one after the other."""
    return median(took for _, took in result.joins_ms[:3])
