"""A Store in one SQLite file: an append log with snapshots, and group commit."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import TypeVar

from sync import sqlite_history as history
from sync import sqlite_leases as leases
from sync import sqlite_loads, sqlite_revocations
from sync import sqlite_rooms as rooms
from sync.ballast import Ballast
from sync.gate import ProfileName
from sync.revocations import Revocation
from sync.sqlite_rooms import find
from sync.sqlite_threads import Threads
from sync.store import Entry, Lease, Loaded, LogRow, Purged, RoomInfo, Version

T = TypeVar("T")


class SQLiteStore:
    """`path` is the database file; its folder is made when missing. `ballast_bytes` are kept back for a full disk."""

    def __init__(self, path: Path, ballast_bytes: int = 0) -> None:
        self.path = path
        self._threads = Threads(path, Ballast(path.with_name(path.name + ".ballast"), ballast_bytes))

    def open(self) -> AbstractAsyncContextManager[None]:
        """Start the writer and the reader; leaving the context ends them when their work is done."""
        return self._threads.open()

    async def create(self, room: str, epoch: str, profile: ProfileName, now: int) -> RoomInfo:
        """See Store."""
        return await self._write(lambda c: rooms.create(c, room, epoch, profile, now))

    async def load(self, room: str) -> Loaded:
        """See Store."""
        loaded, counted = await self._read(lambda c: rooms.load(c, room))
        if loaded.damaged or loaded.seq > counted:
            await self._write(lambda c: rooms.put_aside(c, room, loaded))
        return loaded

    async def set_load_attempts(self, room: str, attempts: int) -> None:
        """See Store."""
        await self._write(lambda c: sqlite_loads.set_attempts(c, find(c, room)[0], attempts))

    async def append(self, room: str, entries: Sequence[Entry]) -> int:
        """See Store."""
        return await self._threads.append(room, entries)

    def submit(self, room: str, entries: Sequence[Entry], done: Callable[[int | Exception], None]) -> None:
        """See CallsBack."""
        self._threads.submit(room, entries, done)

    async def compact(self, room: str, snapshot: bytes, upto_seq: int) -> None:
        """See Store."""
        await self._write(lambda c: rooms.compact(c, room, snapshot, upto_seq))

    async def rooms(self) -> Sequence[RoomInfo]:
        """See Store."""
        return await self._read(rooms.listed)

    async def info(self, room: str) -> RoomInfo:
        """See Store."""
        return await self._read(lambda c: find(c, room)[1])

    async def describe(self, room: str, title: str) -> None:
        """See Store."""
        await self._write(lambda c: rooms.describe(c, room, title))

    async def delete(self, room: str) -> None:
        """See Store."""
        await self._write(lambda c: rooms.delete(c, room))

    async def take_lease(self, room: str, slot: str, holder: str, now: int, ttl_ms: int) -> Lease:
        """See Store."""
        return await self._write(lambda c: leases.take(c, find(c, room)[0], slot, holder, now, ttl_ms))

    async def end_lease(self, room: str, slot: str, holder: str, *, is_done: bool, now: int) -> None:
        """See Store."""
        await self._write(lambda c: leases.end(c, room, slot, holder, is_done, now))

    async def want(self, room: str, slot: str) -> None:
        """See Store."""
        await self._write(lambda c: leases.want(c, find(c, room)[0], slot))

    async def wanted(self, slot: str, now: int) -> Sequence[str]:
        """See Store."""
        return await self._read(lambda c: leases.wanted(c, slot, now))

    async def lease(self, room: str, slot: str) -> Lease | None:
        """See Store."""
        return await self._read(lambda c: leases.last(c, find(c, room)[0], slot))

    async def activity(self, room: str, before: int | None, limit: int) -> Sequence[LogRow]:
        """See Store."""
        return await self._read(lambda c: history.activity(c, find(c, room)[0], before, limit))

    async def add_version(self, room: str, name: str, author: str, at: int, snapshot: bytes, *, auto: bool) -> Version:
        """See Store."""
        return await self._write(lambda c: history.add_version(c, find(c, room)[0], name, author, at, snapshot, auto))

    async def versions(self, room: str) -> Sequence[Version]:
        """See Store."""
        return await self._read(lambda c: history.versions(c, find(c, room)[0]))

    async def version(self, room: str, number: int) -> tuple[Version, bytes]:
        """See Store."""
        return await self._read(lambda c: history.version(c, find(c, room)[0], room, number))

    async def rename_version(self, room: str, number: int, name: str) -> Version:
        """See Store."""
        return await self._write(lambda c: history.rename_version(c, find(c, room)[0], room, number, name))

    async def revoke(self, revocation: Revocation) -> None:
        """See Store."""
        await self._write(lambda c: sqlite_revocations.add(c, revocation))

    async def unrevoke(self, number: str) -> bool:
        """See Store."""
        return await self._write(lambda c: sqlite_revocations.remove(c, number))

    async def revocations(self, now: int) -> Sequence[Revocation]:
        """See Store."""
        return await self._read(lambda c: sqlite_revocations.in_force(c, now))

    async def purge(self, room: str, versions_before: int, rows_before: int, *, is_trial: bool) -> Purged:
        """See Store."""
        return await self._write(lambda c: history.purge(c, find(c, room)[0], versions_before, rows_before, is_trial))

    async def check_all(self) -> Sequence[str]:
        """See Store; reads the whole file."""
        return await self._read(history.check_all)

    async def check(self, room: str) -> Sequence[str]:
        """See Store; reads every row, older ones that a snapshot has taken the place of included."""

        def work(connection: sqlite3.Connection) -> list[str]:
            room_id, _, seq = find(connection, room)
            return history.check(connection, room_id, seq)

        return await self._read(work)

    async def _write(self, work: Callable[[sqlite3.Connection], T]) -> T:
        return await self._threads.write(work)

    async def _read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        return await self._threads.read(work)
