"""What the SQLite store keeps of the past: who wrote which row, versions, and whether all of it still reads as written.

Functions of one connection, which the store's threads call; `room` is the number of the room's row.
"""

from __future__ import annotations

import sqlite3
from dataclasses import replace

from sync import sqlite_sums
from sync.rows import MAX_NAMED, checksum, damage, is_as_written, storable
from sync.store import MAX_AUTOMATIC_VERSIONS, LogRow, NoSuchVersion, Purged, StoreError, Version

OF_ROOMS = ("updates", "snapshots", "leases", "quarantine", "versions", "loads", "sums")
"""Tables whose rows begin with a room's number."""
_COLUMNS = "id, name, author, at, is_automatic, length(data)"


def activity(connection: sqlite3.Connection, room: int, before: int | None, limit: int) -> list[LogRow]:
    """Rows of the log, newest first."""
    rows = connection.execute(
        "SELECT seq, author, at, data FROM updates WHERE room = ? AND seq < ? ORDER BY seq DESC LIMIT ?",
        (room, 2**62 if before is None else before, limit),
    )
    return [LogRow(*row) for row in rows]


def add_version(
    connection: sqlite3.Connection, room: int, name: str, author: str, at: int, snapshot: bytes, is_automatic: bool
) -> Version:
    """Keep a version; the oldest automatic ones past the limit go. Ids are not given twice while the room lives."""
    name, author = storable(name), storable(author)
    row = connection.execute("SELECT MAX(id) FROM versions WHERE room = ?", (room,)).fetchone()
    version = Version((row[0] or 0) + 1, name, author, at, is_automatic, len(snapshot))
    rest = name, author, at, int(is_automatic)
    connection.execute(
        "INSERT INTO versions (room, id, name, author, at, is_automatic, data, crc) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (room, version.id, *rest, snapshot, checksum(snapshot, version.id, *rest)),
    )
    connection.execute(
        "DELETE FROM versions WHERE room = ? AND id IN (SELECT id FROM versions WHERE room = ? AND is_automatic"
        " ORDER BY id DESC LIMIT -1 OFFSET ?)",
        (room, room, MAX_AUTOMATIC_VERSIONS),
    )
    return version


def purge(connection: sqlite3.Connection, room: int, versions_before: int, rows_before: int, is_trial: bool) -> Purged:
    """See Store. The newest version stays: the next one's id follows it."""
    found = []
    for table, where, values in (
        (
            "versions",
            "room = ? AND is_automatic AND at < ? AND id < (SELECT MAX(id) FROM versions WHERE room = ?)",
            (room, versions_before, room),
        ),
        ("quarantine", "room = ? AND at < ?", (room, rows_before)),
    ):
        counted = f"SELECT COUNT(*), COALESCE(SUM(LENGTH(data)), 0) FROM {table} WHERE {where}"
        found.append(connection.execute(counted, values).fetchone())
        if not is_trial:
            connection.execute(f"DELETE FROM {table} WHERE {where}", values)
    (versions, size), (rows, more) = found
    return Purged(versions, rows, size + more)


def versions(connection: sqlite3.Connection, room: int) -> list[Version]:
    """Newest first."""
    return [_version(row) for row in connection.execute(_select("room = ? ORDER BY id DESC"), (room,))]


def version(connection: sqlite3.Connection, room: int, name: str, number: int) -> tuple[Version, bytes]:
    """One version and its document; `name` is the room's, for the sentence. Raises NoSuchVersion, StoreError."""
    row = connection.execute(_select("room = ? AND id = ?"), (room, number)).fetchone()
    if row is None:
        raise NoSuchVersion(f"The room {name} has no version {number}.")
    data, crc = connection.execute(
        "SELECT data, crc FROM versions WHERE room = ? AND id = ?", (room, number)
    ).fetchone()
    if not is_as_written(data, crc, *row[:5]):
        raise StoreError(f"Version {number} of room {name} is damaged; restore it from a backup.")
    return _version(row), data


def rename_version(connection: sqlite3.Connection, room: int, room_name: str, number: int, name: str) -> Version:
    """Name a version, an automatic one for good. Raises NoSuchVersion, StoreError."""
    found, data = version(connection, room, room_name, number)  # a new checksum must not cover up damage
    renamed = replace(found, name=storable(name), is_automatic=False)
    crc = checksum(data, number, renamed.name, renamed.author, renamed.at, 0)
    connection.execute(
        "UPDATE versions SET name = ?, is_automatic = 0, crc = ? WHERE room = ? AND id = ?",
        (renamed.name, crc, room, number),
    )
    return renamed


def check_all(connection: sqlite3.Connection) -> list[str]:
    """What SQLite finds wrong with its file, and rows of rooms that there are not."""
    said = [row[0] for row in connection.execute(f"PRAGMA integrity_check({MAX_NAMED})")]
    lost = [
        f"{count} rows of {table} belong to no board"
        for table in OF_ROOMS
        for (count,) in connection.execute(f"SELECT COUNT(*) FROM {table} WHERE room NOT IN (SELECT id FROM rooms)")
        if count
    ]
    return [*(sentence for sentence in said if sentence != "ok"), *lost]


def check(connection: sqlite3.Connection, room: int, seq: int) -> list[str]:
    """What does not read as written, in words. `seq` is the number of the last row."""
    edited, newest = connection.execute(
        "SELECT edited_at, (SELECT at FROM updates WHERE room = rooms.id AND seq = rooms.seq) FROM rooms WHERE id = ?",
        (room,),
    ).fetchone()
    when = ["the time of its last edit is damaged"] if newest is not None and edited != newest else []
    snapshots = connection.execute("SELECT upto_seq, data, crc FROM snapshots WHERE room = ?", (room,)).fetchall()
    rows = connection.execute("SELECT seq, data, crc FROM updates WHERE room = ? ORDER BY seq", (room,))
    kept = connection.execute(
        "SELECT id, data, crc, name, author, at, is_automatic FROM versions WHERE room = ?", (room,)
    )
    return [*sqlite_sums.check(connection, room), *when, *damage(seq, snapshots, rows, kept)]


def _select(where: str) -> str:
    return f"SELECT {_COLUMNS} FROM versions WHERE {where}"


def _version(row: tuple[int, str, str, int, int, int]) -> Version:
    return Version(row[0], row[1], row[2], row[3], bool(row[4]), row[5])
