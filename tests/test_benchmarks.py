"""The benchmarks still run: every scenario against ours with tiny numbers; no time is looked at."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from pycrdt import Doc, merge_updates

from benchmarks import soak
from benchmarks.compare import load, plans
from benchmarks.compare.bench import Bench
from benchmarks.compare.cores import Cores
from benchmarks.compare.drawing import FLOAT_MAGIC, Pen, word
from benchmarks.compare.figures import Goal, Measured, Metric, Summary, compare
from benchmarks.compare.measures import exponent, knee
from benchmarks.compare.page import PAGE, rendered, with_table
from benchmarks.compare.peers import OURS, Peer
from benchmarks.compare.plan import Target
from benchmarks.compare.results import Results, read, write
from benchmarks.compare.scenario import Scenario
from benchmarks.compare.scenarios import named
from tests.support.server import Server

ONE_OF_EACH_KIND = (
    "fanout-10",
    "mesh-20",
    "largest-mesh",
    "rooms-500",
    "burst-1",
    "burst-500",
    "join-1000",
    "cold-1000",
    "memory-connection",
    "memory-room",
    "ack-2000",
    "growth-shapes",
)


@dataclass(frozen=True, slots=True)
class Standing(Peer):
    """One server for all scenarios, which get rooms of their own."""

    server: Server | None = None

    @contextmanager
    def running(self, folder: Path, cores: Cores) -> Iterator[Target]:
        """Without a start; a second visit with the same folder finds the same rooms."""
        assert self.server is not None
        port = urlsplit(self.server.url).port
        assert port is not None
        yield Target("127.0.0.1", port, "y-websocket", "/sync/", (self.server.pid,), f"bench-{folder.name}-")


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Standing]:
    with Server(tmp_path_factory.mktemp("bench"), "--profiles", "bench*=board") as server:
        yield Standing(OURS.name, OURS.dialect, OURS.path, OURS.command, is_ours=True, is_durable=True, server=server)


@pytest.fixture
def bench() -> Bench:
    return Bench(Cores.of_this_machine(), seconds=2.0, scale=0.01, pace=0.05)


@pytest.mark.parametrize("scenario", named([*ONE_OF_EACH_KIND]), ids=lambda scenario: scenario.name)
def test_every_scenario_measures_what_it_names(scenario: Scenario, ours: Standing, bench: Bench) -> None:
    measured = scenario.measure(ours, bench)
    assert measured.fault == ""
    assert set(measured.values) == {metric.key for metric in scenario.metrics}


def test_a_reader_with_another_document_fails_the_run(ours: Standing, bench: Bench, tmp_path: Path) -> None:
    plan = plans.fan_out(2, 1.0)
    with ours.running(tmp_path, bench.cores) as target:
        wrong = {**plan.shapes(0), "drag0": {}}
        assert "does not have the document" in load.run(plan, target, bench, document=wrong).fault


def test_a_server_that_lets_nobody_in_fails_the_run(ours: Standing, bench: Bench, tmp_path: Path) -> None:
    with ours.running(tmp_path, bench.cores) as target:
        nowhere = replace(target, path="/nowhere/")
        assert "handshake" in load.run(plans.fan_out(2, 1.0), nowhere, bench).fault


def test_an_update_that_did_not_arrive_is_missing(ours: Standing, bench: Bench, tmp_path: Path) -> None:
    plan = plans.fan_out(2, 1.0)
    plan.connections = [each for each in plan.connections if each.is_counted]
    plan.settle_s = 0.2
    last = max(plan.messages, key=lambda message: message.at)
    last.content = plan.messages[0].content  # known already: the server passes nothing on
    with ours.running(tmp_path, bench.cores) as target:
        assert "deliveries are missing" in load.run(plan, target, bench).fault


def test_the_number_of_a_drag_outlives_merging_and_reencoding() -> None:
    pen = Pen(1)
    updates = [pen.draw("s", word(3, 1)), *(pen.drag("s", word(3, seq)) for seq in range(2, 40))]
    doc: Doc[Any] = Doc()
    for update in updates:
        doc.apply_update(update)
    marker = struct.pack(">II", FLOAT_MAGIC, word(3, 39))
    assert marker in merge_updates(*updates)
    assert marker in doc.get_update()


def test_guests_of_a_soak_come_draw_and_leave_and_nobody_misses_anything(
    ours: Standing, bench: Bench, tmp_path: Path
) -> None:
    plan = soak.crowd(rooms=4, clients=16, seconds=5.0, seed=1)
    with ours.running(tmp_path, bench.cores) as target:
        result = load.run(plan, target, replace(bench, pace=0.2))
    assert result.fault == ""


def test_a_soak_in_which_memory_or_files_grow_is_told() -> None:
    def sample(minute: int, mb: float = 60.0, fds: int = 20, fault: str = "") -> soak.Sample:
        return soak.Sample(minute, mb, 100.0, 9, fds, 2.0, 3, fault)

    steady = [sample(minute, mb=60.0 + minute % 2) for minute in range(12)]
    assert soak.verdict(steady) == []
    assert abs(soak.slope(steady, "fds")) < 1e-9
    leaking = [sample(minute, mb=60.0 + 2.0 * minute) for minute in range(12)]
    assert ["server_mb" in line for line in soak.verdict(leaking)] == [True]
    assert soak.slope(leaking, "server_mb") == pytest.approx(2.0)
    creeping = [sample(minute, mb=60.0 + 0.6 * minute) for minute in range(12)]
    assert ["server_mb grows" in line for line in soak.verdict(creeping)] == [True]
    assert ["fds" in line for line in soak.verdict([sample(minute, fds=20 + minute) for minute in range(12)])] == [True]
    assert "lost" in soak.verdict([*steady, sample(12, fault="lost")])[0]
    assert "too short" in soak.verdict(steady[:4])[0]


def test_ratios_are_to_the_best_that_did_not_fail() -> None:
    cost = Metric("cpu_us", "us", (Goal(0.5),))
    others = {
        "a": Summary.of([Measured({"cpu_us": 10.0})]),
        "b": Summary.of([Measured(fault="lost"), Measured({"cpu_us": 1.0})]),
    }
    line = compare(cost, Summary.of([Measured({"cpu_us": v}) for v in (3.0, 4.0, 99.0)]), others)
    assert (line.ratio, line.best_name, line.is_met) == (0.4, "a", True)
    assert compare(cost, Summary.of([Measured(fault="lost")]), others).is_met is False
    speed = Metric("joins_per_s", "joins/s", (Goal(3.5),), more_is_better=True)
    fast = {"a": Summary.of([Measured({"joins_per_s": 100.0})])}
    assert compare(speed, Summary.of([Measured({"joins_per_s": 300.0})]), fast).is_met is False


def test_linear_growth_has_no_knee_and_quadratic_has_one() -> None:
    sizes = (10, 100, 1_000, 5_000)
    assert knee([(n, 2.0 * n + 5) for n in sizes]) == 0
    assert exponent([(n, 2.0 * n) for n in sizes]) == pytest.approx(1.0)
    assert knee([(n, n * n / 1_000) for n in sizes]) == 1_000
    assert exponent([(n, n * n / 1_000) for n in sizes]) == pytest.approx(2.0)


def test_the_page_holds_the_table_and_results_outlive_a_file(tmp_path: Path) -> None:
    results = Results(
        0.0, 1, {"cpu": "2 cores"}, {"yjs": "13"}, runs={"fanout-10": {"coplayer": [Measured({"cpu_us": 1.5})]}}
    )
    write(results, tmp_path / "results")
    assert read(tmp_path / "results") == results
    page = with_table(PAGE.read_text(), rendered(results))
    assert "| fanout-10 " in page
    assert with_table(page, rendered(results)) == page
    assert page.startswith("# Performance")


def test_scenarios_are_chosen_by_name_or_beginning() -> None:
    assert [scenario.name for scenario in named(["join-1000"])] == ["join-1000"]
    assert {scenario.name for scenario in named(["fanout"])} == {"fanout-10", "fanout-100", "fanout-500"}
    with pytest.raises(KeyError):
        named(["nothing"])
