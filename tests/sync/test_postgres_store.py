"""The store contract on a real PostgreSQL, and what only a server can do: restart, lock, refuse, be shared."""

from __future__ import annotations

from collections.abc import AsyncIterator

import anyio
import psycopg
import pytest

from sync.postgres_store import PostgresStore
from sync.store import Entry, NoSuchRoom, Store, StoreError
from sync.testing import NOW, StoreContract, entries
from tests.support.postgres import Postgres

TIMEOUT_S = 30
pytestmark = pytest.mark.anyio


class TestPostgresStore(StoreContract):
    @pytest.fixture
    async def store(self, anyio_backend: str, postgres: Postgres) -> AsyncIterator[Store]:
        store = PostgresStore(postgres.new_database())
        async with store.open():
            yield store


@pytest.fixture
def url(postgres: Postgres) -> str:
    return postgres.new_database()


def do(url: str, *statements: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement.encode())


async def test_s3_it_is_all_there_after_the_database_was_killed_and_the_store_comes_back_by_itself(
    postgres: Postgres, url: str
) -> None:
    store = PostgresStore(url)
    async with store.open():
        await store.create("a", "e", "map", NOW)
        await store.append("a", entries(b"1", b"2"))
        await anyio.to_thread.run_sync(postgres.stop, "immediate")
        try:
            with pytest.raises(StoreError, match="did not take it"):
                await store.append("a", entries(b"lost"))
            with pytest.raises(StoreError):
                await store.load("a")
        finally:
            await anyio.to_thread.run_sync(postgres.start)
        assert await store.append("a", entries(b"3")) == 3
        assert (await store.load("a")).updates == (b"1", b"2", b"3")


