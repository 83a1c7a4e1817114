"""How often rooms were begun to be read and not finished, in PostgreSQL, as sync/sqlite_loads.py."""

from __future__ import annotations

from sync.postgres_links import Connection

SCHEMA = """
CREATE TABLE IF NOT EXISTS coplayer.loads (
  room bigint PRIMARY KEY REFERENCES coplayer.rooms ON DELETE CASCADE, attempts integer NOT NULL);
"""


async def attempts(connection: Connection, room: int) -> int:
    """Since it was read last; `room` is the number of the room's row."""
    found = await (await connection.execute("SELECT attempts FROM coplayer.loads WHERE room = %s", (room,))).fetchone()
    return 0 if found is None else int(found[0])


async def set_attempts(connection: Connection, room: int, count: int) -> None:
    """0 needs no row."""
    if count:
        await connection.execute(
            "INSERT INTO coplayer.loads (room, attempts) VALUES (%s, %s)"
            " ON CONFLICT (room) DO UPDATE SET attempts = excluded.attempts",
            (room, count),
        )
    else:
        await connection.execute("DELETE FROM coplayer.loads WHERE room = %s", (room,))
