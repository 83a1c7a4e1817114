"""A library that fails on what a room holds, or ends the process: that room suffers, people know, nothing is lost."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import anyio.to_thread
import pytest
from pycrdt import Doc, Map

from sync import room as room_module
from sync import snapshots, versions
from sync.board import PROFILES
from sync.doctor import examine
from sync.gate import MAP
from sync.guarded import LibraryFailed, guarded
from sync.memory_store import MemoryStore
from sync.protocol import BoardEvent, CloseCode, SyncStatus, SyncStep1, SyncStep2
from sync.reading import MAX_ATTEMPTS, MAX_LEFT_OUT, SEALED
from sync.room import Room, RoomBroken
from sync.snapshots import flaw_of
from sync.sqlite_store import SQLiteStore
from sync.store import Entry, StoreError
from sync.testing import NOW, entries
from tests.support.fragile import POISON, Panic, PanickingDoc
from tests.support.party import edit, party, shapes
from tests.support.program import Program, ProgramError
from tests.sync.test_hub_faults import OURS, heard_so_far, joined

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(120)]
BAD = POISON.decode()


def update(client: int, *names: str) -> bytes:
    doc: Doc[Any] = Doc(client_id=2**21 + client)
    for name in names:
        doc.get("shapes", type=Map)[name] = Map({"x": 1})
    return doc.get_update()


@pytest.fixture
def _panics(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever foreign bytes go into a document."""
    for module in (room_module, snapshots, versions):
        monkeypatch.setattr(module, "Doc", PanickingDoc)


def test_g8_what_comes_out_of_the_library_is_an_ordinary_error_and_being_cancelled_is_passed_on() -> None:
    with pytest.raises(LibraryFailed, match="Panic"), guarded():
        raise Panic
    for error in (asyncio.CancelledError, KeyboardInterrupt, SystemExit, GeneratorExit):
        with pytest.raises(error), guarded():
            raise error


@pytest.mark.usefixtures("_panics")
async def test_g8_a_panic_costs_its_sender_the_connection_and_the_others_a_moment() -> None:
    store = MemoryStore()
    async with party(store) as guests:
        ann, ben, mallory = await joined(guests), await joined(guests), await joined(guests)
        ann.say(edit(2**21, "a"), SyncStatus(b"1"))
        await ann.hear(SyncStatus)
        mallory.say(edit(2**21 + 1, BAD))
        assert (await mallory.goodbye())[0] == CloseCode.MALFORMED
        for socket in (ann, ben):
            assert (await socket.goodbye())[0] == CloseCode.GOING_AWAY
        again = await joined(guests)
        again.say(edit(2**21 + 2, "b"), SyncStatus(b"2"))
        await again.hear(SyncStatus)
        assert set(await shapes(guests.hub)) == {"a", "b"}, "the room goes on without what the library failed on"
        live = guests.hub.rooms.get("r")
        assert live is not None
        assert live.has_gaps, "and keeps its whole log"
        assert len((await store.load("r")).updates) == 3
    assert (await store.load("r")).attempts == 0


@pytest.mark.usefixtures("_panics")
async def test_g8_a_step_1_that_the_library_fails_on_is_its_senders_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    async with party(MemoryStore()) as guests:
        ann = await joined(guests)
        ann.say(edit(2**21, "a"), SyncStatus(b"1"))
        await ann.hear(SyncStatus)
        monkeypatch.setattr(PanickingDoc, "get_update", _panic)
        mallory = guests.join()
        mallory.say(SyncStep1({}))
        assert (await mallory.goodbye())[0] == CloseCode.MALFORMED
        assert (await ann.goodbye())[0] == CloseCode.GOING_AWAY
        monkeypatch.undo()
        assert set(await shapes(guests.hub)) == {"a"}


def _panic(*_: object) -> bytes:
    raise Panic


@pytest.mark.usefixtures("_panics")
async def test_g8_a_snapshot_or_version_that_the_library_fails_on_is_not_whole_and_said_in_a_sentence() -> None:
    bad = update(1, BAD)
    assert "library" in (flaw_of(bad, b"\0", MAP) or "")
    with pytest.raises(StoreError, match="version cannot be read"):
        versions.document_of(bad, MAP)
    with pytest.raises(RoomBroken):
        Room(MAP, "e", snapshot=bad)


@pytest.mark.usefixtures("_panics")
async def test_s15_a_room_of_which_too_much_fails_is_not_read_over_and_over_and_becomes_read_only() -> None:
    store = MemoryStore()
    await store.create("r", "e", "map", NOW)
    await store.append("r", entries(update(0, "good")))
    await store.compact("r", update(0, "good"), 1)
    await store.append("r", entries(*(update(n, BAD) for n in range(1, MAX_LEFT_OUT + 2))))
    async with party(store) as guests:
        for _ in range(MAX_ATTEMPTS):
            refused = guests.join()
            assert (await refused.goodbye())[0] == CloseCode.STORAGE_UNAVAILABLE
        assert set(await shapes(guests.hub)) == {"good"}


