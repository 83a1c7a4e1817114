"""Leases of a PostgreSQL store's rooms, as sync/sqlite_leases.py. `room_id` is the number of the room's row."""

from __future__ import annotations

from typing import cast

from sync.postgres_links import Connection
from sync.store import Lease, Taken


async def last(connection: Connection, room_id: int, slot: str) -> Lease | None:
    """The last one given, alive or not."""
    found = await connection.execute(
        "SELECT epoch, holder, expires_at FROM coplayer.leases WHERE room = %s AND slot = %s", (room_id, slot)
    )
    row = await found.fetchone()
    return None if row is None else Lease(*row)


async def take(connection: Connection, room_id: int, slot: str, holder: str, now: int, ttl_ms: int) -> Lease:
    """See Store. The room's row is locked: one taker at a time."""
    before = await last(connection, room_id, slot)
    is_alive = before is not None and before.expires_at > now
    if before is not None and is_alive and before.holder != holder:
        raise Taken(before.expires_at - now)
    if before is not None and is_alive:
        epoch = before.epoch
    else:  # counted over all slots: two assistants of one room never share a client id
        highest = await connection.execute(
            "SELECT coalesce(max(epoch), 0) FROM coplayer.leases WHERE room = %s", (room_id,)
        )
        epoch = cast(int, (await highest.fetchall())[0][0]) + 1
    lease = Lease(epoch, holder, now + ttl_ms)
    await connection.execute(
        "INSERT INTO coplayer.leases (room, slot, epoch, holder, expires_at, is_done)"
        " VALUES (%s, %s, %s, %s, %s, false) ON CONFLICT (room, slot) DO UPDATE SET"
        " epoch = excluded.epoch, holder = excluded.holder, expires_at = excluded.expires_at,"
        " is_done = false",
        (room_id, slot, lease.epoch, holder, lease.expires_at),
    )
    return lease


async def end(connection: Connection, room: str, slot: str, holder: str, is_done: bool, now: int) -> None:
    """See Store; `room` is its name, and there may be none."""
    await connection.execute(
        "UPDATE coplayer.leases SET expires_at = %s, is_done = %s WHERE slot = %s AND holder = %s"
        " AND expires_at > %s AND room = (SELECT id FROM coplayer.rooms WHERE room = %s)",
        (now, is_done, slot, holder, now, room),
    )


async def want(connection: Connection, room_id: int, slot: str) -> None:
    """See Store."""
    await connection.execute(
        "INSERT INTO coplayer.leases (room, slot, epoch, holder, expires_at, is_done)"
        " VALUES (%s, %s, 0, '', 0, false) ON CONFLICT (room, slot) DO UPDATE SET is_done = false",
        (room_id, slot),
    )


async def wanted(connection: Connection, slot: str, now: int) -> list[str]:
    """See Store."""
    rows = await connection.execute(
        "SELECT rooms.room FROM coplayer.leases JOIN coplayer.rooms ON rooms.id = leases.room"
        " WHERE slot = %s AND NOT is_done AND expires_at <= %s",
        (slot, now),
    )
    return [row[0] for row in await rows.fetchall()]
