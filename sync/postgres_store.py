"""A Store in PostgreSQL: the rows of the SQLite one, group commit, and connections that come back by themselves.

What is written is durable when its COMMIT has returned: every connection sets `synchronous_commit = on`.
"""

from __future__ import annotations

import logging
import zlib
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import cast

from psycopg.conninfo import conninfo_to_dict

from sync import postgres_history as history
from sync import postgres_loads, postgres_revocations
from sync.gate import ProfileName
from sync.postgres_appends import Appends
from sync.postgres_links import Connection, Links, one_moment
from sync.revocations import Revocation
from sync.rows import newest_whole_snapshot, storable, whole_rows
from sync.store import (
    Entry,
    Lease,
    Loaded,
    LogRow,
    NoSuchRoom,
    Purged,
    RoomExists,
    RoomInfo,
    StoreError,
    Taken,
    Version,
)

MAX_CONNECTIONS = 4  # for everything but appends, which have one of their own

log = logging.getLogger(__name__)

_SCHEMA = """
CREATE SCHEMA IF NOT EXISTS coplayer;
CREATE TABLE IF NOT EXISTS coplayer.format (version integer NOT NULL);
CREATE TABLE IF NOT EXISTS coplayer.rooms (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, room text COLLATE "C" NOT NULL UNIQUE, epoch text NOT NULL,
  profile text NOT NULL, title text NOT NULL DEFAULT '', created_at bigint NOT NULL, edited_at bigint NOT NULL,
  seq bigint NOT NULL DEFAULT 0);
CREATE TABLE IF NOT EXISTS coplayer.updates (
  room bigint NOT NULL, seq bigint NOT NULL, data bytea NOT NULL, crc bigint NOT NULL, author text NOT NULL,
  at bigint NOT NULL, PRIMARY KEY (room, seq));
CREATE TABLE IF NOT EXISTS coplayer.snapshots (
  room bigint NOT NULL, upto_seq bigint NOT NULL, data bytea NOT NULL, crc bigint NOT NULL,
  PRIMARY KEY (room, upto_seq));
CREATE TABLE IF NOT EXISTS coplayer.quarantine (
  room bigint NOT NULL, seq bigint NOT NULL, data bytea, crc bigint, author text, at bigint,
  PRIMARY KEY (room, seq));
CREATE TABLE IF NOT EXISTS coplayer.leases (
  room bigint NOT NULL, slot text NOT NULL, epoch bigint NOT NULL, holder text NOT NULL, expires_at bigint NOT NULL,
  is_done boolean NOT NULL, PRIMARY KEY (room, slot));
CREATE TABLE IF NOT EXISTS coplayer.versions (
  room bigint NOT NULL, id bigint NOT NULL, name text NOT NULL, author text NOT NULL, at bigint NOT NULL,
  is_automatic boolean NOT NULL, data bytea NOT NULL, crc bigint NOT NULL, PRIMARY KEY (room, id));
"""
_SCHEMA_VERSION = 1
_SCHEMA_LOCK = 0x636F706C  # any number of our own: servers that start together make the tables one after the other


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
                await self._others.run(_migrate)
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

        async def work(connection: Connection) -> RoomInfo:
            made = await connection.execute(
                "INSERT INTO coplayer.rooms (room, epoch, profile, created_at, edited_at) VALUES (%s, %s, %s, %s, %s)"
                " ON CONFLICT (room) DO NOTHING",
                (room, epoch, profile, now, now),
            )
            if made.rowcount == 0:
                raise RoomExists(f"There is a room {room} already.")
            return RoomInfo(room, epoch, profile, "", now, now)

        return await self._others.run(work)

    async def load(self, room: str) -> Loaded:
        """See Store."""

        async def read(connection: Connection) -> Loaded:
            async with one_moment(connection):
                return await _load(connection, room)

        async def put_aside(connection: Connection) -> None:
            await connection.execute(
                "INSERT INTO coplayer.quarantine SELECT u.room, u.seq, u.data, u.crc, u.author, u.at"
                " FROM coplayer.updates AS u JOIN coplayer.rooms AS r ON r.id = u.room"
                " WHERE r.room = %s AND u.seq = ANY (%s::bigint[]) ON CONFLICT DO NOTHING",
                (room, list(loaded.damaged)),
            )

        loaded = await self._others.run(read)
        if loaded.damaged:
            await self._others.run(put_aside)
        return loaded

    async def compact(self, room: str, snapshot: bytes, upto_seq: int) -> None:
        """Two snapshots are kept, and the rows since the older: one generation behind."""

        async def work(connection: Connection) -> None:
            async with connection.transaction():
                room_id = (await _find(connection, room, "FOR KEY SHARE"))[0]  # appends go on, a delete waits
                await connection.execute(
                    "INSERT INTO coplayer.snapshots (room, upto_seq, data, crc) VALUES (%s, %s, %b, %s)"
                    " ON CONFLICT (room, upto_seq) DO UPDATE SET data = excluded.data, crc = excluded.crc",
                    (room_id, upto_seq, snapshot, zlib.crc32(snapshot)),
                )
                kept = await connection.execute(
                    "SELECT upto_seq FROM coplayer.snapshots WHERE room = %s ORDER BY upto_seq DESC LIMIT 2", (room_id,)
                )
                if len(rows := await kept.fetchall()) == 2:
                    older = (room_id, rows[1][0])
                    await connection.execute("DELETE FROM coplayer.snapshots WHERE room = %s AND upto_seq < %s", older)
                    await connection.execute("DELETE FROM coplayer.updates WHERE room = %s AND seq <= %s", older)

        await self._others.run(work)

    async def rooms(self) -> Sequence[RoomInfo]:
        """See Store."""

        async def work(connection: Connection) -> list[RoomInfo]:
            rows = await connection.execute(
                "SELECT room, epoch, profile, title, created_at, edited_at FROM coplayer.rooms"
                " ORDER BY edited_at DESC, room"
            )
            return [RoomInfo(*row) for row in await rows.fetchall()]

        return await self._others.run(work)

    async def info(self, room: str) -> RoomInfo:
        """See Store."""

        async def work(connection: Connection) -> RoomInfo:
            return (await _find(connection, room))[1]

        return await self._others.run(work)

    async def set_load_attempts(self, room: str, attempts: int) -> None:
        """See Store."""

        async def work(connection: Connection) -> None:
            await postgres_loads.set_attempts(connection, (await _find(connection, room))[0], attempts)

        await self._others.run(work)

    async def describe(self, room: str, title: str) -> None:
        """See Store."""

        async def work(connection: Connection) -> None:
            await connection.execute("UPDATE coplayer.rooms SET title = %s WHERE room = %s", (storable(title), room))

        await self._others.run(work)

    async def purge(self, room: str, versions_before: int, rows_before: int, *, is_trial: bool) -> Purged:
        """See Store."""

        async def work(connection: Connection) -> Purged:
            async with connection.transaction():
                room_id = (await _find(connection, room, "FOR UPDATE"))[0]  # no version is made meanwhile
                return await history.purge(connection, room_id, versions_before, rows_before, is_trial)

        return await self._others.run(work)

    async def delete(self, room: str) -> None:
        """See Store."""

        async def work(connection: Connection) -> None:
            async with connection.transaction():
                room_id = (await _find(connection, room, "FOR UPDATE"))[0]
                for table in ("updates", "snapshots", "leases", "quarantine", "versions", "loads"):
                    await connection.execute(f"DELETE FROM coplayer.{table} WHERE room = %s".encode(), (room_id,))
                await connection.execute("DELETE FROM coplayer.rooms WHERE id = %s", (room_id,))

        await self._others.run(work)

    async def take_lease(self, room: str, slot: str, holder: str, now: int, ttl_ms: int) -> Lease:
        """See Store."""

        async def work(connection: Connection) -> Lease:
            async with connection.transaction():
                room_id = (await _find(connection, room, "FOR NO KEY UPDATE"))[0]  # one taker at a time
                last = await _lease(connection, room_id, slot)
                is_alive = last is not None and last.expires_at > now
                if last is not None and is_alive and last.holder != holder:
                    raise Taken(last.expires_at - now)
                if last is not None and is_alive:
                    epoch = last.epoch
                else:  # counted over all slots: two assistants of one room never share a client id
                    highest = await connection.execute(
                        "SELECT coalesce(max(epoch), 0) FROM coplayer.leases WHERE room = %s", (room_id,)
                    )
                    epoch = cast(int, (await highest.fetchall())[0][0]) + 1
                lease = Lease(epoch, holder, now + ttl_ms)
                await connection.execute(
                    "INSERT INTO coplayer.leases (room, slot, epoch, holder, expires_at, is_done)"
                    " VALUES (%s, %s, %s, %s, %s, false) ON CONFLICT (room, slot) DO UPDATE SET"
                    " epoch = excluded.epoch, holder = excluded.holder, expires_at = excluded.expires_at,"
                    " is_done = false",
                    (room_id, slot, lease.epoch, holder, lease.expires_at),
                )
                return lease

        return await self._others.run(work)

    async def end_lease(self, room: str, slot: str, holder: str, *, is_done: bool, now: int) -> None:
        """See Store."""

        async def work(connection: Connection) -> None:
            await connection.execute(
                "UPDATE coplayer.leases SET expires_at = %s, is_done = %s WHERE slot = %s AND holder = %s"
                " AND expires_at > %s AND room = (SELECT id FROM coplayer.rooms WHERE room = %s)",
                (now, is_done, slot, holder, now, room),
            )

        await self._others.run(work)

    async def want(self, room: str, slot: str) -> None:
        """See Store."""

        async def work(connection: Connection) -> None:
            async with connection.transaction():
                room_id = (await _find(connection, room, "FOR KEY SHARE"))[0]
                await connection.execute(
                    "INSERT INTO coplayer.leases (room, slot, epoch, holder, expires_at, is_done)"
                    " VALUES (%s, %s, 0, '', 0, false) ON CONFLICT (room, slot) DO UPDATE SET is_done = false",
                    (room_id, slot),
                )

        await self._others.run(work)

    async def wanted(self, slot: str, now: int) -> Sequence[str]:
        """See Store."""

        async def work(connection: Connection) -> list[str]:
            rows = await connection.execute(
                "SELECT rooms.room FROM coplayer.leases JOIN coplayer.rooms ON rooms.id = leases.room"
                " WHERE slot = %s AND NOT is_done AND expires_at <= %s",
                (slot, now),
            )
            return [row[0] for row in await rows.fetchall()]

        return await self._others.run(work)

    async def lease(self, room: str, slot: str) -> Lease | None:
        """See Store."""

        async def work(connection: Connection) -> Lease | None:
            return await _lease(connection, (await _find(connection, room))[0], slot)

        return await self._others.run(work)

    async def activity(self, room: str, before: int | None, limit: int) -> Sequence[LogRow]:
        """See Store."""

        async def work(connection: Connection) -> list[LogRow]:
            return await history.activity(connection, (await _find(connection, room))[0], before, limit)

        return await self._others.run(work)

    async def add_version(self, room: str, name: str, author: str, at: int, snapshot: bytes, *, auto: bool) -> Version:
        """See Store."""

        async def work(connection: Connection) -> Version:
            async with connection.transaction():
                room_id = (await _find(connection, room, "FOR NO KEY UPDATE"))[0]
                return await history.add_version(connection, room_id, name, author, at, snapshot, auto)

        return await self._others.run(work)

    async def versions(self, room: str) -> Sequence[Version]:
        """See Store."""

        async def work(connection: Connection) -> list[Version]:
            return await history.versions(connection, (await _find(connection, room))[0])

        return await self._others.run(work)

    async def version(self, room: str, number: int) -> tuple[Version, bytes]:
        """See Store."""

        async def work(connection: Connection) -> tuple[Version, bytes]:
            return await history.version(connection, (await _find(connection, room))[0], room, number)

        return await self._others.run(work)

    async def rename_version(self, room: str, number: int, name: str) -> Version:
        """See Store."""

        async def work(connection: Connection) -> Version:
            async with connection.transaction():
                room_id = (await _find(connection, room, "FOR NO KEY UPDATE"))[0]
                return await history.rename_version(connection, room_id, room, number, name)

        return await self._others.run(work)

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
                room_id, _, seq = await _find(connection, room)
                return await history.check(connection, room_id, seq)

        return await self._others.run(work)


