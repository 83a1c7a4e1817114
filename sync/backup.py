"""A consistent copy of the embedded database while a server writes it, by SQLite's own backup, and the way back."""

from __future__ import annotations

import os
import shutil
import sqlite3
from contextlib import closing, suppress
from pathlib import Path

from sync import sqlite_sums
from sync.store import StoreError

PAGES_A_STEP = 1_000  # between two steps the server may write; each is about 4 MB
BUSY_TIMEOUT_S = 10.0
LEASES_AHEAD = 1_000
"""A lease's epoch is an assistant's client id (R8). Those given since the backup must not be given again: whoever still
has what they wrote would take the new holder's changes for ones it knows."""


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
        _remove(part)
        _copy(source, part)
        _sync(part)
        part.rename(target)
        _sync(target.parent)
    except (OSError, sqlite3.Error) as error:
        _remove(part)
        raise StoreError(f"The backup failed: {error}.") from error
    return target.stat().st_size


def restore(source: Path, database: Path) -> Path | None:
    """Put a copy of a backup in the database's place; where the one before went. Raises StoreError: nothing is changed.

    No server may have the database open. People's browsers may bring back what was drawn since the backup: it merges.
    Killed anywhere, or with its power gone, the one or the other is in place, whole: there is no moment without one.
    """
    if not source.is_file():
        raise StoreError(f"There is no backup {source}.")
    if is_in_use(database):
        raise StoreError(f"{database} is in use; stop the server first.")
    part = database.with_name(database.name + ".part")
    try:
        database.parent.mkdir(parents=True, exist_ok=True)
        _remove(part)
        _copy(source, part)
        with closing(sqlite3.connect(part, isolation_level=None)) as copy:
            copy.executescript(sqlite_sums.SCHEMA)
            copy.execute("DELETE FROM sums WHERE slot != ''")  # they are made again with the next leases
            copy.execute("UPDATE leases SET epoch = epoch + ?", (LEASES_AHEAD,))
        _sync(part)
        before = _keep(database)
        part.replace(database)
        _sync(database.parent)
    except (OSError, sqlite3.Error) as error:
        _remove(part)
        raise StoreError(f"The backup was not put in place: {error}.") from error
    return before


def _keep(database: Path) -> Path | None:
    """A second name for what is there; a log that could not be written into it goes along."""
    if not database.exists():
        return None
    with suppress(sqlite3.Error), closing(sqlite3.connect(database)) as connection:  # it may be why there is a restore
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    number = 1
    while (aside := database.with_name(f"{database.name}.before-restore-{number}")).exists():
        number += 1
    try:
        os.link(database, aside)
    except OSError:  # a file system without links
        shutil.copyfile(database, aside)
        _sync(aside)
    for suffix in ("-wal", "-shm"):
        part = database.with_name(database.name + suffix)
        if part.exists():
            part.rename(aside.with_name(aside.name + suffix))
    _sync(database.parent)  # the log's name is gone before another database has the name that it belongs to
    return aside


def _remove(part: Path) -> None:
    """What an earlier attempt that was killed has left, too."""
    for suffix in ("", "-journal"):
        part.with_name(part.name + suffix).unlink(missing_ok=True)


def _sync(path: Path) -> None:
    """A file's content, or a folder's names, to the disk."""
    if path.is_dir() and os.name == "nt":
        return  # folders cannot be opened there
    number = os.open(path, os.O_RDWR if os.name == "nt" else os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


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
