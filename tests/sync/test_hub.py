"""The hub with sockets in memory: room life, slow and broken peers, storage faults, leases."""

from __future__ import annotations

import gc
import weakref
from typing import Any

import anyio
import pytest
from pycrdt import Doc, Map

from sync.board import Board
from sync.hub import Hub
from sync.live import Agent
from sync.members import Member
from sync.memory_store import MemoryStore
from sync.presence import Identity
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
from sync.rooms import Rejected
from sync.store import Lease, StoreError, Taken
from tests.support.party import TIMEOUT_S, FakeSocket, edit, party, shapes

pytestmark = pytest.mark.anyio


async def test_w4_an_edit_reaches_everybody_with_its_sender_and_is_acknowledged_after() -> None:
    async with party() as guests:
        ann, ben = guests.join(), guests.join()
        for socket in (ann, ben):
            socket.say(SyncStep1({}))
            await socket.hear(SyncStep2)
        ann.say(edit(), SyncStatus(b"1"))
        await ben.hear(Update)
        await ann.hear(Update)
        assert (await ann.hear(SyncStatus)).content == b"1"


async def test_s7_while_the_store_fails_nothing_is_shown_or_acknowledged_presence_goes_on_and_it_recovers() -> None:
    store = MemoryStore()
    async with party(store) as guests:
        ann, ben = guests.join(member=Member(hears_events=True)), guests.join(member=Member(hears_events=True))
        for socket in (ann, ben):
            socket.say(SyncStep1({}))
            await socket.hear(SyncStep2)
        store.fault = StoreError("the disk is full")
        ann.say(edit(), SyncStatus(b"1"), Awareness((AwarenessEntry(ClientId(7), 1, "{}"),)))
        heard: list[Message] = []
        while not any(isinstance(message, BoardEvent) for message in heard):
            heard.append(await ben.hear_any())
        assert heard[-1] == BoardEvent({"type": "storage", "ok": False, "reason": "the disk is full"})
        assert not any(isinstance(message, Update | SyncStatus) for message in heard)
        assert any(isinstance(message, Awareness) for message in heard), "presence does not wait for the disk"
        assert guests.hub.fault() == "the disk is full"
        store.fault = None
        await ben.hear(Update)
        assert (await ann.hear(SyncStatus)).content == b"1"
        assert guests.hub.fault() is None
        assert await shapes(guests.hub) == {"a": {"x": 1}}


async def test_s7_who_sends_more_than_can_wait_is_sent_away_to_keep_it() -> None:
    store = MemoryStore()
    async with party(store, max_pending_bytes=100) as guests:
        socket = guests.join()
        await socket.hear(SyncStep1)
        store.fault = StoreError("the disk is full")
        for number in range(10):
            socket.say(edit(2**21 + number, f"s{number}"))
        assert (await socket.goodbye())[0] == CloseCode.STORAGE_UNAVAILABLE


async def test_w11_a_slow_reader_gets_one_fresh_difference_and_ends_with_the_same_document() -> None:
    async with party(lag_bytes=2_000, max_outbox_bytes=20_000, slow_after_s=60) as guests:
        ann, slow = guests.join(), guests.join()
        for socket in (ann, slow):
            socket.say(SyncStep1({}))
            await socket.hear(SyncStep2)
        slow.pause()
        doc: Doc[Any] = Doc(client_id=2**21)
        doc.observe(lambda event: ann.say(Update(event.update), SyncStatus(b"x")))
        shape: Map[Any] = Map({"x": 0})
        doc.get("shapes", type=Map)["a"] = shape
        for number in range(2_000):
            shape["x"] = number
            await ann.hear(SyncStatus)
        slow.resume()
        replica: Doc[Any] = Doc()
        frames = 0
        while not replica.get("shapes", type=Map).to_py() or replica.get("shapes", type=Map)["a"]["x"] != 1_999:
            replica.apply_update((await slow.hear(Update)).update)
            frames += 1
        assert frames < 100, "it was sent every step instead of one difference"


async def test_s6_a_room_that_cannot_be_loaded_is_not_served_empty() -> None:
    store = MemoryStore()
    async with party(store) as guests:
        store.fault = StoreError("no such disk")
        assert (await guests.join().goodbye())[0] == CloseCode.STORAGE_UNAVAILABLE
        store.fault = None
        socket = guests.join()
        await socket.hear(SyncStep1)


async def test_c1_a_broken_frame_closes_only_its_own_connection() -> None:
    async with party() as guests:
        ann, mallory = guests.join(), guests.join()
        await mallory.hear(SyncStep1)
        mallory._up[0].send_nowait(b"\x00\x02\x05")
        assert (await mallory.goodbye())[0] == CloseCode.MALFORMED
        ann.say(edit(), SyncStatus(b"1"))
        await ann.hear(SyncStatus)


async def test_c1_an_update_that_is_no_board_is_refused_with_4422() -> None:
    async with party() as guests:
        socket = guests.join()
        doc: Doc[Any] = Doc(client_id=2**21)
        doc.get("secrets", type=Map)["a"] = 1
        socket.say(Update(doc.get_update()))
        assert (await socket.goodbye())[0] == CloseCode.REFUSED


