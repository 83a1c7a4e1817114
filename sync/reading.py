"""How a room comes out of the store, when something in it harms whoever reads it. docs/spec.md S15 and G8.

The store counts, before a room is read, the times that it was begun; the count goes when the room is in memory. So a
room that ended the process is known by what it did, and after three times it is not read in that way again.
"""

from __future__ import annotations

import logging

from sync.gate import Profile
from sync.room import BeforeUpdate, Room, RoomBroken
from sync.store import Loaded, Store, StoreError

MAX_ATTEMPTS = 3  # that did not end well; then only the last snapshot is read, and after as many more nothing
MAX_LEFT_OUT = 16  # updates of one room that the library fails on; each costs reading the room once more
SEALED = "Reading its last changes has failed again and again; this is the board as it was before, to look at only."

log = logging.getLogger(__name__)


def is_sealed(loaded: Loaded) -> bool:
    """Is it shown from its last snapshot, and not to be changed?"""
    return loaded.attempts >= MAX_ATTEMPTS


async def read(store: Store, loaded: Loaded, profile: Profile, before_update: BeforeUpdate) -> Room:
    """The room; `sealed` when it may only be looked at. Raises StoreError: it cannot be shown."""
    if loaded.snapshot is None and not loaded.updates:
        return Room(profile, loaded.info.epoch, (), before_update)  # nothing that could harm anybody
    name, attempts = loaded.info.room, loaded.attempts
    if attempts >= 2 * MAX_ATTEMPTS or (attempts >= MAX_ATTEMPTS and loaded.snapshot is None):
        raise StoreError(
            f"The board {name} could not be read {attempts} times. An operator's commands: doctor, rooms retry {name}."
        )
    await _count(store, loaded, attempts + 1)
    if is_sealed(loaded):
        log.error("room %s: could not be read %d times; served read-only from its last snapshot", name, attempts)
        room = _read(loaded, (), profile, before_update, SEALED)
        await _count(store, loaded, MAX_ATTEMPTS)
    else:
        room = _read(loaded, loaded.updates, profile, before_update, None)
        await _count(store, loaded, 0)
    return room


async def _count(store: Store, loaded: Loaded, attempts: int) -> None:
    """A store that cannot be written can still be read (S7); then nothing is known of this time."""
    try:
        await store.set_load_attempts(loaded.info.room, attempts)
    except StoreError as error:
        log.warning("room %s: that it is read was not written down: %s", loaded.info.room, error)


def _read(
    loaded: Loaded, updates: tuple[bytes, ...], profile: Profile, before_update: BeforeUpdate, sealed: str | None
) -> Room:
    """Without the updates that the library fails on; they stay in the log."""
    left_out = 0
    while True:
        try:
            room = Room(profile, loaded.info.epoch, updates, before_update, snapshot=loaded.snapshot, sealed=sealed)
        except RoomBroken as error:
            rest = tuple(update for update in updates if update is not error.update)
            if len(rest) == len(updates) or left_out == MAX_LEFT_OUT:
                raise StoreError(f"The stored board {loaded.info.room} cannot be read: {error}.") from error
            left_out += len(updates) - len(rest)
            updates = rest
        else:
            room.skipped += left_out
            return room
