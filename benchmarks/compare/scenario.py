"""A scenario: how a server is measured once, and what figures come of it."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.compare import load
from benchmarks.compare.bench import Bench
from benchmarks.compare.figures import Measured, Metric
from benchmarks.compare.load import Result
from benchmarks.compare.peers import Peer
from benchmarks.compare.plan import Plan, Target

Measure = Callable[[Peer, Bench], Measured]


@dataclass(frozen=True, slots=True)
class Scenario:
    """`is_quick`: part of the short form. `takes`: is it for this server?"""

    name: str
    about: str
    metrics: tuple[Metric, ...]
    measure: Measure
    is_quick: bool = False
    takes: Callable[[Peer], bool] = lambda peer: True
    is_once: bool = False
    """Not repeated: a curve, whose points stand for each other."""


def on_fresh_server(peer: Peer, bench: Bench, use: Callable[[Target], Result]) -> Result:
    """`use` gets a server that was just started on an empty folder. Raises PeerError, LoadError."""
    with tempfile.TemporaryDirectory(prefix="coplayer-peer-") as name, peer.running(Path(name), bench.cores) as target:
        return use(target)


def run_plan(peer: Peer, bench: Bench, plan: Plan) -> Result:
    """The plan against a fresh server."""
    return on_fresh_server(peer, bench, lambda target: load.run(plan, target, bench))


def failed(result: Result) -> Measured:
    """A run that does not count."""
    return Measured(fault=result.fault, details=result.raw)


def relay(plan_of: Callable[[Bench], Plan]) -> Measure:
    """CPU time per delivery and latency in the plan's window."""

    def measure(peer: Peer, bench: Bench) -> Measured:
        result = run_plan(peer, bench, plan_of(bench))
        if result.fault:
            return failed(result)
        window = result.windows[0]
        if not window.all.count or not window.deliveries:
            return Measured(fault="nothing that was sent in the window came in it", details=result.raw)
        values = {"cpu_us": window.cpu_us_per_delivery, "p50_ms": window.all.p50_ms, "p99_ms": window.all.p99_ms}
        return Measured(values, generator_share=window.own_share, details=result.raw)

    return measure
