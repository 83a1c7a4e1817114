"""`python -m tests.support.fragile STORE`: a hub that reads room `r`, with a library that ends the process on POISON.

It prints the room's shapes, and why it is sealed if it is.
"""

from __future__ import annotations

import os
import signal
import sys
from typing import Any, TypeVar

import anyio
from pycrdt import Doc, Map

import sync.room
from sync.board import PROFILES
from sync.hub import Hub
from sync.settings import Settings
from sync.stores import open_store

T = TypeVar("T", bound=Any)
POISON = b"poison"
"""A key with this in its name."""


class Panic(BaseException):
    """As the library's own: no Exception."""


class PanickingDoc(Doc[T]):
    """Fails on an update with POISON in it."""

    def apply_update(self, update: bytes) -> None:
        """As Doc's."""
        if POISON in update:
            raise Panic("called `Option::unwrap()` on a `None` value")
        super().apply_update(update)


class DeadlyDoc(Doc[T]):
    """The process is gone without a word, as when the stack overflows."""

    def apply_update(self, update: bytes) -> None:
        """As Doc's."""
        if POISON in update:
            os.kill(os.getpid(), signal.SIGKILL)
        super().apply_update(update)


async def main(url: str) -> None:
    """Read the room once."""
    settings = Settings(store=url, ballast_bytes=0)
    hub = Hub(open_store(settings), settings, profile_of=lambda name: PROFILES[name])
    async with hub.running(), hub.rooms.using("r") as live:
        shapes = live.room.doc.get("shapes", type=Map).to_py() or {}
        sys.stdout.write(f"shapes {sorted(shapes)}, sealed {live.room.sealed is not None}\n")


if __name__ == "__main__":
    setattr(sync.room, "Doc", DeadlyDoc)  # noqa: B010 - mypy: the module does not export it
    anyio.run(main, sys.argv[1])
