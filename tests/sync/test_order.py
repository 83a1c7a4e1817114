"""Honest Yjs updates in any order, and replicas with gaps of their own (docs/spec.md W4, W8, G3): the pure Room against
sessions that real Yjs has made (tests/vectors/sessions.json). `--shuffles 5000` for more of them."""

from __future__ import annotations

import base64
import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pycrdt import Array, Doc, Map, Text, XmlFragment

from sync.effects import Append, Close, Effect, Send
from sync.gate import ANY, MAP, Profile
from sync.members import Member
from sync.presence import ConnectionId
from sync.protocol import (
    ClientId,
    CloseCode,
    SyncStatus,
    SyncStep1,
    SyncStep2,
    Update,
    decode_state_vector,
    encode,
    encode_state_vector,
)
from sync.room import Room

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "sessions.json").read_text())
PROFILES: dict[str, Profile] = {"any": ANY, "map": MAP}
READERS: dict[str, Callable[[Doc[Any], str], Any]] = {
    "map": lambda doc, name: doc.get(name, type=Map).to_py(),
    "array": lambda doc, name: doc.get(name, type=Array).to_py(),
    "text": lambda doc, name: str(doc.get(name, type=Text)),
    "xml": lambda doc, name: str(doc.get(name, type=XmlFragment)),
}


def read(doc: Doc[Any], roots: dict[str, str]) -> Any:
    """Root types as JSON; an empty one reads as it does in Yjs."""
    empty = {"map": {}, "array": [], "text": "", "xml": ""}
    found = {name: READERS[kind](doc, name) for name, kind in roots.items()}
    return json.loads(
        json.dumps({name: empty[roots[name]] if value is None else value for name, value in found.items()})
    )


class Delivery:
    """A room whose log commits at once, and authors who answer its step 1s from what they know."""

    def __init__(self, profile: str) -> None:
        self.log: list[bytes] = []
        self.room = Room(PROFILES[profile], "epoch")
        self.closed: list[Close] = []
        self.asked: list[tuple[ConnectionId, dict[ClientId, int]]] = []
        self.acked: dict[ConnectionId, list[bytes]] = {}

    def join(self, connection: ConnectionId) -> None:
        self.acked[connection] = []
        self.perform(self.room.connect(connection, Member()))
        self.perform(self.room.receive(connection, encode(SyncStep1({}))))
        self.asked.clear()

    def send(self, connection: ConnectionId, *messages: Update | SyncStep2 | SyncStatus) -> None:
        self.perform(self.room.receive(connection, b"".join(map(encode, messages))))

    def perform(self, effects: list[Effect]) -> None:
        appended = 0
        for effect in effects:
            match effect:
                case Append(update, _):
                    self.log.append(update)
                    appended += 1
                case Close():
                    self.closed.append(effect)
                case Send(connection, SyncStep1(vector)):
                    self.asked.append((connection, vector))
                case Send(connection, SyncStatus(content)):
                    self.acked[connection].append(content)
                case _:
                    pass
        if appended:
            self.perform(self.room.committed(appended))


def deliver(session: dict[str, Any], rng: random.Random) -> Delivery:
    """Every update once, in an order of chance; a step 1 is answered later, by a replica that has them all."""
    delivery = Delivery(session["profile"])
    updates = [(ConnectionId(author), base64.b64decode(update)) for author, update in session["updates"]]
    whole: Doc[Any] = Doc()
    for _, update in updates:
        whole.apply_update(update)
    for connection in {author for author, _ in updates}:
        delivery.join(connection)
    order = list(updates)
    rng.shuffle(order)
    while order or delivery.asked:
        if delivery.asked and (not order or rng.random() < 0.2):
            connection, vector = delivery.asked.pop(rng.randrange(len(delivery.asked)))
            delivery.send(connection, SyncStep2(whole.get_update(encode_state_vector(vector))))
        else:
            connection, update = order.pop()
            delivery.send(connection, Update(update), SyncStatus(b"x"))
    return delivery


