"""A socket in a room: what brings its messages in, and the two kinds of links that take messages out.

A raw transport calls back and needs no task (sync/transport.py). Any other ASGI server is served with a reader and a
writer: the same outbox, the same rules.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from time import perf_counter_ns
from typing import Final, Protocol

import anyio

from sync.effects import Batch
from sync.limits import COST, TIMED_BYTES, TOO_QUICK, Spending
from sync.live import Agent
from sync.members import AccessLevel, Member
from sync.outbox import Link, Outbox
from sync.outgoing import Outgoing
from sync.presence import ConnectionId
from sync.protocol import CloseCode
from sync.rooms import Slot

GOODBYE_S = 1.0  # a close frame that does not get through in this time is given up
COUNTED: Final = tuple(not first or first > 127 for first in range(256))
"""By a frame's first byte: does it count as a change? Messages of sync do, also when their 0 is written as `80 00`."""
RAW = "coplayer.raw"
"""The ASGI scope extension `{"transport": RawTransport}`, where the server offers it."""


class SocketClosed(Exception):
    """The peer is gone."""


class Socket(Protocol):
    """One WebSocket, as the hub sees it."""

    async def send(self, data: bytes) -> None:
        """Raises SocketClosed."""
        ...

    async def receive(self) -> bytes:
        """The next frame. Raises SocketClosed."""
        ...

    async def close(self, code: int, reason: str) -> None:
        """Say goodbye; the peer may be gone already."""
        ...


class Receiver(Protocol):
    """What a raw transport calls."""

    @property
    def max_bytes(self) -> int:
        """Of a message; a bigger one gets 4413 when it is announced."""
        ...

    def received(self, data: bytes) -> None:
        """A whole message came; a text message reads as empty, which no message is."""
        ...

    def paused(self) -> None:
        """The transport's buffer is full."""
        ...

    def resumed(self) -> None:
        """It has drained."""
        ...

    def failed(self, code: int) -> None:
        """The peer's frames were wrong, or too big, and it was told so with this code."""
        ...

    def muted(self) -> None:
        """From now on nothing more may be written to it."""
        ...

    def lost(self) -> None:
        """The socket has ended; the last call."""
        ...


class Tap(Link, Protocol):
    """A Link whose other direction can be stopped for a while."""

    def hold(self) -> None:
        """Take nothing more from the peer."""
        ...

    def go_on(self) -> None:
        """Take from it again."""
        ...


class RawTransport(Tap, Protocol):
    """A Tap that is a WebSocket: it calls a receiver, and lives on when the application has returned."""

    def attach(self, receiver: Receiver) -> None:
        """From now on `receiver` hears everything; at once what has come, and happened, before."""
        ...


