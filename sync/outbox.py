"""What waits to be sent to one connection: bounded messages, then perhaps a close. State without tasks or clocks.

The link says when it is full and when it has drained; between the two nothing is written to it. So a message costs one
write and no wake-up, and what a peer does not read waits here, where it is counted.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from sync.outgoing import Outgoing
from sync.protocol import KEEP_ALIVE, CloseCode

SIGN_OF_LIFE = Outgoing(KEEP_ALIVE)
TOO_SLOW = "This connection does not keep up; connect again."


class Link(Protocol):
    """Where an outbox writes to. It says `paused` when full, perhaps inside `write`, and `resumed` after that."""

    @property
    def sender(self) -> Callable[[bytes], object] | None:
        """Takes bytes that are framed, until the link is paused or `muted`; None for links that frame by themselves."""
        ...

    def write(self, item: Outgoing) -> None:
        """Never blocks. Not called while the link is paused."""
        ...

    def unsent_bytes(self) -> int:
        """What the link holds; while it shrinks, the peer reads."""
        ...

    def close(self, code: CloseCode, reason: str) -> None:
        """Say goodbye after what was written; a link that is paused gives up on that after a while. Idempotent."""
        ...


@dataclass(frozen=True, slots=True)
class Rules:
    """Shared by a room's outboxes. Sizes in bytes, times in seconds.

    `max_bytes` bounds what waits; past it the connection is too slow and only a goodbye is left. Past `lag_bytes` it
    gets no increments any more; when it has read what waits, `catch_up` gives it one fresh difference from the state
    vector it has reached then (W11).
    """

    max_bytes: int
    lag_bytes: int = 2**20
    slow_after_s: float = 10.0
    keep_alive_s: float = 15.0
    catch_up: Callable[[bytes], Sequence[Outgoing]] = lambda _: ()


class Outbox:
    """Of one link."""

    __slots__ = (
        "_goodbye",
        "_idle_s",
        "_is_paused",
        "_link",
        "_queue",
        "_reached",
        "_rules",
        "_sender",
        "_size",
        "_unsent",
        "express",
        "has_written",
    )

    def __init__(self, link: Link, rules: Rules) -> None:
        self._link = link
        self._rules = rules
        self._reached: bytes | None = None
        self._queue: deque[Outgoing] | None = None  # made when it is needed: most connections never lag
        self._size = 0
        self._goodbye: tuple[CloseCode, str] | None = None
        self._is_paused = False
        self._sender = link.sender
        self.express = self._sender
        """Where framed bytes may go straight to, while nothing waits and nothing stands against it. Who does so
        sets `has_written`."""
        self.has_written = False
        self._idle_s = 0.0
        """Since when nothing was written or, of a paused link, since when its peer has read nothing."""
        self._unsent = 0

    @property
    def size_bytes(self) -> int:
        """What waits here."""
        return self._size

    @property
    def is_closing(self) -> bool:
        """A goodbye is under way."""
        return self._goodbye is not None

    @property
    def goodbye(self) -> CloseCode | None:
        """With what it was closed from this side."""
        return None if self._goodbye is None else self._goodbye[0]

    @property
    def is_lagging(self) -> bool:
        """It gets no increments for now (W11)."""
        return self._reached is not None

    def put(self, item: Outgoing) -> None:
        """Send it, or let it wait; dropped when the connection is closing."""
        if self._goodbye is not None:
            return
        if not self._is_paused:
            self.has_written = True
            self._link.write(item)
            return
        if self._queue is None:
            self._queue = deque()
        self._queue.append(item)
        self._size += item.size_bytes
        if self._size > self._rules.max_bytes:
            self._give_up()

    def put_increment(self, item: Outgoing, reached: Callable[[], bytes], rest: Outgoing | None = None) -> None:
        """Send an update; `reached` is the state vector of who has read it.

        Left out while the connection lags: then it gets `rest`, what goes out at the same moment and is no update.
        """
        if self._reached is None:
            self.put(item)
            if self._size > self._rules.lag_bytes and self._goodbye is None:
                self._reached = reached()
        elif rest is not None:
            self.put(rest)

    def paused(self) -> None:
        """The link is full."""
        self.express = None
        if not self._is_paused:
            self._is_paused = True
            self._idle_s = 0.0
            self._unsent = self._link.unsent_bytes()

    def resumed(self) -> None:
        """The link has drained: what waits goes on, as far as it takes it."""
        self._is_paused = False
        self._idle_s = 0.0
        while self._queue and not self._is_paused:
            item = self._queue.popleft()
            self._size -= item.size_bytes
            self.has_written = True
            self._link.write(item)
        if self._is_paused:
            return
        self._queue = None
        if self._goodbye is not None:
            self._link.close(*self._goodbye)
            return
        self.express = self._sender
        if self._reached is not None:
            reached, self._reached = self._reached, None
            for item in self._rules.catch_up(reached):
                self.put(item)

    def muted(self) -> None:
        """The link takes nothing more: its end is near."""
        self.express = self._sender = None

    def close(self, code: CloseCode, reason: str) -> None:
        """Goodbye after what was put in before. The first reason stands."""
        self.express = None
        if self._goodbye is None:
            self._goodbye = code, reason
            if not self._is_paused:
                self._link.close(code, reason)

    def beat(self, passed_s: float) -> None:
        """Time has passed: a quiet link gets a sign of life (W6), a stuck one is given up (W11)."""
        if self._is_paused:
            unsent = self._link.unsent_bytes()
            self._idle_s = 0.0 if unsent < self._unsent else self._idle_s + passed_s
            self._unsent = unsent
            if self._idle_s >= self._rules.slow_after_s:
                self._give_up()
        elif self.has_written:
            self.has_written = False
            self._idle_s = 0.0
        elif self._goodbye is None:
            self._idle_s += passed_s
            if self._idle_s >= self._rules.keep_alive_s:
                self.put(SIGN_OF_LIFE)

    def _give_up(self) -> None:
        self.express = None
        self._queue = None
        self._size = 0
        self._goodbye = self._goodbye or (CloseCode.SLOW_CONSUMER, TOO_SLOW)
        self._is_paused = False
        self._link.close(*self._goodbye)
