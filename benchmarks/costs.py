"""What one message costs inside the server: CPU time by stage, without sockets and without other processes.

`./dev bench costs`. The least of many rounds counts, so the figures hold on a machine that does other things as well.
The commit is measured as it comes in a room in which one person draws: 60 times a second, so that nothing of it is in
the processor's caches, and again back to back.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, cast

if not __package__:  # run as a program: the tree is not on the path yet
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from benchmarks.compare.drawing import Pen
from sync.board import PROFILES
from sync.live import LiveRoom
from sync.members import Member
from sync.memory_store import MemoryStore
from sync.outbox import Outbox
from sync.outgoing import Outgoing
from sync.presence import ConnectionId
from sync.protocol import SyncStep1, Update, encode
from sync.room import Room
from sync.settings import Settings
from sync.sqlite_appends import Numbers
from sync.sqlite_store import SQLiteStore
from sync.store import Entry, RoomInfo

ROUNDS = 30
COMMITS = 100
PICTURE_S = 1 / 60
TURNS = 30  # of the event loop, in which all that a round began comes to its end


class Calling(MemoryStore):
    """Calls back in the next turn of the loop, as the SQLite store does after a commit."""

    def submit(self, room: str, entries: Sequence[Entry], done: Callable[[int | Exception], None]) -> None:
        """See CallsBack."""
        asyncio.get_running_loop().call_soon(done, len(entries))


class Nowhere:
    """A link whose other end is not there."""

    def sender(self, wire: bytes) -> None:
        """Takes it."""

    def write(self, item: Outgoing) -> None:
        """Takes it, framed."""
        self.sender(item.wire)

    def unsent_bytes(self) -> int:
        """None."""
        return 0

    def close(self, code: int, reason: str) -> None:
        """Nobody may be sent away while this is measured."""
        raise AssertionError(reason)


class Checked(Nowhere):
    """One that offers no sender: each message goes through the outbox and the link."""

    sender = None  # type: ignore[assignment]

    def write(self, item: Outgoing) -> None:
        """See Nowhere."""
        self.taken = item.wire


def _live() -> LiveRoom:
    loop = asyncio.get_running_loop()
    room, info = Room(PROFILES["board"], "e"), RoomInfo("r", "e", "board", "", 0, 0)
    return LiveRoom(info, room, 0, 0, Calling(), time.time, Settings(), lambda start: loop.create_task(start()))


async def telling(people: int, link: Callable[[], Nowhere]) -> float:
    """One drags, so many look on: the least CPU time in microseconds from the commit on."""
    pen, live, least = Pen(0), _live(), float("inf")
    for number in range(people):
        live.connect(ConnectionId(number), Member(), Outbox(link(), live.rules), None)
        live.receive(ConnectionId(number), encode(SyncStep1({})))
    drags = [pen.draw("shape", 1), *(pen.drag("shape", step) for step in range(ROUNDS))]
    for drag in drags:
        await asyncio.sleep(PICTURE_S)  # more than the room pauses between two rounds of messages
        live.receive(ConnectionId(0), encode(Update(drag)))
        began = time.thread_time()
        for _ in range(TURNS):
            await asyncio.sleep(0)
        least = min(least, time.thread_time() - began)
    return least * 1e6


def deliveries() -> dict[str, float]:
    """What one more who looks on costs, in microseconds: up to the transport's `write`, without it. Taken by turns."""
    links: dict[str, Callable[[], Nowhere]] = {"straight to the transport": Nowhere, "through outbox and link": Checked}
    least: dict[tuple[str, int], float] = {}
    for _ in range(5):
        for name, link in links.items():
            for people in (100, 1_000):
                took = asyncio.run(telling(people, link))
                least[name, people] = min(took, least.get((name, people), took))
    return {name: (least[name, 1_000] - least[name, 100]) / 900 for name in links}


