"""A Store that forgets everything with the process: for tests and for trying things out."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

from sync.gate import ProfileName
from sync.revocations import Revocation
from sync.store import (
    MAX_AUTOMATIC_VERSIONS,
    Entry,
    Lease,
    Loaded,
    LogRow,
    NoSuchRoom,
    NoSuchVersion,
    Purged,
    RoomExists,
    RoomInfo,
    StoreError,
    Taken,
    Version,
)


@dataclass(slots=True)
class _Row:
    info: RoomInfo
    entries: list[Entry] = field(default_factory=list)
    snapshot: bytes | None = None
    upto_seq: int = 0
    leases: dict[str, Lease] = field(default_factory=dict)
    unfinished: set[str] = field(default_factory=set)
    versions: dict[int, tuple[Version, bytes]] = field(default_factory=dict)
    last_version: int = 0
    attempts: int = 0


class MemoryStore:
    """Set `fault` to a StoreError and every call raises it, as a store would whose disk is full."""

    def __init__(self) -> None:
        self.fault: StoreError | None = None
        self._rooms: dict[str, _Row] = {}
        self._revocations: list[Revocation] = []

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Nothing to open."""
        yield

    async def create(self, room: str, epoch: str, profile: ProfileName, now: int) -> RoomInfo:
        """See Store."""
        self._check()
        if room in self._rooms:
            raise RoomExists(f"There is a room {room} already.")
        info = RoomInfo(room, epoch, profile, "", now, now)
        self._rooms[room] = _Row(info)
        return info

    async def load(self, room: str) -> Loaded:
        """See Store."""
        row = self._row(room)
        updates = tuple(entry.update for entry in row.entries[row.upto_seq :])
        return Loaded(row.info, row.snapshot, updates, len(row.entries), attempts=row.attempts)

    async def set_load_attempts(self, room: str, attempts: int) -> None:
        """See Store."""
        self._row(room).attempts = attempts

    async def append(self, room: str, entries: Sequence[Entry]) -> int:
        """See Store; durable for as long as memory is."""
        row = self._row(room)
        row.entries += entries
        row.info = replace(row.info, edited_at=entries[-1].at)
        return len(row.entries)

    async def compact(self, room: str, snapshot: bytes, upto_seq: int) -> None:
        """See Store."""
        row = self._row(room)
        if upto_seq >= row.upto_seq:
            row.snapshot, row.upto_seq = snapshot, upto_seq

    async def rooms(self) -> Sequence[RoomInfo]:
        """See Store."""
        self._check()
        return sorted((row.info for row in self._rooms.values()), key=lambda info: (-info.edited_at, info.room))

    async def info(self, room: str) -> RoomInfo:
        """See Store."""
        return self._row(room).info

    async def describe(self, room: str, title: str) -> None:
        """See Store."""
        row = self._row(room)
        row.info = replace(row.info, title=title)

    async def delete(self, room: str) -> None:
        """See Store."""
        self._row(room)
        del self._rooms[room]

    async def take_lease(self, room: str, slot: str, holder: str, now: int, ttl_ms: int) -> Lease:
        """See Store."""
        row = self._row(room)
        last = row.leases.get(slot)
        is_alive = last is not None and last.expires_at > now
        if last is not None and is_alive and last.holder != holder:
            raise Taken(last.expires_at - now)
        if last is not None and is_alive:
            epoch = last.epoch
        else:
            epoch = max((lease.epoch for lease in row.leases.values()), default=0) + 1
        row.leases[slot] = Lease(epoch, holder, now + ttl_ms)
        row.unfinished.add(slot)
        return row.leases[slot]

    async def end_lease(self, room: str, slot: str, holder: str, *, is_done: bool, now: int) -> None:
        """See Store."""
        row = self._rooms.get(room)
        last = row.leases.get(slot) if row is not None else None
        if row is None or last is None or last.holder != holder or last.expires_at <= now:
            return
        row.leases[slot] = replace(last, expires_at=now)
        if is_done:
            row.unfinished.discard(slot)

    async def want(self, room: str, slot: str) -> None:
        """See Store."""
        self._row(room).unfinished.add(slot)

    async def wanted(self, slot: str, now: int) -> Sequence[str]:
        """See Store."""
        self._check()
        return [
            room
            for room, row in self._rooms.items()
            if slot in row.unfinished and (slot not in row.leases or row.leases[slot].expires_at <= now)
        ]

    async def lease(self, room: str, slot: str) -> Lease | None:
        """See Store."""
        return self._row(room).leases.get(slot)

    async def activity(self, room: str, before: int | None, limit: int) -> Sequence[LogRow]:
        """See Store."""
        entries = self._row(room).entries
        last = len(entries) if before is None else min(before - 1, len(entries))
        numbers = range(last, max(0, last - limit), -1)
        return [LogRow(n, entries[n - 1].author, entries[n - 1].at, entries[n - 1].update) for n in numbers]

    async def add_version(self, room: str, name: str, author: str, at: int, snapshot: bytes, *, auto: bool) -> Version:
        """See Store."""
        row = self._row(room)
        row.last_version += 1
        version = Version(row.last_version, name, author, at, auto, len(snapshot))
        row.versions[version.id] = version, snapshot
        automatic = [number for number, (other, _) in row.versions.items() if other.is_automatic]
        for number in automatic[:-MAX_AUTOMATIC_VERSIONS]:
            del row.versions[number]
        return version

    async def versions(self, room: str) -> Sequence[Version]:
        """See Store."""
        return [version for version, _ in reversed(self._row(room).versions.values())]

    async def version(self, room: str, number: int) -> tuple[Version, bytes]:
        """See Store."""
        row = self._row(room)
        if number not in row.versions:
            raise NoSuchVersion(f"The room {room} has no version {number}.")
        return row.versions[number]

    async def rename_version(self, room: str, number: int, name: str) -> Version:
        """See Store."""
        version, snapshot = await self.version(room, number)
        renamed = replace(version, name=name, is_automatic=False)
        self._row(room).versions[number] = renamed, snapshot
        return renamed

    async def revoke(self, revocation: Revocation) -> None:
        """See Store."""
        self._check()
        self._revocations.append(revocation)

    async def unrevoke(self, number: str) -> bool:
        """See Store."""
        self._check()
        before = len(self._revocations)
        self._revocations = [revocation for revocation in self._revocations if revocation.id != number]
        return len(self._revocations) < before

    async def revocations(self, now: int) -> Sequence[Revocation]:
        """See Store."""
        self._check()
        left = [revocation for revocation in self._revocations if revocation.until > now]
        return sorted(left, key=lambda revocation: (-revocation.at, revocation.id))

    async def purge(self, room: str, versions_before: int, rows_before: int, *, is_trial: bool) -> Purged:
        """See Store."""
        row = self._row(room)
        old = [v for v, _ in row.versions.values() if v.is_automatic and v.at < versions_before]
        gone = [version for version in old if version.id < row.last_version]
        if not is_trial:
            for version in gone:
                del row.versions[version.id]
        return Purged(len(gone), 0, sum(version.size for version in gone))

    async def check_all(self) -> Sequence[str]:
        """Memory does not rot."""
        return []

    async def check(self, room: str) -> Sequence[str]:
        """Memory does not rot."""
        self._row(room)
        return []

    def _check(self) -> None:
        if self.fault is not None:
            raise self.fault

    def _row(self, room: str) -> _Row:
        self._check()
        if room not in self._rooms:
            raise NoSuchRoom(f"There is no room {room}.")
        return self._rooms[room]
