"""Leases of a SQLite store's rooms: functions of one connection. `room` is the number of the room's row."""

from __future__ import annotations

import sqlite3

from sync import sqlite_sums
from sync.store import Lease, Taken


def last(connection: sqlite3.Connection, room: int, slot: str) -> Lease | None:
    """The last one given, alive or not."""
    row = connection.execute(
        "SELECT epoch, holder, expires_at FROM leases WHERE room = ? AND slot = ?", (room, slot)
    ).fetchone()
    return None if row is None else Lease(*row)


def take(connection: sqlite3.Connection, room: int, slot: str, holder: str, now: int, ttl_ms: int) -> Lease:
    """See Store."""
    before = last(connection, room, slot)
    if before is not None and before.expires_at > now and before.holder != holder:
        raise Taken(before.expires_at - now)
    if before is not None and before.holder == holder and before.expires_at > now:
        epoch = before.epoch
    else:  # counted over all slots: two assistants of one room never share a client id
        row = connection.execute("SELECT MAX(epoch) FROM leases WHERE room = ?", (room,)).fetchone()
        epoch = (row[0] or 0) + 1
    lease = Lease(epoch, holder, now + ttl_ms)
    connection.execute(
        "INSERT OR REPLACE INTO leases (room, slot, epoch, holder, expires_at, is_done) VALUES (?,?,?,?,?,0)",
        (room, slot, lease.epoch, holder, lease.expires_at),
    )
    sqlite_sums.keep(connection, room, slot)
    return lease


def end(connection: sqlite3.Connection, room: str, slot: str, holder: str, is_done: bool, now: int) -> None:
    """See Store; `room` is its name, and there may be none."""
    found = connection.execute(
        "UPDATE leases SET expires_at = ?, is_done = ? WHERE slot = ? AND holder = ? AND expires_at > ?"
        " AND room = (SELECT id FROM rooms WHERE room = ?) RETURNING room",
        (now, int(is_done), slot, holder, now, room),
    ).fetchall()
    for (number,) in found:
        sqlite_sums.keep(connection, number, slot)


def want(connection: sqlite3.Connection, room: int, slot: str) -> None:
    """See Store."""
    connection.execute(
        "INSERT INTO leases (room, slot, epoch, holder, expires_at, is_done) VALUES (?, ?, 0, '', 0, 0)"
        " ON CONFLICT (room, slot) DO UPDATE SET is_done = 0",
        (room, slot),
    )
    sqlite_sums.keep(connection, room, slot)


def wanted(connection: sqlite3.Connection, slot: str, now: int) -> list[str]:
    """See Store."""
    rows = connection.execute(
        "SELECT rooms.room FROM leases JOIN rooms ON rooms.id = leases.room"
        " WHERE slot = ? AND is_done = 0 AND expires_at <= ?",
        (slot, now),
    )
    return [row[0] for row in rows]
