"""Storage that fails on command, under the hub: after the commit, in one room, while rooms come and go. S7."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import anyio
import pytest
from pycrdt import Doc, Map

from sync.members import Member
from sync.memory_store import MemoryStore
from sync.protocol import (
    Awareness,
    AwarenessEntry,
    BoardEvent,
    ClientId,
    CloseCode,
    Message,
    SyncStatus,
    SyncStep1,
    SyncStep2,
    Update,
)
from sync.settings import Settings
from sync.store import Entry, Loaded, StoreError
from tests.support.party import TIMEOUT_S, FakeSocket, Party, edit, party, shapes

pytestmark = pytest.mark.anyio
FULL = StoreError("the disk is full")
OURS = Member(hears_events=True)


class MoodyStore(MemoryStore):
    """Fails and waits where the test says."""

    def __init__(self) -> None:
        super().__init__()
        self.fails_after_commit = 0
        """So many appends are durable and say that they are not."""
        self.failing_rooms: set[str] = set()
        self.compacting_fails = False
        self.loads = 0
        self.may_load = anyio.Event()
        self.may_load.set()
        self.load_fault: StoreError | None = None

    async def append(self, room: str, entries: Sequence[Entry]) -> int:
        if room in self.failing_rooms:
            raise FULL
        seq = await super().append(room, entries)
        if self.fails_after_commit:
            self.fails_after_commit -= 1
            raise StoreError("the connection was lost")
        return seq

    async def compact(self, room: str, snapshot: bytes, upto_seq: int) -> None:
        if self.compacting_fails:
            raise FULL
        await super().compact(room, snapshot, upto_seq)

    async def load(self, room: str) -> Loaded:
        self.loads += 1
        await self.may_load.wait()
        if self.load_fault is not None:
            raise self.load_fault
        return await super().load(room)


async def joined(guests: Party, room: str = "r", member: Member = OURS) -> FakeSocket:
    socket = guests.join(room, member)
    socket.say(SyncStep1({}))
    await socket.hear(SyncStep2)
    return socket


def heard_so_far(socket: FakeSocket) -> list[Message]:
    heard: list[Message] = []
    try:
        while True:
            heard.append(socket._down[1].receive_nowait())
    except anyio.WouldBlock:
        return heard


async def until(is_so: Callable[[], bool]) -> None:
    with anyio.fail_after(TIMEOUT_S):
        while not is_so():
            await anyio.sleep(0.01)


async def test_s7_a_commit_that_was_reported_as_failed_is_shown_once_and_read_back_as_it_was() -> None:
    store = MoodyStore()
    async with party(store, unload_after_s=0.0) as guests:
        ann, ben = await joined(guests), await joined(guests)
        store.fails_after_commit = 2
        for number in range(3):
            ann.say(edit(2**21 + number, f"s{number}"), SyncStatus(b"%d" % number))
        replica: Doc[Any] = Doc()
        while len(replica.get("shapes", type=Map).to_py() or {}) < 3:
            replica.apply_update((await ben.hear(Update)).update)
        assert [(await ann.hear(SyncStatus)).content for _ in range(3)] == [b"0", b"1", b"2"]
        assert len((await store.load("r")).updates) > 3, "the log has them twice"
        for socket in (ann, ben):
            socket.hang_up()
        await until(lambda: guests.hub.rooms.get("r") is None)
        assert set(await shapes(guests.hub)) == {"s0", "s1", "s2"}


async def test_s7_one_room_that_cannot_be_saved_does_not_hinder_the_others() -> None:
    store = MoodyStore()
    async with party(store, unload_after_s=0.0, drain_s=0.1) as guests:
        bad, good = await joined(guests, "bad"), await joined(guests, "good")
        store.failing_rooms.add("bad")
        bad.say(edit(), SyncStatus(b"bad"))
        assert (await bad.hear(BoardEvent)).event["type"] in ("joined", "storage")
        good.say(edit(), SyncStatus(b"good"))
        assert (await good.hear(SyncStatus)).content == b"good"
        bad.hang_up()
        good.hang_up()
        await until(lambda: guests.hub.rooms.get("good") is None)
        assert guests.hub.rooms.get("bad") is not None, "it has what is not saved yet"


async def test_s7_who_joins_a_room_that_cannot_be_saved_is_told_and_sees_the_others() -> None:
    store = MoodyStore()
    async with party(store, unload_after_s=0.0) as guests:
        ann = await joined(guests)
        store.failing_rooms.add("r")
        ann.say(edit(), SyncStatus(b"x"))
        await until(lambda: guests.hub.fault() is not None)
        ann.hang_up()
        await until(lambda: guests.hub.people("r") == 0)
        await anyio.sleep(0.2)  # the janitor looks every 50 ms
        ben, cleo = guests.join(member=OURS), guests.join(member=OURS)
        for socket in (ben, cleo):
            socket.say(SyncStep1({}))
            assert await socket.hear_event("storage") == {"type": "storage", "ok": False, "reason": "the disk is full"}
            await socket.hear(SyncStep2)
        ben.say(Awareness((AwarenessEntry(ClientId(7), 1, "{}"),)))
        assert (await cleo.hear(Awareness)).entries[0].state == "{}"
        assert await shapes(guests.hub) == {}
        store.failing_rooms.clear()
        await ben.hear(Update)
        assert set(await shapes(guests.hub)) == {"a"}


async def test_s5_a_snapshot_that_cannot_be_written_costs_nothing() -> None:
    store = MoodyStore()
    store.compacting_fails = True
    async with party(store, unload_after_s=0.0, compact_after_rows=2) as guests:
        for number in range(5):
            ann = await joined(guests)
            ann.say(edit(2**21 + number, f"s{number}"), SyncStatus(b"x"))
            await ann.hear(SyncStatus)
            ann.hang_up()
            await until(lambda: guests.hub.rooms.get("r") is None)
        assert len(await shapes(guests.hub)) == 5
    loaded = await store.load("r")
    assert (loaded.snapshot, len(loaded.updates)) == (None, 5)


async def test_s5_a_log_of_a_few_big_changes_becomes_a_snapshot_and_again_when_it_is_as_big() -> None:
    store = MemoryStore()
    async with party(store, unload_after_s=0.2, compact_after_bytes=8_000) as guests:
        ann = await joined(guests)

        async def draw(number: int) -> None:
            doc: Doc[Any] = Doc(client_id=2**21 + number)
            doc.get("shapes", type=Map)[f"s{number}"] = Map({"text": "x" * 3_000})
            ann.say(Update(doc.get_update()), SyncStatus(b"x"))
            await ann.hear(SyncStatus)

        async def compacted(seq: int) -> None:
            live = guests.hub.rooms.get("r")
            assert live is not None
            await until(lambda: live.snapshot_seq == seq)
            loaded = await store.load("r")
            assert loaded.snapshot is not None
            assert (loaded.seq, loaded.updates) == (seq, ())
            assert not live.needs_snapshot(Settings(compact_after_bytes=1))

        for number in range(3):
            await draw(number)
        await compacted(3)
        for number in range(3, 6):
            await draw(number)
        await compacted(6)
        live = guests.hub.rooms.get("r")
        assert live is not None
        for number in range(6, 11):
            await draw(number)
        assert not live.needs_snapshot(Settings(compact_after_bytes=8_000)), "15 KB beside a snapshot of 18"
        assert live.snapshot_seq == 6
        await draw(11)
        await compacted(12)


async def test_s6_everybody_who_joins_during_a_failing_load_is_told_and_it_is_tried_once() -> None:
    store = MoodyStore()
    async with party(store) as guests:
        await guests.hub.create("r", "board")
        store.may_load, store.load_fault = anyio.Event(), FULL
        sockets = [guests.join() for _ in range(20)]
        await until(lambda: store.loads == 1)
        await anyio.wait_all_tasks_blocked()
        store.may_load.set()
        for socket in sockets:
            assert (await socket.goodbye())[0] == CloseCode.STORAGE_UNAVAILABLE
        assert store.loads == 1
        store.load_fault = None
        ann = await joined(guests)
        ann.say(edit(), SyncStatus(b"x"))
        await ann.hear(SyncStatus)


async def test_s7_s8_stopping_while_the_store_fails_ends_in_time_and_acknowledges_nothing() -> None:
    store = MoodyStore()
    heard: list[Message] = []
    with anyio.fail_after(TIMEOUT_S):
        async with party(store, drain_s=0.3) as guests:
            ann = await joined(guests)
            store.failing_rooms.add("r")
            ann.say(edit(), SyncStatus(b"x"))
            await until(lambda: guests.hub.fault() is not None)
            await guests.hub.rooms.drain()
            assert (await ann.goodbye())[0] == CloseCode.GOING_AWAY
            heard += heard_so_far(ann)
    assert not any(isinstance(message, SyncStatus | Update) for message in heard)
    assert (await store.load("r")).updates == ()
