"""A person who edits a room all the time, and notes what was confirmed."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import anyio
from pycrdt import Doc, Map

from sync.provider import Provider, connect

IN_FLIGHT = 8  # transactions of one writer that wait for their confirmation
MAX_BATCH = 64  # edits of one transaction
NEW_SHAPES = 0.05  # of the edits make one; the others change one of the writer's own
OWN_SHAPES = 8
HUMAN_CLIENT_IDS = (2**20, 2**32 - 1)


class Writer:
    """One person; `doc` outlives the server's deaths until the person's own."""

    def __init__(self, name: str, room: str, rng: random.Random) -> None:
        self.name = name
        self.room = room
        self.confirmed: dict[str, int] = {}
        """Shape -> the newest number in it that was confirmed."""
        self.edits = 0
        self._rng = rng
        self.reborn()

    def reborn(self) -> None:
        """Another client of the same person, with nothing in its memory."""
        self.doc: Doc[Any] = Doc(client_id=self._rng.randint(*HUMAN_CLIENT_IDS))

    async def write(self, url: str, on_ack: Callable[[int], None]) -> None:
        """Edits until cancelled: new shapes, and numbers that count up in the same ones."""
        limit = anyio.Semaphore(IN_FLIGHT)
        async with connect(f"{url}/{self.room}", self.doc, {"coplayer": "1"}) as provider:
            await provider.wait_synced()
            async with anyio.create_task_group() as tasks:
                while True:
                    await limit.acquire()
                    tasks.start_soon(self._confirm, provider, self._edit(), limit, on_ack)
                    if self._rng.random() < 0.5:
                        await anyio.sleep(self._rng.random() / 25)

    def _edit(self) -> dict[str, int]:
        """One transaction; which number is in which shape now."""
        shapes: Map[Any] = self.doc.get("shapes", type=Map)
        written: dict[str, int] = {}
        with self.doc.transaction():
            for _ in range(self._rng.randint(1, MAX_BATCH)):
                self.edits += 1
                is_new = self._rng.random() < NEW_SHAPES
                shape = f"{self.name}.{self.edits if is_new else -self._rng.randrange(OWN_SHAPES)}"
                if shape in shapes:
                    shapes[shape]["x"] = self.edits
                else:
                    shapes[shape] = Map({"x": self.edits})
                written[shape] = self.edits
        return written

    async def _confirm(
        self, provider: Provider, written: dict[str, int], limit: anyio.Semaphore, on_ack: Callable[[int], None]
    ) -> None:
        await provider.saved()
        for shape, number in written.items():
            self.confirmed[shape] = max(self.confirmed.get(shape, 0), number)
        limit.release()
        on_ack(len(written))
