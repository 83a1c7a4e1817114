"""A client id belongs to who speaks with it (docs/spec.md, G13): nobody else adds to what that client writes.

Two who write under one id give the same clock to different changes; replicas then differ for ever, without a sign.
"""

from __future__ import annotations

from typing import Any

import pytest
from pycrdt import Doc, Map

from sync.board import PROFILES
from sync.effects import Append, Effect, Send
from sync.gate import ProfileName
from sync.members import Member
from sync.presence import ConnectionId, Identity
from sync.protocol import (
    Awareness,
    AwarenessEntry,
    ClientId,
    Message,
    SyncStatus,
    SyncStep1,
    SyncStep2,
    Update,
    encode,
)
from sync.room import Room

ANN, BEN, ANN_AGAIN = ConnectionId(1), ConnectionId(2), ConnectionId(3)
ANNS_ID, BENS_ID = 2**21, 2**22


class Scene:
    """Ann and Ben are in a room, both have said who they are."""

    def __init__(self, profile: ProfileName = "board") -> None:
        self.room = Room(PROFILES[profile], "e")
        for connection, user, client in ((ANN, "ann", ANNS_ID), (BEN, "ben", BENS_ID)):
            self.room.connect(connection, Member(Identity(user)))
            self.present(connection, client)
        self.anns: Doc[Any] = Doc(client_id=ANNS_ID)
        self.bens: Doc[Any] = Doc(client_id=BENS_ID)

    def present(self, connection: ConnectionId, client: int, clock: int = 1, state: str = "{}") -> None:
        self.room.receive(connection, encode(Awareness((AwarenessEntry(ClientId(client), clock, state),))))

    def say(self, connection: ConnectionId, *messages: Message) -> list[Effect]:
        effects = self.room.receive(connection, b"".join(map(encode, messages)))
        appends = sum(isinstance(effect, Append) for effect in effects)
        return [*effects, *(self.room.committed(appends) if appends else [])]

    def shapes(self) -> set[str]:
        return set(self.room.doc.get("shapes", type=Map).to_py() or {})


def draw(doc: Doc[Any], name: str) -> bytes:
    before = doc.get_state()
    doc.get("shapes", type=Map)[name] = Map({"x": 1})
    return doc.get_update(before)


def steps(effects: list[Effect], connection: ConnectionId) -> int:
    return sum(isinstance(e, Send) and e.connection == connection and isinstance(e.message, SyncStep1) for e in effects)


@pytest.mark.parametrize("profile", ["board", "map", "any"])
def test_g13_what_another_writes_under_a_living_id_waits_for_its_owner_and_never_comes_if_forged(
    profile: ProfileName,
) -> None:
    scene = Scene(profile)
    forger: Doc[Any] = Doc(client_id=ANNS_ID)
    forged = draw(forger, "forged")
    assert steps(scene.say(BEN, Update(forged)), BEN) == 1, "as a gap: Ben is asked for it"
    scene.say(BEN, SyncStep2(forger.get_update()), SyncStatus(b"1"))
    assert scene.shapes() == set()
    scene.say(ANN, Update(draw(scene.anns, "real")))
    assert scene.shapes() == {"real"}


def test_g13_what_came_another_way_first_is_taken_from_its_owner_and_nothing_of_ones_own_is_lost() -> None:
    """Ben has Ann's change by another provider, before the server has it, and goes on from there."""
    scene = Scene()
    anns = draw(scene.anns, "a")
    scene.bens.apply_update(anns)
    bens = draw(scene.bens, "b")
    scene.say(BEN, Update(anns), Update(bens), SyncStatus(b"early"))
    effects = scene.say(BEN, SyncStep2(scene.bens.get_update()))
    assert scene.shapes() == {"b"}, "his own does not build on hers, so it is taken"
    assert any(isinstance(e, Send) and e.message == SyncStatus(b"early") for e in effects)
    assert steps(scene.say(ANN, Update(anns)), BEN) == 1, "now he is asked for what waited"
    assert scene.shapes() == {"a", "b"}


def test_g13_who_has_left_may_be_spoken_for_by_whoever_has_their_changes() -> None:
    scene = Scene()
    anns = draw(scene.anns, "a")
    scene.bens.apply_update(anns)
    scene.say(BEN, SyncStep2(scene.bens.get_update()))
    assert scene.shapes() == set()
    assert steps(scene.room.disconnect(ANN), BEN) == 1
    scene.say(BEN, SyncStep2(scene.bens.get_update()))
    assert scene.shapes() == {"a"}


def test_g13_the_same_person_comes_back_while_the_old_connection_is_not_yet_known_to_be_dead() -> None:
    scene = Scene()
    scene.say(ANN, Update(draw(scene.anns, "a")))
    scene.room.connect(ANN_AGAIN, Member(Identity("ann")))
    scene.say(ANN_AGAIN, SyncStep2(scene.anns.get_update()), Update(draw(scene.anns, "b")))
    assert scene.shapes() == {"a", "b"}


def test_g13_a_reader_keeps_nobody_from_writing() -> None:
    scene = Scene()
    scene.room.connect(ConnectionId(9), Member(Identity("eve"), "read"))
    scene.present(ConnectionId(9), 2**23)
    cems: Doc[Any] = Doc(client_id=2**23)
    scene.room.connect(ConnectionId(4), Member(Identity("cem")))
    scene.say(ConnectionId(4), Update(draw(cems, "c")))
    assert scene.shapes() == {"c"}
