"""What a room keeps for the next who asks the same: shared while it is true, and made anew after a change (W2, P1)."""

from __future__ import annotations

from typing import Any

import pytest
from pycrdt import Doc, Map

from sync.effects import Append, Send
from sync.gate import MAP
from sync.members import Member
from sync.presence import ConnectionId
from sync.protocol import (
    Awareness,
    AwarenessEntry,
    ClientId,
    Message,
    SyncStep1,
    SyncStep2,
    Update,
    decode_state_vector,
    encode,
)
from sync.room import MAX_ANSWERS, Room

ANN = ConnectionId(1)


def room_with(*shapes: str) -> Room:
    room = Room(MAP, "epoch")
    room.connect(ANN, Member())
    for shape in shapes:
        write(room, shape)
    return room


def write(room: Room, shape: str) -> None:
    doc = Doc[Any](client_id=2**21 + len(room.gate.known))
    shapes: Map[Any] = doc.get("shapes", type=Map)
    shapes[shape] = 1
    effects = room.receive(ANN, encode(Update(doc.get_update())))
    assert any(isinstance(effect, Append) for effect in effects)
    room.committed(1)


def answer(room: Room, message: Message, kind: type[Message]) -> Message:
    effects = room.receive(ANN, encode(message))
    return next(e.message for e in effects if isinstance(e, Send) and isinstance(e.message, kind))


def shapes_in(step2: Message) -> set[str]:
    assert isinstance(step2, SyncStep2)
    return shapes_after(step2.update)


def shapes_after(*updates: bytes) -> set[str]:
    doc = Doc[Any]()
    for update in updates:
        doc.apply_update(update)
    shapes: Map[Any] = doc.get("shapes", type=Map)
    return set(shapes.keys())


def test_w2_those_who_lack_the_same_share_one_answer_until_something_changes() -> None:
    room = room_with("a", "b")
    first = answer(room, SyncStep1({}), SyncStep2)
    assert answer(room, SyncStep1({}), SyncStep2) is first
    write(room, "c")
    assert shapes_in(answer(room, SyncStep1({}), SyncStep2)) == {"a", "b", "c"}
    room.rest()
    assert shapes_in(answer(room, SyncStep1({}), SyncStep2)) == {"a", "b", "c"}


def test_w2_who_lacks_something_else_gets_an_answer_of_its_own() -> None:
    room = room_with("a")
    has_a = decode_state_vector(room.doc.get_state())
    whole = answer(room, SyncStep1({}), SyncStep2)
    write(room, "b")
    rest = answer(room, SyncStep1(has_a), SyncStep2)
    assert isinstance(whole, SyncStep2)
    assert isinstance(rest, SyncStep2)
    assert shapes_after(whole.update, rest.update) == {"a", "b"}
    assert len(rest.update) < len(whole.update) + 10


def test_only_a_few_answers_are_kept() -> None:
    room = room_with("a")
    first = answer(room, SyncStep1({}), SyncStep2)
    for number in range(MAX_ANSWERS):
        answer(room, SyncStep1({ClientId(5_000_000 + number): 1}), SyncStep2)
    assert answer(room, SyncStep1({}), SyncStep2) is not first


def test_w2_the_greeting_names_what_came_while_the_last_one_was_kept() -> None:
    room = room_with("a")
    vectors = []
    for number in range(2):
        effects = room.connect(ConnectionId(10 + number), Member())
        vectors += [e.message.state_vector for e in effects if isinstance(e, Send) and isinstance(e.message, SyncStep1)]
        write(room, f"n{number}")
    assert [len(vector) for vector in vectors] == [1, 2]


@pytest.mark.parametrize("leaves", [True, False])
def test_p1_who_joins_is_sent_presence_as_it_is_now(leaves: bool) -> None:
    room = room_with()
    before = room.connect(ConnectionId(2), Member())
    assert not any(isinstance(e, Send) and isinstance(e.message, Awareness) for e in before)
    room.receive(ANN, encode(Awareness((AwarenessEntry(ClientId(7), 1, "{}"),))))
    room.connect(ConnectionId(3), Member())
    if leaves:
        room.disconnect(ANN)
    else:
        room.receive(ANN, encode(Awareness((AwarenessEntry(ClientId(7), 2, '{"x":1}'),))))
    told = [e.message for e in room.connect(ConnectionId(4), Member()) if isinstance(e, Send)]
    states = [entry.state for message in told if isinstance(message, Awareness) for entry in message.entries]
    assert states == ([] if leaves else ['{"x":1}'])
