"""The wire of the y-websocket dialect: message numbers, close codes and a sans-IO codec.

Source: docs/spec.md, sections W and C; npm `y-protocols` (sync.js, awareness.js) and `y-websocket` 3.1.
Decoding raises only ProtocolError; encoding of what was decoded gives the same bytes.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import NewType

from sync.lib0 import DecodeError, Decoder, var_bytes, var_string, var_uint

ClientId = NewType("ClientId", int)
StateVector = dict[ClientId, int]
"""Client id -> how many of its clock ticks are known."""


class MessageType(IntEnum):
    """The first varUint of a frame (y-websocket's numbers; 102 and 103 are extensions)."""

    SYNC = 0
    AWARENESS = 1
    AUTH = 2
    QUERY_AWARENESS = 3
    SYNC_STATUS = 102
    BOARD_EVENT = 103


class SyncType(IntEnum):
    """The second varUint of a SYNC message."""

    STEP1 = 0
    STEP2 = 1
    UPDATE = 2


class CloseCode(IntEnum):
    """Why we close a WebSocket. y-websocket 3.1 treats 4400-4499 as final and retries the rest."""

    MALFORMED = 4400
    UNAUTHORIZED = 4401
    FORBIDDEN = 4403
    NOT_FOUND = 4404
    SUPERSEDED = 4409
    TOO_BIG = 4413
    REFUSED = 4422
    GOING_AWAY = 4503
    SLOW_CONSUMER = 4508
    TOO_MANY_REQUESTS = 4529
    TOO_MANY_CONNECTIONS = 4530
    STORAGE_UNAVAILABLE = 4531


class ProtocolError(Exception):
    """A peer broke a rule: close that connection with `code` and `reason`; nothing was changed."""

    def __init__(self, code: CloseCode, reason: str) -> None:
        super().__init__(f"{code.value} {reason}")
        self.code = code
        self.reason = reason


@dataclass(frozen=True, slots=True)
class SyncStep1:
    """What I have; answer with the rest."""

    state_vector: StateVector


@dataclass(frozen=True, slots=True)
class SyncStep2:
    """What you are missing."""

    update: bytes


@dataclass(frozen=True, slots=True)
class Update:
    """A change made just now."""

    update: bytes


@dataclass(frozen=True, slots=True)
class AwarenessEntry:
    """One client's presence: `state` is JSON text, `null` when it left."""

    client: ClientId
    clock: int
    state: str


@dataclass(frozen=True, slots=True)
class Awareness:
    """Presence entries."""

    entries: tuple[AwarenessEntry, ...]


@dataclass(frozen=True, slots=True)
class AuthDenied:
    """The server says no; stock servers send it, ours closes with a code."""

    reason: str


@dataclass(frozen=True, slots=True)
class QueryAwareness:
    """Tell me who is here."""


@dataclass(frozen=True, slots=True)
class SyncStatus:
    """Opaque bytes, echoed when all that this connection sent before them is durable."""

    content: bytes


@dataclass(frozen=True, slots=True)
class BoardEvent:
    """JSON for clients that announced themselves with `?coplayer=1`."""

    event: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Unknown:
    """A message type we do not know: ignored and counted, together with the rest of its frame."""

    type: int


Message = SyncStep1 | SyncStep2 | Update | Awareness | AuthDenied | QueryAwareness | SyncStatus | BoardEvent | Unknown

MAX_AWARENESS_ENTRIES = 1_000  # one room's peers at the most; a longer list is refused unread
MAX_STATE_VECTOR = 100_000  # entries; twice the client ids a room may have
MAX_SYNC_STATUS_BYTES = 256  # clients send a counter or a state vector's hash
MAX_MESSAGES_PER_FRAME = 100  # y-websocket sends one; others may batch


_UPDATE, _AWARENESS = bytes((MessageType.SYNC, SyncType.UPDATE)), bytes((MessageType.AWARENESS,))


def decode(frame: bytes) -> list[Message]:
    """All messages of one frame. Raises ProtocolError (MALFORMED)."""
    messages: list[Message] = []
    try:
        if frame.startswith(_UPDATE):  # these two are nearly all that comes: a third of the time
            if (start := _only_value(frame, 2)) is not None:
                return [Update(frame[start:])]
        elif frame.startswith(_AWARENESS) and (start := _only_value(frame, 1)) is not None:
            return [Awareness(decode_awareness(frame[start:]))]
        decoder = Decoder(frame)
        while not decoder.is_done:
            if len(messages) == MAX_MESSAGES_PER_FRAME:
                raise DecodeError(f"holds more than {MAX_MESSAGES_PER_FRAME} messages")
            messages.append(_message(decoder))
    except DecodeError as error:
        raise ProtocolError(CloseCode.MALFORMED, f"The message {error}.") from None
    if not messages:
        raise ProtocolError(CloseCode.MALFORMED, "The message is empty.")
    return messages


def _only_value(frame: bytes, at: int) -> int | None:
    """Where the value begins that is all of the frame from `at` on; None where it is not, or too long to tell here."""
    size = len(frame) - at
    if 0 < size <= 128 and frame[at] == size - 1:
        return at + 1
    if 129 < size < 16_386 and frame[at] == (size - 2) & 127 | 128 and frame[at + 1] == (size - 2) >> 7:
        return at + 2
    return None


def _message(decoder: Decoder) -> Message:
    kind = decoder.var_uint()
    match kind:
        case MessageType.SYNC:
            return _sync(decoder)
        case MessageType.AWARENESS:
            return Awareness(decode_awareness(decoder.var_bytes()))
        case MessageType.QUERY_AWARENESS:
            return QueryAwareness()
        case MessageType.SYNC_STATUS:
            return SyncStatus(decoder.var_bytes(MAX_SYNC_STATUS_BYTES))
        case MessageType.AUTH:
            if decoder.var_uint() == 0:
                return AuthDenied(decoder.var_string())
            raise DecodeError("has an auth type that does not exist")
        case MessageType.BOARD_EVENT:
            return BoardEvent(_json_object(decoder.var_string()))
        case _:
            decoder.rest()
            return Unknown(kind)


def _sync(decoder: Decoder) -> Message:
    match decoder.var_uint():
        case SyncType.STEP1:
            return SyncStep1(decode_state_vector(decoder.var_bytes()))
        case SyncType.STEP2:
            return SyncStep2(decoder.var_bytes())
        case SyncType.UPDATE:
            return Update(decoder.var_bytes())
        case kind:
            raise DecodeError(f"has sync type {kind}, which does not exist")


def _json_object(text: str) -> Mapping[str, object]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        raise DecodeError("holds text that is not JSON") from None
    if not isinstance(value, dict):
        raise DecodeError("holds JSON that is not an object")
    return value


def decode_awareness(data: bytes) -> tuple[AwarenessEntry, ...]:
    """The entries of an awareness update. Raises DecodeError."""
    decoder = Decoder(data)
    count = decoder.var_uint()
    if count > MAX_AWARENESS_ENTRIES:
        raise DecodeError(f"has {count} presence entries; at most {MAX_AWARENESS_ENTRIES} are allowed")
    entries = tuple(
        AwarenessEntry(ClientId(decoder.var_uint()), decoder.var_uint(), decoder.var_string()) for _ in range(count)
    )
    if not decoder.is_done:
        raise DecodeError("has bytes after its presence entries")
    return entries


def decode_state_vector(data: bytes) -> StateVector:
    """Raises DecodeError. Empty bytes read as the empty vector."""
    if not data:
        return {}
    decoder = Decoder(data)
    count = decoder.var_uint()
    if count > MAX_STATE_VECTOR:
        raise DecodeError(f"has a state vector of {count} entries; at most {MAX_STATE_VECTOR} are allowed")
    vector: StateVector = {}
    for _ in range(count):
        client = ClientId(decoder.var_uint())
        vector[client] = decoder.var_uint()
    if not decoder.is_done:
        raise DecodeError("has bytes after its state vector")
    return vector


def encode_state_vector(vector: Mapping[ClientId, int]) -> bytes:
    """Number of entries, then client id and clock of each."""
    return var_uint(len(vector)) + b"".join(var_uint(client) + var_uint(clock) for client, clock in vector.items())


def encode_awareness(entries: Iterable[AwarenessEntry]) -> bytes:
    """One awareness frame."""
    parts = [var_uint(e.client) + var_uint(e.clock) + var_string(e.state) for e in entries]
    return var_uint(MessageType.AWARENESS) + var_bytes(var_uint(len(parts)) + b"".join(parts))


def encode(message: Message) -> bytes:
    """One message as one frame (W3: to clients exactly one message a frame)."""
    match message:
        case SyncStep1(vector):
            return b"\x00\x00" + var_bytes(encode_state_vector(vector))
        case SyncStep2(update):
            return b"\x00\x01" + var_bytes(update)
        case Update(update):
            return b"\x00\x02" + var_bytes(update)
        case Awareness(entries):
            return encode_awareness(entries)
        case AuthDenied(reason):
            return b"\x02\x00" + var_string(reason)
        case QueryAwareness():
            return b"\x03"
        case SyncStatus(content):
            return b"\x66" + var_bytes(content)
        case BoardEvent(event):
            return b"\x67" + var_string(json.dumps(event, separators=(",", ":"), ensure_ascii=False))
        case Unknown(kind):
            return var_uint(kind)


EMPTY_UPDATE = b"\x00\x00"
KEEP_ALIVE = encode_awareness(())
"""`01 01 00`: says nothing; a stock client closes a socket on which it heard nothing for 30 s."""