async def test_a_connection_that_died_while_idle_is_not_told_to_anybody(url: str) -> None:
    store = PostgresStore(url)
    async with store.open():
        await store.create("a", "e", "map", NOW)
        for row in (b"1", b"2"):
            await store.append("a", entries(row))
            await store.rooms()
            do(url, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()")
        assert await store.append("a", entries(b"3")) == 3
        assert (await store.load("a")).updates == (b"1", b"2", b"3")


async def test_s4_commits_wait_for_the_disk_whatever_the_database_says(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"ALTER DATABASE {connection.info.dbname} SET synchronous_commit = off".encode())
    store = PostgresStore(url)
    async with store.open():
        found = await store._appends.links.run(lambda c: c.execute("SHOW synchronous_commit"))
        assert await found.fetchall() == [("on",)]


async def test_s4_appends_of_many_rooms_that_wait_share_a_commit(url: str) -> None:
    store = PostgresStore(url)
    async with store.open():
        for number in range(20):
            await store.create(f"r{number}", "e", "map", NOW)
        before = _transactions(url)
        async with anyio.create_task_group() as tasks:
            for number in range(1_000):
                tasks.start_soon(store.append, f"r{number % 20}", entries(b"x"))
        assert (await store.load("r0")).seq == 50
        with anyio.fail_after(TIMEOUT_S):
            while _rows(url) < 1_000:
                await anyio.sleep(0.05)
        assert _transactions(url) - before < 100


def _transactions(url: str) -> int:
    """Rows of the log that different transactions wrote."""
    with psycopg.connect(url) as connection:
        return int(connection.execute("SELECT count(DISTINCT xmin::text) FROM coplayer.updates").fetchall()[0][0])


def _rows(url: str) -> int:
    with psycopg.connect(url) as connection:
        return int(connection.execute("SELECT count(*) FROM coplayer.updates").fetchall()[0][0])


async def test_two_servers_that_write_to_the_same_rooms_leave_no_hole_and_do_not_deadlock(url: str) -> None:
    one, two = PostgresStore(url), PostgresStore(url)
    seqs: list[int] = []
    async with one.open(), two.open():
        rooms = [f"r{number}" for number in range(5)]
        for room in rooms:
            await one.create(room, "e", "map", NOW)

        async def write(store: PostgresStore, names: list[str]) -> None:
            for number in range(60):
                seqs.append(await store.append(names[number % 5], entries(b"1", b"2")))

        async with anyio.create_task_group() as tasks:
            for _ in range(4):
                tasks.start_soon(write, one, rooms)
                tasks.start_soon(write, two, rooms[::-1])
        for room in rooms:
            loaded = await two.load(room)
            assert (loaded.seq, len(loaded.updates), loaded.damaged) == (192, 192, ())
    assert sorted(seqs) == sorted([*range(2, 193, 2)] * 5)


async def test_an_append_to_a_deleted_room_fails_and_its_companions_do_not(url: str) -> None:
    store = PostgresStore(url)
    async with store.open():
        await store.create("a", "e", "map", NOW)
        errors: list[StoreError] = []

        async def write(room: str) -> None:
            try:
                await store.append(room, entries(b"1"))
            except StoreError as error:
                errors.append(error)

        async with anyio.create_task_group() as tasks:
            for number in range(30):
                tasks.start_soon(write, "a" if number % 3 else "gone")
        assert [type(error) for error in errors] == [NoSuchRoom] * 10
        assert len((await store.load("a")).updates) == 20


async def test_a_row_the_database_refuses_is_not_its_neighbours_fault(url: str) -> None:
    store = PostgresStore(url)
    async with store.open():
        await store.create("a", "e", "map", NOW)
        errors: list[str] = []

        async def write(number: int) -> None:
            entry = Entry(b"%d" % number, "ann", NOW if number else 2**70)
            try:
                await store.append("a", [entry])
            except StoreError as error:
                errors.append(str(error))

        async with anyio.create_task_group() as tasks:
            for number in range(10):
                tasks.start_soon(write, number)
        assert len(errors) == 1
        assert len((await store.load("a")).updates) == 9


@pytest.mark.parametrize(
    ("damage", "left", "damaged"),
    [
        ("UPDATE coplayer.updates SET data = '\\x00' WHERE seq = 2", (b"1", b"3"), (2,)),
        ("DELETE FROM coplayer.updates WHERE seq = 2", (b"1", b"3"), (2,)),
        ("DELETE FROM coplayer.updates WHERE seq = 3", (b"1", b"2"), (3,)),
        ("UPDATE coplayer.updates SET crc = crc + 1 WHERE seq < 3", (b"3",), (1, 2)),
    ],
)
async def test_s10_a_damaged_row_is_named_and_put_aside_and_the_others_are_served(
    url: str, damage: str, left: tuple[bytes, ...], damaged: tuple[int, ...]
) -> None:
    store = PostgresStore(url)
    async with store.open():
        await store.create("a", "e", "map", NOW)
        await store.append("a", entries(b"1", b"2", b"3"))
        do(url, damage)
        loaded = await store.load("a")
        assert (loaded.updates, loaded.damaged, loaded.seq) == (left, damaged, 3)
        assert len(await store.check("a")) == len(damaged)
        assert await store.append("a", entries(b"4")) == 4
        do(url, "DO $$ BEGIN ASSERT (SELECT count(*) FROM coplayer.quarantine) <= 2; END $$")


async def test_s5_s6_a_damaged_snapshot_gives_way_to_the_one_before_and_two_damaged_ones_are_an_error(url: str) -> None:
    store = PostgresStore(url)
    async with store.open():
        await store.create("a", "e", "map", NOW)
        await store.append("a", entries(b"1", b"2", b"3"))
        await store.compact("a", b"S", 1)
        await store.compact("a", b"T", 3)
        do(url, "UPDATE coplayer.snapshots SET data = '\\x00' WHERE upto_seq = 3")
        loaded = await store.load("a")
        assert (loaded.snapshot, loaded.updates) == (b"S", (b"2", b"3"))
        do(url, "UPDATE coplayer.snapshots SET data = '\\x00'")
        with pytest.raises(StoreError, match="backup"):
            await store.load("a")


async def test_s7_a_table_that_somebody_has_locked_is_an_error_and_works_again_when_it_is_free(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sync.postgres_links.LOCK_TIMEOUT_S", 1)
    store = PostgresStore(url)
    async with store.open():
        await store.create("a", "e", "map", NOW)
        with psycopg.connect(url) as thief:
            thief.execute("LOCK TABLE coplayer.rooms")
            with pytest.raises(StoreError, match="lock"):
                await store.append("a", entries(b"1"))
        assert await store.append("a", entries(b"2")) == 1


async def test_who_gives_up_waiting_harms_nobody(url: str) -> None:
    store = PostgresStore(url)
    async with store.open():
        await store.create("a", "e", "map", NOW)
        for number in range(30):
            with anyio.move_on_after(0.0003 * number):
                async with anyio.create_task_group() as tasks:
                    for work in (
                        store.load("a"),
                        store.append("a", entries(b"x")),
                        store.take_lease("a", "s", "h", NOW, 1),
                    ):
                        tasks.start_soon(_wait, work)
        with anyio.fail_after(TIMEOUT_S):
            for _ in range(8):
                loaded = await store.load("a")
                assert loaded.seq == len(loaded.updates)


async def _wait(work: object) -> None:
    await work  # type: ignore[misc]  # any coroutine


async def test_data_of_a_newer_version_is_not_touched(url: str) -> None:
    async with PostgresStore(url).open():
        pass
    do(url, "UPDATE coplayer.format SET version = 99")
    with pytest.raises(StoreError, match="newer"):
        async with PostgresStore(url).open():
            pass


async def test_a_database_that_is_not_there_is_said_in_a_sentence_without_its_password() -> None:
    with pytest.raises(StoreError, match="Cannot open") as raised:
        async with PostgresStore("postgresql://ann:hunter2@127.0.0.1:1/none").open():
            pass
    assert "hunter2" not in str(raised.value)
