"""Kills the server with SIGKILL at random moments while people write, and counts what was acknowledged and is gone.

`python benchmarks/kill.py --rounds 200 --store sqlite --writers 5`. Each round: the writers edit two rooms and note
every edit that `Provider.saved()` confirmed; the server dies; it starts again, and before any writer is back to heal
it, a newcomer looks whether all that was confirmed is there. Then the survivors return and all must agree. Snapshots
are written every few rows and rooms leave memory at once, so that kills strike compaction and unloading too. With
PostgreSQL, the database is killed along in every tenth round. Exit status 1 when anything was lost.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

if not __package__:  # run as a program: the tree is not on the path yet
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import anyio
import anyio.to_thread
import httpx
from pycrdt import Doc, Map

from sync.provider import Provider, ProviderClosed, connect
from tests.support.postgres import Postgres, running_postgres
from tests.support.server import Server

MAX_LIFE_S = 1.2  # after the first confirmed edit; a life has some hundred of them
IN_FLIGHT = 20  # edits of one writer that wait for their confirmation
ROUNDS_OF_A_ROOM = 20  # then two new rooms, so that documents stay small
TOGETHER_TIMEOUT_S = 30
SURVIVAL = 0.6  # of a writer's document: the others' clients die with the server
HUMAN_CLIENT_IDS = (2**20, 2**32 - 1)


@dataclass(slots=True)
class Totals:
    """What happened in all rounds."""

    rounds: int = 0
    edits: int = 0
    acked: int = 0
    lost: list[str] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)
    diverged: list[str] = field(default_factory=list)

    @property
    def is_clean(self) -> bool:
        """Nothing was lost and everybody agreed."""
        return self.acked > 0 and not (self.lost or self.unreadable or self.diverged)


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

    async def write(self, url: str, on_ack: Callable[[], None]) -> None:
        """Edits until cancelled: new shapes, and one number that counts up in the same shape."""
        limit = anyio.Semaphore(IN_FLIGHT)
        async with connect(f"{url}/{self.room}", self.doc, {"coplayer": "1"}) as provider:
            await provider.wait_synced()
            async with anyio.create_task_group() as tasks:
                while True:
                    await limit.acquire()
                    self.edits += 1
                    shape = self.name if self._rng.random() < 0.5 else f"{self.name}.{self.edits}"
                    shapes: Map[Any] = self.doc.get("shapes", type=Map)
                    if shape in shapes:
                        shapes[shape]["x"] = self.edits
                    else:
                        shapes[shape] = Map({"x": self.edits})
                    tasks.start_soon(self._confirm, provider, shape, self.edits, limit, on_ack)
                    if self._rng.random() < 0.2:
                        await anyio.sleep(self._rng.random() / 50)

    async def _confirm(
        self, provider: Provider, shape: str, number: int, limit: anyio.Semaphore, on_ack: Callable[[], None]
    ) -> None:
        await provider.saved()
        self.confirmed[shape] = max(self.confirmed.get(shape, 0), number)
        limit.release()
        on_ack()


class Ordeal:
    """One server with its store, its writers, and what they were promised."""

    def __init__(self, server: Server, database: Postgres | None, writers: int, seed: int, database_every: int) -> None:
        self.totals = Totals()
        self._database_every = database_every
        self._server = server
        self._database = database
        self._rng = random.Random(seed)
        self._count = writers
        self._rooms: list[tuple[str, list[Writer]]] = []

    async def round(self) -> None:
        """One life and death of the server, and the look at what it left."""
        if self.totals.rounds % ROUNDS_OF_A_ROOM == 0:
            self._move()
        self.totals.rounds += 1
        await self._live_and_die()
        for room, writers in self._rooms[-2:]:
            await self._look(room, writers)
        await self._gather()

    def _move(self) -> None:
        """Two new rooms, three in five of the writers in the first."""
        first = len(self._rooms)
        self._rooms += [(f"room-{first}", []), (f"room-{first + 1}", [])]
        for number in range(self._count):
            room, writers = self._rooms[first + number % 5 // 3]
            writers.append(Writer(f"w{number}", room, self._rng))

    @property
    def _writers(self) -> list[Writer]:
        return [writer for _, writers in self._rooms[-2:] for writer in writers]

    async def _live_and_die(self) -> None:
        first = anyio.Event()
        acked = 0

        def on_ack() -> None:
            nonlocal acked
            acked += 1
            first.set()

        edits = sum(writer.edits for writer in self._writers)
        database = self._database if self.totals.rounds % self._database_every == 0 else None
        async with anyio.create_task_group() as tasks:
            for writer in self._writers:
                tasks.start_soon(writer.write, self._server.sync_url, on_ack)
            await first.wait()
            await anyio.sleep(self._rng.random() * MAX_LIFE_S)
            if database is not None:
                await anyio.to_thread.run_sync(database.stop, "immediate")
            await anyio.to_thread.run_sync(self._server.kill)
            await anyio.sleep(0.02)  # what the server had said is read to the end
            tasks.cancel_scope.cancel()
        self.totals.acked += acked
        self.totals.edits += sum(writer.edits for writer in self._writers) - edits
        if database is not None:
            await anyio.to_thread.run_sync(database.start)
        await anyio.to_thread.run_sync(self._server.start)

    async def _look(self, room: str, writers: list[Writer]) -> None:
        """Before any writer is back: a newcomer has all that was confirmed to anybody."""
        newcomer: Doc[Any] = Doc(client_id=self._rng.randint(*HUMAN_CLIENT_IDS))
        try:
            async with connect(f"{self._server.sync_url}/{room}", newcomer, {"coplayer": "1"}) as provider:
                with anyio.fail_after(TOGETHER_TIMEOUT_S):
                    await provider.wait_synced()
        except (ProviderClosed, TimeoutError, ExceptionGroup) as error:
            self.totals.unreadable.append(f"{room}: {error!r}")
            return
        self._compare(room, writers, newcomer.get("shapes", type=Map).to_py() or {})

    def _compare(self, room: str, writers: list[Writer], shapes: dict[str, dict[str, float]]) -> None:
        for writer in writers:
            for shape, number in writer.confirmed.items():
                if shapes.get(shape, {}).get("x", 0) < number:
                    self.totals.lost.append(f"{room}: {shape} = {number}, found {shapes.get(shape)}")

    async def _gather(self) -> None:
        """The survivors return with all they had, confirmed or not, and must agree."""
        for writer in self._writers:
            if self._rng.random() > SURVIVAL:
                writer.reborn()
        for room, writers in self._rooms[-2:]:
            docs = [writer.doc for writer in writers]
            try:
                with anyio.fail_after(TOGETHER_TIMEOUT_S):
                    async with AsyncExitStack() as stack:
                        url = f"{self._server.sync_url}/{room}"
                        peers = [await stack.enter_async_context(connect(url, doc, {"coplayer": "1"})) for doc in docs]
                        for peer in peers:
                            await peer.wait_synced()
                            await peer.saved()
                        while any(_content(doc) != _content(docs[0]) for doc in docs[1:]):  # noqa: ASYNC110 - no event tells it
                            await anyio.sleep(0.02)
            except TimeoutError:
                self.totals.diverged.append(room)

    async def last_look(self) -> None:
        """Every room that there was, over REST, in a server that was stopped in peace and started again."""
        await anyio.to_thread.run_sync(self._server.stop)
        await anyio.to_thread.run_sync(self._server.start)
        async with httpx.AsyncClient(base_url=self._server.url, timeout=TOGETHER_TIMEOUT_S) as client:
            for room, writers in self._rooms:
                answer = await client.get(f"/api/rooms/{room}/doc")
                if answer.status_code == 200:
                    self._compare(room, writers, answer.json()["shapes"])
                else:
                    self.totals.unreadable.append(f"{room}: {answer.text}")


def _content(doc: Doc[Any]) -> Any:
    return doc.get("shapes", type=Map).to_py()


@contextmanager
def place(store: str, database: Postgres | None = None) -> Iterator[tuple[Server, Postgres | None]]:
    """A server that compacts all the time, on a store of its own (`database`, when it is given, is emptied)."""
    restless = ("--compact-after-rows", "20", "--unload-after-s", "0")
    with tempfile.TemporaryDirectory(prefix="coplayer-kill-") as folder:
        if store == "sqlite":
            with Server(Path(folder), *restless) as server:
                yield server, None
        elif database is not None:
            with Server(Path(folder), *restless, "--store", database.new_database()) as server:
                yield server, database
        else:
            with running_postgres() as own, place(store, own) as made:
                yield made


async def run(
    server: Server,
    database: Postgres | None,
    rounds: int,
    writers: int,
    seed: int,
    tell: Callable[[Totals], None] = lambda totals: None,
    database_every: int = 10,
) -> Totals:
    """`tell` hears of every round; in every `database_every`th the database dies along."""
    ordeal = Ordeal(server, database, writers, seed, database_every)
    for _ in range(rounds):
        await ordeal.round()
        tell(ordeal.totals)
    await ordeal.last_look()
    return ordeal.totals


def main() -> int:
    """The exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--store", choices=("sqlite", "postgres"), default="sqlite")
    parser.add_argument("--writers", type=int, default=5)
    parser.add_argument("--seed", type=int, default=None, help="of the moments and edits; timing differs all the same")
    arguments = parser.parse_args()
    seed = random.randrange(2**32) if arguments.seed is None else arguments.seed
    began = time.monotonic()
    row = "{:>7} {:>9} {:>9} {:>6} {:>11} {:>9} {:>8}"
    print(f"store {arguments.store}, {arguments.writers} writers, seed {seed}")
    print(row.format("rounds", "edits", "acked", "lost", "unreadable", "diverged", "seconds"), flush=True)

    def line(totals: Totals) -> str:
        numbers = (totals.edits, totals.acked, len(totals.lost), len(totals.unreadable), len(totals.diverged))
        return row.format(totals.rounds, *numbers, f"{time.monotonic() - began:.0f}")

    def tell(totals: Totals) -> None:
        if totals.rounds % 10 == 0:
            print(line(totals), flush=True)

    with place(arguments.store) as (server, database):
        totals = anyio.run(run, server, database, arguments.rounds, arguments.writers, seed, tell)
    print("total\n" + line(totals))
    for fault in (*totals.lost[:20], *totals.unreadable[:20], *totals.diverged[:20]):
        print("  " + fault)
    return 0 if totals.is_clean else 1


if __name__ == "__main__":
    sys.exit(main())
