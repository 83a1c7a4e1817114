"""How long the assistant still writes after Stop was pressed: in a stream, while its cursor travels, in a call.

`python benchmarks/cancel.py --cancels 200`: the real server, assistant process and wire; a model that never comes to an
end; a person who stops each run at a random moment. Measured at the person: from writing the flag to the arrival of the
assistant's last write, which is the run's end. Exit status 1 when anything was written after that, or p99 passes 1 s.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

if not __package__:  # run as a program: the tree is not on the path yet
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import anyio
import anyio.to_thread
from pycrdt import Doc, TransactionEvent
from pycrdt import Map as YMap

from agent.demo_wire import Reply
from agent.model import StepRequest
from sync.board import ask
from sync.canvas.canvas import read_json
from sync.protocol import EMPTY_UPDATE
from sync.provider import Provider, connect
from tests.agent.fault_server import ModelServer, serving
from tests.support.program import Program, clean_environ
from tests.support.server import Server

LIMIT_S = 1.0  # R7
MAX_LIFE_S = 2.5  # of a run before it is stopped
PATIENCE_S = 60.0


@dataclass
class Totals:
    """What happened in all rounds."""

    seconds: list[float] = field(default_factory=list)
    """From the flag to the last write."""
    stopped_in: Counter[str] = field(default_factory=Counter)
    """What the assistant was seen doing when it was stopped."""
    calls: int = 0
    late: list[str] = field(default_factory=list)
    """Runs of which something was written after their end."""
    other: Counter[str] = field(default_factory=Counter)
    """Ends that are not `cancelled`."""

    def table(self) -> str:
        """The figures, a line each."""
        ordered = sorted(self.seconds)
        cut = {name: ordered[min(len(ordered) - 1, int(len(ordered) * q))] for name, q in (("p50", 0.5), ("p99", 0.99))}
        ms = "  ".join(f"{name} {1000 * s:.0f} ms" for name, s in {**cut, "max": ordered[-1]}.items())
        doing = ", ".join(f"{name} {count}" for name, count in self.stopped_in.most_common())
        rows = {
            "cancels": len(ordered),
            "from Stop to the last write": ms,
            "stopped while": doing,
            "tool calls carried out before": self.calls,
            "written after the end": len(self.late),
            "ended otherwise": dict(self.other) or 0,
        }
        return "\n".join([*(f"{name:32} {value}" for name, value in rows.items()), *self.late])

    @property
    def p99_s(self) -> float:
        """Of the time to the last write."""
        ordered = sorted(self.seconds)
        return ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))]


class Person:
    """Asks in one room and stops what was asked."""

    def __init__(self, provider: Provider, rng: random.Random, totals: Totals) -> None:
        self._provider = provider
        self._rng = rng
        self._totals = totals
        self._runs: YMap[Any] = provider.doc.get("runs", type=YMap)
        self._is_writing = False
        self._last_write = 0.0
        self._ended: dict[str, dict[str, Any]] = {}
        provider.doc.observe(self._on_change)

    def _on_change(self, event: TransactionEvent) -> None:
        # Nobody else is in the room: what is news and not one's own is the assistant's.
        if event.update != EMPTY_UPDATE and not self._is_writing:
            self._last_write = time.monotonic()

    async def round(self) -> None:
        """One run from its prompt to its end."""
        doc = self._provider.doc
        self._is_writing = True
        run = ask(
            doc, text="go on for ever", by="ann", by_name="Ann", now_ms=int(time.time() * 1000), thread="main",
            context={}, agent="assistant",
        )  # fmt: skip
        self._is_writing = False
        await self._until(lambda: self._runs[run].get("status") != "queued")
        await anyio.sleep(self._rng.random() * MAX_LIFE_S)
        self._totals.stopped_in[self._doing()] += 1
        flagged, self._is_writing = time.monotonic(), True
        self._runs[run]["cancel"] = {"by": "ann", "at": int(time.time() * 1000)}
        self._is_writing = False
        await self._until(lambda: self._runs[run].get("ended_at") is not None)
        status = str(self._runs[run].get("status"))
        if status != "cancelled":
            self._totals.other[status] += 1
        await anyio.sleep(0.05)  # what was sent along with the end, or right after it
        self._totals.seconds.append(self._last_write - flagged)
        self._ended[run] = self._of(run)
        self._totals.calls += len(self._ended[run]["calls"])

    def look_back(self) -> None:
        """Whether anything was written for a run after its end."""
        self._totals.late += [run for run, was in self._ended.items() if self._of(run) != was]

    def _of(self, run: str) -> dict[str, Any]:
        """All that the assistant wrote for a run."""
        found = {root: read_json(self._provider.doc.get(root, type=YMap)) for root in ("shapes", "calls", "messages")}
        mine = {root: {k: v for k, v in entries.items() if k.startswith(f"{run}.")} for root, entries in found.items()}
        return {**mine, "run": read_json(self._runs[run])}

    def _doing(self) -> str:
        agents = [state["agent"] for state in self._provider.peers.values() if "agent" in state]
        return str(agents[0].get("status")) if agents else "away"

    async def _until(self, is_so: Callable[[], bool]) -> None:
        with anyio.fail_after(PATIENCE_S):
            while not is_so():  # noqa: ASYNC110 - told by the document
                await anyio.sleep(0.002)


def for_ever(request: StepRequest) -> Reply:
    """Words, and one or three calls; never the same twice."""
    n = sum(item.get("type") == "function_call" for item in request.items)
    shapes = [{"type": "rect", "x": 120 * k, "y": 80 * n, "w": 100, "h": 60, "text": f"{n}.{k}"} for k in range(10)]
    create = ("create", {"shapes": shapes})
    if n % 4:
        return Reply(f"Step {n}. " + "Here is some more of it. " * 4, (create,))
    return Reply("", tuple(("create", {"shapes": shapes[k : k + 1]}) for k in range(3)))


@contextmanager
def assistant(server: Server, model_url: str) -> Iterator[None]:
    """The assistant's process, paced as it is for people."""
    environ = clean_environ(OPENAI_BASE_URL=model_url, COPLAYER_MODEL="scripted", COPLAYER_AGENT_LINGER="60")
    program = Program(["-m", "agent", "agent", "--server", server.url], environ=environ)
    try:
        yield
    finally:
        program.kill()


