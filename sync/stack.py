"""Room on the stack for a library that recurses: a deep document must not end the server. Linux; elsewhere nothing.

How much a process may use is laid out when it starts, so it raises its own limit and starts itself again, under the
same number. It is virtual memory: only what is used is there.
"""

from __future__ import annotations

import os
import sys

STACK_BYTES = 512 * 2**20
"""64 times what is usual. The messages that are read have at most 4 MiB, in rooms of other schemas 16 MiB."""
_AGAIN = "COPLAYER_STARTED_AGAIN"


def deepen() -> None:
    """Call it first of all in a program; may not return. Where a limit forbids it, nothing happens."""
    if os.environ.pop(_AGAIN, None) is not None or sys.platform != "linux":
        return
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_STACK)
    if not is_raised(soft, hard, resource.RLIM_INFINITY):
        return
    try:
        resource.setrlimit(resource.RLIMIT_STACK, (STACK_BYTES, hard))
        os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], {**os.environ, _AGAIN: "1"})
    except (OSError, ValueError):  # as when a sandbox forbids it; then as it was
        return


def is_raised(soft: int, hard: int, unlimited: int) -> bool:
    """Is there less than wanted, and may there be more?"""
    return soft != unlimited and soft < STACK_BYTES and (hard == unlimited or hard >= STACK_BYTES)
