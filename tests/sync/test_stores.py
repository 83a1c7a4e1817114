"""The store contract on every implementation, and what only a file can do."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from sync.memory_store import MemoryStore
from sync.sqlite_store import SQLiteStore
from sync.store import Store, StoreError
from sync.testing import NOW, StoreContract, entries


class TestMemoryStore(StoreContract):
    @pytest.fixture
    async def store(self, anyio_backend: str) -> AsyncIterator[Store]:
        store = MemoryStore()
        async with store.open():
            yield store


class TestSQLiteStore(StoreContract):
    @pytest.fixture
    async def store(self, anyio_backend: str, tmp_path: Path) -> AsyncIterator[Store]:
        store = SQLiteStore(tmp_path / "new folder" / "coplayer.db")
        async with store.open():
            yield store

    async def test_s3_it_is_all_there_after_opening_the_file_again(self, tmp_path: Path) -> None:
        path = tmp_path / "coplayer.db"
        async with SQLiteStore(path).open():
            pass
        first = SQLiteStore(path)
        async with first.open():
            await first.create("a", "e", "map", NOW)
            await first.append("a", entries(b"1", b"2"))
        second = SQLiteStore(path)
        async with second.open():
            assert (await second.load("a")).updates == (b"1", b"2")

    async def test_a_closed_store_is_one_file(self, tmp_path: Path) -> None:
        for life in range(20):
            store = SQLiteStore(tmp_path / f"{life}" / "coplayer.db")
            async with store.open():
                await store.create("a", "e", "map", NOW)
                await store.append("a", entries(b"1"))
            assert [path.name for path in (tmp_path / f"{life}").iterdir()] == ["coplayer.db"]

    async def test_s4_commits_wait_for_the_disk(self, tmp_path: Path) -> None:
        store = SQLiteStore(tmp_path / "coplayer.db")
        async with store.open():
            pragmas = await store._write(
                lambda c: [c.execute(f"PRAGMA {name}").fetchone()[0] for name in ("synchronous", "journal_mode")]
            )
        assert pragmas == [2, "wal"], "2 is FULL; less loses acknowledged commits in a power failure"

    async def test_numbers_go_on_where_another_process_has_written(self, tmp_path: Path) -> None:
        here, there = SQLiteStore(tmp_path / "coplayer.db"), SQLiteStore(tmp_path / "coplayer.db")
        async with here.open(), there.open():
            await here.create("a", "e", "map", NOW)
            writers = (here, here, there, there, here, there, here)
            assert [await one.append("a", entries(b"%d" % i)) for i, one in enumerate(writers, 1)] == [*range(1, 8)]
            assert (await here.load("a")).updates == tuple(b"%d" % i for i in range(1, 8))

    async def test_a_callback_that_fails_takes_no_answer_from_the_others(self, tmp_path: Path) -> None:
        def fail(result: int | Exception) -> None:
            raise ZeroDivisionError

        store = SQLiteStore(tmp_path / "coplayer.db")
        async with store.open():
            await store.create("a", "e", "map", NOW)
            for done in (fail, fail):
                store.submit("a", entries(b"1"), done)
            assert await store.append("a", entries(b"2")) == 3

    @pytest.mark.parametrize(
        ("damage", "left", "damaged"),
        [
            ("UPDATE updates SET data = x'00' WHERE seq = 2", (b"1", b"3"), (2,)),
            ("DELETE FROM updates WHERE seq = 2", (b"1", b"3"), (2,)),
            ("DELETE FROM updates WHERE seq = 3", (b"1", b"2"), (3,)),
            ("UPDATE updates SET crc = crc + 1 WHERE seq < 3", (b"3",), (1, 2)),
        ],
    )
    async def test_s10_a_damaged_row_is_named_and_put_aside_and_the_others_are_served(
        self, tmp_path: Path, damage: str, left: tuple[bytes, ...], damaged: tuple[int, ...]
    ) -> None:
        path = tmp_path / "coplayer.db"
        store = SQLiteStore(path)
        async with store.open():
            await store.create("a", "e", "map", NOW)
            await store.create("b", "e", "map", NOW)
            for room in ("a", "b"):
                await store.append(room, entries(b"1", b"2", b"3"))
            with sqlite3.connect(path) as connection:
                connection.execute(f"{damage} AND room = (SELECT id FROM rooms WHERE room = 'a')")
            connection.close()
            loaded = await store.load("a")
            assert (loaded.updates, loaded.damaged, loaded.seq) == (left, damaged, 3)
            assert len((await store.load("b")).updates) == 3
            assert await store.append("a", entries(b"4")) == 4

    async def test_s6_a_room_without_a_readable_snapshot_is_an_error_and_not_an_empty_room(
        self, tmp_path: Path
    ) -> None:
        path = tmp_path / "coplayer.db"
        store = SQLiteStore(path)
        async with store.open():
            await store.create("a", "e", "map", NOW)
            await store.append("a", entries(b"1", b"2"))
            await store.compact("a", b"S", 1)
            await store.compact("a", b"T", 2)
            with sqlite3.connect(path) as connection:
                connection.execute("UPDATE snapshots SET data = x'00'")
            connection.close()
            with pytest.raises(StoreError, match="backup"):
                await store.load("a")

    async def test_s5_a_damaged_snapshot_gives_way_to_the_one_before(self, tmp_path: Path) -> None:
        path = tmp_path / "coplayer.db"
        store = SQLiteStore(path)
        async with store.open():
            await store.create("a", "e", "map", NOW)
            await store.append("a", entries(b"1", b"2", b"3"))
            await store.compact("a", b"S", 1)
            await store.compact("a", b"T", 3)
            with sqlite3.connect(path) as connection:
                connection.execute("UPDATE snapshots SET data = x'00' WHERE upto_seq = 3")
            connection.close()
            loaded = await store.load("a")
        assert (loaded.snapshot, loaded.updates) == (b"S", (b"2", b"3"))

    @pytest.mark.parametrize(
        ("damage", "sentence"),
        [
            ("UPDATE updates SET data = x'00' WHERE seq = 3", "row 3 of its log is damaged"),
            ("DELETE FROM updates WHERE seq = 2", "row 2 of its log is missing"),
            ("UPDATE snapshots SET data = x'00' WHERE upto_seq = 2", "its snapshot up to row 2 is damaged"),
            ("UPDATE versions SET data = x'00'", "its version 1 is damaged"),
        ],
    )
    async def test_s10_a_check_names_what_does_not_read_as_written(
        self, tmp_path: Path, damage: str, sentence: str
    ) -> None:
        path = tmp_path / "coplayer.db"
        store = SQLiteStore(path)
        async with store.open():
            await store.create("a", "e", "map", NOW)
            await store.append("a", entries(b"1", b"2", b"3"))
            await store.compact("a", b"S", 1)
            await store.compact("a", b"T", 2)
            await store.add_version("a", "Old", "ann", NOW, b"x", auto=False)
            with sqlite3.connect(path) as connection:
                connection.execute(damage)
            connection.close()
            assert await store.check("a") == [sentence]

    async def test_v6_a_new_name_does_not_cover_up_that_a_version_is_damaged(self, tmp_path: Path) -> None:
        path = tmp_path / "coplayer.db"
        store = SQLiteStore(path)
        async with store.open():
            await store.create("a", "e", "map", NOW)
            await store.add_version("a", "Old", "ann", NOW, b"x", auto=False)
            with sqlite3.connect(path) as connection:
                connection.execute("UPDATE versions SET data = x'00'")
            connection.close()
            with pytest.raises(StoreError, match="Version 1 of room a is damaged"):
                await store.rename_version("a", 1, "New")
            assert [version.name for version in await store.versions("a")] == ["Old"]
            assert await store.check("a") == ["its version 1 is damaged"]

    async def test_data_of_a_newer_version_is_not_touched(self, tmp_path: Path) -> None:
        path = tmp_path / "coplayer.db"
        with sqlite3.connect(path) as connection:
            connection.execute("PRAGMA user_version = 99")
        connection.close()
        with pytest.raises(StoreError, match="newer"):
            async with SQLiteStore(path).open():
                pass

    async def test_a_folder_that_cannot_be_made_is_said_in_a_sentence(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("in the way")
        with pytest.raises(StoreError, match="Cannot open"):
            async with SQLiteStore(tmp_path / "file" / "coplayer.db").open():
                pass
