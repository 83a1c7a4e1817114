"""What a room decides, for others to carry out: it has no I/O of its own."""

from __future__ import annotations

from dataclasses import dataclass

from sync.presence import ConnectionId
from sync.protocol import CloseCode, Message


@dataclass(frozen=True, slots=True)
class Append:
    """Make this durable, in this order, then call `committed`."""

    update: bytes
    author: str


@dataclass(frozen=True, slots=True)
class Send:
    """One message to one connection."""

    connection: ConnectionId
    message: Message


@dataclass(frozen=True, slots=True)
class Broadcast:
    """To every connection that has been synced (updates), or to every connection (presence)."""

    message: Message
    to: tuple[ConnectionId, ...]


@dataclass(frozen=True, slots=True)
class Close:
    """End a connection."""

    connection: ConnectionId
    code: CloseCode
    reason: str


@dataclass(frozen=True, slots=True)
class Batch:
    """A frame held several messages: `first` is its first byte, `updates` of them were changes of `size` bytes."""

    connection: ConnectionId
    first: int
    messages: int
    updates: int
    size: int


Effect = Append | Send | Broadcast | Close | Batch
