"""Broken and hostile updates against the gate and the CRDT library behind it, in a process that may die.

`python benchmarks/fuzz_gate.py --inputs 4000000` (Linux). Honest sessions of Yjs and pycrdt, between their updates
mutated ones and those of a grammar, for rooms of each profile. A finding is what kills the process, holds it for 2 s of
its own CPU time, raises what nobody may raise, or makes the document, what its listeners have, its log and its snapshot
differ. Each is saved with its inputs in --findings; exit status 1 when there is one. `--seed` begins elsewhere, so that
the totals of several runs add up.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path

if not __package__:  # run as a program: the tree is not on the path yet
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from benchmarks.attack.child import save
from benchmarks.attack.journal import Counts, Journal
from sync.gate import PROFILE_NAMES

ROOT = Path(__file__).resolve().parents[1]
HANG_CPU_S = 2.0  # of one step; the slowest honest one takes 50 ms
LOOK_EVERY_S = 0.25
START_CPU_S = 30.0  # the child's imports and sessions, before its first trial
SUMMED = ("trials", "inputs", "admitted", "refused", "asked")


def cpu_s(pid: int) -> float:
    """User and system time of a process; what it had when it is gone."""
    try:
        after = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    return (int(after[11]) + int(after[12])) / os.sysconf("SC_CLK_TCK")


def one_child(options: argparse.Namespace, first_seed: int, inputs: int, total: Counts) -> tuple[Counts, bool]:
    """Runs until it is done, dead or hung; its counts, and whether it ended as it should."""
    with tempfile.TemporaryDirectory(prefix="coplayer-fuzz-") as folder:
        journal = Journal(Path(folder) / "journal", is_new=True)
        command = [
            sys.executable,
            "-m",
            "benchmarks.attack.child",
            str(Path(folder) / "journal"),
            str(options.findings),
        ]
        child = subprocess.Popen(
            [*command, str(first_seed), str(inputs), *options.profiles], cwd=ROOT, stderr=subprocess.PIPE, text=True
        )
        step, since, told = -1, 0.0, time.monotonic()
        is_hung = False
        while child.poll() is None:
            now = journal.read()
            used = cpu_s(child.pid)
            if now.step != step:
                step, since = now.step, used
            elif used - since > (HANG_CPU_S if now.inputs else START_CPU_S):
                is_hung = True
                child.kill()
            if time.monotonic() - told > options.report_s:
                told = time.monotonic()
                print(line(added(total, now)), flush=True)
            try:
                child.wait(LOOK_EVERY_S)
            except subprocess.TimeoutExpired:
                continue
        counts = journal.read()
        assert child.stderr is not None
        if child.returncode:
            what = "it hung" if is_hung else f"it ended with {child.returncode}: {child.stderr.read()[-3000:]}"
            save(options.findings, "hang" if is_hung else "death", counts.seed, what, list(journal.inputs()))
        child.stderr.close()
        journal.close()
        return counts, child.returncode == 0


def added(total: Counts, more: Counts) -> Counts:
    """Both together; where the second one is."""
    sums = {name: getattr(total, name) + getattr(more, name) for name in SUMMED}
    return Counts(**{**asdict(more), **sums})


def line(counts: Counts) -> str:
    """How far it is."""
    return (
        f"{counts.inputs} inputs in {counts.trials} rooms, seed {counts.seed}: {counts.admitted} admitted,"
        f" {counts.refused} refused, {counts.asked} waited for something missing"
    )


def main() -> int:
    """The exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--inputs", type=int, default=100_000, help="updates to give to rooms")
    parser.add_argument("--seed", type=int, default=1, help="of the first room; each further one has the next")
    parser.add_argument("--findings", type=Path, default=ROOT / "findings", help="folder for what was found")
    parser.add_argument("--report-s", type=float, default=30.0, help="seconds between two lines of progress")
    parser.add_argument("--profiles", nargs="+", choices=PROFILE_NAMES, default=PROFILE_NAMES, help="of the rooms")
    options = parser.parse_args()
    before = set(options.findings.glob("*.json"))
    total, seed = Counts(), options.seed
    while total.inputs < options.inputs:
        counts, _ = one_child(options, seed, options.inputs - total.inputs, total)
        total, seed = added(total, counts), counts.seed + 1
    print(line(total))
    found = sorted(set(options.findings.glob("*.json")) - before)
    for path in found[:20]:
        print(f"{path}: {json.loads(path.read_text())['what'].strip().splitlines()[-1][:300]}")
    kinds = {
        kind: sum(path.name.startswith(kind) for path in found) for kind in ("death", "hang", "exception", "difference")
    }
    print(", ".join(f"{count} {kind}s" for kind, count in kinds.items()) + f"; next seed {seed}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
