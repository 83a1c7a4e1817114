"""Serves connections and answers what the HTTP side asks of rooms.

Every task lives in a task group that ends with its connection; nothing a client does reaches another's task.
"""

from __future__ import annotations

import logging
import math
import secrets
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import replace
from time import monotonic
from typing import Any, TypeVar

import anyio
from pycrdt import Doc

from sync import logs, tracing
from sync.admission import Admission
from sync.auth import NotAllowed
from sync.connection import Connection, Mailbox, RawTransport, Socket, SocketClosed, SocketLink, Tap, say_goodbye
from sync.gate import RESERVED_CLIENT_IDS, Profile, ProfileName
from sync.guests import Guests
from sync.hooks import Hooks
from sync.limits import OPEN_TOO_OFTEN, TOO_MANY_ROOMS
from sync.live import Agent, LiveRoom
from sync.outbox import Outbox
from sync.pipe import Join
from sync.presence import ConnectionId, Identity
from sync.protocol import CloseCode, SyncStatus, SyncStep1, Update, decode, encode
from sync.revocations import NOW_READ_ONLY, Level, Revocation
from sync.room import Holder, Member
from sync.rooms import Rejected, Rooms, Slot
from sync.settings import Settings
from sync.store import Lease, NoSuchRoom, RoomExists, RoomInfo, Store, StoreError
from sync.tally import Tally
from sync.versions import keep_versions
from sync.watch import RoomNow, RoomStatus, Watcher
from sync.workers import Workers

T = TypeVar("T")
log = logging.getLogger(__name__)

REVOCATIONS_POLL_S = 2.0  # how soon this process hears of what another one took back
WANTED_POLL_S = 5.0  # how soon a lease that ran out with unfinished work is noticed
LOOK_S = 1.0  # between two looks at all rooms
BEAT_MIN_S = 0.01
BEAT_MAX_S = 1.0  # between two looks at all connections; 20 000 of them take 5 ms
GOODBYES_S = 3.0  # a stopping server waits this long for those who read slowly
HUMAN_CLIENT_IDS = range(RESERVED_CLIENT_IDS, 2**32)
"""Client ids of writers that are not assistants: Yjs' own range. pycrdt's 53-bit ids would win every tie."""
LOCAL = Agent("", 0)
"""A connection of the server's own, for REST edits: it is nobody and is not counted among the people."""


FOLLOW_PAUSE_S = 0.2  # between two events of one room: a drag makes 30 changes a second


