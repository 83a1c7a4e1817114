"""Updates of many rooms into the log of SQLite, with as few statements as may be.

Each statement lets go of Python's lock and waits for it again, while the event loop's thread wants it too: their number
makes a commit slow under load, not their size. One for each room, and one for each 32 rows.
"""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Sequence
from typing import Any, Protocol

from sync.rows import storable
from sync.store import Entry, NoSuchRoom

CHUNKS = (32, 8, 1)  # rows of one statement; few sizes, so that they stay prepared
_ROW = "(?,?,?,?,?,?)"
_COLUMNS = 6


class Batch(Protocol):
    """Entries for one room. `result` becomes the number of the last, or `error` says why there is none."""

    room: str
    entries: Sequence[Entry]
    result: Any
    error: Exception | None


def append(connection: sqlite3.Connection, batches: Sequence[Batch]) -> None:
    """Inside the caller's transaction. A batch whose room does not exist writes nothing and hinders no other."""
    values: list[Any] = []
    for batch in batches:
        found = connection.execute(
            "UPDATE rooms SET seq = seq + ?, edited_at = ? WHERE room = ? RETURNING id, seq",
            (len(batch.entries), batch.entries[-1].at, batch.room),
        ).fetchall()
        if not found:
            batch.error = NoSuchRoom(f"There is no room {batch.room}.")
            continue
        room, last = found[0]
        for seq, entry in enumerate(batch.entries, last - len(batch.entries) + 1):
            values += (room, seq, entry.update, zlib.crc32(entry.update), storable(entry.author), entry.at)
        batch.result = last
    at = 0
    for rows in CHUNKS:
        step = rows * _COLUMNS
        while len(values) - at >= step:
            connection.execute(_INSERT[rows], values[at : at + step])
            at += step


_INSERT = {
    rows: "INSERT INTO updates (room, seq, data, crc, author, at) VALUES " + ",".join([_ROW] * rows) for rows in CHUNKS
}
