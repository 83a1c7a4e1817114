"""Checksums of the rows that have none of their own: what a room is, and its leases. Functions of one connection.

A table of its own, so that files of before need no change: what has no sum there is not looked at.
"""

from __future__ import annotations

import sqlite3

from sync.rows import checksum

SCHEMA = """
CREATE TABLE IF NOT EXISTS sums (
  room INTEGER NOT NULL, slot TEXT NOT NULL, crc INTEGER NOT NULL, PRIMARY KEY (room, slot)) WITHOUT ROWID;
"""
_ROOM = "SELECT id, room, epoch, profile, title, created_at FROM rooms WHERE id = ?"
_LEASE = (  # by its number, so that nothing is read from the index instead
    "SELECT slot, epoch, holder, expires_at, is_done FROM leases"
    " WHERE rowid IN (SELECT rowid FROM leases WHERE room = ? AND slot = ?)"
)


def keep(connection: sqlite3.Connection, room: int, slot: str = "") -> None:
    """The row of the room (its number), or of its lease in that slot, is as it is to be."""
    crc = _sum(connection, room, slot)
    connection.execute("INSERT OR REPLACE INTO sums (room, slot, crc) VALUES (?, ?, ?)", (room, slot, crc))


def check(connection: sqlite3.Connection, room: int) -> list[str]:
    """What does not read as written, in words."""
    sums = dict(connection.execute("SELECT slot, crc FROM sums WHERE room = ?", (room,)).fetchall())
    wrong = [slot for slot, crc in sums.items() if _sum(connection, room, slot) != crc]
    return [
        *(f"the lease of its assistant {slot!r} is damaged" for slot in wrong if slot != ""),
        *("its name, epoch, profile, title or age is damaged" for slot in wrong if slot == ""),
    ]


def _sum(connection: sqlite3.Connection, room: int, slot: str) -> int:
    """Of a row that is not there, too."""
    row = connection.execute(*((_ROOM, (room,)) if slot == "" else (_LEASE, (room, slot)))).fetchone()
    return checksum(b"", *(row or ()))