class Gap(Exception):
    """An update builds on something that the room lacks; nothing was changed."""


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
        self.admission = Admission(store, settings, self.hooks, clock)
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
        self._title_of = title_of
        self._clock = clock
        self._next_connection = 0
        self._connections: set[Connection] = set()
        self._left = anyio.Event()
        self._watchers: set[Watcher] = set()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Hub]:
        """Open the store and serve inside this context; leaving it flushes and writes snapshots."""
        async with self.rooms.running(), anyio.create_task_group() as tasks:
            tasks.start_soon(keep_versions, self.rooms, self.store, self.settings.version_every_s, self._clock)
            tasks.start_soon(self._beat)
            await self.admission.read()
            tasks.start_soon(self._keep_revocations)
            if self.workers is not None:
                tasks.start_soon(self.workers.run, self._changed)
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
        for room in self.rooms:
            live = self.rooms.get(room)
            for watcher in self._watchers | (live.followers if live is not None else set()):
                watcher.put(room)  # event streams end by themselves, and end well
        for watcher in self._watchers:
            watcher.put("")
        async with anyio.create_task_group() as tasks:
            if self.workers is not None:
                tasks.start_soon(self.workers.drain)
            await self.rooms.drain()
        with anyio.move_on_after(min(GOODBYES_S, self.settings.drain_s)):
            while self._connections:
                self._left = anyio.Event()
                await self._left.wait()

    async def serve(
        self,
        room: str,
        socket: Socket,
        member: Member,
        agent: Agent | None = None,
        profile: ProfileName = "map",
        expires_at: float = math.inf,
    ) -> None:
        """Serve one accepted socket until it ends, or until its token does (Unix seconds).

        `profile` is for a room that does not exist yet.
        """
        link = SocketLink(socket)
        try:
            if self.workers is not None and await self.is_elsewhere(room, profile, member.holder):
                if len(self._connections) + self.workers.connections >= self.settings.max_connections:
                    raise Rejected(CloseCode.TOO_MANY_CONNECTIONS, "The server is full; try again later.")
                await self.workers.serve(socket, Join(room, member, agent, profile, expires_at))
                return
            with tracing.span("join", {"coplayer.room": room}):
                connection = await self._join(room, link, member, agent, profile, expires_at)
        except Rejected as rejected:
            self.tally.rejected[rejected.code] += 1
            await say_goodbye(socket, rejected.code, rejected.reason)
            return
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(link.run, tasks.cancel_scope)
                with suppress(SocketClosed):
                    while True:
                        connection.received(await socket.receive())
                        await link.may_read()
                tasks.cancel_scope.cancel()
        finally:
            connection.lost()

    async def is_elsewhere(self, room: str, create: ProfileName | None = None, maker: Holder | None = None) -> bool:
        """Has a room worker this room? A room that is to be made is made, so that all who come find the same.

        Raises Rejected (4531, and 4529 for a `maker` of too many).
        """
        if self.workers is None:
            return False
        try:
            try:
                info = await self.store.info(room)
            except NoSuchRoom:
                if create is None:
                    return False
                if maker is not None:
                    self.check_may_make_room(maker)
                with suppress(RoomExists):
                    await self.create(room, create)
                info = await self.store.info(room)
        except StoreError as error:
            raise Rejected(CloseCode.STORAGE_UNAVAILABLE, str(error)) from error
        return not self.workers.leaves(info.profile)

    async def adopt(
        self,
        room: str,
        transport: RawTransport,
        member: Member,
        agent: Agent | None = None,
        profile: ProfileName = "map",
        expires_at: float = math.inf,
    ) -> None:
        """As `serve`, for an accepted socket that calls back; returns when it has joined, and needs no task then."""
        try:
            with tracing.span("join", {"coplayer.room": room}):
                connection = await self._join(room, transport, member, agent, profile, expires_at)
        except Rejected as rejected:
            self.tally.rejected[rejected.code] += 1
            transport.close(rejected.code, rejected.reason)
            return
        transport.attach(connection)

    async def _join(
        self, room: str, link: Tap, member: Member, agent: Agent | None, profile: ProfileName, expires_at: float
    ) -> Connection:
        """Raises Rejected; then it has left again."""
        try:
            slot = await self._enter(room, member.holder, profile)
        except NoSuchRoom as error:
            raise Rejected(CloseCode.NOT_FOUND, str(error)) from error
        except StoreError as error:
            raise Rejected(CloseCode.STORAGE_UNAVAILABLE, str(error)) from error
        assert slot.live is not None
        if not self.guests.has_place(room, member.holder):
            self.rooms.leave(slot)
            raise Rejected(CloseCode.TOO_MANY_CONNECTIONS, OPEN_TOO_OFTEN)
        spending = self.guests.enter(room, member.holder, agent)
        connection = Connection(self._new_connection(), slot, self._message_limit(slot.live), spending, self._ended)
        try:
            if agent is not None and slot.live.room.sealed is not None:
                raise Rejected(CloseCode.STORAGE_UNAVAILABLE, slot.live.room.sealed)
            if slot.live.connections >= self.settings.max_room_connections:
                raise Rejected(CloseCode.TOO_MANY_CONNECTIONS, "This board is full; try again later.")
            if len(self._connections) >= self.settings.max_connections:
                raise Rejected(CloseCode.TOO_MANY_CONNECTIONS, "The server is full; try again later.")
        except Rejected:
            self.guests.leave(room, member.holder, spending)
            self.rooms.leave(slot)
            raise
        self._connections.add(connection)
        self.tally.joins += 1
        try:
            connection.join(member, link, agent, expires_at - self._clock())
            log.info("joined", extra=logs.with_fields(connection=connection.id, room=room))
            self._changed(room)
            if agent is not None:  # again, now that a newer lease would find this connection and close it
                await self.check_lease(room, agent)
        except BaseException:
            connection.lost()
            raise
        return connection

    async def _enter(self, room: str, holder: Holder, profile: ProfileName) -> Slot:
        """The room, made when there is none. Raises NoSuchRoom, StoreError, Rejected."""
        if self.settings.is_private:
            return await self.rooms.enter(room, create=profile)
        try:
            return await self.rooms.enter(room)
        except NoSuchRoom:
            self.check_may_make_room(holder)
            return await self.rooms.enter(room, create=profile)

    def check_may_make_room(self, holder: Holder) -> None:
        """Raises Rejected (4529) for who makes too many."""
        if not self.guests.may_make_room(holder, monotonic()):
            raise Rejected(CloseCode.TOO_MANY_REQUESTS, TOO_MANY_ROOMS)

    def _ended(self, connection: Connection) -> None:
        self._connections.remove(connection)
        self.guests.leave(connection.slot.room, connection.member.holder, connection.spending)
        code = connection.outbox.goodbye or connection.failed_with
        self.tally.closed[code] += 1
        if log.isEnabledFor(logging.INFO):
            fields = logs.with_fields(connection=connection.id, room=connection.slot.room, code=int(code))
            log.info("left", extra=fields)
        self._left.set()
        self.rooms.leave(connection.slot)
        self._changed(connection.slot.room)

    def _message_limit(self, live: LiveRoom) -> int:
        is_map = live.room.gate.profile.is_map
        return self.settings.max_message_bytes if is_map else self.settings.max_any_message_bytes

    async def _beat(self) -> None:
        """One clock for all connections: signs of life for the quiet, an end for the stuck."""
        beat_s = max(BEAT_MIN_S, min(BEAT_MAX_S, self.settings.keep_alive_s / 8, self.settings.slow_after_s / 8))
        last = monotonic()
        since_look_s = 0.0
        while True:
            await anyio.sleep(beat_s)
            now, before = monotonic(), last
            last = now
            self.tally.observe_lag(max(0.0, now - before - beat_s))
            passed_s = min(now - before, 2 * beat_s)  # time in which we were not served ourselves is nobody's fault
            for connection in tuple(self._connections):
                live = connection.slot.live
                connection.beat(passed_s, None if live is None else live.full)
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

    @property
    def connections(self) -> tuple[Connection, ...]:
        """All that have joined a room and not left it."""
        return tuple(self._connections)

    async def revoke(self, room: str, user: str | None, token: str | None, access: Level) -> Revocation:
        """Take access back, on open connections too; `room` may be a prefix and `*`. Raises StoreError."""
        revocation = await self.admission.revoke(room, user, token, access)
        self._apply_revocations()
        return revocation

    async def unrevoke(self, number: str) -> bool:
        """Give it back; was it taken? Raises StoreError."""
        was_there = await self.admission.unrevoke(number)
        self._apply_revocations()
        return was_there

    def _apply_revocations(self) -> None:
        """To every open connection, at once (A9)."""
        for connection in tuple(self._connections):
            try:
                access = self.admission.revocations.judge(connection.member.holder.access, connection.slot.room)
            except NotAllowed as taken:
                connection.outbox.close(taken.code, taken.reason)
            else:
                connection.set_access(access.level, NOW_READ_ONLY)

    async def _keep_revocations(self) -> None:
        """Other processes may share the store: another server, the room workers."""
        while True:
            await anyio.sleep(REVOCATIONS_POLL_S)
            try:
                if await self.admission.read():
                    self._apply_revocations()
            except StoreError as error:
                log.debug("what was taken back cannot be read: %s", error)

    def _new_connection(self) -> ConnectionId:
        self._next_connection += 1
        return ConnectionId(self._next_connection)

    def now(self) -> float:
        """Unix seconds."""
        return self._clock()

    async def create(self, room: str, profile: ProfileName) -> None:
        """Raises RoomExists."""
        await self.rooms.create(room, profile)

    async def delete(self, room: str) -> None:
        """Open clients get 4404 and keep their copy. Raises NoSuchRoom."""
        await self.rooms.delete(room)
        self._changed(room)

    async def retry(self, room: str) -> None:
        """Read all of the room again, however often that has failed (S15). Raises NoSuchRoom."""
        await self.rooms.retry(room)
        self._changed(room)

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
        async with self.rooms.using(room) as live, self._in_time(live), live.editing:
            if client_id is not None and client_id in live.room.gate.known:
                await live.flush()  # it is under way since an earlier request that nobody waited for
            if live.editor is None:
                live.editor = secrets.choice(HUMAN_CLIENT_IDS)
            replica: Doc[Any] = Doc(client_id=live.editor if client_id is None else client_id)
            replica.apply_update(live.room.doc.get_update())
            before = replica.get_state()
            result = change(replica)
            try:
                await self._submit(live, replica.get_update(before), author)
            except BaseException:
                live.editor = None  # what was sent may yet be saved: its clocks are not used for anything else
                raise
            return result

    async def apply(self, room: str, update: bytes, author: str) -> None:
        """Take an update as a peer would send it; returns when it is durable. Raises Rejected, Gap, StoreError."""
        async with self.rooms.using(room) as live, self._in_time(live):
            await self._submit(live, update, author)

    @asynccontextmanager
    async def _in_time(self, live: LiveRoom) -> AsyncIterator[None]:
        try:
            with anyio.fail_after(self.settings.edit_timeout_s):
                yield
        except TimeoutError:
            raise StoreError(f"Not saved yet: {live.fault or 'the store is slow'}") from None

    async def _submit(self, live: LiveRoom, update: bytes, author: str) -> None:
        if live.room.sealed is not None:
            raise StoreError(live.room.sealed)
        if live.full is not None:
            raise Rejected(CloseCode.REFUSED, live.full)
        connection = self._new_connection()
        mailbox = Mailbox()
        live.connect(connection, Member(Identity(author)), Outbox(mailbox, live.rules), LOCAL)
        try:
            live.receive(connection, encode(Update(update)) + encode(SyncStatus(b"saved")))
            await _saved(mailbox)
        finally:
            live.disconnect(connection)

    async def take_lease(self, room: str, slot: str, holder: str) -> Lease:
        """Raises Taken, NoSuchRoom. Older holders' connections are closed with 4409."""
        lease = await self.store.take_lease(room, slot, holder, self._now_ms(), int(self.settings.lease_s * 1000))
        if live := self.rooms.get(room):
            live.supersede(slot, lease.epoch)
        self._changed(room)
        return lease

    async def end_lease(self, room: str, slot: str, holder: str, *, is_done: bool) -> None:
        """Give a lease back; `is_done` says that nothing unfinished is left."""
        await self.store.end_lease(room, slot, holder, is_done=is_done, now=self._now_ms())
        self._changed(room)

    async def check_lease(self, room: str, agent: Agent) -> None:
        """Raises Rejected (4409) when the epoch is not that of a living lease."""
        lease = await self.store.lease(room, agent.slot)
        if lease is None or lease.epoch != agent.epoch or lease.expires_at <= self._now_ms():
            raise Rejected(CloseCode.SUPERSEDED, "This assistant's lease is over.")

    async def want(self, room: str, slot: str) -> None:
        """Call an assistant to a room, whether or not somebody is in it. Raises NoSuchRoom."""
        await self.store.want(room, slot)
        self._changed(room)

    async def watch(self, slot: str) -> AsyncGenerator[RoomStatus | None]:
        """Rooms that have people or work, then every change; None at least every few seconds, as a sign of life."""
        with self.watching() as watcher:
            wanted = set(await self.store.wanted(slot, self._now_ms()))
            for room in {*wanted, *self.rooms, *(self.workers.rooms() if self.workers is not None else ())}:
                watcher.put(room)
            while not self.rooms.is_draining:
                for room in watcher.take():
                    if not room:
                        return
                    yield RoomStatus(room, self.people(room), room in wanted)
                with anyio.move_on_after(WANTED_POLL_S):
                    await watcher.wait()
                now_wanted = set(await self.store.wanted(slot, self._now_ms()))
                for room in now_wanted ^ wanted:
                    watcher.put(room)
                wanted = now_wanted
                yield None

    @contextmanager
    def watching(self) -> Iterator[Watcher]:
        """A watcher that hears of all rooms; an empty name says that the server stops."""
        watcher = Watcher()
        self._watchers.add(watcher)
        try:
            yield watcher
        finally:
            self._watchers.discard(watcher)

    @asynccontextmanager
    async def following(self, room: str) -> AsyncIterator[Watcher]:
        """A watcher that wakes at every durable change of the room. Raises NoSuchRoom, StoreError, Rejected."""
        async with self.rooms.using(room) as live:
            watcher = Watcher()
            live.followers.add(watcher)
            try:
                yield watcher
            finally:
                live.followers.discard(watcher)

    async def follow(self, room: str) -> AsyncGenerator[RoomNow | None]:
        """The room now and after changes, at most a few a second; None as a sign of life. Ends with the room."""
        async with self.following(room) as watcher:
            self._watchers.add(watcher)
            try:
                last: RoomNow | None = None
                while (live := self.rooms.get(room)) is not None and not self.rooms.is_draining:
                    watcher.take()
                    now = RoomNow(room, live.people, self._title_of(live.room.doc), live.edited_at)
                    yield now if now != last else None
                    last = now
                    with anyio.move_on_after(self.settings.keep_alive_s):
                        while room not in watcher.take() and not self.rooms.is_draining:
                            await watcher.wait()
                    await anyio.sleep(FOLLOW_PAUSE_S)
            finally:
                self._watchers.discard(watcher)

    def fault(self) -> str | None:
        """Why some room's updates are not being saved, if so."""
        if self.workers is not None and (fault := self.workers.fault()) is not None:
            return fault
        live_rooms = (self.rooms.get(room) for room in self.rooms)
        return next((live.fault for live in live_rooms if live is not None and live.fault is not None), None)

    def people(self, room: str) -> int:
        """How many connections of people the room has."""
        live = self.rooms.get(room)
        if live is not None:
            return live.people
        return 0 if self.workers is None else self.workers.people(room)

    def _changed(self, room: str) -> None:
        for watcher in self._watchers:
            watcher.put(room)

    def _now_ms(self) -> int:
        return int(self._clock() * 1000)


async def _saved(mailbox: Mailbox) -> None:
    steps = 0
    while True:
        for payload in await mailbox.take():
            for message in decode(payload):
                if isinstance(message, SyncStatus):
                    return
                steps += isinstance(message, SyncStep1)
                if steps == 2:  # the first greets every connection; the second asks for what is missing (W8)
                    raise Gap("The update builds on changes that this room does not have; send the whole state.")
        if mailbox.goodbye is not None:
            raise Rejected(*mailbox.goodbye)
