"""Rooms of a SQLite store, their logs and snapshots: functions of one connection. `room` is the name."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from typing import cast

from sync import sqlite_loads, sqlite_sums
from sync.gate import PROFILE_NAMES, ProfileName
from sync.rows import checksum, newest_whole_snapshot, storable, whole_rows
from sync.sqlite_history import OF_ROOMS
from sync.store import Loaded, NoSuchRoom, RoomExists, RoomInfo, StoreError


def find(connection: sqlite3.Connection, room: str) -> tuple[int, RoomInfo, int]:
    """Its number, what it is, and the number of its last row. Raises NoSuchRoom."""
    row = connection.execute(
        "SELECT id, room, epoch, profile, title, created_at, edited_at, seq FROM rooms WHERE room = ?", (room,)
    ).fetchone()
    if row is None:
        raise NoSuchRoom(f"There is no room {room}.")
    return row[0], RoomInfo(*row[1:7]), row[7]


def create(connection: sqlite3.Connection, room: str, epoch: str, profile: ProfileName, now: int) -> RoomInfo:
    """See Store."""
    try:
        made = connection.execute(
            "INSERT INTO rooms (room, epoch, profile, created_at, edited_at, seq) VALUES (?, ?, ?, ?, ?, 0)",
            (room, epoch, profile, now, now),
        )
    except sqlite3.IntegrityError:
        raise RoomExists(f"There is a room {room} already.") from None
    sqlite_sums.keep(connection, cast(int, made.lastrowid))
    return RoomInfo(room, epoch, profile, "", now, now)


def listed(connection: sqlite3.Connection) -> list[RoomInfo]:
    """All of them, last edited first."""
    rows = connection.execute(
        "SELECT room, epoch, profile, title, created_at, edited_at FROM rooms ORDER BY edited_at DESC, room"
    )
    return [RoomInfo(*row) for row in rows]


def describe(connection: sqlite3.Connection, room: str, title: str) -> None:
    """See Store."""
    found = connection.execute(
        "UPDATE rooms SET title = ? WHERE room = ? AND title != ? RETURNING id",
        (storable(title), room, storable(title)),
    ).fetchall()
    for (room_id,) in found:
        sqlite_sums.keep(connection, room_id)


def delete(connection: sqlite3.Connection, room: str) -> None:
    """See Store."""
    room_id, _, _ = find(connection, room)
    for table in OF_ROOMS:
        connection.execute(f"DELETE FROM {table} WHERE room = ?", (room_id,))
    connection.execute("DELETE FROM rooms WHERE id = ?", (room_id,))


def compact(connection: sqlite3.Connection, room: str, snapshot: bytes, upto_seq: int) -> None:
    """Two snapshots are kept, and the rows since the older: one generation behind."""
    room_id, _, _ = find(connection, room)
    connection.execute(
        "INSERT OR REPLACE INTO snapshots (room, upto_seq, data, crc) VALUES (?, ?, ?, ?)",
        (room_id, upto_seq, snapshot, checksum(snapshot, upto_seq)),
    )
    kept = [
        row[0]
        for row in connection.execute(
            "SELECT upto_seq FROM snapshots WHERE room = ? ORDER BY upto_seq DESC LIMIT 2", (room_id,)
        )
    ]
    if len(kept) == 2:
        connection.execute("DELETE FROM snapshots WHERE room = ? AND upto_seq < ?", (room_id, kept[1]))
        connection.execute("DELETE FROM updates WHERE room = ? AND seq <= ?", (room_id, kept[1]))


def load(connection: sqlite3.Connection, room: str) -> tuple[Loaded, int]:
    """With the number of the last row as the room has it, which may be what is damaged."""
    room_id, info, counted = find(connection, room)
    if info.profile not in PROFILE_NAMES:
        raise StoreError(f"What kind of room {room} is, is damaged: {info.profile!r}. Restore it from a backup.")
    snapshots = connection.execute(
        "SELECT upto_seq, data, crc FROM snapshots WHERE room = ? ORDER BY upto_seq DESC", (room_id,)
    ).fetchall()
    first, last = connection.execute("SELECT MIN(seq), MAX(seq) FROM updates WHERE room = ?", (room_id,)).fetchone()
    seq = max(counted, last or 0)
    snapshot, upto = newest_whole_snapshot(room, snapshots, first)
    rows = connection.execute(
        "SELECT seq, data, crc FROM updates WHERE room = ? AND seq > ? ORDER BY seq", (room_id, upto)
    )
    loaded = whole_rows(info, snapshot, upto, seq, rows)
    return replace(loaded, attempts=sqlite_loads.attempts(connection, room_id)), counted


def put_aside(connection: sqlite3.Connection, room: str, loaded: Loaded) -> None:
    """Copy damaged rows where nothing is ever removed; somebody may still read something in them. No number is given
    twice, whatever the room's row says."""
    room_id, _, _ = find(connection, room)
    connection.execute("UPDATE rooms SET seq = MAX(seq, ?) WHERE id = ?", (loaded.seq, room_id))
    for seq in loaded.damaged:
        connection.execute(
            "INSERT OR IGNORE INTO quarantine SELECT room, seq, data, crc, author, at FROM updates"
            " WHERE room = ? AND seq = ?",
            (room_id, seq),
        )
