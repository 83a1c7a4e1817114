"""Deaths inside of a compaction, and rows and snapshots that are not what was written: what verifies is served."""

from __future__ import annotations

import random
import re
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import httpx
import psycopg
import pytest
from pycrdt import Doc, Map
from websockets.asyncio.client import connect as open_websocket

from sync.protocol import CloseCode
from sync.provider import connect
from sync.settings import Settings
from sync.sqlite_store import SQLiteStore
from sync.store import Loaded, StoreError
from sync.stores import open_store
from sync.testing import NOW, entries
from tests.support.compactor import ROOM
from tests.support.postgres import Postgres
from tests.support.program import Program
from tests.support.server import Server

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(240)]
TIMEOUT_S = 60


def first_row(loaded: Loaded) -> int:
    """The row after the snapshot. Fails when the room is not what the compactor wrote."""
    upto = 0 if loaded.snapshot is None else int(loaded.snapshot.split(b" ", 1)[0])
    assert loaded.damaged == ()
    assert [int(update) for update in loaded.updates] == list(range(upto + 1, loaded.seq + 1))
    return upto + 1


async def kill_compactions(url: str, kills: int) -> int:
    """How many of the deaths struck while a snapshot was being written."""
    rng = random.Random(kills)
    store = open_store(Settings(store=url))
    inside = 0
    for _ in range(kills):
        program = Program(["-m", "tests.support.compactor", url])
        await anyio.to_thread.run_sync(program.wait_for_line, "^compact ")
        await anyio.sleep(rng.random() / 5)
        await anyio.to_thread.run_sync(program.kill)
        said = program.output.splitlines()
        inside += said[-1].startswith("compact ")
        acked = max(int(found[1]) for line in said if (found := re.match(r"acked (\d+)", line)))
        compacted = max((int(found[1]) for line in said if (found := re.match(r"compacted (\d+)", line))), default=0)
        async with store.open():
            loaded = await store.load(ROOM)
            assert loaded.seq >= acked
            assert first_row(loaded) > compacted
            assert await store.check(ROOM) == []
    return inside


async def test_s5_a_compaction_killed_anywhere_loses_nothing(tmp_path: Path) -> None:
    assert await kill_compactions(f"sqlite:///{tmp_path}/coplayer.db", 12) > 0


async def test_s5_s11_nor_on_postgresql(postgres: Postgres) -> None:
    assert await kill_compactions(postgres.new_database(), 6) > 0


async def test_s5_s11_nor_when_the_database_itself_dies_in_the_middle(postgres: Postgres) -> None:
    url = postgres.new_database()
    store = open_store(Settings(store=url))
    for _ in range(2):
        program = Program(["-m", "tests.support.compactor", url])
        await anyio.to_thread.run_sync(program.wait_for_line, "^compact ")
        await anyio.to_thread.run_sync(postgres.stop, "immediate")
        await anyio.to_thread.run_sync(program.kill)
        await anyio.to_thread.run_sync(postgres.start)
        async with store.open():
            first_row(await store.load(ROOM))
            assert await store.check(ROOM) == []


async def test_s10_whatever_byte_of_the_file_rots_nothing_is_lost_in_silence(tmp_path: Path) -> None:
    store, rng = SQLiteStore(tmp_path / "coplayer.db"), random.Random(10)
    rows = [rng.randbytes(rng.randint(20, 400)) for _ in range(200)]
    async with store.open():
        await store.create("a", "e", "map", NOW)
        await store.append("a", entries(*rows))
    whole = (tmp_path / "coplayer.db").read_bytes()
    served = refused = 0
    for life in range(150):
        rotten = bytearray(whole)
        rotten[rng.randrange(len(whole))] ^= 1 << rng.randrange(8)
        folder = tmp_path / f"{life}"
        folder.mkdir()
        (folder / "coplayer.db").write_bytes(rotten)
        try:
            again = SQLiteStore(folder / "coplayer.db")
            async with again.open():
                loaded = await again.load("a")
        except StoreError:
            refused += 1
        else:
            served += 1
            assert set(loaded.updates) <= set(rows)
            lost = {number for number, row in enumerate(rows, 1) if row not in loaded.updates}
            assert lost <= set(loaded.damaged)
        shutil.rmtree(folder)
    assert served > 100, (served, refused)


def person() -> Doc[Any]:
    return Doc(client_id=random.randrange(2**20, 2**32))


async def write(server: Server, doc: Doc[Any], *names: str) -> None:
    """Each a row of its own."""
    async with connect(f"{server.sync_url}/r", doc, {"coplayer": "1"}) as peer:
        with anyio.fail_after(TIMEOUT_S):
            await peer.wait_synced()
            for name in names:
                doc.get("shapes", type=Map)[name] = Map({"x": 1})
                await peer.saved()


