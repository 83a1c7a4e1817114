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
import itertools
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

if not __package__:  # run as a program: the tree is not on the path yet
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import anyio
import anyio.to_thread
from pycrdt import Doc, Map

from sync.backup import back_up, restore
from sync.board import PROFILES
from sync.doctor import examine
from sync.hub import Hub
from sync.room import Room, RoomBroken
from sync.settings import Settings
from sync.sqlite_store import SQLiteStore
from sync.store import Entry, NoSuchRoom, NoSuchVersion, StoreError
from tests.support.disk import Disk, Event, Told
from tests.support.vfs import CannotRecord, Recorder, recording

DATABASE = "coplayer.db"
BACKUP = "backup.db"
ROOMS = ("a", "b", "c")
WRITERS = 4
LIVES = 4
BIG_BYTES = 60_000  # of the text in each version: with a few of these, SQLite moves its log into the file
CONTROL_POINTS = 40  # of a disk that ignores syncs
SHM_BYTES = 32_768
MEMORY = Path("/dev/shm")  # where files are compared, not kept

What = Literal["value", "version", "lease", "deleting", "deleted", "backing up", "backed up", "restoring", "restored"]


@dataclass(frozen=True, slots=True)
class Promise:
    """What somebody was told. `number` is a value that only rises, the id of a version, or an epoch."""

    what: What
    room: str = ""
    key: str = ""
    number: int = 0


@dataclass(slots=True)
class Promised:
    """All of it: by room, what must be in it."""

    values: dict[tuple[str, str], int] = field(default_factory=dict)
    versions: set[tuple[str, int]] = field(default_factory=set)
    epochs: dict[str, int] = field(default_factory=dict)
    deleted: set[str] = field(default_factory=set)

    def hear(self, promise: Promise) -> None:
        """One more."""
        place = promise.room, promise.key
        match promise.what:
            case "value":
                self.values[place] = max(promise.number, self.values.get(place, 0))
            case "version":
                self.versions.add((promise.room, promise.number))
            case "lease":
                self.epochs[promise.room] = promise.number
            case "deleted":
                self.deleted.add(promise.room)
            case "deleting":
                for gone in [found for found in self.values if found[0] == promise.room]:
                    del self.values[gone]
            case "backing up" | "backed up" | "restoring" | "restored":
                return


class Promises:
    """What may be expected as events go by. While a backup is put in place, either of two states may be found."""

    def __init__(self) -> None:
        self.now = [Promised()]
        self.backup: Promised | None = None
        """What a backup that is said to be there must have."""
        self._at_backup = Promised()

    def hear(self, events: Sequence[Event]) -> None:
        """They have happened."""
        for event in events:
            if not isinstance(event, Told):
                continue
            promise: Promise = event.what
            match promise.what:
                case "backing up":
                    self._at_backup, self.backup = deepcopy(self.now[0]), None
                case "backed up":
                    self.backup = self._at_backup
                case "restoring":
                    self.now.append(deepcopy(self._at_backup))
                case "restored":
                    del self.now[0]
                case _:
                    self.now[0].hear(promise)


# ---- what is recorded


