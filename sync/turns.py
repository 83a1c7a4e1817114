"""Who has sent more than is handled at once waits here, and all of them together get a small part of each turn of the
loop: a flood of any number of connections makes others wait for `SHARE_S`, not for the flood. docs/spec.md W15.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from time import perf_counter
from weakref import WeakKeyDictionary

SHARE_S = 0.002
"""Of a turn of the loop, for all who wait together; one of them takes `transport.TURN_S` and a message. With a quarter
of it an honest burst of 500 updates took half as long again (57 -> 83 ms), since each turn has a price of its own."""


class Turns:
    """Of one loop. Each call of those who wait handles a little; who needs more waits again, behind the others."""

    __slots__ = ("__weakref__", "_call_soon", "_is_due", "_waiting")

    def __init__(self, call_soon: Callable[[Callable[[], None]], object]) -> None:
        self._call_soon = call_soon
        self._waiting: deque[Callable[[], None]] = deque()
        self._is_due = False

    def wait(self, go_on: Callable[[], None]) -> None:
        """`go_on` is called in one of the next turns."""
        self._waiting.append(go_on)
        if not self._is_due:
            self._is_due = True
            self._call_soon(self._serve)

    def _serve(self) -> None:
        self._is_due = False
        end = perf_counter() + SHARE_S
        for _ in range(len(self._waiting)):
            self._waiting.popleft()()
            if perf_counter() >= end:
                break
        if self._waiting and not self._is_due:
            self._is_due = True
            self._call_soon(self._serve)


_TURNS: WeakKeyDictionary[asyncio.AbstractEventLoop, Turns] = WeakKeyDictionary()


def turns_of(loop: asyncio.AbstractEventLoop) -> Turns:
    """The loop's one."""
    turns = _TURNS.get(loop)
    if turns is None:
        turns = _TURNS[loop] = Turns(loop.call_soon)
    return turns
