"""Takes the power away from a recorded disk, and looks what a store finds on it."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio
from pycrdt import Map

from benchmarks.durability.counts import Counts
from benchmarks.durability.memory import in_memory
from benchmarks.durability.promises import Promised, Promises
from benchmarks.durability.work import BACKUP, DATABASE
from sync.board import PROFILES
from sync.doctor import examine
from sync.room import Room, RoomBroken
from sync.sqlite_store import SQLiteStore
from sync.store import Entry, NoSuchRoom, NoSuchVersion, StoreError
from tests.support.disk import Disk, Event

SHM_BYTES = 32_768


@dataclass(slots=True)
class Totals(Counts):
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
    for cut in sorted(rng.randint(1, len(events)) for _ in range(points)):
        disk.perform(events[at:cut])
        promises.hear(events[at:cut])
        at = cut
        with in_memory("coplayer-power-") as name:
            _lay_down(Path(name), disk.after_power_failure(rng), rng)
            anyio.run(_look, Path(name), f"event {cut}", promises, totals)
        totals.points += 1
        tell(totals)
    return totals