class Work:
    """The hub's people, for the lives that are recorded."""

    def __init__(self, folder: Path, recorder: Recorder, rng: random.Random) -> None:
        self._folder = folder
        self._recorder = recorder
        self._rng = rng
        self._numbers: Counter[tuple[str, str]] = Counter()
        self._names = itertools.count()
        self._settings = Settings(data=folder, compact_after_rows=15, unload_after_s=0.2, ballast_bytes=0)

    def _tell(self, what: What, room: str = "", key: str = "", number: int = 0) -> None:
        self._recorder.events.append(Told(Promise(what, room, key, number)))

    async def run(self, edits: int) -> None:
        """Lives, with a backup in the third that is put back after it; at the end one of a database at rest."""
        for life in range(LIVES):
            store = SQLiteStore(self._folder / DATABASE)
            hub = Hub(store, self._settings, profile_of=lambda name: PROFILES[name])
            async with hub.running(), anyio.create_task_group() as tasks:
                if life == 0:
                    for room in ROOMS:
                        await hub.create(room, "map")
                for writer in range(WRITERS):
                    tasks.start_soon(self._write, hub, f"w{writer}", edits)
                if life == 2:
                    await self._back_up()
            if life >= 2:
                if life == LIVES - 1:
                    await self._back_up()
                await self._restore()

    async def _write(self, hub: Hub, name: str, edits: int) -> None:
        for _ in range(edits):
            room, luck = self._rng.choice(ROOMS), self._rng.randrange(12)
            await self._edit(hub, room, name)
            if luck == 0:
                await self._keep(hub, room)
            elif luck == 1:
                lease = await hub.leases.take(room, "assistant", "h")
                self._tell("lease", room, number=lease.epoch)
            elif luck == 2:
                await self._edit_and_delete(hub, f"{name}.{next(self._names)}")
            elif luck == 3:
                await anyio.sleep(self._rng.random() / 20)

    async def _edit(self, hub: Hub, room: str, key: str) -> None:
        self._numbers[room, key] += 1
        number = self._numbers[room, key]

        def change(doc: Doc[Any]) -> None:
            doc.get("shapes", type=Map)[f"{key}.{number % 7}"] = Map({"x": number})
            doc.get("meta", type=Map)[key] = number

        await hub.edit(room, change, key)
        self._tell("value", room, key, number)

    async def _keep(self, hub: Hub, room: str) -> None:
        """A version, and the way back to it: both are kept as any edit is."""

        def big(doc: Doc[Any]) -> bytes:
            copy: Doc[Any] = Doc()
            copy.apply_update(doc.get_update())
            copy.get("meta", type=Map)["text"] = self._rng.randbytes(BIG_BYTES // 2).hex()
            return copy.get_update()

        snapshot = await hub.read(room, big)
        version = await hub.store.add_version(room, "kept", "ann", 0, snapshot, auto=False)
        self._tell("version", room, number=version.id)

    async def _edit_and_delete(self, hub: Hub, room: str) -> None:
        await hub.create(room, "board")
        await self._edit(hub, room, "k")
        self._tell("deleting", room)
        await hub.delete(room)
        self._tell("deleted", room)

    async def _back_up(self) -> None:
        """As the command does it, beside a server that writes. What was told before it began is in it."""
        self._tell("backing up")
        (self._folder / BACKUP).unlink(missing_ok=True)
        await anyio.to_thread.run_sync(back_up, self._folder / DATABASE, self._folder / BACKUP)
        self._tell("backed up")

    async def _restore(self) -> None:
        self._tell("restoring")
        await anyio.to_thread.run_sync(restore, self._folder / BACKUP, self._folder / DATABASE)
        self._tell("restored")


def record(edits: int, seed: int) -> list[Event]:
    """What happened to the disk, and what people were told meanwhile. Raises CannotRecord."""
    with tempfile.TemporaryDirectory(prefix="coplayer-power-") as name:
        folder = Path(name)
        with recording(folder) as recorder:
            anyio.run(Work(folder, recorder, random.Random(seed)).run, edits)
    return recorder.events


# ---- what is found


@dataclass(slots=True)
class Totals:
    """What was found at all points."""

    points: int = 0
    promises: int = 0
    """That were looked for, over all points."""
    lost: list[str] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)
    damaged: list[str] = field(default_factory=list)
    """What the doctor named."""

    @property
    def is_clean(self) -> bool:
        """Nothing was lost."""
        return self.promises > 0 and not (self.lost or self.unreadable or self.damaged)


def _lay_down(folder: Path, files: dict[str, bytes], rng: random.Random) -> None:
    """The files, and of the log's index, which is memory, nothing, zeros or anything."""
    for name, content in files.items():
        (folder / name).write_bytes(content)
        index = rng.choice((None, bytes(SHM_BYTES), rng.randbytes(SHM_BYTES)))
        if index is not None and f"{name}-wal" in files:
            (folder / f"{name}-shm").write_bytes(index)


async def _look(folder: Path, point: str, promises: Promises, totals: Totals) -> None:
    found: list[list[str]] = []
    try:
        store = SQLiteStore(folder / DATABASE)
        async with store.open():
            for promised in promises.now:
                found.append([missing async for missing in _missing(store, promised, totals)])
            totals.damaged += [
                f"{point}: {finding.room}: {sentence}"
                async for finding in examine(store, lambda name: PROFILES[name])
                for sentence in finding.wrong
            ]
            await store.create("new", "e", "map", 0)
            await store.append("new", [Entry(b"\0\0", "ann", 0)])
        if all(found):
            totals.lost += [f"{point}: {sentence}" for sentence in min(found, key=len)]
        if promises.backup is not None:
            copy = SQLiteStore(folder / BACKUP)
            async with copy.open():
                totals.lost += [
                    f"{point}: in the backup: {missing}" async for missing in _missing(copy, promises.backup, totals)
                ]
    except (StoreError, RoomBroken) as error:
        totals.unreadable.append(f"{point}: {error}")


