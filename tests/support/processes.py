"""Other processes' processes, on Linux: whose children they are, and waiting for their end."""

from __future__ import annotations

import os
import select
from pathlib import Path

TIMEOUT_S = 30.0


def children(pid: int) -> list[int]:
    """Those that it has started, and that live."""
    found: list[int] = []
    for thread in Path(f"/proc/{pid}/task").iterdir():
        found += map(int, (thread / "children").read_text().split())
    return found


def wait_for_end(pid: int, timeout_s: float = TIMEOUT_S) -> None:
    """Returns when it is gone, or nothing but an entry that its parent has not read. Raises AssertionError."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        ended, _, _ = select.select([handle], [], [], timeout_s)
    finally:
        os.close(handle)
    assert ended, f"process {pid} still runs after {timeout_s:g} s"
