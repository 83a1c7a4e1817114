"""Kills the server with SIGKILL at random moments while people write, and counts what was acknowledged and is gone.

`python benchmarks/kill.py --rounds 200 --store sqlite --writers 5`. Each round: the writers edit two rooms and note
every edit that `Provider.saved()` confirmed; the server dies; it starts again, and before any writer is back to heal
it, a newcomer looks whether all that was confirmed is there. Then the survivors return and all must agree. Snapshots
are written every few rows and rooms leave memory at once, so that kills strike compaction and unloading too, and
somebody goes back to versions of a third room all the time. In every fifth round, while the server is down, its file is
backed up and put back, and that is killed as well. With PostgreSQL, the database is killed along in every tenth round.

`--tally FILE` adds to the totals in a file, so that a thousand rounds can be run in pieces; `--minutes` ends a piece.
Exit status 1 when anything was lost.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import asdict, dataclass, field
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
from tests.support.program import Program
from tests.support.server import Server

LIFE_S = 0.6  # at most, after the first confirmed edit; a life has some hundreds of them, or thousands
IN_FLIGHT = 8  # transactions of one writer that wait for their confirmation
MAX_BATCH = 64  # edits of one transaction
NEW_SHAPES = 0.05  # of the edits make one; the others change one of the writer's own
OWN_SHAPES = 8
RESTORE_EVERY = 5  # rounds
HISTORIAN_PAUSE_S = 0.05
VERSIONS_OF_A_ROOM = 900
MAX_RESTORE_S = 0.1  # it takes about half of this
ROUNDS_OF_A_ROOM = 20  # then two new rooms, so that documents stay small
TOGETHER_TIMEOUT_S = 30
SURVIVAL = 0.6  # of a writer's document: the others' clients die with the server
HUMAN_CLIENT_IDS = (2**20, 2**32 - 1)


@dataclass(slots=True)
class Totals:
    """What happened in all rounds. An edit is one field of one shape."""

    rounds: int = 0
    edits: int = 0
    acked: int = 0
    transactions: int = 0
    versions: int = 0
    """Times that somebody went back to a version, and heard that it was done."""
    restores: int = 0
    """Times that putting a backup in place was killed."""
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


class _Unanswered(Exception):
    """The server says that it could not save it in time; it may yet be saved."""


class Historian:
    """Writes a number over REST, keeps versions and goes back to them, one after the other; `may_be` is what may stand
    there now: what was answered, and what was asked and not answered."""

    def __init__(self, room: str) -> None:
        self.room = room
        self.may_be: set[int] = {0}
        self.restored = 0
        self._number = 0
        self._is_made = False

    async def work(self, url: str) -> None:
        """Until the server dies."""
        async with httpx.AsyncClient(base_url=url, timeout=TOGETHER_TIMEOUT_S) as client:
            try:
                if not self._is_made:
                    made = await client.post("/api/rooms", json={"room": self.room})
                    _check(made)
                    assert made.status_code in (201, 409), made.text  # made, and died before it said so
                    self._is_made = True
                while True:
                    await self._write(client)
                    kept = (await self._ask(client, "versions", {"name": "kept"})).json()["id"]
                    before = self._number
                    await self._write(client)
                    self.may_be.add(before)
                    await self._ask(client, f"versions/{kept}/restore", {})
                    self.may_be = {before}
                    self.restored += 1
                    if self.restored == VERSIONS_OF_A_ROOM:  # it keeps a thousand at most
                        return
                    await anyio.sleep(HISTORIAN_PAUSE_S)
            except (httpx.TransportError, _Unanswered):
                return

    async def _write(self, client: httpx.AsyncClient) -> None:
        self._number += 1
        self.may_be.add(self._number)
        headers = {"content-type": "application/merge-patch+json"}
        body = json.dumps({"meta": {"n": self._number}})
        answer = await client.patch(f"/api/rooms/{self.room}/doc", content=body, headers=headers)
        _check(answer)
        assert answer.status_code == 200, answer.text
        self.may_be = {self._number}

    async def _ask(self, client: httpx.AsyncClient, path: str, body: dict[str, str]) -> httpx.Response:
        answer = await client.post(f"/api/rooms/{self.room}/{path}", json=body)
        _check(answer)
        assert answer.status_code < 300, answer.text
        return answer


def _check(answer: httpx.Response) -> None:
    if answer.status_code == 503:
        raise _Unanswered(answer.text)


class Ordeal:
    """One server with its store, its writers, and what they were promised."""

    def __init__(
        self, server: Server, database: Postgres | None, writers: int, seed: int, database_every: int, life_s: float
    ) -> None:
        self.totals = Totals()
        self._life_s = life_s
        self._database_every = database_every
        self._server = server
        self._database = database
        self._rng = random.Random(seed)
        self._count = writers
        self._rooms: list[tuple[str, list[Writer]]] = []
        self._historians: list[Historian] = []

    async def round(self) -> None:
        """One life and death of the server, and the look at what it left."""
        if self.totals.rounds % ROUNDS_OF_A_ROOM == 0:
            self._move()
        self.totals.rounds += 1
        await self._live_and_die()
        for room, writers in self._rooms[-2:]:
            await self._look(room, writers)
        await self._look_at_history(self._historians[-1])
        await self._gather()

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

    async def _live_and_die(self) -> None:
        first = anyio.Event()
        acked = transactions = 0
        historian = self._historians[-1]
        restored = historian.restored

        def on_ack(count: int) -> None:
            nonlocal acked, transactions
            acked += count
            transactions += 1
            first.set()

        edits = sum(writer.edits for writer in self._writers)
        database = self._database if self.totals.rounds % self._database_every == 0 else None
        async with anyio.create_task_group() as tasks:
            for writer in self._writers:
                tasks.start_soon(writer.write, self._server.sync_url, on_ack)
            tasks.start_soon(historian.work, self._server.url)
            await first.wait()
            await anyio.sleep(self._rng.random() * self._life_s)
            if database is not None:
                await anyio.to_thread.run_sync(database.stop, "immediate")
            await anyio.to_thread.run_sync(self._server.kill)
            await anyio.sleep(0.02)  # what the server had said is read to the end
            tasks.cancel_scope.cancel()
        self.totals.acked += acked
        self.totals.transactions += transactions
        self.totals.versions += historian.restored - restored
        self.totals.edits += sum(writer.edits for writer in self._writers) - edits
        if database is not None:
            await anyio.to_thread.run_sync(database.start)
        if self._database is None and self.totals.rounds % RESTORE_EVERY == 0:
            await anyio.to_thread.run_sync(self._restore)
        await anyio.to_thread.run_sync(self._server.start)

    def _restore(self) -> None:
        """Put a backup of all in its place, and die of it; what is then in place has all that was confirmed."""
        file = str(self._server.data / "coplayer.db")
        program = Program(["-m", "tests.support.restorer", file])
        try:
            program.wait_for_line("^restoring$")
            time.sleep(self._rng.random() * MAX_RESTORE_S)
        finally:
            program.kill()
        self.totals.restores += "restored" not in program.output.splitlines()

    async def _look_at_history(self, historian: Historian) -> None:
        async with httpx.AsyncClient(base_url=self._server.url, timeout=TOGETHER_TIMEOUT_S) as client:
            answer = await client.get(f"/api/rooms/{historian.room}/doc")
        if answer.status_code == 404 and historian.may_be <= {0, 1}:
            return  # it died before it was made
        if answer.status_code != 200:
            self.totals.unreadable.append(f"{historian.room}: {answer.text}")
            return
        found = answer.json().get("meta", {}).get("n", 0)
        if found not in historian.may_be:
            self.totals.lost.append(f"{historian.room}: {found}, and not one of {sorted(historian.may_be)}")
        historian.may_be = {found}

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
        for historian in self._historians:
            await self._look_at_history(historian)


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
    minutes: float = math.inf,
    life_s: float = LIFE_S,
) -> Totals:
    """`tell` hears of every round; in every `database_every`th the database dies along."""
    ends = time.monotonic() + 60 * minutes
    ordeal = Ordeal(server, database, writers, seed, database_every, life_s)
    for _ in range(rounds):
        await ordeal.round()
        tell(ordeal.totals)
        if time.monotonic() > ends:
            break
    await ordeal.last_look()
    tell(ordeal.totals)
    return ordeal.totals


def add(earlier: dict[str, Any], totals: Totals) -> dict[str, Any]:
    """The sum of two pieces; numbers add up, lists are joined."""
    return {name: earlier[name] + value if name in earlier else value for name, value in asdict(totals).items()}


def main() -> int:
    """The exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--minutes", type=float, default=math.inf, help="begin no round after these")
    parser.add_argument("--life-s", type=float, default=LIFE_S, help="of the server, at most, after the first answer")
    parser.add_argument("--store", choices=("sqlite", "postgres"), default="sqlite")
    parser.add_argument("--writers", type=int, default=5)
    parser.add_argument("--seed", type=int, default=None, help="of the moments and edits; timing differs all the same")
    parser.add_argument("--tally", type=Path, help="totals of all pieces so far, as JSON; is made or added to")
    arguments = parser.parse_args()
    seed = random.randrange(2**32) if arguments.seed is None else arguments.seed
    began = time.monotonic()
    row = "{:>7} {:>9} {:>9} {:>8} {:>8} {:>6} {:>11} {:>9} {:>8}"
    print(f"store {arguments.store}, {arguments.writers} writers, seed {seed}")
    heads = ("rounds", "edits", "acked", "versions", "restores", "lost", "unreadable", "diverged", "seconds")
    print(row.format(*heads), flush=True)
    tally: Path | None = arguments.tally
    earlier = json.loads(tally.read_text()) if tally is not None and tally.exists() else {}

    def line(totals: Totals) -> str:
        counts = (totals.rounds, totals.edits, totals.acked, totals.versions, totals.restores)
        faults = (len(totals.lost), len(totals.unreadable), len(totals.diverged))
        return row.format(*counts, *faults, f"{time.monotonic() - began:.0f}")

    def tell(totals: Totals) -> None:
        if tally is not None:
            part = tally.with_suffix(".part")
            part.write_text(json.dumps(add(earlier, totals)))
            part.replace(tally)
        if totals.rounds % 10 == 0:
            print(line(totals), flush=True)

    with place(arguments.store) as (server, database):
        limits = {"minutes": arguments.minutes, "life_s": arguments.life_s}
        totals = anyio.run(lambda: run(server, database, arguments.rounds, arguments.writers, seed, tell, **limits))
    totals = Totals(**add(earlier, totals))
    print("total\n" + line(totals))
    for fault in (*totals.lost[:20], *totals.unreadable[:20], *totals.diverged[:20]):
        print("  " + fault)
    return 0 if totals.is_clean else 1


if __name__ == "__main__":
    sys.exit(main())
