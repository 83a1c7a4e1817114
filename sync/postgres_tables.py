"""The tables of a PostgreSQL store, and what they are brought up to when it is opened."""

from __future__ import annotations

import logging

from sync import postgres_loads, postgres_revocations
from sync.postgres_links import Connection
from sync.store import StoreError

log = logging.getLogger(__name__)

_SCHEMA = """
CREATE SCHEMA IF NOT EXISTS coplayer;
CREATE TABLE IF NOT EXISTS coplayer.format (version integer NOT NULL);
CREATE TABLE IF NOT EXISTS coplayer.rooms (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, room text COLLATE "C" NOT NULL UNIQUE, epoch text NOT NULL,
  profile text NOT NULL, title text NOT NULL DEFAULT '', created_at bigint NOT NULL, edited_at bigint NOT NULL,
  seq bigint NOT NULL DEFAULT 0);
CREATE TABLE IF NOT EXISTS coplayer.updates (
  room bigint NOT NULL, seq bigint NOT NULL, data bytea NOT NULL, crc bigint NOT NULL, author text NOT NULL,
  at bigint NOT NULL, PRIMARY KEY (room, seq));
CREATE TABLE IF NOT EXISTS coplayer.snapshots (
  room bigint NOT NULL, upto_seq bigint NOT NULL, data bytea NOT NULL, crc bigint NOT NULL,
  PRIMARY KEY (room, upto_seq));
CREATE TABLE IF NOT EXISTS coplayer.quarantine (
  room bigint NOT NULL, seq bigint NOT NULL, data bytea, crc bigint, author text, at bigint,
  PRIMARY KEY (room, seq));
CREATE TABLE IF NOT EXISTS coplayer.leases (
  room bigint NOT NULL, slot text NOT NULL, epoch bigint NOT NULL, holder text NOT NULL, expires_at bigint NOT NULL,
  is_done boolean NOT NULL, PRIMARY KEY (room, slot));
CREATE TABLE IF NOT EXISTS coplayer.versions (
  room bigint NOT NULL, id bigint NOT NULL, name text NOT NULL, author text NOT NULL, at bigint NOT NULL,
  is_automatic boolean NOT NULL, data bytea NOT NULL, crc bigint NOT NULL, PRIMARY KEY (room, id));
"""
_SCHEMA_VERSION = 1
_SCHEMA_LOCK = 0x636F706C  # any number of our own: servers that start together make the tables one after the other


async def migrate(connection: Connection) -> None:
    """Make the tables that are missing. Raises StoreError when a newer program has written them."""
    async with connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock(%s)", (_SCHEMA_LOCK,))
        await connection.execute("SET LOCAL client_min_messages = warning")  # not "already exists, skipping"
        await connection.execute(_SCHEMA + postgres_revocations.SCHEMA)
        await connection.execute(postgres_loads.SCHEMA)
        versions = await (await connection.execute("SELECT version FROM coplayer.format")).fetchall()
        if not versions:
            await connection.execute("INSERT INTO coplayer.format (version) VALUES (%s)", (_SCHEMA_VERSION,))
        elif versions[0][0] > _SCHEMA_VERSION:
            raise StoreError(f"The data was written by a newer coplayer (format {versions[0][0]}); upgrade to open it.")
    settings = await (await connection.execute("SHOW fsync")).fetchall()
    if settings[0][0] != "on":
        log.warning("PostgreSQL runs with fsync = off: what is saved does not survive a power failure")
