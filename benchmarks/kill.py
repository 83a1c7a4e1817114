"""Kills the server with SIGKILL at random moments while people write, and counts what was acknowledged and is gone.

`python benchmarks/kill.py --rounds 200 --store sqlite --writers 5`. Each round: the writers edit two rooms and note
every edit that `Provider.saved()` confirmed; the server dies; it starts again, and before any writer is back to heal
it, a newcomer looks whether all that was confirmed is there. Then the survivors return and all must agree. Snapshots
are written every few rows and rooms leave memory at once, so that kills strike compaction and unloading too, and
somebody goes back to versions of a third room all the time. In every fifth round, while the server is down, its file is
backed up and put back, and that is killed as well. With PostgreSQL, the database is killed along in every tenth round.

`--tally FILE` adds to the totals in a file, so that a thousand rounds can be run in pieces; `--minutes` ends a piece.
Exit status 1 when anything was lost.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

if not __package__:  # run as a program: the tree is not on the path yet
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import anyio

from benchmarks.durability.check import Totals
from benchmarks.durability.counts import Table, print_faults
from benchmarks.durability.ordeal import Ordeal
from benchmarks.durability.victim import Victim, place

LIFE_S = 0.6  # at most, after the first confirmed edit; a life has some hundreds of them, or thousands
COUNTS = {"rounds": 7, "edits": 9, "acked": 9, "versions": 8, "restores": 8}
FAULTS = {"lost": 6, "unreadable": 11, "diverged": 9}


async def run(
    victim: Victim,
    rounds: int,
    writers: int,
    seed: int,
    tell: Callable[[Totals], None] = lambda totals: None,
    database_every: int = 10,
    minutes: float = math.inf,
    life_s: float = LIFE_S,
) -> Totals:
    """`tell` hears of every round; in every `database_every`th the database dies along."""
    ends = time.monotonic() + 60 * minutes
    ordeal = Ordeal(victim, writers, seed, database_every, life_s)
    for _ in range(rounds):
        await ordeal.round()
        tell(ordeal.totals)
        if time.monotonic() > ends:
            break
    await ordeal.last_look()
    tell(ordeal.totals)
    return ordeal.totals


def _figures(totals: Totals) -> tuple[int, ...]:
    counts = (totals.rounds, totals.edits, totals.acked, totals.versions, totals.restores)
    return *counts, len(totals.lost), len(totals.unreadable), len(totals.diverged)


def main() -> int:
    """The exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--minutes", type=float, default=math.inf, help="begin no round after these")
    parser.add_argument("--life-s", type=float, default=LIFE_S, help="of the server, at most, after the first answer")
    parser.add_argument("--store", choices=("sqlite", "postgres"), default="sqlite")
    parser.add_argument("--writers", type=int, default=5)
    parser.add_argument("--seed", type=int, default=None, help="of the moments and edits; timing differs all the same")
    parser.add_argument("--tally", type=Path, help="totals of all pieces so far, as JSON; is made or added to")
    arguments = parser.parse_args()
    seed = random.randrange(2**32) if arguments.seed is None else arguments.seed
    print(f"store {arguments.store}, {arguments.writers} writers, seed {seed}")
    table = Table(COUNTS | FAULTS)
    table.begin()
    tally: Path | None = arguments.tally
    earlier = Totals(**json.loads(tally.read_text())) if tally is not None and tally.exists() else Totals()

    def tell(totals: Totals) -> None:
        if tally is not None:
            part = tally.with_suffix(".part")
            part.write_text(json.dumps(asdict(earlier + totals)))
            part.replace(tally)
        if totals.rounds % 10 == 0:
            table.row(_figures(totals))

    with place(arguments.store) as victim:
        limits = {"minutes": arguments.minutes, "life_s": arguments.life_s}
        totals = earlier + anyio.run(lambda: run(victim, arguments.rounds, arguments.writers, seed, tell, **limits))
    table.end(_figures(totals))
    print_faults(totals.lost, totals.unreadable, totals.diverged)
    return 0 if totals.is_clean else 1


if __name__ == "__main__":
    sys.exit(main())
