"""What a room does with every message from every role, tried out: `python -m tests.support.roles_table` prints it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pycrdt import Doc, Map

from sync.auth import Access, Role
from sync.board import PROFILES
from sync.effects import Append, Batch, Broadcast, Close, Send
from sync.members import Member
from sync.presence import ConnectionId, Identity
from sync.protocol import (
    AuthDenied,
    Awareness,
    AwarenessEntry,
    BoardEvent,
    ClientId,
    QueryAwareness,
    SyncStatus,
    SyncStep1,
    SyncStep2,
    Update,
    encode,
)
from sync.room import Room

ROLES: tuple[Role, ...] = ("read", "comment", "write", "agent", "admin")
EPOCH = 7  # of the lease that the agent holds
OWN_ID = 2**21
STATELESS = BoardEvent({"type": "stateless", "payload": "x"})


def entry(root: str, client: int = OWN_ID) -> bytes:
    """An update that adds an entry to a root map."""
    doc: Doc[Any] = Doc(client_id=client)
    doc.get(root, type=Map)["new"] = Map({"x": 1})
    return doc.get_update()


def lists() -> bytes:
    """An update that no board takes."""
    doc: Doc[Any] = Doc(client_id=OWN_ID)
    doc.get("other", type=Map)["x"] = 1
    return doc.get_update()


MESSAGES: Mapping[str, bytes] = {
    "0.0 step 1": encode(SyncStep1({})),
    "0.1 step 2, nothing new": encode(SyncStep2(b"\x00\x00")),
    "0.1 step 2, a shape": encode(SyncStep2(entry("shapes"))),
    "0.1 step 2, a message": encode(SyncStep2(entry("messages"))),
    "0.2 update, a shape": encode(Update(entry("shapes"))),
    "0.2 update, a message": encode(Update(entry("messages"))),
    "0.2 update, a run": encode(Update(entry("runs"))),
    "0.2 update, an assistant's id": encode(Update(entry("shapes", EPOCH))),
    "0.2 update, no board": encode(Update(lists())),
    "0.2 update, broken": encode(Update(b"\x01\x01")),
    "0.3 no such sync type": b"\x00\x03\x00",
    "1 awareness": encode(Awareness((AwarenessEntry(ClientId(OWN_ID), 1, "{}"),))),
    "2 auth": encode(AuthDenied("no")),
    "3 query awareness": encode(QueryAwareness()),
    "99 no such type": b"\x63\x00",
    "102 sync status": encode(SyncStatus(b"1")),
    "103 board event": encode(BoardEvent({"type": "joined", "access": "admin"})),
    "103 stateless": encode(STATELESS),
    "nothing": b"",
}


def answer(role: Role, frame: bytes) -> str:
    """What comes of a frame from somebody with that role, in a board with one writer besides."""
    room = Room(PROFILES["board"], "e")
    other, self = ConnectionId(1), ConnectionId(2)
    room.connect(other, Member(Identity("ann"), hears_stateless=True))
    access = Access("ben", None, role)
    epoch = EPOCH if role == "agent" else None
    room.connect(self, Member(Identity("ben"), access.level, epoch, hears_events=True))
    effects = room.receive(self, frame)
    words = [_word(effect, self) for effect in effects if not isinstance(effect, Batch)]
    return ", ".join(dict.fromkeys(words)) or "ignored"


def _word(effect: Append | Broadcast | Close | Send, self: ConnectionId) -> str:
    match effect:
        case Append():
            return "stored"
        case Broadcast():
            return "relayed"
        case Close(_, code):
            return f"closed {int(code)}"
        case Send(connection, BoardEvent({"type": "refused"})) if connection == self:
            return "refused"
        case Send(connection, SyncStatus()) if connection == self:
            return "acknowledged"
        case Send():
            return "answered"


def table() -> dict[str, tuple[str, ...]]:
    """Message -> what comes of it, in the order of ROLES."""
    return {name: tuple(answer(role, frame) for role in ROLES) for name, frame in MESSAGES.items()}


def text() -> str:
    """The table, a line a message."""
    rows = [("", *ROLES), *((name, *answers) for name, answers in table().items())]
    widths = [max(len(row[column]) for row in rows) for column in range(len(ROLES) + 1)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


if __name__ == "__main__":
    print(text())  # noqa: T201 - that is what it is for