def test_honest_updates_in_any_order_give_the_right_document(request: pytest.FixtureRequest) -> None:
    for seed in range(request.config.getoption("--shuffles")):
        session = VECTORS["sessions"][seed % len(VECTORS["sessions"])]
        delivery = deliver(session, random.Random(seed))
        assert not delivery.closed, f"seed {seed}: an honest client was turned away: {delivery.closed}"
        assert read(delivery.room.doc, session["roots"]) == session["end"], f"seed {seed}"
        restarted = Room(PROFILES[session["profile"]], "epoch", delivery.log)
        assert (restarted.skipped, read(restarted.doc, session["roots"])) == (0, session["end"]), (
            f"seed {seed}: the log"
        )
        sent = {
            connection: sum(author == connection for author, _ in session["updates"]) for connection in delivery.acked
        }
        assert {connection: len(acks) for connection, acks in delivery.acked.items()} == sent, f"seed {seed}: acks"


@pytest.mark.parametrize("number", range(len(VECTORS["pending"])))
def test_w8_a_replica_with_a_gap_of_its_own_still_saves_what_it_wrote(number: int) -> None:
    """Its step 2 holds changes it cannot apply itself; they must not keep its own from being stored."""
    session = VECTORS["pending"][number]
    delivery, one, two = Delivery(session["profile"]), ConnectionId(1), ConnectionId(2)
    delivery.join(two)
    delivery.send(two, SyncStep2(base64.b64decode(session["step2"])), SyncStatus(b"saved"))
    for _ in range(20):  # a server that asks for ever would be as bad
        if not delivery.asked:
            break
        delivery.asked.clear()
        delivery.send(two, SyncStep2(base64.b64decode(session["step2"])))
    assert not delivery.asked
    assert not delivery.closed
    assert delivery.acked[two] == [b"saved"]
    mine = read(delivery.room.doc, {"shapes": "map"})["shapes"]
    assert (mine["own"], mine["later"]) == (1, 2)
    assert read(Room(PROFILES[session["profile"]], "epoch", delivery.log).doc, {"shapes": "map"})["shapes"] == mine

    delivery.join(one)  # who wrote the missing ones comes; what waits at the other is asked for then
    for update in session["updates"][:-1]:
        delivery.send(one, Update(base64.b64decode(update)))
    assert [connection for connection, _ in delivery.asked] == [two]
    delivery.send(two, SyncStep2(base64.b64decode(session["whole"])), SyncStatus(b"again"))
    assert delivery.acked[two] == [b"saved", b"again"]
    assert read(delivery.room.doc, session["roots"]) == session["end"]


def test_w8_a_step_2_that_was_overtaken_is_asked_for_again() -> None:
    """Two connections bring the same client's changes: the second's block is half known when it arrives."""
    author: Doc[Any] = Doc(client_id=2**21)
    updates: list[bytes] = []
    author.observe(lambda event: updates.append(event.update))
    text = author.get("note", type=Text)
    for letter in "abcdef":
        text += letter
    delivery, old, new = Delivery("any"), ConnectionId(1), ConnectionId(2)
    delivery.join(old)
    delivery.join(new)
    delivery.send(new, Update(updates[5]), SyncStatus(b"1"))  # a gap
    answer = author.get_update(encode_state_vector(delivery.asked.pop()[1]))
    delivery.send(old, Update(updates[0]))
    delivery.send(new, SyncStep2(answer))  # one block of six, of which one is known by now
    if delivery.asked:
        delivery.send(old, Update(updates[1]))
        delivery.send(new, SyncStep2(author.get_update(encode_state_vector(delivery.asked.pop()[1]))))
    if delivery.asked:
        delivery.send(new, SyncStep2(author.get_update(encode_state_vector(delivery.asked.pop()[1]))))
    assert str(delivery.room.doc.get("note", type=Text)) == "abcdef"
    assert delivery.acked[new] == [b"1"]


def test_w8_a_peer_that_claims_what_nobody_has_is_not_asked_for_ever() -> None:
    gap = Doc[Any](client_id=2**21)
    updates: list[bytes] = []
    gap.observe(lambda event: updates.append(event.update))
    for number in range(3):
        gap.get("shapes", type=Map)[f"s{number}"] = number
    delivery, one = Delivery("map"), ConnectionId(1)
    delivery.join(one)
    asked = 0
    for _ in range(50):
        delivery.send(one, SyncStep2(updates[2]))
        asked += len(delivery.asked)
        delivery.asked.clear()
    assert asked <= 5
    assert delivery.closed == [] or delivery.closed[0].code == CloseCode.MALFORMED
    assert decode_state_vector(delivery.room.doc.get_state()) == {}
