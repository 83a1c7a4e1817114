"""How often rooms were begun to be read and not finished, in SQLite: functions of one connection. sync/reading.py."""

from __future__ import annotations

import sqlite3

SCHEMA = """
CREATE TABLE IF NOT EXISTS loads (room INTEGER PRIMARY KEY, attempts INTEGER NOT NULL);
"""


def attempts(connection: sqlite3.Connection, room: int) -> int:
    """Since it was read last; `room` is the number of the room's row."""
    row = connection.execute("SELECT attempts FROM loads WHERE room = ?", (room,)).fetchone()
    return 0 if row is None else int(row[0])


def set_attempts(connection: sqlite3.Connection, room: int, count: int) -> None:
    """0 needs no row."""
    if count:
        connection.execute("INSERT OR REPLACE INTO loads (room, attempts) VALUES (?, ?)", (room, count))
    else:
        connection.execute("DELETE FROM loads WHERE room = ?", (room,))