async def mesh(people: int) -> dict[str, float]:
    """Everybody drags and points once a round: the least CPU time of each stage in microseconds."""
    pens = [Pen(number) for number in range(people)]
    live = _live()
    for number, pen in enumerate(pens):
        live.connect(ConnectionId(number), Member(), Outbox(Nowhere(), live.rules), None)
        live.receive(ConnectionId(number), encode(SyncStep1({})))
        live.receive(ConnectionId(number), encode(Update(pen.draw(f"shape{number}", 1))))
    rounds = [
        [(encode(Update(pen.drag(f"shape{n}", r))), b"\x01" + pen.cursor(r, r + 1)) for n, pen in enumerate(pens)]
        for r in range(ROUNDS)
    ]
    least = {"drag": float("inf"), "pointer": float("inf"), "telling": float("inf")}
    for messages in rounds:
        await asyncio.sleep(0.02)
        at = [time.thread_time()]
        for number, (drag, _) in enumerate(messages):
            live.receive(ConnectionId(number), drag)
        at.append(time.thread_time())
        for number, (_, pointer) in enumerate(messages):
            live.receive(ConnectionId(number), pointer)
        at.append(time.thread_time())
        for _ in range(TURNS):
            await asyncio.sleep(0)
        at.append(time.thread_time())
        for (name, best), start, end in zip(least.items(), at, at[1:], strict=False):
            least[name] = min(best, (end - start) / people * 1e6)
    return least


def commits(pause_s: float) -> dict[str, float]:
    """Median CPU time in microseconds of a commit of one update, and of what it is made of."""
    update = os.urandom(60)
    with tempfile.TemporaryDirectory(prefix="coplayer-costs-") as folder:
        path = Path(folder) / "coplayer.db"
        asyncio.run(_make_room(path))
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            numbers = Numbers(connection)
            numbers.keep([_Batch(0)])
            found = {}
            for name, level in (("commit", "FULL"), ("without the wait for the disk", "NORMAL")):
                connection.execute(f"PRAGMA synchronous = {level}")
                found[name] = _median(lambda: numbers.append_alone(_Batch(1, update)), pause_s)
        descriptor = os.open(Path(folder) / "plain", os.O_CREAT | os.O_WRONLY)

        def write() -> bool:
            os.write(descriptor, update)
            os.fdatasync(descriptor)
            return True

        found["a plain file and the same wait"] = _median(write, pause_s)
        os.close(descriptor)
    return found


class _Batch:
    """One update for the room `r`, or, with a `result`, one that was written before."""

    def __init__(self, count: int, update: bytes = b"") -> None:
        self.room = "r"
        self.entries: Sequence[Entry] = [Entry(update, "ann", 0)] * count
        self.result: Any = 0
        self.error: Exception | None = None


async def _make_room(path: Path) -> None:
    store = SQLiteStore(path)
    async with store.open():
        await store.create("r", "e", "board", 0)


def _median(work: Callable[[], bool], pause_s: float) -> float:
    took = []
    for _ in range(COMMITS):
        time.sleep(pause_s)
        began = time.thread_time()
        if not work():
            raise AssertionError("nothing was written")
        took.append(time.thread_time() - began)
    return statistics.median(took) * 1e6


def show(title: str, rows: dict[str, float]) -> None:
    """One block of the table."""
    print(f"\n{title}")
    for name, value in rows.items():
        print(f"  {name:34} {value:8.2f} us")


def main() -> int:
    """The exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--people", type=int, default=50, help="in the room [50]")
    people = cast(int, parser.parse_args().people)
    title = (
        f"A message of each of {people} people in a room, CPU by message ('telling': the log, the document, everybody)"
    )
    show(title, asyncio.run(mesh(people)))
    show("A delivery to one more, without the transport's write", deliveries())
    show("A commit of one update, 60 a second", commits(PICTURE_S))
    show("A commit of one update, back to back", commits(0.0))
    return 0


if __name__ == "__main__":
    sys.exit(main())