class Connection:
    """One socket's place in a room, from `join` until `lost`. A raw transport's Receiver."""

    __slots__ = (
        "_access",
        "_expiry",
        "_granted",
        "_limit",
        "_link",
        "_live",
        "_on_end",
        "_refusal",
        "failed_with",
        "id",
        "member",
        "outbox",
        "slot",
        "spending",
    )

    def __init__(
        self,
        connection: ConnectionId,
        slot: Slot,
        limit: int,
        spending: Spending,
        on_end: Callable[[Connection], None],
    ) -> None:
        assert slot.live is not None
        self.id = connection
        self.slot = slot
        self.outbox: Outbox
        self._live = slot.live
        self._limit = limit
        self._on_end = on_end
        self._expiry: asyncio.TimerHandle | None = None
        self.failed_with = 0
        """The close code of wrong frames."""
        self.member: Member
        self.spending = spending
        self._access: AccessLevel
        self._granted: AccessLevel
        self._refusal: str | None = None
        self._link: Tap

    def join(self, member: Member, link: Tap, agent: Agent | None, lives_s: float) -> None:
        """Counted from here on, until `lost`. `lives_s` is how long its token holds."""
        self.outbox = Outbox(link, self._live.rules)
        self._link = link
        self.member, self._access, self._granted = member, member.access, member.access
        if isinstance(link, SocketLink):
            link.outbox = self.outbox
        self._live.connect(self.id, member, self.outbox, agent, self._charge)
        if lives_s < math.inf:
            self._expiry = asyncio.get_running_loop().call_later(max(0.0, lives_s), self._expired)

    @property
    def max_bytes(self) -> int:
        """See Receiver."""
        return self._limit

    def received(self, data: bytes) -> None:
        """See Receiver."""
        if len(data) > self._limit:
            self.outbox.close(CloseCode.TOO_BIG, f"A message may have {self._limit} bytes.")
        elif not self.outbox.is_closing:
            if data and COUNTED[data[0]]:  # presence is thinned where it is understood
                updates, growth, size = self.spending.updates, self.spending.growth, len(data)
                updates.left = updates_left = updates.left - COST
                growth.left = bytes_left = growth.left - size
                if updates_left < 0 or bytes_left < 0:
                    self._is_over()
                if size >= TIMED_BYTES:
                    self._receive_timed(data)
                    return
            elif len(data) >= TIMED_BYTES:
                self._receive_timed(data)
                return
            self._live.receive(self.id, data)

    def _charge(self, batch: Batch) -> None:
        """Several messages in one frame: two of them, such as a change and whether it is saved, count as one change."""
        is_counted = COUNTED[batch.first]
        self.spending.updates.left -= (max(batch.updates, (batch.messages + 1) // 2) - is_counted) * COST
        if not is_counted:
            self.spending.growth.left -= batch.size
        if self.spending.updates.left < 0 or self.spending.growth.left < 0:
            self._is_over()

    def _receive_timed(self, data: bytes) -> None:
        began = perf_counter_ns()
        self._live.receive(self.id, data)
        self.spending.work.left -= (perf_counter_ns() - began) // 1_000
        if self.spending.work.left < 0:
            self._is_over()

    def _is_over(self) -> None:
        """Too quick: not read on until the next beat. Too much: read-only for a while."""
        if self.spending.updates.left < 0 and not self.spending.is_held:
            self.spending.is_held = True
            self._link.hold()
        if self._refusal is None and self.spending.refusal is not None:
            self.refuse(self.spending.refusal)

    def beat(self, passed_s: float, full: str | None) -> None:
        """Time has passed. `full` says why nobody may add to the room, if so."""
        self.outbox.beat(passed_s)
        spending = self.spending
        updates, work = spending.updates, spending.work
        if updates.left != updates.most or work.left != work.most:  # else it was quiet: most are, most of the time
            if spending.beat(passed_s, self._live.room.updates_of(self.id)):
                self.outbox.close(CloseCode.TOO_MANY_REQUESTS, TOO_QUICK)
            if spending.is_held and (updates.left > 0 or self.outbox.is_closing):
                spending.is_held = False
                self._link.go_on()
        if full is not None:
            self.refuse(full)
        elif self._refusal is not None and spending.is_good_again:
            self.refuse(None)

    def paused(self) -> None:
        """See Receiver."""
        self.outbox.paused()

    def resumed(self) -> None:
        """See Receiver."""
        self.outbox.resumed()

    def failed(self, code: int) -> None:
        """See Receiver."""
        self.failed_with = code

    def muted(self) -> None:
        """See Receiver."""
        self.outbox.muted()

    def lost(self) -> None:
        """It leaves the room. Idempotent."""
        if self._expiry is not None:
            self._expiry.cancel()
        self._live.disconnect(self.id)
        self._on_end(self)

    def set_access(self, access: AccessLevel, reason: str) -> None:
        """What its token allows from now on; the reason is for one that may only read."""
        if access != self._granted:
            self._granted = access
            self._tell_access(access if self._refusal is None else "read", reason)

    def refuse(self, reason: str | None) -> None:
        """Take no changes of it for a while, and tell it why; or take them again (None)."""
        if reason != self._refusal:
            self._refusal = reason
            self._tell_access(self._granted if reason is None else "read", reason or "")

    def _tell_access(self, access: AccessLevel, reason: str) -> None:
        if access != self._access:
            self._access = access
            self._live.set_access(self.id, access, reason)

    def _expired(self) -> None:
        self.outbox.close(CloseCode.UNAUTHORIZED, "The token has expired; ask for a new link.")


class SocketLink:
    """A link over `send` of a Socket: one message under way, by one writer that sleeps when there is none."""

    sender = None

    def __init__(self, socket: Socket) -> None:
        self.outbox: Outbox
        self._socket = socket
        self._item: Outgoing | None = None
        self._goodbye: tuple[CloseCode, str] | None = None
        self._may_read: anyio.Event | None = None
        self._life = anyio.CancelScope()
        self._wake = anyio.Event()

    def write(self, item: Outgoing) -> None:
        """See Link."""
        self._item = item
        self.outbox.paused()
        self._wake.set()

    def unsent_bytes(self) -> int:
        """See Link. What the server's `send` has passed on is not known: only its end counts as progress."""
        return 0 if self._item is None else self._item.size_bytes

    def hold(self) -> None:
        """See Tap."""
        self._may_read = anyio.Event()

    def go_on(self) -> None:
        """See Tap."""
        if self._may_read is not None:
            self._may_read.set()
            self._may_read = None

    async def may_read(self) -> None:
        """Whoever reads the socket waits here."""
        while self._may_read is not None:
            await self._may_read.wait()

    def close(self, code: CloseCode, reason: str) -> None:
        """See Link. A send that is still under way then is stuck, and ended."""
        if self._goodbye is None:
            self._goodbye = code, reason
            self._life.cancel()

    async def run(self, connection: anyio.CancelScope) -> None:
        """The writer. When it has said goodbye, or the peer is gone, it ends `connection`."""
        try:
            with self._life:
                while True:
                    while self._item is not None:
                        for payload in self._item.payloads:
                            await self._socket.send(payload)
                        self._item = None
                        self.outbox.resumed()
                    self._wake = anyio.Event()
                    await self._wake.wait()
        except SocketClosed:
            self._goodbye = None
        if self._goodbye is not None:
            await say_goodbye(self._socket, *self._goodbye)
        connection.cancel()


class Mailbox:
    """A link of the server's own: what was sent, to be taken by who waits for it."""

    sender = None

    def __init__(self) -> None:
        self.goodbye: tuple[CloseCode, str] | None = None
        self._payloads: list[bytes] = []
        self._wake = anyio.Event()

    def write(self, item: Outgoing) -> None:
        """See Link."""
        self._payloads += item.payloads
        self._wake.set()

    def unsent_bytes(self) -> int:
        """See Link."""
        return 0

    def close(self, code: CloseCode, reason: str) -> None:
        """See Link."""
        self.goodbye = code, reason
        self._wake.set()

    async def take(self) -> list[bytes]:
        """All payloads that came since; waits for one, or for the goodbye: then there may be none."""
        while not self._payloads and self.goodbye is None:
            self._wake = anyio.Event()
            await self._wake.wait()
        payloads, self._payloads = self._payloads, []
        return payloads


async def say_goodbye(socket: Socket, code: CloseCode, reason: str) -> None:
    """A peer that is gone or stuck needs no goodbye."""
    try:
        with anyio.move_on_after(GOODBYE_S):
            await socket.close(code, close_reason(reason))
    except SocketClosed:
        return


def close_reason(reason: str) -> str:
    """Reasons fit into a close frame: 123 bytes."""
    return reason.encode()[:120].decode(errors="ignore")
