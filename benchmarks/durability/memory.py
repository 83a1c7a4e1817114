"""Folders for files that are compared, not kept."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

MEMORY = Path("/dev/shm")


def in_memory(prefix: str) -> TemporaryDirectory[str]:
    """A folder in memory, or where there is no such place, in the usual one."""
    return TemporaryDirectory(prefix=prefix, dir=MEMORY if MEMORY.is_dir() else None)
