"""A Store in PostgreSQL: the rows of the SQLite one, group commit, and connections that come back by themselves.

What is written is durable when its COMMIT has returned: every connection sets `synchronous_commit = on`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Literal, TypeVar

from psycopg.conninfo import conninfo_to_dict

from sync import postgres_history as history
from sync import postgres_leases as leases
from sync import postgres_loads, postgres_revocations
from sync import postgres_rooms as rooms
from sync.gate import ProfileName
from sync.postgres_appends import Appends
from sync.postgres_links import Connection, Links, one_moment
from sync.postgres_rooms import find
from sync.postgres_tables import migrate
from sync.revocations import Revocation
from sync.store import Entry, Lease, Loaded, LogRow, Purged, RoomInfo, StoreError, Version

T = TypeVar("T")
Lock = Literal["", "FOR KEY SHARE", "FOR NO KEY UPDATE", "FOR UPDATE"]
"""Of a room's row: none; appends go on and a delete waits; the writers wait for each other; all wait."""
MAX_CONNECTIONS = 4  # for everything but appends, which have one of their own


class PostgresStore:
    """`url` is what libpq takes: `postgresql://user:password@host:port/database?sslmode=require`."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._appends = Appends(url)
        self._others = Links(url, MAX_CONNECTIONS)

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Make the tables if they are missing and start the writer; leaving the context ends it when it is done."""
        try:
            try:
                await self._others.run(migrate)
            except StoreError as error:
                raise StoreError(f"Cannot open {self._place()}: {error}") from error
            async with self._appends.running():
                yield
        finally:
            await self._others.close()

    def _place(self) -> str:
        """The address without its password."""
        parts = conninfo_to_dict(self.url)
        return f"database {parts.get('dbname') or ''} at {parts.get('host') or 'this machine'}"

    async def append(self, room: str, entries: Sequence[Entry]) -> int:
        """See Store."""
        return await self._appends.append(room, entries)

    async def create(self, room: str, epoch: str, profile: ProfileName, now: int) -> RoomInfo:
        """See Store."""
        return await self._others.run(lambda c: rooms.create(c, room, epoch, profile, now))

    async def load(self, room: str) -> Loaded:
        """See Store."""

        async def read(connection: Connection) -> Loaded:
            async with one_moment(connection):
                return await rooms.load(connection, room)

        loaded = await self._others.run(read)
        if loaded.damaged:
            await self._others.run(lambda c: rooms.put_aside(c, room, loaded.damaged))
        return loaded

    async def set_load_attempts(self, room: str, attempts: int) -> None:
        """See Store."""
        await self._of(room, lambda c, room_id: postgres_loads.set_attempts(c, room_id, attempts))

    async def compact(self, room: str, snapshot: bytes, upto_seq: int) -> None:
        """See Store."""
        await self._of(room, lambda c, room_id: rooms.compact(c, room_id, snapshot, upto_seq), "FOR KEY SHARE")

    async def rooms(self) -> Sequence[RoomInfo]:
        """See Store."""
        return await self._others.run(rooms.listed)

    async def info(self, room: str) -> RoomInfo:
        """See Store."""
        return (await self._others.run(lambda c: find(c, room)))[1]

    async def describe(self, room: str, title: str) -> None:
        """See Store."""
        await self._others.run(lambda c: rooms.describe(c, room, title))

    async def delete(self, room: str) -> None:
        """See Store."""
        await self._of(room, rooms.delete, "FOR UPDATE")

    async def take_lease(self, room: str, slot: str, holder: str, now: int, ttl_ms: int) -> Lease:
        """See Store."""
        return await self._of(
            room, lambda c, room_id: leases.take(c, room_id, slot, holder, now, ttl_ms), "FOR NO KEY UPDATE"
        )

    async def end_lease(self, room: str, slot: str, holder: str, *, is_done: bool, now: int) -> None:
        """See Store."""
        await self._others.run(lambda c: leases.end(c, room, slot, holder, is_done, now))

    async def want(self, room: str, slot: str) -> None:
        """See Store."""
        await self._of(room, lambda c, room_id: leases.want(c, room_id, slot), "FOR KEY SHARE")

    async def wanted(self, slot: str, now: int) -> Sequence[str]:
        """See Store."""
        return await self._others.run(lambda c: leases.wanted(c, slot, now))

    async def lease(self, room: str, slot: str) -> Lease | None:
        """See Store."""
        return await self._of(room, lambda c, room_id: leases.last(c, room_id, slot))

    async def activity(self, room: str, before: int | None, limit: int) -> Sequence[LogRow]:
        """See Store."""
        return await self._of(room, lambda c, room_id: history.activity(c, room_id, before, limit))

    async def add_version(self, room: str, name: str, author: str, at: int, snapshot: bytes, *, auto: bool) -> Version:
        """See Store."""
        return await self._of(
            room,
            lambda c, room_id: history.add_version(c, room_id, name, author, at, snapshot, auto),
            "FOR NO KEY UPDATE",
        )

    async def versions(self, room: str) -> Sequence[Version]:
        """See Store."""
        return await self._of(room, history.versions)

    async def version(self, room: str, number: int) -> tuple[Version, bytes]:
        """See Store."""
        return await self._of(room, lambda c, room_id: history.version(c, room_id, room, number))

    async def rename_version(self, room: str, number: int, name: str) -> Version:
        """See Store."""
        return await self._of(
            room, lambda c, room_id: history.rename_version(c, room_id, room, number, name), "FOR NO KEY UPDATE"
        )

    async def purge(self, room: str, versions_before: int, rows_before: int, *, is_trial: bool) -> Purged:
        """See Store. No version is made meanwhile."""
        return await self._of(
            room, lambda c, room_id: history.purge(c, room_id, versions_before, rows_before, is_trial), "FOR UPDATE"
        )

    async def revoke(self, revocation: Revocation) -> None:
        """See Store."""
        await self._others.run(lambda c: postgres_revocations.add(c, revocation))

    async def unrevoke(self, number: str) -> bool:
        """See Store."""
        return await self._others.run(lambda c: postgres_revocations.remove(c, number))

    async def revocations(self, now: int) -> Sequence[Revocation]:
        """See Store."""
        return await self._others.run(lambda c: postgres_revocations.in_force(c, now))

    async def check_all(self) -> Sequence[str]:
        """That is PostgreSQL's own: `pg_amcheck`, and checksums of pages."""
        return []

    async def check(self, room: str) -> Sequence[str]:
        """See Store."""

        async def work(connection: Connection) -> list[str]:
            async with one_moment(connection):
                room_id, _, seq = await find(connection, room)
                return await history.check(connection, room_id, seq)

        return await self._others.run(work)

    async def _of(self, room: str, work: Callable[[Connection, int], Awaitable[T]], lock: Lock = "") -> T:
        """What `work` does with the number of the room's row: one transaction, when the row is locked.

        Raises NoSuchRoom.
        """

        async def run(connection: Connection) -> T:
            if not lock:
                return await work(connection, (await find(connection, room))[0])
            async with connection.transaction():
                return await work(connection, (await find(connection, room, lock))[0])

        return await self._others.run(run)
