"""Access that was taken back, in PostgreSQL, as sync/sqlite_revocations.py: functions of one connection."""

from __future__ import annotations

from sync.postgres_links import Connection
from sync.revocations import Revocation

SCHEMA = """
CREATE TABLE IF NOT EXISTS coplayer.revocations (
  id text PRIMARY KEY, room text NOT NULL, person text, token text, access text NOT NULL, at bigint NOT NULL,
  until bigint NOT NULL);
"""


async def add(connection: Connection, revocation: Revocation) -> None:
    """Keep it, and forget those that are over by its time."""
    await connection.execute("DELETE FROM coplayer.revocations WHERE until <= %s", (revocation.at,))
    await connection.execute(
        "INSERT INTO coplayer.revocations (id, room, person, token, access, at, until) VALUES (%s,%s,%s,%s,%s,%s,%s)",
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


async def remove(connection: Connection, number: str) -> bool:
    """Was there one?"""
    return (await connection.execute("DELETE FROM coplayer.revocations WHERE id = %s", (number,))).rowcount > 0


async def in_force(connection: Connection, now: int) -> list[Revocation]:
    """Newest first."""
    rows = await connection.execute(
        "SELECT id, room, person, token, access, at, until FROM coplayer.revocations WHERE until > %s"
        " ORDER BY at DESC, id",
        (now,),
    )
    return [Revocation(*row) for row in await rows.fetchall()]
