"""For tests of other projects: what every Store must do (docs/spec.md, section S).

    class TestMyStore(StoreContract):
        @pytest.fixture
        async def store(self) -> AsyncIterator[Store]:
            store = MyStore()
            async with store.open():
                yield store

Needs pytest with anyio's plugin. `pytest.register_assert_rewrite("sync.testing")` in a conftest.py shows values.
"""

from __future__ import annotations

from dataclasses import replace

import anyio
import pytest

from sync.revocations import Revocation
from sync.store import (
    MAX_AUTOMATIC_VERSIONS,
    CallsBack,
    Entry,
    NoSuchRoom,
    NoSuchVersion,
    Purged,
    RoomExists,
    Store,
    Taken,
)

NOW = 1_795_000_000_000
TTL = 30_000


def entries(*updates: bytes, at: int = NOW) -> list[Entry]:
    """Log entries of one author."""
    return [Entry(update, "ann", at) for update in updates]


class StoreContract:
    """Subclass it and give a `store` fixture: an open, empty store."""

    pytestmark = pytest.mark.anyio

    async def test_a_new_room_is_empty_and_has_its_epoch_and_profile(self, store: Store) -> None:
        await store.create("a/b", "e1", "board", NOW)
        loaded = await store.load("a/b")
        assert (loaded.snapshot, loaded.updates, loaded.seq) == (None, (), 0)
        assert (loaded.info.epoch, loaded.info.profile, loaded.info.created_at) == ("e1", "board", NOW)

    async def test_a_room_is_made_once(self, store: Store) -> None:
        await store.create("a", "e1", "map", NOW)
        with pytest.raises(RoomExists):
            await store.create("a", "e2", "any", NOW)
        assert (await store.load("a")).info.epoch == "e1"

    async def test_what_does_not_exist_is_said_to_not_exist(self, store: Store) -> None:
        with pytest.raises(NoSuchRoom):
            await store.load("a")
        with pytest.raises(NoSuchRoom):
            await store.append("a", entries(b"1"))
        with pytest.raises(NoSuchRoom):
            await store.delete("a")
        with pytest.raises(NoSuchRoom):
            await store.take_lease("a", "assistant", "h", NOW, TTL)

    async def test_updates_come_back_in_the_order_of_the_log(self, store: Store) -> None:
        await store.create("a", "e", "map", NOW)
        assert await store.append("a", entries(b"1", b"2")) == 2
        assert await store.append("a", entries(b"3", at=NOW - 5_000)) == 3
        assert (await store.load("a")).updates == (b"1", b"2", b"3")

    async def test_each_entry_has_the_next_number_also_in_a_room_made_anew(self, store: Store) -> None:
        """Wrong numbers would let a snapshot take the place of rows that it does not hold."""
        await store.create("a", "e", "map", NOW)
        written = [await store.append("a", entries(*batch)) for batch in ([b"1"], [b"2"], [b"3", b"4"], [b"5"], [b"6"])]
        assert written == [1, 2, 4, 5, 6]
        await store.delete("a")
        with pytest.raises(NoSuchRoom):
            await store.append("a", entries(b"7"))
        await store.create("a", "f", "map", NOW)
        assert [await store.append("a", entries(update)) for update in (b"x", b"y")] == [1, 2]
        loaded = await store.load("a")
        assert (loaded.updates, loaded.seq) == ((b"x", b"y"), 2)

    async def test_a_store_that_calls_back_does_so_later_and_once(self, store: Store) -> None:
        if not isinstance(store, CallsBack):
            return  # it need not
        await store.create("a", "e", "map", NOW)
        heard: dict[str, list[int | Exception]] = {"a": [], "nowhere": []}
        for room, answers in heard.items():
            store.submit(room, entries(b"1"), answers.append)
        assert not any(heard.values()), "the room that asks is not ready to be told"
        await store.append("a", entries(b"2"))
        assert heard["a"] == [1]
        assert len(heard["nowhere"]) == 1
        assert isinstance(heard["nowhere"][0], NoSuchRoom)

    async def test_rooms_do_not_see_each_others_updates(self, store: Store) -> None:
        for room in ("a", "b"):
            await store.create(room, "e", "map", NOW)
            await store.append(room, entries(room.encode()))
        assert (await store.load("a")).updates == (b"a",)

    async def test_appends_at_the_same_time_are_all_there_and_whole(self, store: Store) -> None:
        await store.create("a", "e", "map", NOW)
        seqs: list[int] = []

        async def write(number: int) -> None:
            seqs.append(await store.append("a", entries(b"%d-1" % number, b"%d-2" % number)))

        async with anyio.create_task_group() as tasks:
            for number in range(50):
                tasks.start_soon(write, number)
        assert sorted(seqs) == list(range(2, 101, 2))
        updates = (await store.load("a")).updates
        assert len(updates) == 100
        for first, second in zip(updates[::2], updates[1::2], strict=True):
            assert first[:-2] == second[:-2]

    async def test_a_snapshot_takes_the_place_of_the_rows_it_holds(self, store: Store) -> None:
        await store.create("a", "e", "map", NOW)
        await store.append("a", entries(b"1", b"2", b"3"))
        await store.compact("a", b"S", 2)
        loaded = await store.load("a")
        assert (loaded.snapshot, loaded.updates, loaded.seq) == (b"S", (b"3",), 3)
        assert await store.append("a", entries(b"4")) == 4
        await store.compact("a", b"T", 4)
        loaded = await store.load("a")
        assert (loaded.snapshot, loaded.updates, loaded.seq) == (b"T", (), 4)

    async def test_s15_how_often_a_room_was_begun_to_be_read_is_kept_and_goes_with_it(self, store: Store) -> None:
        await store.create("a", "e", "map", NOW)
        assert (await store.load("a")).attempts == 0
        for attempts in (1, 2, 0, 3):
            await store.set_load_attempts("a", attempts)
            assert (await store.load("a")).attempts == attempts
        await store.delete("a")
        await store.create("a", "e2", "map", NOW)
        assert (await store.load("a")).attempts == 0
        with pytest.raises(NoSuchRoom):
            await store.set_load_attempts("b", 1)

    async def test_the_list_has_titles_and_the_last_edit_first(self, store: Store) -> None:
        await store.create("old", "e", "map", NOW)
        await store.create("new", "e", "map", NOW)
        await store.append("old", entries(b"1", at=NOW + 5))
        await store.describe("old", "Plans")
        rooms = await store.rooms()
        assert [(info.room, info.title, info.edited_at) for info in rooms] == [
            ("old", "Plans", NOW + 5),
            ("new", "", NOW),
        ]
        assert await store.info("old") == rooms[0]
        with pytest.raises(NoSuchRoom):
            await store.info("nowhere")

    async def test_s9_a_deleted_room_is_gone_with_all_it_held(self, store: Store) -> None:
        await store.create("a", "e1", "map", NOW)
        await store.append("a", entries(b"1"))
        await store.compact("a", b"S", 1)
        await store.take_lease("a", "assistant", "h", NOW, TTL)
        await store.delete("a")
        assert await store.rooms() == []
        await store.create("a", "e2", "map", NOW)
        loaded = await store.load("a")
        assert (loaded.snapshot, loaded.updates, loaded.info.epoch) == (None, (), "e2")
        assert await store.lease("a", "assistant") is None

    async def test_r8_a_lease_has_one_holder_and_each_new_holder_a_higher_epoch(self, store: Store) -> None:
        await store.create("a", "e", "map", NOW)
        first = await store.take_lease("a", "assistant", "one", NOW, TTL)
        with pytest.raises(Taken) as taken:
            await store.take_lease("a", "assistant", "two", NOW + 10_000, TTL)
        assert taken.value.retry_in_ms == 20_000
        renewed = await store.take_lease("a", "assistant", "one", NOW + 20_000, TTL)
        assert (renewed.epoch, renewed.expires_at) == (first.epoch, NOW + 50_000)
        second = await store.take_lease("a", "assistant", "two", NOW + 50_000, TTL)
        assert second.epoch > first.epoch
        back = await store.take_lease("a", "assistant", "one", NOW + 80_001, TTL)
        assert back.epoch > second.epoch, "an epoch is a client id: it is never given twice"

    async def test_r8_two_slots_of_a_room_never_share_an_epoch(self, store: Store) -> None:
        await store.create("a", "e", "map", NOW)
        one = await store.take_lease("a", "painter", "h", NOW, TTL)
        two = await store.take_lease("a", "writer", "h", NOW, TTL)
        assert one.epoch != two.epoch

    async def test_r8_work_that_was_left_is_wanted_until_somebody_says_it_is_done(self, store: Store) -> None:
        await store.create("a", "e", "map", NOW)
        assert await store.wanted("assistant", NOW) == []
        await store.want("a", "assistant")
        assert await store.wanted("assistant", NOW) == ["a"]
        await store.take_lease("a", "assistant", "one", NOW, TTL)
        assert await store.wanted("assistant", NOW + 1) == [], "somebody is at it"
        assert await store.wanted("assistant", NOW + TTL) == ["a"], "its holder died"
        await store.take_lease("a", "assistant", "two", NOW + TTL, TTL)
        await store.end_lease("a", "assistant", "one", is_done=True, now=NOW + TTL)
        assert await store.lease("a", "assistant") is not None
        await store.end_lease("a", "assistant", "two", is_done=False, now=NOW + TTL + 1)
        assert await store.wanted("assistant", NOW + TTL + 1) == ["a"]
        await store.take_lease("a", "assistant", "three", NOW + TTL + 2, TTL)
        await store.end_lease("a", "assistant", "three", is_done=True, now=NOW + TTL + 3)
        assert await store.wanted("assistant", NOW + 2 * TTL) == []

    async def test_v1_the_log_tells_who_wrote_what_when_newest_first_and_page_by_page(self, store: Store) -> None:
        await store.create("a", "e", "map", NOW)
        assert await store.activity("a", None, 10) == []
        await store.append("a", [Entry(b"1", "ann", NOW), Entry(b"22", "ben", NOW + 1)])
        await store.append("a", [Entry(b"333", "ann", NOW + 2)])
        newest = await store.activity("a", None, 2)
        assert [(row.seq, row.author, row.at, row.update) for row in newest] == [
            (3, "ann", NOW + 2, b"333"),
            (2, "ben", NOW + 1, b"22"),
        ]
        assert [row.seq for row in await store.activity("a", 2, 2)] == [1]
        assert await store.activity("a", 1, 2) == []
        with pytest.raises(NoSuchRoom):
            await store.activity("b", None, 2)

    async def test_v2_a_version_comes_back_as_it_was_kept_and_the_list_has_the_newest_first(self, store: Store) -> None:
        await store.create("a", "e", "map", NOW)
        first = await store.add_version("a", "Before lunch", "ann", NOW, b"old", auto=False)
        second = await store.add_version("a", "", "", NOW + 1, b"newer", auto=True)
        assert (first.name, first.author, first.at, first.is_automatic, first.size) == (
            "Before lunch",
            "ann",
            NOW,
            False,
            3,
        )
        assert list(await store.versions("a")) == [second, first]
        assert await store.version("a", first.id) == (first, b"old")
        with pytest.raises(NoSuchVersion):
            await store.version("a", second.id + 1)
        with pytest.raises(NoSuchRoom):
            await store.versions("b")

    async def test_v3_automatic_versions_are_bounded_and_named_ones_stay(self, store: Store) -> None:
        await store.create("a", "e", "map", NOW)
        named = await store.add_version("a", "Keep", "ann", NOW, b"x", auto=False)
        made = [
            await store.add_version("a", "", "", NOW + n, b"%d" % n, auto=True)
            for n in range(MAX_AUTOMATIC_VERSIONS + 3)
        ]
        assert list(await store.versions("a")) == [*reversed(made[3:]), named]

    async def test_v6_a_version_that_is_named_keeps_its_document_and_an_automatic_one_stays_from_then_on(
        self, store: Store
    ) -> None:
        await store.create("a", "e", "map", NOW)
        old = await store.add_version("a", "Before", "ann", NOW, b"old", auto=False)
        automatic = await store.add_version("a", "", "", NOW + 1, b"auto", auto=True)
        renamed = await store.rename_version("a", old.id, "After")
        assert renamed == replace(old, name="After")
        kept = await store.rename_version("a", automatic.id, "Worth it")
        assert kept == replace(automatic, name="Worth it", is_automatic=False)
        assert list(await store.versions("a")) == [kept, renamed]
        assert await store.version("a", old.id) == (renamed, b"old")
        assert await store.version("a", kept.id) == (kept, b"auto")
        assert await store.check("a") == [], "the check sums are of the new names"
        for n in range(MAX_AUTOMATIC_VERSIONS + 1):
            await store.add_version("a", "", "", NOW + n, b"x", auto=True)
        assert list(await store.versions("a"))[-2:] == [kept, renamed], "named ones are not pushed out"
        with pytest.raises(NoSuchVersion):
            await store.rename_version("a", 9_999, "x")
        with pytest.raises(NoSuchRoom):
            await store.rename_version("b", old.id, "x")

    async def test_o6_a_purge_takes_old_automatic_versions_and_leaves_named_ones_and_the_newest(
        self, store: Store
    ) -> None:
        await store.create("a", "e", "map", NOW)
        assert await store.purge("a", NOW + 9, NOW + 9, is_trial=False) == Purged(0, 0, 0)
        for number in range(4):
            await store.add_version("a", "", "", NOW + number, b"%d" % number * 10, auto=True)
        await store.add_version("a", "Keep", "ann", NOW + 1, b"x", auto=False)
        last = await store.add_version("a", "", "", NOW + 2, b"last", auto=True)
        trial = await store.purge("a", NOW + 3, 0, is_trial=True)
        assert trial == Purged(3, 0, 30)
        assert len(await store.versions("a")) == 6, "a trial only counts"
        assert await store.purge("a", NOW + 3, 0, is_trial=False) == trial
        assert [(v.name, v.at) for v in await store.versions("a")] == [("", NOW + 2), ("Keep", NOW + 1), ("", NOW + 3)]
        assert (await store.version("a", last.id))[1] == b"last"
        again = await store.add_version("a", "", "", NOW, b"y", auto=True)
        assert again.id == last.id + 1, "no number is given twice"
        with pytest.raises(NoSuchRoom):
            await store.purge("b", NOW, NOW, is_trial=True)

    async def test_s9_a_deleted_room_takes_its_versions_along(self, store: Store) -> None:
        await store.create("a", "e1", "map", NOW)
        await store.add_version("a", "Old", "ann", NOW, b"x", auto=False)
        await store.delete("a")
        await store.create("a", "e2", "map", NOW)
        assert await store.versions("a") == []

    async def test_s10_a_whole_room_has_nothing_to_report(self, store: Store) -> None:
        await store.create("a", "e", "map", NOW)
        await store.append("a", entries(b"1", b"2", b"3"))
        await store.compact("a", b"S", 1)
        await store.compact("a", b"T", 2)
        await store.compact("a", b"U", 3)
        await store.add_version("a", "Old", "ann", NOW, b"x", auto=False)
        assert await store.check("a") == []
        assert await store.check_all() == []
        with pytest.raises(NoSuchRoom):
            await store.check("b")

    @pytest.mark.parametrize("text", ["nul \0", "half \ud83d of a pair", "🦆"])
    async def test_a_name_that_json_can_say_and_a_database_cannot_stops_nothing(self, store: Store, text: str) -> None:
        await store.create("a", "e", "map", NOW)
        assert await store.append("a", [Entry(b"1", text, NOW)]) == 1
        await store.describe("a", text)
        kept = await store.add_version("a", text, text, NOW, b"x", auto=False)
        await store.rename_version("a", kept.id, text)
        assert await store.check("a") == []
        assert (await store.load("a")).info.title.startswith(text[:4])

    async def test_a9_what_was_taken_back_is_kept_until_it_is_over_or_lifted(self, store: Store) -> None:
        one = Revocation("1", "a/*", "ann", None, "none", NOW, NOW + 100)
        two = Revocation("2", "*", None, "jti", "read", NOW + 1, NOW + 200)
        await store.revoke(one)
        await store.revoke(two)
        assert list(await store.revocations(NOW + 99)) == [two, one]
        assert list(await store.revocations(NOW + 100)) == [two]
        assert await store.unrevoke("2")
        assert not await store.unrevoke("2")
        assert list(await store.revocations(NOW)) == [one]
