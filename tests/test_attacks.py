"""The attack programs of benchmarks/, in short (docs/spec.md G, W7): they find nothing, and would find something.

`--attacks 100000` for more inputs to the gate; the programs themselves print more and take counts as options.
"""

from __future__ import annotations

import argparse
import asyncio
from pathlib import Path

import pytest

from benchmarks import fuzz_gate, fuzz_server, resilience
from benchmarks.attack.child import recordings
from benchmarks.attack.journal import Counts, Journal
from benchmarks.attack.trial import Difference, Trial
from tests.support.server import Server


@pytest.mark.timeout(0)  # as long as the option says
def test_g_hostile_updates_neither_kill_the_library_nor_make_log_and_snapshot_differ(
    request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    count = request.config.getoption("--attacks")
    options = argparse.Namespace(findings=tmp_path, report_s=3_600.0, profiles=["map", "board"])
    counts, ended_well = fuzz_gate.one_child(options, 1, count, Counts())
    assert ended_well
    assert not list(tmp_path.glob("*.json"))
    assert counts.inputs >= count
    assert counts.admitted > count / 20, "most of them do not get past the first look"


def test_a_row_that_is_missing_from_the_log_would_be_found(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal", is_new=True)
    trial = Trial(3, recordings(), journal, ["board"])
    trial.run()
    trial.log.pop()
    with pytest.raises(Difference):
        trial.compare()
    journal.close()


def test_a_child_that_dies_is_a_finding_with_its_inputs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its journal outlives it: here it ends because no such room can be made."""
    options = argparse.Namespace(findings=tmp_path, report_s=3_600.0, profiles=["map"])
    monkeypatch.setenv("PYTHONHASHSEED", "no number")  # Python itself refuses to start
    _, ended_well = fuzz_gate.one_child(options, 1, 10, Counts())
    assert not ended_well
    assert [path.name for path in tmp_path.glob("*.json")] == ["death-0.json"]


def test_w7_bad_clients_on_real_sockets_take_nothing_from_the_good_ones(tmp_path: Path) -> None:
    """Every edit of the good ones comes and is acknowledged; what the bad ones left reads from the store as it was."""
    options = argparse.Namespace(inputs=150, seed=3, window_s=0.4, rough=1.0, pause_ms=20.0, clients=4)
    with asyncio.Runner() as runner:
        with Server(tmp_path, environ=fuzz_server.ENVIRON) as server:
            total, calm, rough = runner.run(fuzz_server.attack(server, options))
            live = fuzz_server.documents(server)
            server.stop()
        assert runner.run(fuzz_server.differing(tmp_path, live)) == []
    assert not [word for word in fuzz_server.TELLING if word in server.output], server.output
    assert total["stuck"] == total["unanswered"] == 0
    assert total["refusals"] > 0
    assert len(live) > 1
    assert calm
    assert all(window.acks for window in rough)


def test_half_open_handshakes_are_gone_after_their_time_and_a_good_client_does_not_notice(tmp_path: Path) -> None:
    options = argparse.Namespace(rounds=1, window_s=0.3, attack_s=2.0, scale=0.02, settle_s=0.0, pause_ms=20.0)
    with (
        resilience.TimedServer(tmp_path, environ={**fuzz_server.ENVIRON, "COPLAYER_HANDSHAKE_S": "0.3"}) as server,
        asyncio.Runner() as runner,
    ):
        report = runner.run(resilience.one(server, "half-open", options))
    assert (report.facts["opened"], report.facts["still_open"]) == (20, 0)
    assert resilience.faults(report, argparse.Namespace(memory_mb=700.0)) == []
    assert "Traceback" not in server.output
