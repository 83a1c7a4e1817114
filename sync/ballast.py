"""Space that is given up when the disk is full, so that what makes room can still be written: snapshots for rows."""

from __future__ import annotations

import logging
import os
import shutil
from pathlib import Path

ROOM_FACTOR = 4  # it is laid down only where this many times its size are free: it must not fill the disk itself
_CHUNK = 2**20

log = logging.getLogger(__name__)


class Ballast:
    """A file of `size_bytes` that holds nothing; 0 means none."""

    def __init__(self, path: Path, size_bytes: int) -> None:
        self.path = path
        self._size_bytes = size_bytes

    def lay(self) -> None:
        """Lay it down if it is not there and the disk has room for it; an optimisation, so failing is no error."""
        try:
            if self._size_bytes == 0 or self._is_laid():
                return
            if shutil.disk_usage(self.path.parent).free < ROOM_FACTOR * self._size_bytes:
                return
            with self.path.open("wb") as file:
                if hasattr(os, "posix_fallocate"):
                    os.posix_fallocate(file.fileno(), 0, self._size_bytes)
                else:
                    for start in range(0, self._size_bytes, _CHUNK):
                        file.write(bytes(min(_CHUNK, self._size_bytes - start)))
        except OSError as error:
            log.warning("no space is kept back for a full disk: %s", error)
            self.lift()

    def _is_laid(self) -> bool:
        return self.path.exists() and self.path.stat().st_size == self._size_bytes

    def lift(self) -> bool:
        """Give its space up; was there any? Another process's is left alone."""
        if self._size_bytes == 0:
            return False
        try:
            self.path.unlink()
        except OSError:
            return False
        return True
