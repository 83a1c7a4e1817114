"""What each role may do in a room (docs/spec.md, A3, A8), message by message."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from pycrdt import Doc, Map

from sync.board import PROFILES
from sync.comments import ONLY_COMMENTS
from sync.effects import Append, Effect, Send
from sync.members import AccessLevel, Member
from sync.presence import ConnectionId, Identity
from sync.protocol import BoardEvent, SyncStep2, Update, encode
from sync.room import READ_ONLY, Room

COMMENTER = ConnectionId(1)
WRITER = ConnectionId(2)
Change = Callable[[Doc[Any]], object]


class Table:
    """A board with a shape and a message, a writer and somebody with less access."""

    def __init__(self, access: AccessLevel = "comment") -> None:
        self.room = Room(PROFILES["board"], "e")
        self.room.connect(WRITER, Member(Identity("ann")))
        self.room.connect(COMMENTER, Member(Identity("ben"), access, hears_events=True))
        self.annas: Doc[Any] = Doc(client_id=2**21)
        self.bens: Doc[Any] = Doc(client_id=2**31)
        self.sent: list[bytes] = []
        self.bens.observe(lambda event: self.sent.append(event.update))
        self.annas.get("shapes", type=Map)["a"] = Map({"x": 1})
        self.annas.get("messages", type=Map)["m1"] = Map({"body": "Hello", "by": "ann"})
        assert self.say(WRITER, self.annas.get_update()) is None
        self.bens.apply_update(self.room.doc.get_update())

    def say(self, who: ConnectionId, update: bytes) -> str | None:
        """Why it was refused, or None when it stands in the document."""
        effects = self.room.receive(who, encode(Update(update)))
        if any(isinstance(effect, Append) for effect in effects):
            self.room.committed(1)
            return None
        return reason(effects)

    def comment(self, change: Change) -> str | None:
        change(self.bens)
        return self.say(COMMENTER, self.sent[-1])

    def read(self) -> dict[str, Any]:
        return {root: self.room.doc.get(root, type=Map).to_py() or {} for root in ("shapes", "messages", "runs")}


def reason(effects: list[Effect]) -> str | None:
    for effect in effects:
        if isinstance(effect, Send) and isinstance(effect.message, BoardEvent):
            return str(effect.message.event["reason"])
    return "silence"


def add_message(doc: Doc[Any], key: str = "m2", root: str = "messages") -> None:
    doc.get(root, type=Map)[key] = Map({"body": "A word", "by": "ben", "context": {"selection": ["a"]}})


def test_a8_who_may_comment_adds_threads_and_messages_and_changes_their_own() -> None:
    table = Table()
    assert table.comment(add_message) is None
    assert table.comment(lambda doc: add_message(doc, "t1", "threads")) is None
    assert table.comment(lambda doc: doc.get("messages", type=Map)["m2"].update({"body": "Two"})) is None
    assert table.comment(lambda doc: doc.get("messages", type=Map)["m2"].pop("context")) is None
    assert table.read()["messages"] == {"m1": {"body": "Hello", "by": "ann"}, "m2": {"body": "Two", "by": "ben"}}


@pytest.mark.parametrize(
    "change",
    [
        lambda doc: doc.get("shapes", type=Map)["a"].update({"x": 2}),
        lambda doc: doc.get("shapes", type=Map).update({"b": Map({"x": 2})}),
        lambda doc: doc.get("shapes", type=Map).pop("a"),
        lambda doc: add_message(doc, "r", "runs"),
        lambda doc: doc.get("messages", type=Map)["m1"].update({"body": "No"}),
        lambda doc: doc.get("messages", type=Map)["m1"].pop("by"),
        lambda doc: doc.get("messages", type=Map).pop("m1"),
        lambda doc: doc.get("messages", type=Map).update({"m1": Map({"body": "No"})}),
        lambda doc: doc.get("messages", type=Map).update({"m3": "not an entry"}),
        lambda doc: doc.get("policy", type=Map).update({"agent_enabled": False}),
    ],
)
def test_a8_anything_else_is_refused_and_told(change: Change) -> None:
    """Shapes, runs, the policy, and what others have said: a run would let the assistant do it instead."""
    table = Table()
    before = table.read()
    assert table.comment(change) == ONLY_COMMENTS
    assert table.read() == before


def test_a8_a_comment_that_carries_a_shape_along_is_refused_as_a_whole() -> None:
    table = Table()

    def both(doc: Doc[Any]) -> None:
        with doc.transaction():
            add_message(doc)
            doc.get("shapes", type=Map)["a"]["x"] = 2

    before = table.read()
    assert table.comment(both) == ONLY_COMMENTS
    assert table.read() == before


def test_a8_an_entry_of_others_is_not_written_over_by_one_who_says_not_to_know_it() -> None:
    """A map under the same key without origin, of a higher client id, would win."""
    table = Table()
    stranger: Doc[Any] = Doc(client_id=2**32 - 1)
    add_message(stranger, "m1")
    assert table.say(COMMENTER, stranger.get_update()) == ONLY_COMMENTS
    assert table.read()["messages"]["m1"]["body"] == "Hello"


def test_a8_comments_made_offline_come_in_with_a_step_2() -> None:
    table = Table()
    vector = table.bens.get_state()
    for key in ("m2", "m3"):
        add_message(table.bens, key)
    del table.bens.get("messages", type=Map)["m3"]
    effects = table.room.receive(COMMENTER, encode(SyncStep2(table.bens.get_update(vector))))
    assert [type(effect) for effect in effects] == [Append]
    table.room.committed(1)
    assert set(table.read()["messages"]) == {"m1", "m2"}


def test_a8_a_room_that_is_no_board_has_no_place_for_comments() -> None:
    room = Room(PROFILES["map"], "e")
    room.connect(COMMENTER, Member(Identity("ben"), "comment", hears_events=True))
    doc: Doc[Any] = Doc(client_id=2**21)
    add_message(doc)
    assert reason(room.receive(COMMENTER, encode(Update(doc.get_update())))) == ONLY_COMMENTS


def test_a3_a_reader_is_told_that_comments_need_more() -> None:
    assert Table("read").comment(add_message) == READ_ONLY
