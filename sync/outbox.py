"""What waits to be sent to one connection: bounded frames, then perhaps a close. One writer takes them out."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import anyio

from sync.protocol import CloseCode


@dataclass(frozen=True, slots=True)
class Goodbye:
    """Close the socket after what was put in before."""

    code: CloseCode
    reason: str


class Outbox:
    """`max_bytes` bounds what waits; past it the connection is too slow and only a goodbye is left.

    Past `lag_bytes` it gets no increments any more; when it has read what waits, `catch_up` gives it one fresh
    difference from the state vector it has reached then (W11).
    """

    def __init__(
        self, max_bytes: int, lag_bytes: int = 2**20, catch_up: Callable[[bytes], Sequence[bytes]] = lambda _: ()
    ) -> None:
        self._max_bytes = max_bytes
        self._lag_bytes = lag_bytes
        self._catch_up = catch_up
        self._reached: bytes | None = None
        self._frames: deque[bytes] = deque()
        self._size = 0
        self._goodbye: Goodbye | None = None
        self._wake = anyio.Event()

    @property
    def size_bytes(self) -> int:
        """What waits."""
        return self._size

    def put_nowait(self, frame: bytes) -> None:
        """Add a frame; dropped when the connection is closing."""
        if self._goodbye is not None:
            return
        self._frames.append(frame)
        self._size += len(frame)
        if self._size > self._max_bytes:
            self._frames.clear()
            self._size = 0
            self.close(CloseCode.SLOW_CONSUMER, "This connection does not keep up; connect again.")
        self._wake.set()

    def put_increment(self, frame: bytes, reached: Callable[[], bytes]) -> None:
        """Add an update; `reached` is the state vector of who has read it. Left out while the connection lags."""
        if self._reached is not None:
            return
        self.put_nowait(frame)
        if self._size > self._lag_bytes:
            self._reached = reached()

    def close(self, code: CloseCode, reason: str) -> None:
        """The first reason stands."""
        if self._goodbye is None:
            self._goodbye = Goodbye(code, reason)
            self._wake.set()

    @property
    def is_closing(self) -> bool:
        """A goodbye is under way."""
        return self._goodbye is not None

    async def take(self) -> bytes | Goodbye:
        """The next frame, or the goodbye when no frames are left; waits for one."""
        while True:
            if self._frames:
                frame = self._frames.popleft()
                self._size -= len(frame)
                return frame
            if self._goodbye is not None:
                return self._goodbye
            if self._reached is not None:
                reached, self._reached = self._reached, None
                for frame in self._catch_up(reached):
                    self.put_nowait(frame)
                continue
            self._wake = anyio.Event()
            await self._wake.wait()
