"""Lives of the real hub and its SQLite store, recorded: what happened to the disk, and what people were told."""

from __future__ import annotations

import itertools
import random
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
from pycrdt import Doc, Map

from benchmarks.durability.promises import Promise, What
from sync.backup import back_up, restore
from sync.board import PROFILES
from sync.hub import Hub
from sync.settings import Settings
from sync.sqlite_store import SQLiteStore
from tests.support.disk import Event, Told
from tests.support.vfs import Recorder, recording

DATABASE = "coplayer.db"
BACKUP = "backup.db"
ROOMS = ("a", "b", "c")
WRITERS = 4
LIVES = 4
BIG_BYTES = 60_000  # of the text in each version: with a few of these, SQLite moves its log into the file


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


def summary(events: Sequence[Event]) -> str:
    """What was recorded, by kind."""
    kinds = Counter(type(event).__name__ for event in events)
    told = Counter(event.what.what for event in events if isinstance(event, Told))
    return "; ".join(", ".join(f"{count} {kind}" for kind, count in counted.most_common()) for counted in (kinds, told))
