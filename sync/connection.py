"""A socket in a room: what brings its messages in, and the two kinds of links that take messages out.

A raw transport calls back and needs no task (sync/transport.py). Any other ASGI server is served with a reader and a
writer: the same outbox, the same rules.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from typing import Protocol

import anyio

from sync.live import Agent
from sync.outbox import Link, Outbox
from sync.outgoing import Outgoing
from sync.presence import ConnectionId
from sync.protocol import CloseCode
from sync.room import AccessLevel, Member
from sync.rooms import Slot

GOODBYE_S = 1.0  # a close frame that does not get through in this time is given up
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

    def received(self, data: bytes) -> None:
        """A whole message came; a text message reads as empty, which no message is."""
        ...

    def paused(self) -> None:
        """The transport's buffer is full."""
        ...

    def resumed(self) -> None:
        """It has drained."""
        ...

    def muted(self) -> None:
        """From now on nothing more may be written to it."""
        ...

    def lost(self) -> None:
        """The socket has ended; the last call."""
        ...


class RawTransport(Link, Protocol):
    """A Link that is a WebSocket: it calls a receiver, and lives on when the application has returned."""

    def attach(self, receiver: Receiver) -> None:
        """From now on `receiver` hears everything; at once what has come, and happened, before."""
        ...


class Connection:
    """One socket's place in a room, from joining until `leave`. A raw transport's Receiver."""

    __slots__ = ("_access", "_expiry", "_limit", "_live", "_on_end", "id", "member", "outbox", "slot")

    def __init__(self, connection: ConnectionId, slot: Slot, limit: int, on_end: Callable[[Connection], None]) -> None:
        assert slot.live is not None
        self.id = connection
        self.slot = slot
        self.outbox: Outbox
        self._live = slot.live
        self._limit = limit
        self._on_end = on_end
        self._expiry: asyncio.TimerHandle | None = None
        self.member: Member
        self._access: AccessLevel

    def join(self, member: Member, link: Link, agent: Agent | None, lives_s: float) -> None:
        """Counted from here on, until `lost`. `lives_s` is how long its token holds."""
        self.outbox = Outbox(link, self._live.rules)
        self.member, self._access = member, member.access
        if isinstance(link, SocketLink):
            link.outbox = self.outbox
        self._live.connect(self.id, member, self.outbox, agent)
        if lives_s < math.inf:
            self._expiry = asyncio.get_running_loop().call_later(max(0.0, lives_s), self._expired)

    def received(self, data: bytes) -> None:
        """See Receiver."""
        if len(data) > self._limit:
            self.outbox.close(CloseCode.TOO_BIG, f"A message may have {self._limit} bytes.")
        elif not self.outbox.is_closing:
            self._live.receive(self.id, data)

    def paused(self) -> None:
        """See Receiver."""
        self.outbox.paused()

    def resumed(self) -> None:
        """See Receiver."""
        self.outbox.resumed()

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
        """What it may do from now on; the reason is for one that may only read."""
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
