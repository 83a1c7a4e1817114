"""Everything that was measured, as it is kept in a file."""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

from benchmarks.compare import machine
from benchmarks.compare.figures import Measured, Summary
from benchmarks.compare.peers import PEERS_IN_ORDER


@dataclass(slots=True)
class Results:
    """`runs`: scenario -> server -> its repetitions. `began` is Unix time."""

    began: float
    repeat: int
    machine: dict[str, str]
    versions: dict[str, str]
    minutes: float = 0.0
    load: float = 0.0
    """Load average when it began: what others did on this machine."""
    runs: dict[str, dict[str, list[Measured]]] = field(default_factory=dict)

    @classmethod
    def now(cls, repeat: int) -> Results:
        """Of this machine, with nothing measured yet."""
        return cls(time.time(), repeat, machine.shape(), machine.versions(), load=round(machine.load_average(), 1))

    def servers(self) -> list[str]:
        """Those that were measured, in the table's order."""
        measured = {server for found in self.runs.values() for server in found}
        return [peer.name for peer in PEERS_IN_ORDER if peer.name in measured]

    def summaries(self) -> dict[str, dict[str, Summary]]:
        """Medians."""
        return {
            scenario: {server: Summary.of(runs) for server, runs in found.items()}
            for scenario, found in self.runs.items()
        }


def write(results: Results, path: Path) -> None:
    """As JSON."""
    path.write_text(json.dumps(asdict(results), indent=1) + "\n")


def read(path: Path) -> Results:
    """What `write` wrote."""
    raw = json.loads(path.read_text())
    runs = {
        scenario: {server: [Measured(**run) for run in runs] for server, runs in found.items()}
        for scenario, found in raw.pop("runs").items()
    }
    return Results(**raw, runs=runs)
