"""Where documents rest: the Store protocol and its errors. docs/spec.md, section S.

A Store is given to the hub; its contract is `sync.testing.StoreContract`, which runs on ours and can run on yours.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from sync.gate import ProfileName
from sync.revocations import Revocation

MAX_AUTOMATIC_VERSIONS = 100
"""A room keeps this many automatic versions, the newest: at ten minutes each, two working days."""


class StoreError(Exception):
    """The storage did not do what was asked; nothing of it is durable. The reason is a sentence for people."""


class NoSuchRoom(StoreError):
    """The room does not exist."""


class NoSuchVersion(StoreError):
    """The room has no such version."""


class RoomExists(StoreError):
    """The room exists already."""


@dataclass(frozen=True, slots=True)
class RoomInfo:
    """A room at rest. Times are Unix milliseconds."""

    room: str
    epoch: str
    """Random, made with the room: a deleted room's old visitors do not bring it back."""
    profile: ProfileName
    title: str
    created_at: int
    edited_at: int


@dataclass(frozen=True, slots=True)
class Entry:
    """One update as it goes to the log."""

    update: bytes
    author: str
    at: int


@dataclass(frozen=True, slots=True)
class Loaded:
    """A room's document: apply `snapshot`, then `updates` in order. `seq` is the last row's number.

    `damaged` are the numbers of rows that are lost or not what was written; they were put aside, not thrown away.
    """

    info: RoomInfo
    snapshot: bytes | None
    updates: tuple[bytes, ...]
    seq: int
    damaged: tuple[int, ...] = ()
    attempts: int = 0
    """Times that the room was begun to be read since it was read last (`set_load_attempts`)."""


@dataclass(frozen=True, slots=True)
class LogRow:
    """Who wrote a row of the log, when (Unix ms), and the update as it was written."""

    seq: int
    author: str
    at: int
    update: bytes


@dataclass(frozen=True, slots=True)
class Version:
    """A document as it once was. `id` counts up in its room; `size` is that of the whole document, bytes."""

    id: int
    name: str
    author: str
    at: int
    is_automatic: bool
    size: int


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to be a room's assistant in one slot, until `expires_at` (Unix ms).

    `epoch` counts up with each new holder: it is the assistant's client id and its fencing token.
    """

    epoch: int
    holder: str
    expires_at: int


@dataclass(frozen=True, slots=True)
class Purged:
    """What was removed from a room, or would be: versions, rows put aside as damaged, and their bytes."""

    versions: int
    rows: int
    size: int


class Taken(Exception):
    """Another holder's lease is alive for `retry_in_ms` more."""

    def __init__(self, retry_in_ms: int) -> None:
        super().__init__(f"taken for another {retry_in_ms} ms")
        self.retry_in_ms = retry_in_ms


class Store(Protocol):
    """Async, small; each method raises StoreError. Times are passed in as Unix milliseconds."""

    def open(self) -> AbstractAsyncContextManager[None]:
        """Use the store inside this context; leaving it flushes."""
        ...

    async def create(self, room: str, epoch: str, profile: ProfileName, now: int) -> RoomInfo:
        """Raises RoomExists."""
        ...

    async def load(self, room: str) -> Loaded:
        """What verifies. Raises NoSuchRoom, and StoreError where nothing could be served but an empty room."""
        ...

    async def set_load_attempts(self, room: str, attempts: int) -> None:
        """Durable when it returns: a room that ends the process while it is read is known by it. Raises NoSuchRoom."""
        ...

    async def append(self, room: str, entries: Sequence[Entry]) -> int:
        """Write the entries in order, all or none; returns the last one's number when they are durable."""
        ...

    async def compact(self, room: str, snapshot: bytes, upto_seq: int) -> None:
        """`snapshot` holds all up to and including row `upto_seq`. Older rows may go."""
        ...

    async def rooms(self) -> Sequence[RoomInfo]:
        """All rooms, last edited first."""
        ...

    async def info(self, room: str) -> RoomInfo:
        """One of them, without its document. Raises NoSuchRoom."""
        ...

    async def describe(self, room: str, title: str) -> None:
        """Keep the title, so that a list of rooms needs no documents."""
        ...

    async def delete(self, room: str) -> None:
        """The room and all it held. Raises NoSuchRoom."""
        ...

    async def take_lease(self, room: str, slot: str, holder: str, now: int, ttl_ms: int) -> Lease:
        """Take or renew. Raises Taken while another holder's lease is alive."""
        ...

    async def end_lease(self, room: str, slot: str, holder: str, *, is_done: bool, now: int) -> None:
        """Give it back; `is_done` says that nothing unfinished is left. A holder that has lost it changes nothing."""
        ...

    async def want(self, room: str, slot: str) -> None:
        """There is work for an assistant in this room, whoever comes."""
        ...

    async def wanted(self, slot: str, now: int) -> Sequence[str]:
        """Rooms with work left and nobody's living lease."""
        ...

    async def lease(self, room: str, slot: str) -> Lease | None:
        """The last lease given, alive or not."""
        ...

    async def activity(self, room: str, before: int | None, limit: int) -> Sequence[LogRow]:
        """Rows the log still has, newest first, from the one before number `before`. Raises NoSuchRoom."""
        ...

    async def add_version(self, room: str, name: str, author: str, at: int, snapshot: bytes, *, auto: bool) -> Version:
        """Keep `snapshot`, a whole document; automatic ones past MAX_AUTOMATIC_VERSIONS go, the oldest first."""
        ...

    async def versions(self, room: str) -> Sequence[Version]:
        """All versions of a room, newest first. Raises NoSuchRoom."""
        ...

    async def version(self, room: str, number: int) -> tuple[Version, bytes]:
        """One version and its document. Raises NoSuchVersion, and StoreError when it does not read as written."""
        ...

    async def rename_version(self, room: str, number: int, name: str) -> Version:
        """Name a version. An automatic one counts as named from then on, and stays. Raises NoSuchVersion, NoSuchRoom,
        and StoreError when it does not read as written."""
        ...

    async def revoke(self, revocation: Revocation) -> None:
        """Keep it, until it is over or taken back."""
        ...

    async def unrevoke(self, number: str) -> bool:
        """Forget the one with this id; was there one?"""
        ...

    async def revocations(self, now: int) -> Sequence[Revocation]:
        """Those in force, newest first."""
        ...

    async def purge(self, room: str, versions_before: int, rows_before: int, *, is_trial: bool) -> Purged:
        """Remove automatic versions and rows put aside that are older; a trial only counts them. Raises NoSuchRoom.

        Named versions stay, and of the automatic ones the newest version of the room.
        """
        ...

    async def check_all(self) -> Sequence[str]:
        """What is wrong with the place itself and not with one room, in words; changes nothing."""
        ...

    async def check(self, room: str) -> Sequence[str]:
        """What of the room does not read as it was written, in words; changes nothing. Raises NoSuchRoom."""
        ...


@runtime_checkable
class CallsBack(Protocol):
    """A Store that appends without a task for each room: a commit costs the event loop one turn instead of three."""

    def submit(self, room: str, entries: Sequence[Entry], done: Callable[[int | Exception], None]) -> None:
        """As `append`. `done` is called later, on the event loop, with the last one's number or with what stood
        against it. Raises StoreError when the store is not open; `done` is not called then."""
        ...
