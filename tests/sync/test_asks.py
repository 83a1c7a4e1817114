"""Who asks for the same over and over costs a bounded sum, and misses nothing (docs/spec.md, W16); frames of several
messages are no way around the limits of A10."""

from __future__ import annotations

from typing import Any

import anyio
import anyio.lowlevel
import pytest
from pycrdt import Doc, Map

from sync import limits
from sync.asks import MAX_WAITING, STEP2S_AT_ONCE, Asks, AsksTooMuch
from sync.connection import COUNTED
from sync.effects import Close, Effect, Send
from sync.gate import ANY, MAP
from sync.hocuspocus import Translator, read
from sync.limits import GREW_TOO_MUCH
from sync.members import Member
from sync.presence import ConnectionId
from sync.protocol import (
    EMPTY_UPDATE,
    MAX_MESSAGES_PER_FRAME,
    Awareness,
    AwarenessEntry,
    ClientId,
    CloseCode,
    Message,
    QueryAwareness,
    SyncStatus,
    SyncStep1,
    SyncStep2,
    Update,
    encode,
)
from sync.room import Room
from tests.support.party import FakeSocket, edit
from tests.sync.test_limits import join, long_text, public

ANN, BEN = ConnectionId(1), ConnectionId(2)
KEEP_ALIVE = encode(Awareness(()))


def sent(effects: list[Effect], kind: type[Message]) -> list[Message]:
    return [effect.message for effect in effects if isinstance(effect, Send) and isinstance(effect.message, kind)]


def room_with(size: int = 0) -> Room:
    """Ann and Ben are there; the document has a text of that size."""
    doc: Doc[Any] = Doc(client_id=2**21)
    doc.get("shapes", type=Map)["text"] = "x" * size
    room = Room(ANY, "epoch", [doc.get_update()])
    for connection in (ANN, BEN):
        room.connect(connection, Member())
    room.receive(BEN, encode(Awareness((AwarenessEntry(ClientId(7), 1, '{"at":1}'),))))
    return room


def test_w16_a_hundred_questions_for_presence_are_answered_at_once_and_when_the_second_is_over() -> None:
    room = room_with()
    first = sent(room.receive(ANN, encode(QueryAwareness()) * MAX_MESSAGES_PER_FRAME), Awareness)
    assert first == [Awareness((AwarenessEntry(ClientId(7), 1, '{"at":1}'),))]
    for _ in range(50):
        assert sent(room.receive(ANN, encode(QueryAwareness())), Awareness) == []
    room.receive(BEN, encode(Awareness((AwarenessEntry(ClientId(7), 2, '{"at":2}'),))))
    assert sent(room.tick(), Awareness) == [Awareness((AwarenessEntry(ClientId(7), 2, '{"at":2}'),))]
    assert room.tick() == [], "nobody has asked again"


def test_w16_who_asks_for_presence_once_is_answered_at_once_in_every_second() -> None:
    room = room_with()
    for _ in range(5):
        for connection in (ANN, BEN):
            assert len(sent(room.receive(connection, encode(QueryAwareness())), Awareness)) == 1
        assert room.tick() == []


def test_w16_who_leaves_is_owed_nothing() -> None:
    room = room_with()
    room.receive(ANN, (encode(QueryAwareness()) + encode(SyncStep1({}))) * 30)
    room.disconnect(ANN)
    assert room.tick() == []


def test_w16_a_big_document_is_written_out_once_a_second_for_one_who_asks_on_and_on() -> None:
    room = room_with(2_000_000)
    frame = b"".join(encode(SyncStep1({ClientId(number): 1})) for number in range(10))
    assert len(sent(room.receive(ANN, frame), SyncStep2)) == 1
    owed = sent(room.tick(), SyncStep2)
    assert len(owed) == 9, "each question has an answer"
    assert sum(len(answer.update) > 1_000 for answer in owed if isinstance(answer, SyncStep2)) == 1
    assert len(sent(room.receive(BEN, encode(SyncStep1({}))), SyncStep2)) == 1, "others do not wait for it"


def test_w16_the_answer_that_waited_makes_the_last_who_asked_whole() -> None:
    room = room_with(2_000_000)
    room.receive(ANN, encode(SyncStep1({})))
    replica: Doc[Any] = Doc()
    for vector in ({}, {ClientId(2**21): 0}):
        assert room.receive(ANN, encode(SyncStep1(vector))) == []
    for answer in sent(room.tick(), SyncStep2):
        assert isinstance(answer, SyncStep2)
        replica.apply_update(answer.update)
    assert replica.get_update() == room.doc.get_update()


