"""Updates of many rooms into the log of SQLite, with as few statements as may be.

Each statement lets go of Python's lock and waits for it again, while the event loop's thread wants it too: their number
makes a commit slow under load, not their size. One for each room, and one for each 32 rows; of an update that comes
alone, the transaction is that one statement: a quarter less CPU for the whole commit, its wait for the disk included.
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


_ALONE = """
CREATE TEMP VIEW appending AS SELECT '' AS room, 0 AS seq, x'' AS data, 0 AS crc, '' AS author, 0 AS at;
CREATE TEMP TRIGGER append_alone INSTEAD OF INSERT ON appending BEGIN
  UPDATE rooms SET seq = NEW.seq, edited_at = NEW.at WHERE room = NEW.room AND seq = NEW.seq - 1;
  INSERT INTO updates (room, seq, data, crc, author, at)
    SELECT id, seq, NEW.data, NEW.crc, NEW.author, NEW.at FROM rooms WHERE room = NEW.room AND changes() = 1;
END;
"""
"""Of the connection alone: the file knows nothing of it."""


class Batch(Protocol):
    """Entries for one room. `result` becomes the number of the last, or `error` says why there is none."""

    room: str
    entries: Sequence[Entry]
    result: Any
    error: Exception | None


class Numbers:
    """The last number of each room that this connection has written to, as far as it knows: at most `MOST_ROOMS`."""

    MOST_ROOMS = 10_000

    def __init__(self, connection: sqlite3.Connection) -> None:
        connection.executescript(_ALONE)
        self._connection = connection
        self._last: dict[str, int] = {}

    def keep(self, batches: Sequence[Batch]) -> None:
        """These were committed."""
        if len(self._last) > self.MOST_ROOMS:
            self._last.clear()
        for batch in batches:
            if batch.error is None:
                self._last[batch.room] = batch.result

    def append_alone(self, batch: Batch) -> bool:
        """One entry in one transaction; False when the room's number is not what was kept, and nothing was written.

        Outside of any transaction. Raises sqlite3.Error.
        """
        last = self._last.get(batch.room)
        if last is None or len(batch.entries) != 1:
            return False
        entry = batch.entries[0]
        before = self._connection.total_changes
        values = (batch.room, last + 1, entry.update, zlib.crc32(entry.update), storable(entry.author), entry.at)
        self._connection.execute("INSERT INTO appending VALUES (?,?,?,?,?,?)", values)
        if self._connection.total_changes - before != 2:  # the room's row, and the update's
            del self._last[batch.room]
            return False
        batch.result = self._last[batch.room] = last + 1
        return True


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
