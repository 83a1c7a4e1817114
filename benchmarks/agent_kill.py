"""Kills the assistant's process with SIGKILL in a ten-call run, and looks whether the next one finishes it, once.

`python benchmarks/agent_kill.py --rounds 200` kills at random moments; `--awaits` at every await of the process, as its
own event loop counts them while it works (`--stride 5`: at every fifth). Each round: a person asks, the assistant works
over the real server and a real HTTP model, dies, its face must be gone within 2 s, another process takes over when the
lease has run out. Then board, log and words must be those of a run that nobody disturbed. Exit status 1 otherwise.

All assistants are forked from one process that has imported everything, so that a round costs little but the lease.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import random
import secrets
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

if not __package__:  # run as a program: the tree is not on the path yet
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import anyio
import anyio.to_thread
import httpx2
from pycrdt import Doc
from pycrdt import Map as YMap

from agent.model import StepRequest
from sync.board import ask
from sync.canvas.canvas import read_json
from sync.provider import Provider, connect
from tests.agent.fault_server import ModelServer, serving
from tests.agent.mortal import CALLS, WORDS, counted, effect, reply_after, ten_calls
from tests.support.program import clean_environ
from tests.support.server import Server

LEASE_S = 1
FACE_GONE_S = 2.0  # after the death of its process
PATIENCE_S = 60.0
MAX_LIFE_S = 2.0  # of a victim, unless the run it is killed in takes less
ENDED = ("completed", "failed", "incomplete", "cancelled", "expired")


# ---- the process that is killed


def nursery() -> None:
    """Reads `{"environ", "die_at", "count_to"}` a line from stdin, forks an assistant for each, prints its pid."""
    import agent.service  # noqa: F401 - imported once, before the forks

    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for line in sys.stdin:
        order = json.loads(line)
        pid = os.fork()
        if pid == 0:
            os.close(0)
            os.setpgid(0, 0)
            _be_assistant(order["environ"], order["die_at"], order["count_to"])
        print(pid, flush=True)


def _be_assistant(environ: dict[str, str], die_at: int | None, count_to: str) -> None:
    """Never returns. Counts the awaits of all tasks while a run is worked on, and dies at the given one."""
    import asyncio

    from agent import run as runs
    from agent.service import work
    from agent.settings import Settings

    # A task that is cancelled before its first step leaves the coroutine that we count unstarted.
    warnings.simplefilter("ignore", RuntimeWarning)
    awaits, at_work = 0, False

    def on_await() -> None:
        nonlocal awaits
        awaits += at_work
        if awaits == die_at:
            os.kill(os.getpid(), signal.SIGKILL)

    original = runs.Runner.work

    async def watched(self: runs.Runner, run: Any) -> None:
        nonlocal at_work
        at_work = True
        await original(self, run)
        at_work = False
        Path(count_to).write_text(str(awaits))  # noqa: ASYNC240 - the run is over

    async def main() -> int:
        loop = asyncio.get_running_loop()
        loop.set_task_factory(
            lambda loop, coroutine, **options: asyncio.Task(counted(coroutine, on_await), loop=loop, **options)
        )
        return await work(Settings.from_env(environ))

    runs.Runner.work = watched  # type: ignore[method-assign]
    os._exit(anyio.run(main))


class Nursery:
    """Starts assistants that share a server and a model."""

    def __init__(self, server: Server, model_url: str, folder: Path) -> None:
        self._count = folder / "awaits"
        self._environ = clean_environ(
            COPLAYER_SERVER=server.url, OPENAI_BASE_URL=model_url, COPLAYER_MODEL="scripted",
            COPLAYER_CALL_PAUSE="0.02", COPLAYER_AGENT_LINGER="60",
        )  # fmt: skip
        self._process = subprocess.Popen(
            [sys.executable, __file__, "--nursery"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def birth(self, die_at: int | None = None) -> int:
        """A new assistant's pid."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        order = {"environ": self._environ, "die_at": die_at, "count_to": str(self._count)}
        print(json.dumps(order), file=self._process.stdin, flush=True)
        return int(self._process.stdout.readline())

    def has_counted(self) -> bool:
        """Whether an assistant finished a run."""
        return self._count.exists() and bool(self._count.read_text())

    @property
    def awaits(self) -> int:
        """Of the last run that an assistant finished."""
        return int(self._count.read_text())

    def close(self) -> None:
        """No more births."""
        with self._process:  # closes its pipes and waits
            self._process.kill()