async def stored(server: Server) -> list[str]:
    async with httpx.AsyncClient() as client:
        return sorted((await client.get(f"{server.url}/api/rooms/r/doc")).json()["shapes"])


Damage = Callable[[str], None]
"""Runs one statement of SQL on the database."""


@pytest.mark.parametrize(
    ("kind", "statement"),
    [
        ("sqlite", "DELETE FROM {}updates WHERE seq = 3"),
        ("sqlite", "UPDATE {}updates SET data = substr(data, 1, length(data) - 3) WHERE seq = 3"),
        ("sqlite", "UPDATE {}updates SET data = data || data WHERE seq = 3"),
        ("sqlite", "UPDATE {}updates SET crc = crc + 1 WHERE seq = 3"),
        ("postgres", "UPDATE {}updates SET data = substr(data, 1, length(data) - 3) WHERE seq = 3"),
    ],
    ids=["missing", "torn", "twice", "flipped", "torn in PostgreSQL"],
)
async def test_s10_a_client_that_still_has_a_lost_row_heals_the_room(
    tmp_path: Path, kind: str, statement: str, request: pytest.FixtureRequest
) -> None:
    arguments, damage = _store(kind, tmp_path, request)
    ann, ben = person(), person()
    with Server(tmp_path, *arguments) as server:
        await write(server, ann, "a1", "a2", "a3", "a4")
        await write(server, ben, "b1", "b2")
        await anyio.to_thread.run_sync(server.kill)
        damage(statement)
        await anyio.to_thread.run_sync(server.start)
        assert await stored(server) == ["a1", "a2", "b1", "b2"], "a4 builds on the lost one and waits"
        await anyio.to_thread.run_sync(server.wait_for_line, "damaged rows: 3")
        await write(server, person(), "c1")
        assert await stored(server) == ["a1", "a2", "b1", "b2", "c1"], "what is whole can be worked on"
        await write(server, ann, "a5")
        everything = ["a1", "a2", "a3", "a4", "a5", "b1", "b2", "c1"]
        assert await stored(server) == everything
        for end in (server.kill, server.stop):
            await anyio.to_thread.run_sync(end)
            await anyio.to_thread.run_sync(server.start)
            assert await stored(server) == everything, "the healed room is what the log says"


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
async def test_s5_s6_a_flipped_snapshot_gives_way_to_the_one_before_and_two_close_the_room(
    tmp_path: Path, kind: str, request: pytest.FixtureRequest
) -> None:
    arguments, damage = _store(kind, tmp_path, request)
    ann = person()
    flip = "UPDATE {}snapshots SET crc = crc + 1"
    with Server(tmp_path, *arguments) as server:
        for number in range(4):  # a stopping server writes a snapshot: two of them, and rows between
            await write(server, ann, f"a{number}", f"b{number}")
            await anyio.to_thread.run_sync(server.stop)
            await anyio.to_thread.run_sync(server.start)
        await anyio.to_thread.run_sync(server.kill)
        damage(flip + " WHERE upto_seq = (SELECT max(upto_seq) FROM {}snapshots)")
        await anyio.to_thread.run_sync(server.start)
        assert len(await stored(server)) == 8
        await anyio.to_thread.run_sync(server.kill)
        damage(flip + " WHERE upto_seq = (SELECT min(upto_seq) FROM {}snapshots)")
        await anyio.to_thread.run_sync(server.start)
        async with httpx.AsyncClient() as client:
            answer = await client.get(f"{server.url}/api/rooms/r/doc")
        assert answer.status_code == 503
        assert "backup" in answer.json()["detail"]
        assert await _refusal(server) == CloseCode.STORAGE_UNAVAILABLE
        damage("UPDATE {}snapshots SET crc = crc - 1")
        assert len(await stored(server)) == 8, "put right, it is served without a restart"


async def _refusal(server: Server) -> int | None:
    async with open_websocket(f"{server.sync_url}/r") as websocket:
        with anyio.fail_after(TIMEOUT_S):
            await websocket.wait_closed()
    return websocket.close_code


def _store(kind: str, folder: Path, request: pytest.FixtureRequest) -> tuple[tuple[str, ...], Damage]:
    """The server's arguments, and what runs a statement on its database (`{}` stands before a table's name)."""
    if kind == "sqlite":

        def damage(statement: str) -> None:
            with sqlite3.connect(folder / "coplayer.db") as connection:
                connection.execute(statement.format("", ""))
            connection.close()

        return (), damage
    postgres: Postgres = request.getfixturevalue("postgres")
    url = postgres.new_database()

    def damage_postgres(statement: str) -> None:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(statement.format("coplayer.", "coplayer.").encode())

    return ("--store", url), damage_postgres
