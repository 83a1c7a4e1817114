"""The Hocuspocus dialect, sans I/O: many documents on one socket. docs/spec.md, section H.

Source: npm `@hocuspocus/provider` 4.8 (MessageReceiver.ts, OutgoingMessages/) and `@hocuspocus/common` (auth.ts).
Every frame begins with a key, `name` or `name\\0sessionId`; what follows for sync and awareness is the y-protocols
encoding that protocol.py reads, so a document's frames are translated and not implemented a second time.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from enum import IntEnum

from sync.lib0 import DecodeError, Decoder, var_string, var_uint
from sync.protocol import (
    Awareness,
    BoardEvent,
    CloseCode,
    Message,
    ProtocolError,
    SyncStatus,
    SyncStep1,
    SyncStep2,
    Update,
    decode,
    encode,
)

MAX_KEY_BYTES = 512  # a room's name and a session id
MAX_PAYLOAD_BYTES = 64 * 1024  # of a stateless message


class HocuspocusType(IntEnum):
    """The varUint after the key."""

    SYNC = 0
    AWARENESS = 1
    AUTH = 2
    QUERY_AWARENESS = 3
    STATELESS = 5
    BROADCAST_STATELESS = 6
    CLOSE = 7
    SYNC_STATUS = 8
    PING = 9
    PONG = 10


PING = bytes([HocuspocusType.PING])
PONG = bytes([HocuspocusType.PONG])
SIGN_OF_LIFE = bytes([0, HocuspocusType.PING])
"""A ping for the document without a name: every provider takes it as traffic and then drops it. Of a ping or a pong of
one byte provider 3 dies, and of a pong provider 4 as well: they read a name first."""


@dataclass(frozen=True, slots=True)
class Authenticate:
    """The client's token for one document; empty when it has none."""

    token: str


@dataclass(frozen=True, slots=True)
class CloseDocument:
    """This document only; the socket and its other documents stay."""


@dataclass(frozen=True, slots=True)
class Shared:
    """A frame in the y-websocket dialect, and which of its messages are to be acknowledged."""

    frame: bytes
    updates: tuple[SyncStep2 | Update, ...] = ()


Incoming = Authenticate | CloseDocument | Shared


def split(frame: bytes) -> tuple[str, bytes]:
    """(key, the rest). Raises ProtocolError (MALFORMED)."""
    decoder = Decoder(frame)
    try:
        return decoder.var_string(MAX_KEY_BYTES), decoder.rest()
    except DecodeError as error:
        raise _malformed(error) from None


def room_of(key: str) -> str:
    """The room a key names, without the session id."""
    return key.partition("\0")[0]


def read(body: bytes) -> Incoming:
    """What a client says of one document. Raises ProtocolError (MALFORMED, FORBIDDEN)."""
    decoder = Decoder(body)
    try:
        match decoder.var_uint():
            case HocuspocusType.AUTH:
                if decoder.var_uint() != 0:
                    raise DecodeError("has an auth type that clients do not send")
                return Authenticate(decoder.var_string())
            case HocuspocusType.STATELESS:
                payload = decoder.var_string(MAX_PAYLOAD_BYTES)
                return Shared(encode(BoardEvent({"type": "stateless", "payload": payload})))
            case HocuspocusType.BROADCAST_STATELESS:
                raise ProtocolError(CloseCode.FORBIDDEN, "Only the server broadcasts; send a stateless message.")
            case HocuspocusType.CLOSE:
                return CloseDocument()
            case HocuspocusType.SYNC | HocuspocusType.AWARENESS | HocuspocusType.QUERY_AWARENESS:
                return Shared(body, tuple(m for m in decode(body) if isinstance(m, SyncStep2 | Update)))
            case kind:
                raise DecodeError(f"has type {kind}, which clients do not send")
    except DecodeError as error:
        raise _malformed(error) from None


def _malformed(error: DecodeError) -> ProtocolError:
    return ProtocolError(CloseCode.MALFORMED, f"The message {error}.")


