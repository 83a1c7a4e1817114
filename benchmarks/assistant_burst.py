"""What people who drag feel while the assistant draws 500 shapes in one tool call.

`python benchmarks/assistant_burst.py --calls 5` (Linux, a C compiler). The real server and assistant process, a
scripted model, a tool of one's own that makes 500 shapes; ten people drag 30 times a second. Prints p50 and p99 of
their drags before the calls and during them, and how many updates each call was. Exit status 1 when a call was more
than one update, when somebody missed something, or when p99 during the calls is above `--factor` times p99 before and
10 ms.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import urlsplit

if not __package__:  # run as a program: the tree is not on the path yet
    sys.path[0] = str(Path(__file__).resolve().parents[1])

import anyio
import anyio.to_thread
import httpx
from pycrdt import Doc, Map, MapEvent

from agent import Agent, Canvas, Result, Tool, ToolContext
from agent.demo_wire import Reply
from agent.tools.create import made_by
from benchmarks.compare import load
from benchmarks.compare.bench import Bench
from benchmarks.compare.cores import Cores
from benchmarks.compare.load import Window
from benchmarks.compare.plan import Plan, Target
from benchmarks.compare.plans import BASE_SHAPES, Sketch
from sync.provider import connect
from tests.agent.fault_server import ModelServer, serving
from tests.support.program import Program, clean_environ
from tests.support.server import Server

SHAPES = 500
ROOM = "bench-0"
CALM_S = (1.0, 4.0)
CALLS_FROM_S = 4.2
END_S = 12.0
MIN_P99_MS = 10.0  # below it a factor says nothing


class Fill(Tool):
    """Fills the board with a grid of boxes, for a benchmark."""

    name: ClassVar[str] = "fill"
    max_created: ClassVar[int] = SHAPES
    row: int

    def stage(self, canvas: Canvas, context: ToolContext) -> Result:
        """Twenty-five to a row."""
        made = []
        for i in range(SHAPES):
            place = {"x": i % 25 * 130, "y": 5_000 * (self.row + 1) + i // 25 * 90, "w": 110, "h": 70}
            fields = {"type": "rect", **place, "text": f"Task {i}", "fill": "green"}
            made.append(canvas.create(context.new_id(), {**fields, **made_by(context)}).id)
        return Result({"created": len(made)}, f"Created {len(made)} rectangles", tuple(made[:1]))


@dataclass(slots=True)
class Found:
    """What was measured: `batches` are the numbers of shapes that appeared together at a reader."""

    calm: Window
    busy: Window
    fault: str
    batches: list[int] = field(default_factory=list)
    calls: int = 0


def crowd(people: int) -> Plan:
    """They drag all the time; the windows are before and during the assistant's calls."""
    sketch = Sketch(rooms=1)
    for _ in range(people):
        sketch.drags(sketch.plan.join(0), 30, END_S)
    sketch.base(0, BASE_SHAPES)
    sketch.plan.marks = [*CALM_S, END_S - 0.2]
    return sketch.plan


@contextmanager
def assistant(server: Server, model_url: str) -> Iterator[None]:
    """This file as the assistant's program, with the tool above."""
    environ = clean_environ(
        COPLAYER_SERVER=server.url, OPENAI_BASE_URL=model_url, COPLAYER_MODEL="scripted", COPLAYER_CALL_PAUSE="0"
    )
    program = Program([str(Path(__file__).resolve()), "--assistant"], environ)
    try:
        yield
    finally:
        program.kill()
        if "Traceback" in program.output:
            print(program.output, file=sys.stderr)


async def run(calls: int, people: int, bench: Bench) -> Found:
    """One run of the assistant among so many people. Raises LoadError."""
    model = ModelServer([*(Reply("", (("fill", {"row": n}),)) for n in range(calls)), Reply("Done.")])
    plan = crowd(people)
    batches: list[int] = []
    async with AsyncExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="coplayer-burst-"))
        server = stack.enter_context(Server(Path(folder), "--profiles", "bench*=board"))
        stack.enter_context(assistant(server, await stack.enter_async_context(serving(model))))
        return await _measure(server, plan, calls, bench, batches)


async def _measure(server: Server, plan: Plan, calls: int, bench: Bench, batches: list[int]) -> Found:
    port = urlsplit(server.url).port or 0
    target = Target("127.0.0.1", port, "y-websocket", "/sync/", bench.cores.pin_server(server.pid))
    doc: Doc[Any] = Doc()
    shapes: Map[Any] = doc.get("shapes", type=Map)

    def note(event: MapEvent) -> None:
        changed: dict[str, Any] = event.keys  # type: ignore[attr-defined]  # pycrdt's stub lacks it
        made = sum("." in name and not name.startswith("base") for name in changed)
        if made:
            batches.append(made)

    results: list[load.Result] = []
    async with connect(f"{server.sync_url}/{ROOM}", doc, {"coplayer": "1"}) as provider:
        await provider.wait_synced()
        shapes.observe(note)
        async with anyio.create_task_group() as tasks:

            async def work() -> None:
                results.append(await anyio.to_thread.run_sync(load.run, plan, target, bench))

            tasks.start_soon(work)
            with anyio.fail_after(60):
                while not any(name.startswith("drag") for name in shapes.to_py() or {}):  # noqa: ASYNC110 - told by the document
                    await anyio.sleep(0.01)
            await anyio.sleep(CALLS_FROM_S)
            async with httpx.AsyncClient(base_url=server.url) as http:
                (await http.post(f"/api/rooms/{ROOM}/prompts", json={"text": "fill it"})).raise_for_status()
        with anyio.move_on_after(30):
            while sum(batches) < calls * SHAPES:  # noqa: ASYNC110 - told by the document
                await anyio.sleep(0.05)
    result = results[0]
    return Found(result.windows[0], result.windows[1], result.fault, batches, calls)


def report(found: Found) -> None:
    """The figures, a line each."""
    for name, window in (("before", found.calm), ("during the calls", found.busy)):
        drags = window.updates
        print(f"{name:18} p50 {drags.p50_ms:7.2f} ms  p99 {drags.p99_ms:7.2f} ms  max {drags.max_ms:7.2f} ms")
    came = ", ".join(map(str, found.batches)) or "none"
    print(f"{found.calls} calls of {SHAPES} shapes came in updates of {came}")


def faults(found: Found, factor: float) -> list[str]:
    """What is not as it should be."""
    wrong = [found.fault] if found.fault else []
    if found.batches != [SHAPES] * found.calls:
        wrong.append(f"{found.calls} calls came as {found.batches}, not as one update each")
    limit = max(MIN_P99_MS, factor * found.calm.updates.p99_ms)
    if found.busy.updates.p99_ms > limit:
        wrong.append(f"p99 during the calls is above {limit:.1f} ms")
    return wrong


def main() -> int:
    """The exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--calls", type=int, default=5)
    parser.add_argument("--people", type=int, default=10)
    parser.add_argument("--factor", type=float, default=2.0)
    parser.add_argument("--assistant", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.assistant:
        return Agent(tools=[Fill]).run()
    try:
        found = anyio.run(run, arguments.calls, arguments.people, Bench(Cores.of_this_machine()))
    except load.LoadError as error:
        print(error, file=sys.stderr)
        return 1
    report(found)
    wrong = faults(found, arguments.factor)
    print("\n".join(wrong) or "people do not feel it")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
