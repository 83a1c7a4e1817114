"""`python -m benchmarks.attack.timed_server`: the server, telling what a turn of its loop takes.

Every 10 ms one turn is measured, in processor time of the loop's thread: so others on the machine do not count. SIGUSR1
prints a line `turns: COUNT P50 P99 MAX` (ms) and begins anew.
"""

from __future__ import annotations

import asyncio
import signal
import socket
import sys
from time import thread_time

import uvicorn

from sync import cli

EVERY_S = 0.01


class Measure:
    """Of the loop that runs now."""

    def __init__(self) -> None:
        self._turns: list[float] = []
        self._loop = asyncio.get_running_loop()
        self._loop.add_signal_handler(signal.SIGUSR1, self._tell)
        self._due()

    def _due(self) -> None:
        self._loop.call_soon(self._turn, thread_time())

    def _turn(self, began: float) -> None:
        self._turns.append((thread_time() - began) * 1e3)
        self._loop.call_later(EVERY_S, self._due)

    def _tell(self) -> None:
        turns, self._turns = sorted(self._turns), []
        if turns:
            p99 = turns[min(len(turns) - 1, int(len(turns) * 0.99))]
            print(f"turns: {len(turns)} {turns[len(turns) // 2]:.3f} {p99:.3f} {turns[-1]:.3f}", flush=True)


async def startup(self: uvicorn.Server, sockets: list[socket.socket] | None = None) -> None:
    """As uvicorn's."""
    await STARTUP(self, sockets)
    self.measure = Measure()  # type: ignore[attr-defined]


STARTUP = uvicorn.Server.startup
if __name__ == "__main__":
    uvicorn.Server.startup = startup  # type: ignore[method-assign]
    sys.exit(cli.main())