def test_w16_who_asks_without_end_for_the_document_is_closed_and_may_come_again() -> None:
    room = room_with()
    effects = room.receive(ANN, encode(SyncStep1({})) * MAX_MESSAGES_PER_FRAME)
    assert len(sent(effects, SyncStep2)) == STEP2S_AT_ONCE
    assert [e.code for e in effects if isinstance(e, Close)] == [CloseCode.TOO_MANY_REQUESTS]


def test_w16_asking_again_goes_on_after_a_second() -> None:
    asks = Asks()
    for _ in range(3):
        answered = [asks.document(ANN, b"v") for _ in range(STEP2S_AT_ONCE)]
        assert answered.count(True) >= STEP2S_AT_ONCE - 1
        asks.tick()
        asks.tick()
    for _ in range(STEP2S_AT_ONCE + MAX_WAITING):
        asks.document(BEN, b"v")
    with pytest.raises(AsksTooMuch):
        asks.document(BEN, b"v")


def test_w16_h5_a_provider_whose_step_1s_waited_counts_all_of_them_as_answered() -> None:
    """Its count of what is unsaved goes up by one for each step 1, down by one for each 08 01."""
    room, translator = room_with(), Translator("r")
    room.connect(connection := ConnectionId(3), Member())
    translator.outward(SyncStep1({}))  # the greeting
    questions, acknowledged = STEP2S_AT_ONCE + 5, 0
    effects: list[Effect] = []
    for _ in range(questions):
        effects += room.receive(connection, translator.inward(read(encode(SyncStep1({})))))  # type: ignore[arg-type]
    for message in [e.message for e in (*effects, *room.tick()) if isinstance(e, Send)]:
        translator.outward(message)
    for _ in range(questions):  # it answers each step 1 of ours
        frame = translator.inward(read(encode(SyncStep2(EMPTY_UPDATE))))  # type: ignore[arg-type]
        for status in sent(room.receive(connection, frame), SyncStatus):
            acknowledged += translator.outward(status) is not None
    assert acknowledged == questions


# frames of several messages


async def said(socket: FakeSocket, frames: list[bytes]) -> None:
    for frame in frames:
        socket._up[0].send_nowait(frame)


@pytest.mark.anyio
@pytest.mark.parametrize("before", [KEEP_ALIVE, encode(QueryAwareness()), encode(SyncStatus(b"1"))])
async def test_a10_changes_behind_another_message_are_counted_as_any(
    before: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "UPDATES_BURST_S", 1)
    async with public(max_updates_per_s=10) as guests:
        socket = join(guests)
        await socket.hear(SyncStep1)
        await said(socket, [before + encode(edit(2**21 + n, f"s{n}")) for n in range(100)])
        (connection,) = guests.hub.connections
        with anyio.fail_after(5):
            while not connection.spending.is_held:
                await anyio.lowlevel.checkpoint()


@pytest.mark.anyio
async def test_a10_bytes_behind_another_message_are_counted_as_any() -> None:
    async with public(max_growth_bytes_per_minute=20_000) as guests:
        socket = join(guests)
        await socket.hear(SyncStep1)
        size = 20_000
        await said(socket, [KEEP_ALIVE + encode(Update(long_text(2**21 + n, size))) for n in range(20)])
        assert (await socket.hear_event("access"))["reason"] == GREW_TOO_MUCH


@pytest.mark.anyio
async def test_a10_a_frame_of_a_hundred_questions_is_no_cheaper_than_fifty_changes() -> None:
    async with public(max_updates_per_s=50) as guests:
        socket = join(guests)
        await socket.hear(SyncStep1)
        await said(socket, [encode(QueryAwareness()) * 100] * 11)
        (connection,) = guests.hub.connections
        with anyio.fail_after(5):
            while not connection.spending.is_held:
                await anyio.lowlevel.checkpoint()


def test_a10_a_change_and_the_question_whether_it_is_saved_count_as_one() -> None:
    """So do both dialects send it: it must not halve what they may do."""
    room = Room(MAP, "epoch")
    room.connect(ANN, Member())
    effects = room.receive(ANN, encode(edit()) + encode(SyncStatus(b"1")))
    (batch,) = [effect for effect in effects if type(effect).__name__ == "Batch"]
    assert (batch.messages, batch.updates, batch.first) == (2, 1, 0)  # type: ignore[union-attr]


def test_a10_what_begins_a_message_of_sync_is_counted_however_it_is_written() -> None:
    assert COUNTED[0]
    assert COUNTED[0x80], "80 00 reads as 0"
    assert not COUNTED[1]
    assert not COUNTED[102]
