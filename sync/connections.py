"""All connections of a hub: how they come in, what goes on while they last, and what is left when they end.

Every task lives in a task group that ends with its connection; nothing a client does reaches another's task.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterator
from contextlib import suppress
from time import monotonic

import anyio
import anyio.lowlevel

from sync import logs, tracing
from sync.auth import NotAllowed
from sync.connection import Connection, RawTransport, Socket, SocketClosed, SocketLink, Tap, say_goodbye
from sync.gate import ProfileName
from sync.guests import Guests
from sync.leases import Leases
from sync.limits import OPEN_TOO_OFTEN, TOO_MANY_ROOMS
from sync.live import Agent, LiveRoom
from sync.members import Holder, Member
from sync.pipe import Join
from sync.presence import ConnectionId
from sync.protocol import CloseCode
from sync.revocations import NOW_READ_ONLY, Revocations
from sync.rooms import Rejected, Rooms, Slot
from sync.settings import Settings
from sync.store import NoSuchRoom, RoomExists, StoreError
from sync.workers import Workers

log = logging.getLogger(__name__)

BEATS_AT_ONCE = 200  # connections that are looked at in one turn of the loop; any may be sent a sign of life


class Connections:
    """`ids` numbers them. `clock` gives Unix seconds; `changed` hears of each room that somebody enters or leaves."""

    def __init__(
        self,
        rooms: Rooms,
        settings: Settings,
        *,
        guests: Guests,
        leases: Leases,
        workers: Workers | None,
        ids: Iterator[ConnectionId],
        clock: Callable[[], float],
        changed: Callable[[str], None],
    ) -> None:
        self._rooms = rooms
        self._settings = settings
        self._guests = guests
        self._leases = leases
        self._workers = workers
        self._ids = ids
        self._clock = clock
        self._changed = changed
        self._tally = rooms.tally
        self._all: set[Connection] = set()
        self._left = anyio.Event()

    def __iter__(self) -> Iterator[Connection]:
        return iter(tuple(self._all))

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
            if self._workers is not None and await self.is_elsewhere(room, profile, member.holder):
                if len(self._all) + self._workers.connections >= self._settings.max_connections:
                    raise Rejected(CloseCode.TOO_MANY_CONNECTIONS, "The server is full; try again later.")
                await self._workers.serve(socket, Join(room, member, agent, profile, expires_at))
                return
            with tracing.span("join", {"coplayer.room": room}):
                connection = await self._join(room, link, member, agent, profile, expires_at)
        except Rejected as rejected:
            self._tally.rejected[rejected.code] += 1
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
            self._tally.rejected[rejected.code] += 1
            transport.close(rejected.code, rejected.reason)
            return
        transport.attach(connection)

    async def is_elsewhere(self, room: str, create: ProfileName | None = None, maker: Holder | None = None) -> bool:
        """Has a room worker this room? A room that is to be made is made, so that all who come find the same.

        Raises Rejected (4531, and 4529 for a `maker` of too many).
        """
        if self._workers is None:
            return False
        store = self._rooms.store
        try:
            try:
                info = await store.info(room)
            except NoSuchRoom:
                if create is None:
                    return False
                if maker is not None:
                    self.check_may_make_room(maker)
                with suppress(RoomExists):
                    await self._rooms.create(room, create)
                info = await store.info(room)
        except StoreError as error:
            raise Rejected(CloseCode.STORAGE_UNAVAILABLE, str(error)) from error
        return not self._workers.leaves(info.profile)

    def check_may_make_room(self, holder: Holder) -> None:
        """Raises Rejected (4529) for who makes too many."""
        if not self._guests.may_make_room(holder, monotonic()):
            raise Rejected(CloseCode.TOO_MANY_REQUESTS, TOO_MANY_ROOMS)

    async def beat(self, passed_s: float) -> None:
        """So much time has passed: signs of life for the quiet, an end for the stuck; others have turns between."""
        for number, connection in enumerate(self, 1):
            if connection in self._all:
                live = connection.slot.live
                connection.beat(passed_s, None if live is None else live.full)
            if not number % BEATS_AT_ONCE:
                await anyio.lowlevel.checkpoint()

    def judge(self, revocations: Revocations) -> None:
        """Take from every one, at once, what was taken back, and give what was given again (A9)."""
        for connection in self:
            try:
                access = revocations.judge(connection.member.holder.access, connection.slot.room)
            except NotAllowed as taken:
                connection.outbox.close(taken.code, taken.reason)
            else:
                connection.set_access(access.level, NOW_READ_ONLY)

    async def wait_ended(self) -> None:
        """Returns when there is none."""
        while self._all:
            self._left = anyio.Event()
            await self._left.wait()

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
        if not self._guests.has_place(room, member.holder):
            self._rooms.leave(slot)
            raise Rejected(CloseCode.TOO_MANY_CONNECTIONS, OPEN_TOO_OFTEN)
        spending = self._guests.enter(room, member.holder, agent)
        connection = Connection(next(self._ids), slot, self._message_limit(slot.live), spending, self._ended)
        try:
            if agent is not None and slot.live.room.sealed is not None:
                raise Rejected(CloseCode.STORAGE_UNAVAILABLE, slot.live.room.sealed)
            if slot.live.connections >= self._settings.max_room_connections:
                raise Rejected(CloseCode.TOO_MANY_CONNECTIONS, "This board is full; try again later.")
            if len(self._all) >= self._settings.max_connections:
                raise Rejected(CloseCode.TOO_MANY_CONNECTIONS, "The server is full; try again later.")
        except Rejected:
            self._guests.leave(room, member.holder, spending)
            self._rooms.leave(slot)
            raise
        self._all.add(connection)
        self._tally.joins += 1
        try:
            connection.join(member, link, agent, expires_at - self._clock())
            log.info("joined", extra=logs.with_fields(connection=connection.id, room=room))
            self._changed(room)
            if agent is not None:  # again, now that a newer lease would find this connection and close it
                await self._leases.check(room, agent)
        except BaseException:
            connection.lost()
            raise
        return connection

    async def _enter(self, room: str, holder: Holder, profile: ProfileName) -> Slot:
        """The room, made when there is none. Raises NoSuchRoom, StoreError, Rejected."""
        if self._settings.is_private:
            return await self._rooms.enter(room, create=profile)
        try:
            return await self._rooms.enter(room)
        except NoSuchRoom:
            self.check_may_make_room(holder)
            return await self._rooms.enter(room, create=profile)

    def _message_limit(self, live: LiveRoom) -> int:
        is_map = live.room.gate.profile.is_map
        return self._settings.max_message_bytes if is_map else self._settings.max_any_message_bytes

    def _ended(self, connection: Connection) -> None:
        self._all.remove(connection)
        self._guests.leave(connection.slot.room, connection.member.holder, connection.spending)
        code = connection.outbox.goodbye or connection.failed_with
        self._tally.closed[code] += 1
        if log.isEnabledFor(logging.INFO):
            fields = logs.with_fields(connection=connection.id, room=connection.slot.room, code=int(code))
            log.info("left", extra=fields)
        self._left.set()
        self._rooms.leave(connection.slot)
        self._changed(connection.slot.room)