async def test_s15_a_room_that_ends_the_process_three_times_is_shown_read_only_until_an_operator_says_otherwise(
    tmp_path: Path,
) -> None:
    path = tmp_path / "coplayer.db"
    store = SQLiteStore(path)
    async with store.open():
        await store.create("r", "e", "board", NOW)
        await store.append("r", entries(update(0, "good")))
        await store.compact("r", update(0, "good"), 1)
        await store.append("r", [Entry(update(1, BAD), "mallory", NOW)])

    async def read() -> str:
        program = Program(["-m", "tests.support.fragile", f"sqlite:///{path}"])
        try:
            found = await anyio.to_thread.run_sync(program.wait_for_line, "^shapes .*")
        except ProgramError:
            return program.output
        finally:
            await anyio.to_thread.run_sync(program.stop)
        return found[0]

    for attempt in range(MAX_ATTEMPTS):
        assert "shapes" not in await read(), "it died"
        async with store.open():
            assert (await store.load("r")).attempts == attempt + 1
    assert await read() == "shapes ['good'], sealed True"

    any_store: Any = store
    async with party(any_store) as guests:
        ann = await joined(guests)
        told = [message.event for message in heard_so_far(ann) if isinstance(message, BoardEvent)]
        ann.say(edit(2**21 + 5, "new"), SyncStatus(b"1"))
        refused = (await ann.hear(BoardEvent)).event
        assert refused["type"] == "refused", (told, refused)
        with pytest.raises(StoreError, match="look at only"):
            await guests.hub.edit("r", lambda doc: None, "ann")
        findings = [finding async for finding in examine(store, lambda name: PROFILES[name])]
        assert "coplayer rooms retry r" in findings[0].wrong[0]
        assert len((await store.load("r")).updates) == 1, "nothing of it is thrown away"

        await guests.hub.retry("r")
        assert (await ann.goodbye())[0] == CloseCode.GOING_AWAY
        assert set(await shapes(guests.hub)) == {"good", BAD}, "with a library that can read it, all is there"
        ben = await joined(guests)
        ben.say(edit(2**21 + 6, "new"), SyncStatus(b"1"))
        await ben.hear(SyncStatus)
        assert set(await shapes(guests.hub)) == {"good", BAD, "new"}


async def test_s15_who_joins_a_read_only_room_is_told_why_and_may_look() -> None:
    store = MemoryStore()
    await store.create("r", "e", "board", NOW)
    await store.append("r", entries(update(0, "good")))
    await store.compact("r", update(0, "good"), 1)
    await store.append("r", entries(update(1, "later")))
    await store.set_load_attempts("r", MAX_ATTEMPTS)
    async with party(store) as guests:
        ann = guests.join(member=OURS)
        ann.say(SyncStep1({}))
        assert (await ann.hear(BoardEvent)).event["access"] == "read"
        assert (await ann.hear(BoardEvent)).event == {"type": "storage", "ok": False, "reason": SEALED}
        doc: Doc[Any] = Doc()
        doc.apply_update((await ann.hear(SyncStep2)).update)
        assert set(doc.get("shapes", type=Map).to_py() or {}) == {"good"}
        assert guests.hub.fault() is None, "the server can be used: one room cannot"


async def test_s15_without_a_snapshot_there_is_nothing_to_show_and_never_an_empty_room() -> None:
    store = MemoryStore()
    await store.create("r", "e", "board", NOW)
    await store.append("r", entries(update(1, "later")))
    await store.set_load_attempts("r", MAX_ATTEMPTS)
    async with party(store) as guests:
        socket = guests.join()
        code, reason = await socket.goodbye()
        assert code == CloseCode.STORAGE_UNAVAILABLE
        assert "could not be read" in reason


async def test_s7_s15_a_store_that_cannot_be_written_can_still_be_read() -> None:
    class ReadOnly(MemoryStore):
        async def set_load_attempts(self, room: str, attempts: int) -> None:
            raise StoreError("the disk is full")

    store = ReadOnly()
    await store.create("r", "e", "board", NOW)
    await store.append("r", entries(update(1, "a")))
    async with party(store) as guests:
        assert set(await shapes(guests.hub)) == {"a"}


async def test_s5_a_snapshot_that_may_not_take_the_logs_place_says_why_without_content() -> None:
    doc: Doc[Any] = Doc(client_id=2**21)
    doc.get("shapes", type=Map)["secret"] = Map({"x": 1})
    half, state = doc.get_update(), doc.get_state()
    assert flaw_of(half, state, MAP) is None
    doc.get("shapes", type=Map)["secret"]["x"] = 2
    assert flaw_of(half, doc.get_state(), MAP) == "it reads back as client 2097152 to 2 of 3"
    assert "misses" in (flaw_of(doc.get_update(state), doc.get_state(), MAP) or "")
    refused = flaw_of(b"secret", state, MAP)
    assert refused is not None
    assert "refuses" in refused
    assert "secret" not in refused
