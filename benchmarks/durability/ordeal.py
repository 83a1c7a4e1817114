"""Lives and deaths of one server, the people in it, and what they were promised."""

from __future__ import annotations

import random

import anyio
import anyio.to_thread

from benchmarks.durability.check import Check, Totals
from benchmarks.durability.historian import Historian
from benchmarks.durability.victim import Victim
from benchmarks.durability.writer import Writer

RESTORE_EVERY = 5  # rounds
MAX_RESTORE_S = 0.1  # it takes about half of this
ROUNDS_OF_A_ROOM = 20  # then two new rooms, so that documents stay small
SURVIVAL = 0.6  # of a writer's document: the others' clients die with the server


class Ordeal:
    """In every `database_every`th round the database, if there is one, dies along."""

    def __init__(self, victim: Victim, writers: int, seed: int, database_every: int, life_s: float) -> None:
        self.totals = Totals()
        self._life_s = life_s
        self._database_every = database_every
        self._victim = victim
        self._server = victim.server
        self._rng = random.Random(seed)
        self._check = Check(victim.server, self.totals, self._rng)
        self._count = writers
        self._rooms: list[tuple[str, list[Writer]]] = []
        self._historians: list[Historian] = []

    async def round(self) -> None:
        """One life and death of the server, and the look at what it left."""
        if self.totals.rounds % ROUNDS_OF_A_ROOM == 0:
            self._move()
        self.totals.rounds += 1
        await self._live_and_die()
        await self._rise()
        for room, writers in self._rooms[-2:]:
            await self._check.room(room, writers)
        await self._check.history(self._historians[-1])
        for writer in self._writers:
            if self._rng.random() > SURVIVAL:
                writer.reborn()
        for room, writers in self._rooms[-2:]:
            await self._check.agreement(room, writers)

    async def last_look(self) -> None:
        """Every room that there was, over REST, in a server that was stopped in peace and started again."""
        await anyio.to_thread.run_sync(self._victim.restart)
        await self._check.over_rest(self._rooms)
        for historian in self._historians:
            await self._check.history(historian)

    def _move(self) -> None:
        """Two new rooms, three in five of the writers in the first."""
        first = len(self._rooms)
        self._rooms += [(f"room-{first}", []), (f"room-{first + 1}", [])]
        self._historians.append(Historian(f"history-{first}"))
        for number in range(self._count):
            room, writers = self._rooms[first + number % 5 // 3]
            writers.append(Writer(f"w{number}", room, self._rng))

    @property
    def _writers(self) -> list[Writer]:
        return [writer for _, writers in self._rooms[-2:] for writer in writers]

    @property
    def _is_with_database(self) -> bool:
        return self._victim.database is not None and self.totals.rounds % self._database_every == 0

    async def _live_and_die(self) -> None:
        first = anyio.Event()
        historian = self._historians[-1]
        restored = historian.restored
        edits = sum(writer.edits for writer in self._writers)

        def on_ack(count: int) -> None:
            self.totals.acked += count
            self.totals.transactions += 1
            first.set()

        def die() -> None:
            self._victim.die(with_database=self._is_with_database)

        async with anyio.create_task_group() as tasks:
            for writer in self._writers:
                tasks.start_soon(writer.write, self._server.sync_url, on_ack)
            tasks.start_soon(historian.work, self._server.url)
            await first.wait()
            await anyio.sleep(self._rng.random() * self._life_s)
            await anyio.to_thread.run_sync(die)
            await anyio.sleep(0.02)  # what the server had said is read to the end
            tasks.cancel_scope.cancel()
        self.totals.versions += historian.restored - restored
        self.totals.edits += sum(writer.edits for writer in self._writers) - edits

    async def _rise(self) -> None:
        """The server starts again, after its database, or after it was killed in a restore too."""
        database = self._victim.database
        if database is None:
            if self.totals.rounds % RESTORE_EVERY == 0:
                after_s = self._rng.random() * MAX_RESTORE_S
                self.totals.restores += await anyio.to_thread.run_sync(self._victim.die_restoring, after_s)
        elif self._is_with_database:
            await anyio.to_thread.run_sync(database.start)
        await anyio.to_thread.run_sync(self._server.start)
