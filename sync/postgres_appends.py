"""Group commit to PostgreSQL: what waits to be appended, over all rooms, is one statement on one connection.

It takes the rooms' row locks in one order, counts their rows up and inserts, so that one round trip and one COMMIT
serve everybody, and `seq` has no holes even when two servers write to a room.
"""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

import anyio

from sync.postgres_links import Connection, Links, Unfit
from sync.rows import storable
from sync.store import Entry, NoSuchRoom, StoreError

MAX_GROUP_ROWS = 10_000
MAX_GROUP_BYTES = 32 * 2**20  # of one statement; PostgreSQL takes 1 GiB

_APPEND = """
WITH wanted AS (
  SELECT * FROM unnest(%(rooms)s::text[], %(counts)s::bigint[], %(edited)s::bigint[]) AS t (room, rows, edited_at)
), locked AS (
  SELECT id, room FROM coplayer.rooms WHERE room = ANY (%(rooms)s::text[]) ORDER BY id FOR NO KEY UPDATE
), bumped AS (
  UPDATE coplayer.rooms AS r SET seq = r.seq + wanted.rows, edited_at = wanted.edited_at
  FROM locked JOIN wanted USING (room) WHERE r.id = locked.id
  RETURNING r.id, r.room, r.seq, r.seq - wanted.rows AS before
), inserted AS (
  INSERT INTO coplayer.updates (room, seq, data, crc, author, at)
  SELECT bumped.id, bumped.before + t.number, t.data, t.crc, t.author, t.at
  FROM unnest(%(of)s::text[], %(numbers)s::bigint[], %(data)b::bytea[], %(crcs)s::bigint[], %(authors)s::text[],
    %(ats)s::bigint[]) AS t (room, number, data, crc, author, at) JOIN bumped ON bumped.room = t.room
)
SELECT room, before FROM bumped
"""


@dataclass(slots=True)
class _Append:
    room: str
    entries: Sequence[Entry]
    future: asyncio.Future[int]


class Appends:
    """The one writer of the log."""

    def __init__(self, url: str) -> None:
        self.links = Links(url, 1)
        self._waiting: list[_Append] = []
        self._work = asyncio.Event()
        self._is_open = False

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Writes inside this context; what waits when it ends is written before."""
        self._is_open = True
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._write)
                try:
                    yield
                finally:
                    self._is_open = False
                    self._work.set()
        finally:
            await self.links.close()

    async def _write(self) -> None:
        with anyio.CancelScope(shield=True):  # what is under way ends; its length is bounded by the timeouts
            while self._is_open or self._waiting:
                if not self._waiting:
                    self._work.clear()
                    await self._work.wait()
                    continue
                group = self._take_group()
                try:
                    await self._commit(group)
                except Exception as error:  # noqa: BLE001 - the writer must live, and nobody may wait for ever
                    _fail(group, StoreError(f"The store failed: {error!r}."))

    async def append(self, room: str, entries: Sequence[Entry]) -> int:
        """The number of the last entry, when all of them are durable. Raises StoreError."""
        if not self._is_open:
            raise StoreError("The store is not open.")
        job = _Append(room, entries, asyncio.get_running_loop().create_future())
        self._waiting.append(job)
        self._work.set()
        return await job.future

    def _take_group(self) -> list[_Append]:
        rows = size = count = 0
        for job in self._waiting:
            rows += len(job.entries)
            size += sum(len(entry.update) for entry in job.entries)
            if count and (rows > MAX_GROUP_ROWS or size > MAX_GROUP_BYTES):
                break
            count += 1
        group, self._waiting = self._waiting[:count], self._waiting[count:]
        return group

    async def _commit(self, group: list[_Append]) -> None:
        try:
            before = await self.links.run(lambda connection: _append(connection, group))
        except Unfit as error:
            if len(group) == 1:
                _fail(group, error)
            else:  # one bad update is not everybody's
                for job in group:
                    await self._commit([job])
            return
        except StoreError as error:
            _fail(group, error)
            return
        for job in group:
            if job.room in before:
                before[job.room] += len(job.entries)
                if not job.future.done():
                    job.future.set_result(before[job.room])
            else:
                _fail([job], NoSuchRoom(f"There is no room {job.room}."))


def _fail(group: Sequence[_Append], error: StoreError) -> None:
    for job in group:
        if not job.future.done():
            job.future.set_exception(error)


async def _append(connection: Connection, group: Sequence[_Append]) -> dict[str, int]:
    """Writes the group; the number of rows that each of its rooms had before."""
    counts: dict[str, int] = {}
    edited: dict[str, int] = {}
    rows: list[tuple[str, int, Entry]] = []
    for job in group:
        for entry in job.entries:
            counts[job.room] = counts.get(job.room, 0) + 1
            edited[job.room] = entry.at
            rows.append((job.room, counts[job.room], entry))
    done = await connection.execute(
        _APPEND,
        {
            "rooms": list(counts),
            "counts": list(counts.values()),
            "edited": list(edited.values()),
            "of": [room for room, _, _ in rows],
            "numbers": [number for _, number, _ in rows],
            "data": [entry.update for _, _, entry in rows],
            "crcs": [zlib.crc32(entry.update) for _, _, entry in rows],
            "authors": [storable(entry.author) for _, _, entry in rows],
            "ats": [entry.at for _, _, entry in rows],
        },
    )
    return dict(await done.fetchall())
