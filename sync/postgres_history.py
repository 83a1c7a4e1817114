"""What the PostgreSQL store keeps of the past: who wrote which row, versions, and whether it all reads as written.

As sync/sqlite_history.py; functions of one connection, `room` is the number of the room's row.
"""

from __future__ import annotations

import zlib
from dataclasses import replace

from sync.postgres_links import Connection
from sync.rows import damage, is_as_written, storable
from sync.store import MAX_AUTOMATIC_VERSIONS, LogRow, NoSuchVersion, Purged, StoreError, Version

_SELECT_VERSION = "SELECT id, name, author, at, is_automatic, length(data) FROM coplayer.versions WHERE room = %s"


async def activity(connection: Connection, room: int, before: int | None, limit: int) -> list[LogRow]:
    """Rows of the log, newest first."""
    rows = await connection.execute(
        "SELECT seq, author, at, data FROM coplayer.updates WHERE room = %s AND seq < %s ORDER BY seq DESC LIMIT %s",
        (room, 2**62 if before is None else before, limit),
    )
    return [LogRow(*row) for row in await rows.fetchall()]


async def add_version(
    connection: Connection, room: int, name: str, author: str, at: int, snapshot: bytes, is_automatic: bool
) -> Version:
    """Keep a version; the oldest automatic ones past the limit go. The room's row is locked: ids count up."""
    made = await connection.execute(
        "INSERT INTO coplayer.versions (room, id, name, author, at, is_automatic, data, crc)"
        " SELECT %s, coalesce(max(id), 0) + 1, %s, %s, %s, %s, %b, %s FROM coplayer.versions WHERE room = %s"
        " RETURNING id, name, author, at, is_automatic, length(data)",
        (room, storable(name), storable(author), at, is_automatic, snapshot, zlib.crc32(snapshot), room),
    )
    version = Version(*(await made.fetchall())[0])
    await connection.execute(
        "DELETE FROM coplayer.versions WHERE room = %s AND id IN (SELECT id FROM coplayer.versions"
        " WHERE room = %s AND is_automatic ORDER BY id DESC OFFSET %s)",
        (room, room, MAX_AUTOMATIC_VERSIONS),
    )
    return version


async def purge(connection: Connection, room: int, versions_before: int, rows_before: int, is_trial: bool) -> Purged:
    """See Store. The newest version stays: the next one's id follows it."""
    found: list[tuple[int, int]] = []
    newest = "(SELECT max(id) FROM coplayer.versions WHERE room = %s)"
    for table, where, values in (
        ("versions", f"room = %s AND is_automatic AND at < %s AND id < {newest}", (room, versions_before, room)),
        ("quarantine", "room = %s AND at < %s", (room, rows_before)),
    ):
        counted = f"SELECT count(*), coalesce(sum(length(data)), 0)::bigint FROM coplayer.{table} WHERE {where}"
        rows = await connection.execute(counted.encode(), values)
        count, size = (await rows.fetchall())[0]
        found.append((count, size))
        if not is_trial:
            await connection.execute(f"DELETE FROM coplayer.{table} WHERE {where}".encode(), values)
    (versions, size), (aside, more) = found
    return Purged(versions, aside, size + more)


async def versions(connection: Connection, room: int) -> list[Version]:
    """Newest first."""
    rows = await connection.execute(f"{_SELECT_VERSION} ORDER BY id DESC".encode(), (room,))
    return [Version(*row) for row in await rows.fetchall()]


async def version(connection: Connection, room: int, name: str, number: int) -> tuple[Version, bytes]:
    """One version and its document; `name` is the room's, for the sentence. Raises NoSuchVersion, StoreError."""
    rows = await connection.execute(
        "SELECT id, name, author, at, is_automatic, length(data), data, crc FROM coplayer.versions"
        " WHERE room = %s AND id = %s",
        (room, number),
    )
    row = await rows.fetchone()
    if row is None:
        raise NoSuchVersion(f"The room {name} has no version {number}.")
    if not is_as_written(row[6], row[7]):
        raise StoreError(f"Version {number} of room {name} is damaged; restore it from a backup.")
    return Version(*row[:6]), row[6]


async def rename_version(connection: Connection, room: int, room_name: str, number: int, name: str) -> Version:
    """Name a version, an automatic one for good. Raises NoSuchVersion, StoreError."""
    found, _ = await version(connection, room, room_name, number)
    renamed = replace(found, name=storable(name), is_automatic=False)
    await connection.execute(
        "UPDATE coplayer.versions SET name = %s, is_automatic = false WHERE room = %s AND id = %s",
        (renamed.name, room, number),
    )
    return renamed


async def check(connection: Connection, room: int, seq: int) -> list[str]:
    """What does not read as written, in words. `seq` is the number of the last row."""
    snapshots = await connection.execute("SELECT upto_seq, data, crc FROM coplayer.snapshots WHERE room = %s", (room,))
    rows = await connection.execute("SELECT seq, data, crc FROM coplayer.updates WHERE room = %s ORDER BY seq", (room,))
    kept = await connection.execute("SELECT id, data, crc FROM coplayer.versions WHERE room = %s", (room,))
    return damage(seq, *[await found.fetchall() for found in (snapshots, rows, kept)])
