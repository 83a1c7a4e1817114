"""Rooms by name: read from the store, kept while somebody uses them, written and let go. docs/spec.md, section S.

loading -> live -> draining -> gone. The count of users is taken before any await, so that nothing is unloaded under
somebody who is just joining.
"""

from __future__ import annotations

import logging
import math
import random
import secrets
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import anyio
from anyio import to_thread
from anyio.abc import TaskGroup
from pycrdt import Doc

from sync.gate import Profile, ProfileName
from sync.hooks import Hooks
from sync.live import LiveRoom
from sync.protocol import CloseCode
from sync.reading import read
from sync.settings import Settings
from sync.snapshots import flaw_of
from sync.store import NoSuchRoom, RoomExists, Store, StoreError
from sync.tally import Tally

log = logging.getLogger(__name__)

JANITOR_MAX_S = 1.0
JANITOR_MIN_S = 0.05
GOODBYES_AT_ONCE = 50  # connections that a stopping server closes in one go ...
GOODBYES_MAX_STEPS = 20  # ... or as many more as it takes to be through after so many steps ...
GOODBYE_STEP_S = 0.1  # ... with pauses of about this length between them
GOING_AWAY = "The server is stopping; connect again in a moment."


class Rejected(Exception):
    """The connection cannot be served: close it with `code` and `reason`."""

    def __init__(self, code: CloseCode, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


@dataclass(slots=True)
class Slot:
    """A room's place. `users` is counted before any await."""

    room: str
    users: int = 0
    live: LiveRoom | None = None
    error: StoreError | None = None
    ready: anyio.Event | None = field(default_factory=anyio.Event)
    """Until it is loaded, or could not be."""
    idle_since: float | None = None
    gone: anyio.Event | None = None
    """From when it is draining on."""

    @property
    def is_draining(self) -> bool:
        """Who comes waits until it is gone."""
        return self.gone is not None


class Rooms:
    """`profile_of` gives the rules of a profile by name, `title_of` reads a document's title for the list of rooms."""

    def __init__(
        self,
        store: Store,
        settings: Settings,
        *,
        profile_of: Callable[[ProfileName], Profile],
        title_of: Callable[[Doc[Any]], str],
        hooks: Hooks,
        clock: Callable[[], float],
        new_epoch: Callable[[], str] = lambda: secrets.token_hex(8),
        tally: Tally | None = None,
    ) -> None:
        self.store = store
        self.tally = Tally() if tally is None else tally
        self.is_draining = False
        self.serves: Callable[[ProfileName], bool] = lambda profile: True
        """Rooms of other profiles belong to another process: they are never in memory twice."""
        self.reading = anyio.CapacityLimiter(math.inf)
        """A process that a room may end reads them one by one: whose fault it was is then counted right (S15)."""
        self._settings = settings
        self._profile_of = profile_of
        self._title_of = title_of
        self._hooks = hooks
        self._clock = clock
        self._new_epoch = new_epoch
        self._slots: dict[str, Slot] = {}
        self._to_append: list[Callable[[], Coroutine[Any, Any, None]]] = []
        self._has_to_append: anyio.Event | None = None

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Serve inside this context; leaving it drains."""
        async with self.store.open(), anyio.create_task_group() as tasks:
            tasks.start_soon(self._janitor)
            tasks.start_soon(self._start_appends, tasks)
            try:
                yield
            finally:
                with anyio.CancelScope(shield=True):
                    await self.drain()
                tasks.cancel_scope.cancel()

    def get(self, room: str) -> LiveRoom | None:
        """The room if it is in memory."""
        slot = self._slots.get(room)
        return None if slot is None else slot.live

    def __iter__(self) -> Iterator[str]:
        return iter(tuple(self._slots))

    async def create(self, room: str, profile: ProfileName) -> None:
        """Raises RoomExists."""
        await self.store.create(room, self._new_epoch(), profile, int(self._clock() * 1000))

    async def delete(self, room: str) -> None:
        """Open clients get 4404 and keep their copy. Raises NoSuchRoom."""
        await self.store.delete(room)
        slot = self._slots.get(room)
        if slot is not None and slot.live is not None:
            slot.live.close_all(CloseCode.NOT_FOUND, "This board was deleted.")
            self._discard(room, slot)

    async def delete_unused(self, room: str, before: int, *, is_trial: bool) -> bool:
        """Delete the room if nobody is there, nothing was ever written into it and it was made before (Unix ms).

        Was it, or would it be? Who comes meanwhile waits and finds none. Raises StoreError.
        """
        if room in self._slots:
            return False
        slot = self._slots[room] = Slot(room, gone=anyio.Event())
        try:
            loaded = await self.store.load(room)
            is_ours = self.serves(loaded.info.profile)  # of another process's it is not known who is there
            is_unused = (
                is_ours and loaded.seq == 0 and loaded.info.created_at < before and not await self.store.versions(room)
            )
            if is_unused and not is_trial:
                await self.store.delete(room)
        except NoSuchRoom:
            return False
        else:
            return is_unused
        finally:
            self._discard(room, slot)

    async def retry(self, room: str) -> None:
        """Read all of it again, however often that has failed (S15). Raises NoSuchRoom."""
        await self.store.set_load_attempts(room, 0)
        slot = self._slots.get(room)
        if slot is not None and slot.live is not None and slot.live.room.sealed is not None:
            slot.live.close_all(CloseCode.GOING_AWAY, "The board is read anew; connect again.")
            self._discard(room, slot)

    @asynccontextmanager
    async def using(self, room: str, create: ProfileName | None = None) -> AsyncIterator[LiveRoom]:
        """The room in memory, for as long as the context lasts. Raises NoSuchRoom, StoreError or Rejected."""
        slot = await self.enter(room, create)
        try:
            assert slot.live is not None
            yield slot.live
        finally:
            self.leave(slot)

    def leave(self, slot: Slot) -> None:
        """Who entered needs the room no more."""
        slot.users -= 1
        slot.idle_since = self._clock() if slot.users == 0 else None

    async def enter(self, room: str, create: ProfileName | None = None) -> Slot:
        """As `using`, until `leave`. The room is `slot.live`."""
        while True:
            if self.is_draining:
                raise Rejected(CloseCode.GOING_AWAY, GOING_AWAY)
            slot = self._slots.get(room)
            if slot is not None and slot.gone is not None:
                await slot.gone.wait()
                continue
            if slot is not None and slot.live is not None and slot.live.is_broken:
                self._discard(room, slot)
                continue
            if slot is None:
                slot = self._slots[room] = Slot(room, users=1)
                await self._load(room, slot, create)
            else:
                slot.users += 1
                slot.idle_since = None
                await self._wait_ready(slot)
            if slot.error is not None:
                if isinstance(slot.error, NoSuchRoom) and create is not None:
                    continue  # somebody only looked for it; we make it
                raise slot.error
            if self.is_draining:  # since the loading began
                slot.users -= 1
                raise Rejected(CloseCode.GOING_AWAY, GOING_AWAY)
            return slot

    async def _wait_ready(self, slot: Slot) -> None:
        try:
            if slot.ready is not None:
                await slot.ready.wait()
        except BaseException:
            slot.users -= 1
            raise

    async def _load(self, room: str, slot: Slot, create: ProfileName | None) -> None:
        """A failed load never leaves a writable empty room: those who wait get the error (S6)."""
        try:
            slot.live = await self._read(room, create)
        except StoreError as error:
            self.tally.store_errors += not isinstance(error, NoSuchRoom)
            slot.error = error
        except BaseException:
            slot.error = StoreError("Loading the board was interrupted; try again.")
            raise
        finally:
            if slot.live is None:
                del self._slots[room]
            assert slot.ready is not None
            slot.ready.set()
            slot.ready = None

    async def _read(self, room: str, create: ProfileName | None) -> LiveRoom:
        try:
            loaded = await self.store.load(room)
        except NoSuchRoom:
            if create is None:
                raise
            with suppress(RoomExists):  # another node was faster
                await self.create(room, create)
            loaded = await self.store.load(room)
        if not self.serves(loaded.info.profile):
            raise StoreError("Another process serves this board; connect again.")
        profile = self._profile_of(loaded.info.profile)
        async with self.reading:
            pure = await read(
                self.store, loaded, profile, lambda update, user: self._hooks.before_update(room, update, user)
            )
        if loaded.damaged or pure.skipped:
            rows = ", ".join(map(str, loaded.damaged[:20])) or "none"
            log.error("room %s: damaged rows: %s; rows that build on them: %d", room, rows, pure.skipped)
            self.tally.damaged_loads += 1
        live = LiveRoom(
            loaded.info,
            pure,
            loaded.seq,
            loaded.seq - len(loaded.updates) - len(loaded.damaged),
            self.store,
            self._clock,
            self._settings,
            self._start_append,
            self._hooks.on_change,
            self.tally,
        )
        pure.presence.max_states = 0 if self._settings.is_private else self._settings.max_states_per_s
        live.has_gaps = bool(loaded.damaged or pure.skipped or pure.sealed)
        live.snapshot_bytes, live.log_bytes = len(loaded.snapshot or b""), sum(map(len, loaded.updates))
        return live

    def _start_append(self, append: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """A task for one batch to a store that does not call back. Called from a transport's callbacks and from timers
        too, where no task runs that could start another."""
        self._to_append.append(append)
        if self._has_to_append is not None:
            self._has_to_append.set()

    async def _start_appends(self, tasks: TaskGroup) -> None:
        while True:
            while self._to_append:
                tasks.start_soon(self._to_append.pop())
            self._has_to_append = anyio.Event()
            await self._has_to_append.wait()

    async def _janitor(self) -> None:
        """Unloads rooms that nobody uses, and writes snapshots of those whose log has grown."""
        pause_s = min(JANITOR_MAX_S, max(JANITOR_MIN_S, self._settings.unload_after_s / 4))
        while True:
            await anyio.sleep(pause_s)
            now = self._clock()
            for room in list(self._slots):
                await self._look_after(room, now)

    async def _look_after(self, room: str, now: float) -> None:
        slot = self._slots.get(room)
        if slot is None or slot.live is None or slot.is_draining:
            return
        slot.live.rest()
        if slot.live.is_broken:
            if slot.users == 0:
                self._discard(room, slot)
        elif slot.idle_since is not None and now - slot.idle_since >= self._settings.unload_after_s:
            if slot.live.is_flushed:  # else the store fails: who comes finds the room, and no other room waits
                await self._unload(room, slot)
        elif slot.live.needs_snapshot(self._settings):
            await self._compact(slot.live)

    async def _unload(self, room: str, slot: Slot) -> None:
        """live -> draining -> gone. Who comes meanwhile waits for `gone` and loads anew."""
        assert slot.live is not None
        slot.gone = anyio.Event()
        try:
            await slot.live.flush()
            if slot.live.seq > slot.live.snapshot_seq:
                await self._compact(slot.live)
        finally:
            self._discard(room, slot)

    def _discard(self, room: str, slot: Slot) -> None:
        if self._slots.get(room) is slot:
            del self._slots[room]
        if slot.live is not None:
            slot.live.stop()
        if slot.gone is not None:
            slot.gone.set()

    async def _compact(self, live: LiveRoom) -> None:
        """Write a snapshot that was read back and found equal (S5).

        It is an optimisation: when the store does not take it, the log still has everything. A room with gaps keeps its
        log, in which rows wait for what was lost.
        """
        if live.has_gaps:
            return
        snapshot, state = live.room.doc.get_update(), live.room.doc.get_state()
        seq, log_bytes = live.seq, live.log_bytes
        profile = live.room.gate.profile
        if (flaw := await to_thread.run_sync(flaw_of, snapshot, state, profile)) is not None:
            log.error("room %s (%s): no snapshot, the log is kept: %s", live.info.room, live.info.profile, flaw)
            live.has_gaps = True
            return
        try:
            await self.store.describe(live.info.room, self._title_of(live.room.doc))
            await self.store.compact(live.info.room, snapshot, seq)
        except StoreError:
            return
        live.snapshot_seq, live.snapshot_bytes = seq, len(snapshot)
        live.log_bytes -= log_bytes

    async def drain(self) -> None:
        """Say goodbye to everybody, make what was received durable, write snapshots."""
        self.is_draining = True
        slots = [(room, slot) for room, slot in self._slots.items() if slot.live is not None]
        await self._say_goodbye([slot.live for _, slot in slots if slot.live is not None])
        with anyio.move_on_after(self._settings.drain_s):
            for room, slot in slots:
                if not slot.is_draining:
                    await self._unload(room, slot)

    async def _say_goodbye(self, rooms: list[LiveRoom]) -> None:
        """In batches with pauses of random length, so that clients do not all come back in the same moment."""
        goodbyes = [(live, end) for live in rooms for end in live.room.close_all(CloseCode.GOING_AWAY, GOING_AWAY)]
        random.shuffle(goodbyes)
        batch = max(GOODBYES_AT_ONCE, -(-len(goodbyes) // GOODBYES_MAX_STEPS))
        for start in range(0, len(goodbyes), batch):
            if start:
                await anyio.sleep(random.uniform(0, 2 * GOODBYE_STEP_S))
            for live, end in goodbyes[start : start + batch]:
                live.perform([end])
