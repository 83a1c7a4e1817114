"""`python -m tests.support.compactor STORE`: appends and compacts one room until it is killed, and says what it does.

Row n of the log is the number n as text; a snapshot up to row n begins with n. So whoever loads the room can tell
whether it is whole.
"""

from __future__ import annotations

import random
import sys
from contextlib import suppress

import anyio

from sync.settings import Settings
from sync.store import Entry, RoomExists
from sync.stores import open_store

PADDING = bytes(2 * 2**20)  # so that writing a snapshot takes a while
ROOM = "r"


async def main(url: str) -> None:
    """Until killed."""
    store = open_store(Settings(store=url))
    async with store.open():
        with suppress(RoomExists):  # it was killed before
            await store.create(ROOM, "e", "any", 0)
        seq = (await store.load(ROOM)).seq
        while True:
            rows = range(seq + 1, seq + 1 + random.randint(1, 5))
            seq = await store.append(ROOM, [Entry(b"%d" % row, "", 0) for row in rows])
            sys.stdout.write(f"acked {seq}\n")
            sys.stdout.write(f"compact {seq}\n")
            await store.compact(ROOM, b"%d " % seq + PADDING, seq)
            sys.stdout.write(f"compacted {seq}\n")


if __name__ == "__main__":
    anyio.run(main, sys.argv[1])
