"""Versions of documents: automatic ones of rooms that are worked on, and reading them back. docs/spec.md, section V."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import anyio
from pycrdt import Doc

from sync.gate import Gate, NotReady, Profile, Refused
from sync.guarded import LibraryFailed, guarded
from sync.rooms import Rooms
from sync.store import Store, StoreError

LOOK_MAX_S = 10.0  # how late an automatic version may be
LOOK_MIN_S = 0.05

log = logging.getLogger(__name__)


async def keep_versions(rooms: Rooms, store: Store, every_s: float, clock: Callable[[], float]) -> None:
    """Keep a version of each room in memory whose last one is `every_s` old and that was edited since; for ever."""
    if every_s <= 0:
        return
    kept: dict[str, tuple[str, int]] = {}  # room -> (epoch, time of its last version, ms)
    while True:
        await anyio.sleep(min(LOOK_MAX_S, max(LOOK_MIN_S, every_s / 4)))
        for room in rooms:
            live = rooms.get(room)
            if live is None or live.is_broken:
                continue
            try:
                epoch, last = kept.get(room, ("", 0))
                if epoch != live.info.epoch:
                    versions = await store.versions(room)
                    last = versions[0].at if versions else live.info.created_at
                now = int(clock() * 1000)
                if live.edited_at > last and now - last >= every_s * 1000:
                    await store.add_version(room, "", "", now, live.room.doc.get_update(), auto=True)
                    last = now
                kept[room] = live.info.epoch, last
            except StoreError as error:
                log.warning("room %s: no automatic version: %s", room, error)
        kept = {room: value for room, value in kept.items() if rooms.get(room) is not None}


def document_of(snapshot: bytes, profile: Profile) -> Doc[Any]:
    """The document that a version holds, by way of the gate. Raises StoreError."""
    doc = Doc[Any]()
    try:
        Gate(profile).admit(snapshot, is_stored=True)
        with guarded():
            doc.apply_update(snapshot)
    except (NotReady, Refused, LibraryFailed) as error:
        raise StoreError(f"The version cannot be read: {error}.") from error
    return doc
