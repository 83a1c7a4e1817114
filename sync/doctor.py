"""Looks a store over: every checksum, and every room read through the gate as the server would read it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

from sync.gate import Profile, ProfileName
from sync.reading import is_sealed
from sync.room import Room, RoomBroken
from sync.store import RoomInfo, Store, StoreError
from sync.versions import document_of

PLACE = "the database itself"


@dataclass(frozen=True, slots=True)
class Finding:
    """One room: what is wrong with it, in words; nothing when it is well. `bytes_read` is its document and log."""

    room: str
    wrong: tuple[str, ...]
    updates: int
    bytes_read: int
    versions: int


async def examine(store: Store, profile_of: Callable[[ProfileName], Profile]) -> AsyncIterator[Finding]:
    """A finding for each room, in the order of the list, after one for PLACE if that is ill.

    Raises StoreError when the list itself cannot be read.
    """
    if wrong := await store.check_all():
        yield Finding(PLACE, tuple(wrong), 0, 0, 0)
    for info in await store.rooms():
        try:
            profile = profile_of(info.profile)
        except KeyError:
            yield Finding(info.room, (f"its profile is damaged: {info.profile!r}",), 0, 0, 0)
        else:
            yield await _examine(store, info, profile)


async def _examine(store: Store, info: RoomInfo, profile: Profile) -> Finding:
    wrong: list[str] = []
    updates = size = 0
    try:
        wrong += await store.check(info.room)
        loaded = await store.load(info.room)
        if is_sealed(loaded):  # it may end this process, too; fewer times may have been the power's fault
            wrong.append(f"reading it did not end well {loaded.attempts} times: coplayer rooms retry {info.room}")
            wrong.append("it is shown read-only from its last snapshot, if it has one")
            return Finding(info.room, tuple(wrong), 0, 0, await _versions(store, info.room, profile, wrong))
        stored = [*([loaded.snapshot] if loaded.snapshot is not None else []), *loaded.updates]
        updates, size = len(loaded.updates), sum(map(len, stored))
        room = Room(profile, info.epoch, stored)
        room.close()
        if room.skipped:
            wrong.append(f"{room.skipped} of its updates build on what is lost, or do not pass the gate")
    except (StoreError, RoomBroken) as error:
        wrong.append(f"it cannot be read: {error}")
    return Finding(info.room, tuple(wrong), updates, size, await _versions(store, info.room, profile, wrong))


async def _versions(store: Store, room: str, profile: Profile, wrong: list[str]) -> int:
    """How many there are; adds to `wrong` what cannot be read and was not named before."""
    try:
        versions = await store.versions(room)
    except StoreError as error:
        wrong.append(f"its versions cannot be listed: {error}")
        return 0
    for version in versions:
        if f"its version {version.id} is damaged" in wrong:
            continue
        try:
            document_of((await store.version(room, version.id))[1], profile)
        except StoreError as error:
            wrong.append(f"its version {version.id} cannot be read: {error}")
    return len(versions)
