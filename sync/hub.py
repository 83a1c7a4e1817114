"""A server without its HTTP side: what it consists of, what runs while it does, and what is asked of its rooms."""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from itertools import count
from time import monotonic
from typing import Any, TypeVar

import anyio
from pycrdt import Doc

from sync.admission import Admission
from sync.connections import Connections
from sync.edits import Edits
from sync.gate import Profile, ProfileName
from sync.guests import Guests
from sync.hooks import Hooks
from sync.leases import Leases
from sync.presence import ConnectionId
from sync.rooms import Rooms
from sync.settings import Settings
from sync.store import RoomInfo, Store
from sync.tally import Tally
from sync.versions import keep_versions
from sync.watches import Watches
from sync.workers import Workers

T = TypeVar("T")
log = logging.getLogger(__name__)

LOOK_S = 1.0  # between two looks at all rooms
BEAT_MIN_S = 0.01
BEAT_MAX_S = 1.0  # between two looks at all connections; 20 000 of them take 5 ms
GOODBYES_S = 3.0  # a stopping server waits this long for those who read slowly


class Hub:
    """See Rooms for `profile_of` and `title_of`. `clock` gives Unix seconds."""

    def __init__(
        self,
        store: Store,
        settings: Settings,
        *,
        profile_of: Callable[[ProfileName], Profile],
        title_of: Callable[[Doc[Any]], str] = lambda doc: "",
        hooks: Hooks | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.store = store
        self.settings = settings
        self.hooks = hooks if hooks is not None else Hooks()
        self.tally = Tally()
        self.guests = Guests(settings)
        self.rooms = Rooms(
            store,
            settings,
            profile_of=profile_of,
            title_of=title_of,
            hooks=self.hooks,
            clock=clock,
            tally=self.tally,
        )
        self.workers = Workers(settings) if settings.workers else None
        """Processes that have the rooms of one profile; the rest is served here."""
        if self.workers is not None:
            self.rooms.serves = self.workers.leaves
        self.watches = Watches(
            self.rooms,
            settings,
            clock=clock,
            title_of=title_of,
            people=self.people,
            elsewhere=tuple if self.workers is None else self.workers.rooms,
        )
        self.leases = Leases(self.rooms, settings.lease_s, clock, self.watches.changed)
        ids = map(ConnectionId, count(1))
        self.connections = Connections(
            self.rooms,
            settings,
            guests=self.guests,
            leases=self.leases,
            workers=self.workers,
            ids=ids,
            clock=clock,
            changed=self.watches.changed,
        )
        self.admission = Admission(store, settings, self.hooks, clock, self.connections.judge)
        self._edits = Edits(self.rooms, settings.edit_timeout_s, ids)
        self._title_of = title_of
        self._clock = clock

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Hub]:
        """Open the store and serve inside this context; leaving it flushes and writes snapshots."""
        async with self.rooms.running(), anyio.create_task_group() as tasks:
            tasks.start_soon(keep_versions, self.rooms, self.store, self.settings.version_every_s, self._clock)
            tasks.start_soon(self._beat)
            await self.admission.read()
            tasks.start_soon(self.admission.keep_reading)
            if self.workers is not None:
                tasks.start_soon(self.workers.run, self.watches.changed)
            try:
                yield self
            finally:
                if self.workers is not None:
                    with anyio.CancelScope(shield=True):
                        await self.workers.drain()
                tasks.cancel_scope.cancel()

    async def drain(self) -> None:
        """Say goodbye to everybody, make what was received durable, and wait until the sockets are closed."""
        self.rooms.is_draining = True
        self.watches.stop()
        async with anyio.create_task_group() as tasks:
            if self.workers is not None:
                tasks.start_soon(self.workers.drain)
            await self.rooms.drain()
        with anyio.move_on_after(min(GOODBYES_S, self.settings.drain_s)):
            await self.connections.wait_ended()

    async def _beat(self) -> None:
        """One clock for all connections and rooms."""
        beat_s = max(BEAT_MIN_S, min(BEAT_MAX_S, self.settings.keep_alive_s / 8, self.settings.slow_after_s / 8))
        last = monotonic()
        since_look_s = 0.0
        while True:
            await anyio.sleep(beat_s)
            now, before = monotonic(), last
            last = now
            self.tally.observe_lag(max(0.0, now - before - beat_s))
            passed_s = min(now - before, 2 * beat_s)  # time in which we were not served ourselves is nobody's fault
            await self.connections.beat(passed_s)
            self.guests.fill(passed_s)
            since_look_s += passed_s
            if since_look_s >= LOOK_S:
                since_look_s = 0.0
                self._look_at_rooms()

    def _look_at_rooms(self) -> None:
        """Once a second: what presence had to wait goes out, and documents are not bigger than they may be."""
        for room in self.rooms:
            live = self.rooms.get(room)
            if live is None or live.is_broken:
                continue
            live.tick()
            if live.look_at_size(self.settings) and live.full is not None:
                log.warning("room %s: %s", room, live.full)

    def now(self) -> float:
        """Unix seconds."""
        return self._clock()

    async def create(self, room: str, profile: ProfileName) -> None:
        """Raises RoomExists."""
        await self.rooms.create(room, profile)

    async def delete(self, room: str) -> None:
        """Open clients get 4404 and keep their copy. Raises NoSuchRoom."""
        await self.rooms.delete(room)
        self.watches.changed(room)

    async def retry(self, room: str) -> None:
        """Read all of the room again, however often that has failed (S15). Raises NoSuchRoom."""
        await self.rooms.retry(room)
        self.watches.changed(room)

    async def list(self) -> Sequence[tuple[RoomInfo, int]]:
        """Every room with the number of people in it; titles and times of live ones as they are now."""
        out: list[tuple[RoomInfo, int]] = []
        for info in await self.store.rooms():
            live = self.rooms.get(info.room)
            if live is None:
                out.append((info, self.people(info.room)))
            else:
                now = replace(info, title=self._title_of(live.room.doc), edited_at=live.edited_at)
                out.append((now, live.people))
        return out

    async def read(self, room: str, reader: Callable[[Doc[Any]], T]) -> T:
        """What `reader` takes from the document, which it must not change. Raises NoSuchRoom, StoreError, Rejected."""
        async with self.rooms.using(room) as live:
            return reader(live.room.doc)

    async def edit(self, room: str, change: Callable[[Doc[Any]], T], author: str, client_id: int | None = None) -> T:
        """Change the document as one attributed, durable transaction, by the road that every peer takes.

        `change` gets a copy of the document and must be quick; what it raises is raised, and nothing was changed.
        Edits of one room come one after the other. With a `client_id` of its own an edit can be found again: `change`
        sees whether the document's state vector has it. Raises StoreError when it is not durable in time: it may still
        be saved, when the store takes it again.
        """
        return await self._edits.edit(room, change, author, client_id)

    async def apply(self, room: str, update: bytes, author: str) -> None:
        """Take an update as a peer would send it; returns when it is durable. Raises Rejected, Gap, StoreError."""
        await self._edits.apply(room, update, author)

    def people(self, room: str) -> int:
        """How many connections of people the room has."""
        live = self.rooms.get(room)
        if live is not None:
            return live.people
        return 0 if self.workers is None else self.workers.people(room)

    def fault(self) -> str | None:
        """Why some room's updates are not being saved, if so."""
        if self.workers is not None and (fault := self.workers.fault()) is not None:
            return fault
        live_rooms = (self.rooms.get(room) for room in self.rooms)
        return next((live.fault for live in live_rooms if live is not None and live.fault is not None), None)
