"""Takes the power away from a server's disk at random moments, and looks what is there afterwards.

`./dev bench power --points 2000`. The real hub and its SQLite store work for a while (edits of several people at once,
checkpoints, snapshots, versions and going back to them, leases, rooms that go, a backup, two restores, starts and
stops) while every write, sync and name is recorded beneath SQLite. Then, for each point: the disk as it may be at that
moment (tests/support/disk.py: what was not synced is torn at sectors of 512 or 4096 bytes, in any order, or gone),
opened by the real store. All that anybody had been told must be there, every room must be readable, and the doctor must
find nothing. Exit status 1 otherwise, and also when a disk that ignores syncs loses nothing: then the looks
would be worth nothing.
"""

from __future__ import annotations

import argparse
import random
import sys
from pathlib import Path

if not __package__:  # run as a program: the tree is not on the path yet
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.durability.counts import Table, print_faults
from benchmarks.durability.looks import Totals, look
from benchmarks.durability.work import record, summary
from tests.support.vfs import CannotRecord

CONTROL_POINTS = 40  # of a disk that ignores syncs


def _figures(totals: Totals) -> tuple[int, ...]:
    return totals.points, totals.promises, len(totals.lost), len(totals.unreadable), len(totals.damaged)


def main() -> int:
    """The exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--points", type=int, default=200)
    parser.add_argument("--recordings", type=int, default=4, help="the points are shared among so many recordings")
    parser.add_argument("--edits", type=int, default=40, help="of each of the people in each life")
    parser.add_argument("--seed", type=int, default=None)
    arguments = parser.parse_args()
    seed = random.randrange(2**32) if arguments.seed is None else arguments.seed
    print(f"seed {seed}")
    table = Table({"points": 7, "promises": 9, "lost": 6, "unreadable": 11, "damaged": 8})
    table.begin()

    def tell(totals: Totals) -> None:
        if totals.points % 100 == 0:
            table.row(_figures(totals))

    everything, fooled = Totals(), 0
    for number in range(arguments.recordings):
        try:
            events = record(arguments.edits, seed + number)
        except CannotRecord as error:
            print(error, file=sys.stderr)
            return 2
        print(f"recorded: {summary(events)}")
        share = arguments.points // arguments.recordings + (number < arguments.points % arguments.recordings)
        everything += look(events, share, seed + number, tell=tell)
        control = look(events, CONTROL_POINTS, seed + number, obeys=False)
        fooled += len(control.lost) + len(control.unreadable) + len(control.damaged)
    table.end(_figures(everything))
    print(f"on a disk that ignores syncs, {CONTROL_POINTS * arguments.recordings} points: {fooled} losses")
    print_faults(everything.lost, everything.unreadable, everything.damaged)
    return 0 if everything.is_clean and fooled else 1


if __name__ == "__main__":
    sys.exit(main())