async def _missing(store: SQLiteStore, promised: Promised, totals: Totals) -> AsyncIterator[str]:
    """Sentences about what was promised and is not there."""
    documents: dict[str, dict[str, Any]] = {}
    for info in await store.rooms():
        loaded = await store.load(info.room)
        stored = () if loaded.snapshot is None else (loaded.snapshot,)
        room = Room(PROFILES[loaded.info.profile], info.epoch, (*stored, *loaded.updates))
        documents[info.room] = room.doc.get("meta", type=Map).to_py() or {}
        room.close()
    for (place, key), number in promised.values.items():
        totals.promises += 1
        if documents.get(place, {}).get(key, 0) < number:
            yield f"{place}: {key} = {number}, found {documents.get(place)}"
    for place in promised.deleted & set(documents):
        yield f"{place} was deleted"
    for place, number in promised.versions:
        totals.promises += 1
        try:
            await store.version(place, number)
        except (NoSuchRoom, NoSuchVersion) as error:
            yield str(error)
    for place, epoch in promised.epochs.items():
        totals.promises += 1
        lease = await store.lease(place, "assistant") if place in documents else None
        if lease is None or lease.epoch < epoch:
            yield f"{place}: lease {epoch}, found {lease}"


def look(
    events: Sequence[Event],
    points: int,
    seed: int,
    *,
    obeys: bool = True,
    tell: Callable[[Totals], None] = lambda totals: None,
) -> Totals:
    """Take the power away `points` times and look; `obeys` False is the disk that ignores syncs."""
    rng, totals = random.Random(seed), Totals()
    disk, promises, at = Disk(obeys=obeys), Promises(), 0
    place = MEMORY if MEMORY.is_dir() else None
    for cut in sorted(rng.randint(1, len(events)) for _ in range(points)):
        disk.perform(events[at:cut])
        promises.hear(events[at:cut])
        at = cut
        with tempfile.TemporaryDirectory(prefix="coplayer-power-", dir=place) as name:
            _lay_down(Path(name), disk.after_power_failure(rng), rng)
            anyio.run(_look, Path(name), f"event {cut}", promises, totals)
        totals.points += 1
        tell(totals)
    return totals


def summary(events: Sequence[Event]) -> str:
    """What was recorded, by kind."""
    kinds = Counter(type(event).__name__ for event in events)
    told = Counter(event.what.what for event in events if isinstance(event, Told))
    return "; ".join(", ".join(f"{count} {kind}" for kind, count in counted.most_common()) for counted in (kinds, told))


def main() -> int:
    """The exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--points", type=int, default=200)
    parser.add_argument("--recordings", type=int, default=4, help="the points are shared among so many recordings")
    parser.add_argument("--edits", type=int, default=40, help="of each of the people in each life")
    parser.add_argument("--seed", type=int, default=None)
    arguments = parser.parse_args()
    seed = random.randrange(2**32) if arguments.seed is None else arguments.seed
    began = time.monotonic()
    row = "{:>7} {:>9} {:>6} {:>11} {:>8} {:>8}"
    print(f"seed {seed}\n{row.format('points', 'promises', 'lost', 'unreadable', 'damaged', 'seconds')}", flush=True)

    def line(totals: Totals) -> str:
        faults = (len(totals.lost), len(totals.unreadable), len(totals.damaged))
        return row.format(totals.points, totals.promises, *faults, f"{time.monotonic() - began:.0f}")

    def tell(totals: Totals) -> None:
        if totals.points % 100 == 0:
            print(line(totals), flush=True)

    everything, fooled = Totals(), 0
    for number in range(arguments.recordings):
        try:
            events = record(arguments.edits, seed + number)
        except CannotRecord as error:
            print(error, file=sys.stderr)
            return 2
        print(f"recorded: {summary(events)}")
        share = arguments.points // arguments.recordings + (number < arguments.points % arguments.recordings)
        found = look(events, share, seed + number, tell=tell)
        everything.points += found.points
        everything.promises += found.promises
        everything.lost += found.lost
        everything.unreadable += found.unreadable
        everything.damaged += found.damaged
        control = look(events, CONTROL_POINTS, seed + number, obeys=False)
        fooled += len(control.lost) + len(control.unreadable) + len(control.damaged)
    print("total\n" + line(everything))
    print(f"on a disk that ignores syncs, {CONTROL_POINTS * arguments.recordings} points: {fooled} losses")
    for fault in (*everything.lost[:20], *everything.unreadable[:20], *everything.damaged[:20]):
        print("  " + fault)
    return 0 if everything.is_clean and fooled else 1


if __name__ == "__main__":
    sys.exit(main())