def authenticated(key: str, *, can_write: bool) -> bytes:
    """You are in."""
    scope = "read-write" if can_write else "readonly"
    return var_string(key) + bytes([HocuspocusType.AUTH, 2]) + var_string(scope)


def denied(key: str, reason: str) -> bytes:
    """You are not; the socket stays for other documents."""
    return var_string(key) + bytes([HocuspocusType.AUTH, 1]) + var_string(reason)


def token_wanted(key: str) -> bytes:
    """Send the token again: it is about to expire."""
    return var_string(key) + bytes([HocuspocusType.AUTH, 0])


def closed(key: str, reason: str) -> bytes:
    """This document is over."""
    return var_string(key) + bytes([HocuspocusType.CLOSE]) + var_string(reason)


@dataclass(slots=True)
class Translator:
    """One document's frames in and out, between this dialect and ours.

    Each update is followed by a 102 of its own, whose echo becomes `08 01` (durable) or `08 00` (refused): exactly one
    for each, in order (H5). A refusal names the number of the update, as the room counts them.

    A provider counts each update and each step 1 of its own as one unsynced change; for the latter it is the step 2 by
    which it answers ours that is acknowledged. So the step 2 that closes a gap (W8) gets no answer: one ack too many
    would let a later change count as saved before it is.
    """

    key: str
    _sent: int = 0
    _refused: set[int] = field(default_factory=set)
    _silent: set[int] = field(default_factory=set)
    _waiting: deque[int] = field(default_factory=deque)
    _asked: deque[bool] = field(default_factory=deque)
    """Our step 1s that the client has not answered: does one belong to a step 1 of the client?"""
    _asked_yet: bool = False
    _answers: int = 0
    _follows_answer: bool = False

    def inward(self, shared: Shared) -> bytes:
        """The frame for the room."""
        if not shared.updates:
            return shared.frame
        out = [shared.frame]
        for message in shared.updates:
            self._sent += 1
            self._waiting.append(self._sent)
            if isinstance(message, SyncStep2) and self._asked and not self._asked.popleft():
                self._silent.add(self._sent)
            out.append(encode(SyncStatus(var_uint(self._sent))))
        return b"".join(out)

    def outward(self, message: Message) -> bytes | None:
        """The frame for the client; None where this dialect has nothing to say."""
        match message:
            case SyncStatus():
                return self._acknowledgement()
            case BoardEvent({"type": "stateless", "payload": str(payload)}):
                return var_string(self.key) + bytes([HocuspocusType.STATELESS]) + var_string(payload)
            case BoardEvent({"type": "access", "access": access}):
                return authenticated(self.key, can_write=access != "read")
            case BoardEvent(event):
                number_refused = event.get("update")
                if event.get("type") == "refused" and isinstance(number_refused, int):
                    self._refused.add(number_refused)
                return None
            case SyncStep1():
                self._asked.append(self._follows_answer or not self._asked_yet)
                self._asked_yet = True
                self._follows_answer = False
            case SyncStep2():
                self._answers += 1
                self._follows_answer = self._answers > 1  # the greeting was our step 1 for the client's first
            case Update() | Awareness():
                pass
            case _:
                return None
        return var_string(self.key) + encode(message)

    def _acknowledgement(self) -> bytes | None:
        if not self._waiting:
            return None
        number = self._waiting.popleft()
        applied = number not in self._refused
        self._refused.discard(number)
        if number in self._silent:
            self._silent.discard(number)
            return None
        # the provider reads it as a varInt: 1 is 0x01, 0 is 0x00
        return var_string(self.key) + bytes([HocuspocusType.SYNC_STATUS, int(applied)])

    def refuse_rest(self) -> list[bytes]:
        """Answers to the updates that will not be acknowledged any more."""
        frame = var_string(self.key) + bytes([HocuspocusType.SYNC_STATUS, 0])
        count = sum(number not in self._silent for number in self._waiting)
        self._waiting.clear()
        return [frame] * count