async def test_c1_a_peer_that_does_not_read_is_closed_and_hinders_nobody() -> None:
    async with party(max_outbox_bytes=10_000, slow_after_s=60) as guests:
        ann, stuck = guests.join(), guests.join()
        for socket in (ann, stuck):
            socket.say(SyncStep1({}))
            await socket.hear(SyncStep2)
        stuck.is_stuck = True
        for number in range(200):
            ann.say(edit(2**21 + number, f"{number:0100d}"), SyncStatus(b"x"))
            await ann.hear(SyncStatus)
        assert guests.hub.rooms.get("r") is not None


async def test_c1_a_send_that_takes_too_long_closes_the_connection() -> None:
    async with party(slow_after_s=0.05) as guests:
        socket = FakeSocket()
        socket.is_stuck = True
        guests.sockets.append(socket)
        guests._tasks.start_soon(guests.hub.connections.serve, "r", socket, Member(), None, "board")
        assert (await socket.goodbye())[0] == CloseCode.SLOW_CONSUMER


async def test_w6_a_quiet_connection_hears_a_sign_of_life() -> None:
    async with party(keep_alive_s=0.05) as guests:
        socket = guests.join()
        assert (await socket.hear(Awareness)).entries == ()


async def test_w8_an_update_past_a_gap_is_asked_for_once_and_acknowledged_when_the_gap_is_closed() -> None:
    doc: Doc[Any] = Doc(client_id=2**21)
    updates: list[bytes] = []
    doc.observe(lambda event: updates.append(event.update))
    for number in range(3):
        doc.get("shapes", type=Map)[f"s{number}"] = Map({"x": number})
    async with party() as guests:
        socket = guests.join()
        await socket.hear(SyncStep1)
        socket.say(Update(updates[1]), SyncStatus(b"early"), Update(updates[2]))
        assert (await socket.hear(SyncStep1)).state_vector == {}
        socket.say(SyncStep2(doc.get_update()), SyncStatus(b"late"))
        assert [(await socket.hear(SyncStatus)).content for _ in range(2)] == [b"early", b"late"]
        assert len(await shapes(guests.hub)) == 3


async def test_p6_a_connection_that_ends_takes_its_presence_with_it() -> None:
    async with party() as guests:
        ann, ben = guests.join(), guests.join()
        ann.say(Awareness((AwarenessEntry(ClientId(7), 1, "{}"),)))
        assert (await ben.hear(Awareness)).entries[0].state == "{}"
        ann.hang_up()
        assert (await ben.hear(Awareness)).entries[0].state == "null"


async def test_many_first_joins_at_once_share_one_room() -> None:
    async with party() as guests:
        sockets = [guests.join() for _ in range(50)]
        for number, socket in enumerate(sockets):
            socket.say(SyncStep1({}), edit(2**21 + number, f"s{number}"), SyncStatus(b"x"))
        for socket in sockets:
            await socket.hear(SyncStatus)
        assert len(await shapes(guests.hub)) == 50


async def test_a_room_is_unloaded_when_nobody_needs_it_and_is_the_same_when_somebody_returns() -> None:
    async with party(unload_after_s=0.0) as guests:
        for number in range(5):
            socket = guests.join()
            socket.say(SyncStep1({}), edit(2**21 + number, f"s{number}"), SyncStatus(b"x"))
            await socket.hear(SyncStatus)
            socket.hang_up()
            with anyio.fail_after(TIMEOUT_S):
                while guests.hub.rooms.get("r") is not None:
                    await anyio.sleep(0.01)
        assert len(await shapes(guests.hub)) == 5


async def test_joins_while_a_room_is_being_unloaded_lose_nothing() -> None:
    async with party(unload_after_s=0.0) as guests:
        for number in range(60):
            socket = guests.join()
            socket.say(SyncStep1({}), edit(2**21 + number, f"s{number}"), SyncStatus(b"x"))
            await socket.hear(SyncStatus)
            socket.hang_up()
            await anyio.sleep(0.003 * (number % 20))
        assert len(await shapes(guests.hub)) == 60


async def test_s9_a_deleted_room_tells_its_clients_and_begins_anew_under_another_epoch() -> None:
    async with party() as guests:
        socket = guests.join(member=Member(hears_events=True))
        epoch = (await socket.hear(BoardEvent)).event["epoch"]
        socket.say(edit(), SyncStatus(b"x"))
        await socket.hear(SyncStatus)
        await guests.hub.delete("r")
        assert (await socket.goodbye())[0] == CloseCode.NOT_FOUND
        again = guests.join(member=Member(hears_events=True))
        assert (await again.hear(BoardEvent)).event["epoch"] != epoch
        assert await shapes(guests.hub) == {}


