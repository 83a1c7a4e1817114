"""The process that may die: trials of one seed after the other, each step noted before it is taken.

`python -m benchmarks.attack.child JOURNAL FINDINGS FIRST_SEED INPUTS PROFILES`. What is raised is written down and
the next seed goes on; what ends or hangs the process is found by its parent (benchmarks/fuzz_gate.py).
"""

from __future__ import annotations

import json
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path

from benchmarks.attack.journal import Journal
from benchmarks.attack.recordings import Recording, of_pycrdt, of_yjs
from benchmarks.attack.trial import Trial
from sync.gate import PROFILE_NAMES, ProfileName

PYCRDT_SESSIONS = 40


def recordings() -> list[Recording]:
    """Of both libraries."""
    return [*of_yjs(), *(of_pycrdt(seed) for seed in range(PYCRDT_SESSIONS))]


def save(folder: Path, name: str, seed: int, what: str, inputs: list[bytes]) -> None:
    """A finding, with all that was given to the room."""
    folder.mkdir(parents=True, exist_ok=True)
    finding = {"seed": seed, "what": what, "inputs": [data.hex() for data in inputs]}
    (folder / f"{name}-{seed}.json").write_text(json.dumps(finding, indent=1))


def main(journal_path: Path, findings: Path, first_seed: int, inputs: int, profiles: Sequence[ProfileName]) -> None:
    """Until so many inputs were given."""
    journal = Journal(journal_path, is_new=False)
    recorded = recordings()
    seed = first_seed
    while journal.counts.inputs < inputs:
        journal.begin(seed)
        try:
            Trial(seed, recorded, journal, profiles).run()
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:  # noqa: BLE001 # the library's panics are no Exceptions
            name = "difference" if isinstance(error, AssertionError) else "exception"
            save(findings, name, seed, traceback.format_exc(), list(journal.inputs()))
        journal.counts.trials += 1
        seed += 1
    journal.save()


if __name__ == "__main__":
    names = [name for name in PROFILE_NAMES if name in sys.argv[5:]]
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]), names)
