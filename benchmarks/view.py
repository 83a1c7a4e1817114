"""What a view and one tool call cost on a board of 9 900 shapes, with and without the mirror of shapes.

`python benchmarks/view.py [--shapes N]` prints CPU milliseconds, the best of five, one person's edit before each.
"""

from __future__ import annotations

import argparse
import itertools
import time
from collections.abc import Callable
from typing import Any

from pycrdt import Doc
from pycrdt import Map as YMap

from agent.calls import ToolBox
from agent.changes import snapshot
from agent.tools import TOOLS, ToolContext, openai_schema
from agent.view import Asker, Since, describe
from sync.canvas.conversation import View
from sync.canvas.keys import keys_between
from sync.canvas.mirror import Mirror
from sync.canvas.schema import ShapeId

VIEW: View = {"x": 0, "y": 0, "w": 1200, "h": 800}
CALLS = {
    "createShape": '{"x": 5000, "y": -400, "w": 100, "h": 60}',
    "create": '{"shapes": [{"type": "rect", "text": "hey"}]}',
    "move": '{"ids": ["s5"], "dx": 3}',
    "set_text": '{"id": "s8", "text": "x"}',
    "delete": '{"ids": ["s9"]}',
    "look": "{}",
    "find": '{"text": "Task 77"}',
}
TRIES = 5


def board(count: int) -> Doc[Any]:
    """A grid of labelled boxes, a hundred to a row."""
    doc: Doc[Any] = Doc(client_id=7)
    shapes: YMap[Any] = doc.get("shapes", type=YMap)
    keys = keys_between(None, None, count)
    with doc.transaction():
        for i in range(count):
            place = {"x": (i % 100) * 130, "y": (i // 100) * 90, "w": 100, "h": 60, "z": keys[i]}
            look = {"type": "rect", "fill": "slate", "stroke": "slate", "by": "ann", "text": f"Task {i}"}
            shapes[f"s{i}"] = YMap({**place, **look})
    return doc


def best_ms(doc: Doc[Any], work: Callable[[], object]) -> float:
    """CPU time of the fastest try; a person moves one shape before each."""
    shapes: YMap[Any] = doc.get("shapes", type=YMap)
    times: list[float] = []
    for n in range(TRIES):
        shapes["s3"]["x"] = 390 + n + 1
        began = time.process_time()
        work()
        times.append((time.process_time() - began) * 1000)
    return min(times)


def context() -> ToolContext:
    """A call of Ann's run."""
    count = itertools.count(1)
    return ToolContext("r", "r.1", "assistant", 1, "ann", lambda: ShapeId(f"r.1.{next(count)}"), view=VIEW)


def measure(doc: Doc[Any], mirror: Mirror | None) -> dict[str, float]:
    """Milliseconds by what was done."""
    box, asker, seen = ToolBox(TOOLS, openai_schema), Asker("Ann", (), VIEW), [snapshot(doc, mirror)]

    def view() -> None:
        describe(doc, asker, agent="assistant", since=Since(seen[0]), mirror=mirror)
        seen[0] = snapshot(doc, mirror)

    found = {"view": best_ms(doc, view)}
    for name, arguments in CALLS.items():
        tool = box.parse({"name": name, "arguments": arguments})
        found[name] = best_ms(doc, lambda tool=tool: box.stage(tool, doc, context(), mirror))  # type: ignore[misc] # bound now
    return found


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shapes", type=int, default=9900)
    count = parser.parse_args().shapes
    doc = board(count)
    full, mirrored = measure(doc, None), measure(doc, Mirror(doc))
    print(f"{count} shapes, CPU ms  {'full read':>10} {'mirror':>8}")
    for name, ms in full.items():
        print(f"{name:20} {ms:12.1f} {mirrored[name]:8.1f}")


if __name__ == "__main__":
    main()