def is_alive(pid: int) -> bool:
    """Whether the process has not ended."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def kill(pid: int) -> None:
    """SIGKILL, if it is not dead already."""
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


# ---- the rounds


@dataclass
class Totals:
    """What happened in all rounds."""

    rounds: int = 0
    killed: int = 0
    outlived: int = 0
    """Rounds in which the run was over before the moment came."""
    calls_done: list[int] = field(default_factory=list)
    """Calls in the log when the process died."""
    faces: int = 0
    """Rounds in which people saw the assistant until it died."""
    face_s: list[float] = field(default_factory=list)
    """From the death until everybody had heard that the face is gone."""
    takeover_s: list[float] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)

    def table(self) -> str:
        """The figures, a line each."""
        slowest = max(self.face_s, default=0.0)
        takeover = statistics.median(self.takeover_s) if self.takeover_s else 0.0
        spread = ", ".join(f"{n}: {self.calls_done.count(n)}" for n in range(CALLS + 1))
        rows = {
            "rounds": self.rounds,
            "killed in the run": self.killed,
            "over before the moment": self.outlived,
            "calls done at the death": spread,
            "faces seen at the death": self.faces,
            "gone after, worst": f"{slowest:.3f} s (limit {FACE_GONE_S:g} s)",
            "finished by the next after, median": f"{takeover:.2f} s (lease {LEASE_S} s)",
            "effects lost, doubled or wrong; runs not finished; faces left": len(self.broken),
        }
        return "\n".join([*(f"{name:64} {value}" for name, value in rows.items()), *self.broken])


class Ordeal:
    """One server, one model, one nursery; each round a room of its own."""

    def __init__(self, server: Server, model: ModelServer, nursery: Nursery, rng: random.Random) -> None:
        self.totals = Totals()
        self._server = server
        self._model = model
        self._nursery = nursery
        self._rng = rng
        self._expected: dict[str, Any] = {}
        self._calm_s = 0.0

    async def calm(self) -> int:
        """A run that nobody disturbs: what is expected, and how many awaits it has."""
        async with self._room() as (person, run):
            began = time.monotonic()
            pid = await self._birth()
            await self._until(lambda: _status(person, run) in ENDED)
            self._calm_s = time.monotonic() - began
            self._expected = _effect(person, run)
            await self._until(self._nursery.has_counted)
            kill(pid)
        assert self._expected["run"]["status"] == "completed", self._expected["run"]
        assert list(self._expected["said"].values()) == WORDS
        assert len(self._expected["calls"]) == CALLS
        await self._until(lambda: not is_alive(pid))
        return self._nursery.awaits

    async def round(self, die_at: int | None) -> None:
        """One death, at that await or (None) at a random moment, and what the next assistant makes of it."""
        totals = self.totals
        totals.rounds += 1
        name = f"round {totals.rounds} ({'at random' if die_at is None else f'await {die_at}'})"
        async with self._room() as (person, run):
            victim = await self._birth(die_at)
            if die_at is None:
                await self._until(lambda: _status(person, run) != "queued")
                await anyio.sleep(self._rng.random() * min(MAX_LIFE_S, self._calm_s))
                kill(victim)
            await self._until(lambda: not is_alive(victim) or _status(person, run) in ENDED)
            if _status(person, run) in ENDED:
                totals.outlived += 1
                kill(victim)
            else:
                totals.killed += 1
            totals.faces += bool(person.peers)
            died = time.monotonic()
            with anyio.move_on_after(FACE_GONE_S + 3):
                while is_alive(victim) or person.peers:  # noqa: ASYNC110 - another process
                    await anyio.sleep(0.005)
            totals.face_s.append(time.monotonic() - died)
            if totals.face_s[-1] > FACE_GONE_S:
                totals.broken.append(f"{name}: the face was there for {totals.face_s[-1]:.2f} s")
            totals.calls_done.append(len(read_json(person.doc.get("calls", type=YMap))))
            heir = await self._birth()
            try:
                await self._until(lambda: _status(person, run) in ENDED)
                totals.takeover_s.append(time.monotonic() - died)
            except TimeoutError:
                totals.broken.append(f"{name}: not finished")
            finally:
                kill(heir)
            if _effect(person, run) != self._expected:
                totals.broken.append(f"{name}: {json.dumps(_effect(person, run))}")
        if self._model.refused:
            totals.broken.append(f"{name}: the model's server refused {self._model.refused.pop()}")

    async def _birth(self, die_at: int | None = None) -> int:
        return await anyio.to_thread.run_sync(self._nursery.birth, die_at)

    @asynccontextmanager
    async def _room(self) -> AsyncIterator[tuple[Provider, str]]:
        """A room with a person in it who has asked."""
        doc: Doc[Any] = Doc()
        room = f"kill-{secrets.token_hex(6)}"
        async with connect(f"{self._server.sync_url}/{room}", doc, {"coplayer": "1"}) as person:
            await person.wait_synced()
            run = ask(
                doc, text="draw", by="ann", by_name="Ann", now_ms=1, thread="main", context={}, agent="assistant"
            )  # fmt: skip
            self._model.answer = _script(run)
            await person.saved()
            yield person, run
        # An assistant that was killed gave no lease back: the next one would look after all the rooms before.
        async with httpx2.AsyncClient(base_url=self._server.url, timeout=PATIENCE_S) as http:
            (await http.delete(f"/api/rooms/{room}")).raise_for_status()

    async def _until(self, is_so: Callable[[], bool]) -> None:
        with anyio.fail_after(PATIENCE_S):
            while not is_so():  # noqa: ASYNC110 - other processes
                await anyio.sleep(0.002)


def _script(run: str) -> Callable[[StepRequest], Any]:
    return lambda request: reply_after(ten_calls(run), request)


def _status(person: Provider, run: str) -> str:
    return str(person.doc.get("runs", type=YMap)[run].get("status"))


def _effect(person: Provider, run: str) -> dict[str, Any]:
    roots = ("shapes", "calls", "messages", "runs")
    return effect({root: read_json(person.doc.get(root, type=YMap)) for root in roots}, run)


async def run(
    rounds: int,
    seed: int,
    *,
    awaits: bool = False,
    stride: int = 1,
    minutes: float = math.inf,
    tell: Callable[[Totals], None] = lambda _: None,
) -> tuple[Totals, int]:
    """The totals, and the await points of an undisturbed run."""
    ends = time.monotonic() + 60 * minutes
    model = ModelServer([], pace_s=0.001)
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="coplayer-agent-kill-")))
        server = stack.enter_context(Server(folder / "data", environ={"COPLAYER_LEASE_S": str(LEASE_S)}))
        nursery = Nursery(server, await stack.enter_async_context(serving(model)), folder)
        stack.callback(nursery.close)
        ordeal = Ordeal(server, model, nursery, random.Random(seed))
        points = await ordeal.calm()
        for moment in range(1, points + 1, stride) if awaits else [None] * rounds:
            if time.monotonic() > ends:
                break
            await ordeal.round(moment)
            tell(ordeal.totals)
        return ordeal.totals, points


def main() -> int:
    """The exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--awaits", action="store_true", help="at every await instead of at random moments")
    parser.add_argument("--stride", type=int, default=1, help="with --awaits: at every n-th")
    parser.add_argument("--minutes", type=float, default=math.inf, help="begin no round after these")
    parser.add_argument("--seed", type=int, default=None, help="of the moments; timing differs all the same")
    parser.add_argument("--nursery", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.nursery:
        nursery()
        return 0
    seed = random.randrange(2**32) if arguments.seed is None else arguments.seed

    def tell(totals: Totals) -> None:
        if totals.rounds % 10 == 0:
            print(f"  {totals.rounds} rounds, {len(totals.broken)} broken", flush=True)

    async def everything() -> tuple[Totals, int]:
        return await run(
            arguments.rounds,
            seed,
            awaits=arguments.awaits,
            stride=arguments.stride,
            minutes=arguments.minutes,
            tell=tell,
        )

    totals, points = anyio.run(everything)
    print(f"{'await points of the process in an undisturbed run':64} {points}")
    print(totals.table())
    return 1 if totals.broken else 0


if __name__ == "__main__":
    sys.exit(main())