async def test_s8_draining_says_goodbye_and_loses_nothing() -> None:
    store = MemoryStore()
    async with party(store) as guests:
        socket = guests.join()
        await socket.hear(SyncStep1)
        socket.say(edit())
        await anyio.wait_all_tasks_blocked()
        await guests.hub.rooms.drain()
        assert (await socket.goodbye())[0] == CloseCode.GOING_AWAY
        assert (await guests.join().goodbye())[0] == CloseCode.GOING_AWAY
    loaded = await store.load("r")
    assert loaded.snapshot is not None, "a stopping server writes snapshots, so that the next start is quick"


async def test_a_reader_sees_but_does_not_change() -> None:
    async with party() as guests:
        writer = guests.join()
        reader = guests.join(member=Member(access="read", hears_events=True))
        reader.say(SyncStep1({}))
        await reader.hear(SyncStep2)
        reader.say(edit(), SyncStep2(edit().update))
        assert "read" in str((await reader.hear_event("refused"))["reason"])
        assert await shapes(guests.hub) == {}
        writer.say(edit(), SyncStatus(b"x"))
        await writer.hear(SyncStatus)
        await reader.hear(Update)
        reader.say(SyncStep2(edit().update), SyncStatus(b"y"))
        assert (await reader.hear(SyncStatus)).content == b"y", "nothing new in it: nothing to refuse"


async def test_r8_a_newer_lease_closes_the_older_holders_connection() -> None:
    async with party(lease_s=0.05) as guests:
        await guests.hub.create("r", "board")
        first = await guests.hub.leases.take("r", "assistant", "one")
        old = Agent("assistant", first.epoch)
        socket = guests.join(member=Member(Identity("assistant", "agent"), epoch=first.epoch), agent=old)
        await socket.hear(SyncStep1)
        with pytest.raises(Taken):
            await guests.hub.leases.take("r", "assistant", "two")
        second = await _lease_when_free(guests.hub, "two")
        assert second.epoch > first.epoch
        assert (await socket.goodbye())[0] == CloseCode.SUPERSEDED
        with pytest.raises(Rejected):
            await guests.hub.leases.check("r", old)


async def _lease_when_free(hub: Hub, holder: str) -> Lease:
    with anyio.fail_after(TIMEOUT_S):
        while True:
            try:
                return await hub.leases.take("r", "assistant", holder)
            except Taken as taken:
                await anyio.sleep(taken.retry_in_ms / 1000)


async def test_a_watcher_hears_of_people_and_of_work() -> None:
    async with party() as guests:
        await guests.hub.create("quiet", "board")
        watch = guests.hub.watches.watch("assistant")
        seen: list[tuple[str, int, bool]] = []

        async def until(room: str, people: int, wanted: bool) -> None:
            with anyio.fail_after(TIMEOUT_S):
                async for status in watch:
                    if status is not None:
                        seen.append((status.room, status.people, status.wanted))
                        if seen[-1] == (room, people, wanted):
                            return

        socket = guests.join()
        await socket.hear(SyncStep1)
        await until("r", 1, False)
        socket.hang_up()
        await until("r", 0, False)
        await guests.hub.leases.want("quiet", "assistant")
        await until("quiet", 0, True)
        await watch.aclose()


async def test_rest_edits_take_the_road_of_every_peer_and_lose_to_people() -> None:
    async with party() as guests:
        ann = guests.join()
        ann.say(SyncStep1({}))
        await ann.hear(SyncStep2)
        await guests.hub.edit("r", lambda doc: Board().set_title(doc, "Plans"), "api")
        await ann.hear(Update)
        loaded = await guests.hub.store.load("r")
        assert len(loaded.updates) == 1
        assert (await guests.hub.list())[0][0].title == "Plans"
        assert guests.hub.people("r") == 1


async def test_s7_rest_edits_that_the_store_does_not_take_are_all_told_so_in_time_and_saved_later() -> None:
    store = MemoryStore()
    async with party(store, edit_timeout_s=1.0) as guests:
        await guests.hub.create("r", "board")
        await guests.hub.edit("r", lambda doc: Board().set_title(doc, "Before"), "api")
        store.fault = StoreError("disk full.")
        told: list[str] = []

        async def rename(number: int) -> None:
            try:
                await guests.hub.edit("r", lambda doc: Board().set_title(doc, f"{number}"), "api")
            except StoreError as error:
                told.append(str(error))

        with anyio.fail_after(10):  # not one after the other
            async with anyio.create_task_group() as tasks:
                for number in range(20):
                    tasks.start_soon(rename, number)
        assert set(told) == {"Not saved yet: disk full."}
        assert len(told) == 20
        store.fault = None
        with anyio.fail_after(5):
            while guests.hub.fault():
                await anyio.sleep(0.02)
        await guests.hub.edit("r", lambda doc: Board().set_title(doc, "After"), "api")
        assert await guests.hub.read("r", lambda doc: Board().title_of(doc)) == "After"


async def test_a_room_that_was_unloaded_leaves_memory() -> None:
    async with party(unload_after_s=0.0) as guests:
        ann = guests.join()
        ann.say(SyncStep1({}), edit())
        await ann.hear(Update)
        document = await guests.hub.read("r", weakref.ref)
        ann.hang_up()
        with anyio.fail_after(TIMEOUT_S):
            while document() is not None:
                await anyio.sleep(0.01)
                gc.collect()
