"""`python -m benchmarks.compare.watched up ...`: the `coplayer` command, which can be looked into by signals.

SIGUSR1 prints `count 1: 27 tasks`, then `count 2: ...`: the tasks of its event loop. SIGUSR2 starts cProfile in the
loop's thread; the second one writes the file that PROFILE names and prints `profile written`. The server itself knows
nothing of it.
"""

from __future__ import annotations

import asyncio
import cProfile
import itertools
import os
import signal
import sys

from agent.cli import main

PROFILE = "BENCHMARK_PROFILE"
"""Environment variable: where the profile goes."""


class Watch:
    """Its methods run between two steps of the loop, in its thread."""

    def __init__(self) -> None:
        self._counts = itertools.count(1)
        self._profile: cProfile.Profile | None = None

    def count(self, *_: object) -> None:
        """How many tasks there are."""
        print(f"count {next(self._counts)}: {len(asyncio.all_tasks())} tasks", flush=True)

    def profile(self, *_: object) -> None:
        """Starts, or stops and writes."""
        if self._profile is None:
            self._profile = cProfile.Profile()
            self._profile.enable()
            return
        self._profile.disable()
        self._profile.dump_stats(os.environ[PROFILE])
        self._profile = None
        print("profile written", flush=True)


if __name__ == "__main__":
    watch = Watch()
    signal.signal(signal.SIGUSR1, watch.count)
    signal.signal(signal.SIGUSR2, watch.profile)
    sys.exit(main())