async def run(cancels: int, rooms: int, seed: int, tell: Callable[[Totals], None] = lambda _: None) -> Totals:
    """Spread over rooms that are worked in side by side."""
    totals, model = Totals(), ModelServer([], pace_s=0.01, answer=for_ever)
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="coplayer-cancel-")))
        server = stack.enter_context(Server(folder))
        stack.enter_context(assistant(server, await stack.enter_async_context(serving(model))))
        people: list[Person] = []
        for room in range(rooms):
            doc: Doc[Any] = Doc()
            url = f"{server.sync_url}/cancel-{room}"
            provider = await stack.enter_async_context(connect(url, doc, {"coplayer": "1"}))
            await provider.wait_synced()
            people.append(Person(provider, random.Random(seed + room), totals))
        left = cancels

        async def work(person: Person) -> None:
            nonlocal left
            while left > 0:
                left -= 1
                await person.round()
                tell(totals)

        async with anyio.create_task_group() as tasks:
            for person in people:
                tasks.start_soon(work, person)
        for person in people:
            person.look_back()
    return totals


def main() -> int:
    """The exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--cancels", type=int, default=40)
    parser.add_argument("--rooms", type=int, default=2, help="worked in side by side by one process")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()

    def tell(totals: Totals) -> None:
        if len(totals.seconds) % 20 == 0:
            print(f"  {len(totals.seconds)} cancels", flush=True)

    async def everything() -> Totals:
        return await run(arguments.cancels, arguments.rooms, arguments.seed, tell)

    totals = anyio.run(everything)
    print(totals.table())
    return 1 if totals.late or totals.other or totals.p99_s > LIMIT_S else 0


if __name__ == "__main__":
    sys.exit(main())