async def _migrate(connection: Connection) -> None:
    async with connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock(%s)", (_SCHEMA_LOCK,))
        await connection.execute("SET LOCAL client_min_messages = warning")  # not "already exists, skipping"
        await connection.execute(_SCHEMA + postgres_revocations.SCHEMA)
        await connection.execute(postgres_loads.SCHEMA)
        versions = await (await connection.execute("SELECT version FROM coplayer.format")).fetchall()
        if not versions:
            await connection.execute("INSERT INTO coplayer.format (version) VALUES (%s)", (_SCHEMA_VERSION,))
        elif versions[0][0] > _SCHEMA_VERSION:
            raise StoreError(f"The data was written by a newer coplayer (format {versions[0][0]}); upgrade to open it.")
    settings = await (await connection.execute("SHOW fsync")).fetchall()
    if settings[0][0] != "on":
        log.warning("PostgreSQL runs with fsync = off: what is saved does not survive a power failure")


async def _find(connection: Connection, room: str, lock: str = "") -> tuple[int, RoomInfo, int]:
    found = await connection.execute(
        "SELECT id, room, epoch, profile, title, created_at, edited_at, seq FROM coplayer.rooms"
        f" WHERE room = %s {lock}".encode(),
        (room,),
    )
    row = await found.fetchone()
    if row is None:
        raise NoSuchRoom(f"There is no room {room}.")
    return row[0], RoomInfo(*row[1:7]), row[7]


async def _load(connection: Connection, room: str) -> Loaded:
    room_id, info, seq = await _find(connection, room)
    snapshots = await connection.execute(
        "SELECT upto_seq, data, crc FROM coplayer.snapshots WHERE room = %s ORDER BY upto_seq DESC",
        (room_id,),
        binary=True,
    )
    first = await connection.execute("SELECT min(seq) FROM coplayer.updates WHERE room = %s", (room_id,))
    snapshot, upto = newest_whole_snapshot(room, await snapshots.fetchall(), (await first.fetchall())[0][0])
    rows = await connection.execute(
        "SELECT seq, data, crc FROM coplayer.updates WHERE room = %s AND seq > %s ORDER BY seq",
        (room_id, upto),
        binary=True,
    )
    loaded = whole_rows(info, snapshot, upto, seq, await rows.fetchall())
    return replace(loaded, attempts=await postgres_loads.attempts(connection, room_id))


async def _lease(connection: Connection, room_id: int, slot: str) -> Lease | None:
    found = await connection.execute(
        "SELECT epoch, holder, expires_at FROM coplayer.leases WHERE room = %s AND slot = %s", (room_id, slot)
    )
    row = await found.fetchone()
    return None if row is None else Lease(*row)
