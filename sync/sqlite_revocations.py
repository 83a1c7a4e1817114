"""Access that was taken back, in SQLite: functions of one connection."""

from __future__ import annotations

import sqlite3

from sync.revocations import Revocation

SCHEMA = """
CREATE TABLE IF NOT EXISTS revocations (
  id TEXT PRIMARY KEY, room TEXT NOT NULL, user TEXT, token TEXT, access TEXT NOT NULL, at INTEGER NOT NULL,
  until INTEGER NOT NULL);
"""


def add(connection: sqlite3.Connection, revocation: Revocation) -> None:
    """Keep it, and forget those that are over by its time."""
    connection.execute("DELETE FROM revocations WHERE until <= ?", (revocation.at,))
    connection.execute(
        "INSERT INTO revocations (id, room, user, token, access, at, until) VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            revocation.id,
            revocation.room,
            revocation.user,
            revocation.token,
            revocation.access,
            revocation.at,
            revocation.until,
        ),
    )


def remove(connection: sqlite3.Connection, number: str) -> bool:
    """Was there one?"""
    return connection.execute("DELETE FROM revocations WHERE id = ?", (number,)).rowcount > 0


def in_force(connection: sqlite3.Connection, now: int) -> list[Revocation]:
    """Newest first."""
    rows = connection.execute(
        "SELECT id, room, user, token, access, at, until FROM revocations WHERE until > ? ORDER BY at DESC, id", (now,)
    )
    return [Revocation(*row) for row in rows]
