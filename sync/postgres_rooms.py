"""Rooms of a PostgreSQL store, their logs and snapshots, as sync/sqlite_rooms.py. `room` is the name, `room_id` the
number of its row, which `find` may lock until the transaction ends."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import replace

from sync import postgres_loads
from sync.gate import ProfileName
from sync.postgres_links import Connection
from sync.rows import newest_whole_snapshot, storable, whole_rows
from sync.store import Loaded, NoSuchRoom, RoomExists, RoomInfo


async def find(connection: Connection, room: str, lock: str = "") -> tuple[int, RoomInfo, int]:
    """Its number, what it is, and the number of its last row. Raises NoSuchRoom."""
    found = await connection.execute(
        "SELECT id, room, epoch, profile, title, created_at, edited_at, seq FROM coplayer.rooms"
        f" WHERE room = %s {lock}".encode(),
        (room,),
    )
    row = await found.fetchone()
    if row is None:
        raise NoSuchRoom(f"There is no room {room}.")
    return row[0], RoomInfo(*row[1:7]), row[7]


async def create(connection: Connection, room: str, epoch: str, profile: ProfileName, now: int) -> RoomInfo:
    """See Store."""
    made = await connection.execute(
        "INSERT INTO coplayer.rooms (room, epoch, profile, created_at, edited_at) VALUES (%s, %s, %s, %s, %s)"
        " ON CONFLICT (room) DO NOTHING",
        (room, epoch, profile, now, now),
    )
    if made.rowcount == 0:
        raise RoomExists(f"There is a room {room} already.")
    return RoomInfo(room, epoch, profile, "", now, now)


async def listed(connection: Connection) -> list[RoomInfo]:
    """All of them, last edited first."""
    rows = await connection.execute(
        "SELECT room, epoch, profile, title, created_at, edited_at FROM coplayer.rooms ORDER BY edited_at DESC, room"
    )
    return [RoomInfo(*row) for row in await rows.fetchall()]


async def describe(connection: Connection, room: str, title: str) -> None:
    """See Store."""
    await connection.execute("UPDATE coplayer.rooms SET title = %s WHERE room = %s", (storable(title), room))


async def delete(connection: Connection, room_id: int) -> None:
    """With all that is kept of it."""
    for table in ("updates", "snapshots", "leases", "quarantine", "versions", "loads"):
        await connection.execute(f"DELETE FROM coplayer.{table} WHERE room = %s".encode(), (room_id,))
    await connection.execute("DELETE FROM coplayer.rooms WHERE id = %s", (room_id,))


async def compact(connection: Connection, room_id: int, snapshot: bytes, upto_seq: int) -> None:
    """Two snapshots are kept, and the rows since the older: one generation behind."""
    await connection.execute(
        "INSERT INTO coplayer.snapshots (room, upto_seq, data, crc) VALUES (%s, %s, %b, %s)"
        " ON CONFLICT (room, upto_seq) DO UPDATE SET data = excluded.data, crc = excluded.crc",
        (room_id, upto_seq, snapshot, zlib.crc32(snapshot)),
    )
    kept = await connection.execute(
        "SELECT upto_seq FROM coplayer.snapshots WHERE room = %s ORDER BY upto_seq DESC LIMIT 2", (room_id,)
    )
    if len(rows := await kept.fetchall()) == 2:
        older = (room_id, rows[1][0])
        await connection.execute("DELETE FROM coplayer.snapshots WHERE room = %s AND upto_seq < %s", older)
        await connection.execute("DELETE FROM coplayer.updates WHERE room = %s AND seq <= %s", older)


async def load(connection: Connection, room: str) -> Loaded:
    """See Store; in one moment."""
    room_id, info, seq = await find(connection, room)
    snapshots = await connection.execute(
        "SELECT upto_seq, data, crc FROM coplayer.snapshots WHERE room = %s ORDER BY upto_seq DESC",
        (room_id,),
        binary=True,
    )
    first = await connection.execute("SELECT min(seq) FROM coplayer.updates WHERE room = %s", (room_id,))
    snapshot, upto = newest_whole_snapshot(room, await snapshots.fetchall(), (await first.fetchall())[0][0])
    rows = await connection.execute(
        "SELECT seq, data, crc FROM coplayer.updates WHERE room = %s AND seq > %s ORDER BY seq",
        (room_id, upto),
        binary=True,
    )
    loaded = whole_rows(info, snapshot, upto, seq, await rows.fetchall())
    return replace(loaded, attempts=await postgres_loads.attempts(connection, room_id))


async def put_aside(connection: Connection, room: str, damaged: Sequence[int]) -> None:
    """Copy damaged rows where nothing is ever removed; somebody may still read something in them."""
    await connection.execute(
        "INSERT INTO coplayer.quarantine SELECT u.room, u.seq, u.data, u.crc, u.author, u.at"
        " FROM coplayer.updates AS u JOIN coplayer.rooms AS r ON r.id = u.room"
        " WHERE r.room = %s AND u.seq = ANY (%s::bigint[]) ON CONFLICT DO NOTHING",
        (room, list(damaged)),
    )
