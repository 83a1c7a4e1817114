"""Which cores server and load generator run on, so that neither takes the other's time."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Cores:
    """One core each; the same one where there is only one."""

    server: int
    generator: int

    @classmethod
    def of_this_machine(cls) -> Cores:
        """The first two that this process may use."""
        usable = sorted(os.sched_getaffinity(0))
        return cls(usable[0], usable[1 % len(usable)])

    def pin_server(self, pid: int) -> tuple[int, ...]:
        """Every thread of a process and of its children; the pids. Threads made later inherit it."""
        pids = (pid, *children_of(pid))
        for each in pids:
            for thread in Path(f"/proc/{each}/task").iterdir():
                os.sched_setaffinity(int(thread.name), {self.server})
        return pids

    def pin_generator(self) -> None:
        """The calling process."""
        os.sched_setaffinity(0, {self.generator})


def children_of(pid: int) -> tuple[int, ...]:
    """All processes below a process."""
    direct = [
        int(child)
        for thread in Path(f"/proc/{pid}/task").iterdir()
        for child in (thread / "children").read_text().split()
    ]
    return (*direct, *(below for child in direct for below in children_of(child)))
