"""The file of a SQLite store: its tables, connections to it, and which file it is.

WAL with `synchronous=FULL`: in 400 simulated power failures FULL lost nothing, NORMAL lost acked commits in 322.
"""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

from sync import sqlite_loads, sqlite_revocations, sqlite_sums
from sync.store import StoreError

BUSY_TIMEOUT_S = 5.0  # another process (a backup) may hold the file this long
SCHEMA_VERSION = 1
Files = tuple[tuple[int, int] | None, ...]
"""Device and number of the database and of its log; None for one that is not there."""

SCHEMA = """
CREATE TABLE IF NOT EXISTS rooms (
  id INTEGER PRIMARY KEY, room TEXT NOT NULL UNIQUE, epoch TEXT NOT NULL, profile TEXT NOT NULL,
  title TEXT NOT NULL DEFAULT '', created_at INTEGER NOT NULL, edited_at INTEGER NOT NULL, seq INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS updates (
  room INTEGER NOT NULL, seq INTEGER NOT NULL, data BLOB NOT NULL, crc INTEGER NOT NULL, author TEXT NOT NULL,
  at INTEGER NOT NULL, PRIMARY KEY (room, seq)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS snapshots (
  room INTEGER NOT NULL, upto_seq INTEGER NOT NULL, data BLOB NOT NULL, crc INTEGER NOT NULL,
  PRIMARY KEY (room, upto_seq));
CREATE TABLE IF NOT EXISTS quarantine (
  room INTEGER NOT NULL, seq INTEGER NOT NULL, data BLOB, crc INTEGER, author TEXT, at INTEGER,
  PRIMARY KEY (room, seq));
CREATE TABLE IF NOT EXISTS leases (
  room INTEGER NOT NULL, slot TEXT NOT NULL, epoch INTEGER NOT NULL, holder TEXT NOT NULL,
  expires_at INTEGER NOT NULL, is_done INTEGER NOT NULL, PRIMARY KEY (room, slot));
CREATE TABLE IF NOT EXISTS versions (
  room INTEGER NOT NULL, id INTEGER NOT NULL, name TEXT NOT NULL, author TEXT NOT NULL, at INTEGER NOT NULL,
  is_automatic INTEGER NOT NULL, data BLOB NOT NULL, crc INTEGER NOT NULL, PRIMARY KEY (room, id));
"""


def connect(path: Path) -> sqlite3.Connection:
    """A durable one, for any thread. Raises sqlite3.Error."""
    connection = sqlite3.connect(path, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("SELECT * FROM sqlite_master").fetchall()  # now its files are there
    except BaseException:
        connection.close()
        raise
    connection.text_factory = _text
    return connection


def _text(data: bytes) -> str:
    """One rotten name must not make a whole room unreadable."""
    return data.decode(errors="replace")


def files(path: Path) -> Files:
    """Which files the names of the database and its log stand for."""
    found: list[tuple[int, int] | None] = []
    for name in (path, f"{path}-wal"):
        try:
            stat = os.stat(name)
        except OSError:
            found.append(None)
        else:
            found.append((stat.st_dev, stat.st_ino))
    return tuple(found)


def migrate(connection: sqlite3.Connection) -> None:
    """The tables are there. Raises StoreError for data of a newer version."""
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version > SCHEMA_VERSION:
        raise StoreError(f"The data was written by a newer coplayer (format {version}); upgrade to open it.")
    for schema in (SCHEMA, sqlite_revocations.SCHEMA, sqlite_loads.SCHEMA, sqlite_sums.SCHEMA):
        connection.executescript(schema)
    if version < SCHEMA_VERSION:  # else nothing is written: a full disk may be opened to be read
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
