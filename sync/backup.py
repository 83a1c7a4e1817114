"""A consistent copy of the embedded database while a server writes it, by SQLite's own backup."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

from sync.store import StoreError

PAGES_A_STEP = 1_000  # between two steps the server may write; each is about 4 MB
BUSY_TIMEOUT_S = 10.0


def back_up(source: Path, target: Path) -> int:
    """Copy the database to a new file; its size in bytes. Raises StoreError: then there is no such file.

    The copy is of one moment, whatever is written meanwhile, is checked, and gets its name only when it is whole.
    """
    if not source.is_file():
        raise StoreError(f"There is no database {source}.")
    if target.exists():
        raise StoreError(f"{target} is there already; a backup overwrites nothing.")
    part = target.with_name(target.name + ".part")
    try:
        part.unlink(missing_ok=True)
        _copy(source, part)
        with part.open("rb") as file:
            os.fsync(file.fileno())
        part.rename(target)
    except (OSError, sqlite3.Error) as error:
        part.unlink(missing_ok=True)
        raise StoreError(f"The backup failed: {error}.") from error
    return target.stat().st_size


def _copy(source: Path, part: Path) -> None:
    with closing(
        sqlite3.connect(f"{source.absolute().as_uri()}?mode=ro", uri=True, timeout=BUSY_TIMEOUT_S)
    ) as original:
        # one read transaction: a backup step otherwise begins anew whenever the server has written
        original.execute("BEGIN")
        original.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()
        with closing(sqlite3.connect(part)) as copy:
            original.backup(copy, pages=PAGES_A_STEP)
            copy.execute("PRAGMA journal_mode = DELETE")
            verdict = copy.execute("PRAGMA integrity_check(1)").fetchone()[0]
            if verdict != "ok":
                raise sqlite3.DatabaseError(f"the copy is not whole: {verdict}")


def is_in_use(database: Path) -> bool:
    """Has another process the database open? In WAL mode each that has holds a shared lock on the file."""
    if not database.is_file():
        return False
    with closing(sqlite3.connect(database, timeout=0, isolation_level=None)) as connection:
        try:
            connection.execute("PRAGMA locking_mode = EXCLUSIVE")
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("ROLLBACK")
        except sqlite3.OperationalError:
            return True
    return False
