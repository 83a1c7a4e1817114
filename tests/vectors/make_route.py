"""Make `tests/vectors/route.json`: lines of connectors and freehand paths, which server and browser draw alike.

uv run --no-sync python -m tests.vectors.make_route

frontend/test/route.test.ts holds the browser to them, tests/canvas/test_render.py the server.
"""

from __future__ import annotations

import json
import math
import random
from pathlib import Path
from typing import Any

from pycrdt import Doc, Map

from sync.canvas.canvas import Canvas
from sync.canvas.route import line_of, smooth_path

VECTORS = Path(__file__).parent / "route.json"
CASES = 120
TYPES = ("rect", "ellipse", "diamond", "triangle", "note", "frame")


def line(case: dict[str, Any]) -> str:
    """The path of a case's connector."""
    doc = Doc[Any]()
    shapes = doc.get("shapes", type=Map)
    for name in ("a", "b"):
        if name in case:
            shapes[name] = Map(case[name])
    shapes["line"] = Map({"type": "connector", "from": case["from"], "to": case["to"], "route": case["route"]})
    canvas = Canvas(doc)
    connector = canvas.get("line")
    assert connector is not None
    found = line_of(connector, canvas)
    assert found is not None
    return found.path


def make() -> dict[str, Any]:
    """All vectors; the same every time."""
    rng = random.Random(20261122)
    lines = [{**case, "path": line(case)} for case in (_case(rng) for _ in range(CASES))]
    strokes = [[rng.randrange(-200, 200) for _ in range(2 * length)] for length in (0, 1, 2, 3, 4, 9)]
    strokes.append([round(v) for i in range(12) for v in (60 * math.cos(i / 4), 60 * math.sin(i / 4))])
    strokes.append([0, 0, 40, 80, 40, 80, 80, 0])
    return {
        "lines": lines,
        "strokes": [{"points": points, "path": smooth_path(points, 1.5, 0.5)} for points in strokes],
    }


def _case(rng: random.Random) -> dict[str, Any]:
    case: dict[str, Any] = {"route": rng.choice(["straight", "elbow", "curve"])}
    for name, end in (("a", "from"), ("b", "to")):
        if rng.random() < 0.2:
            case[end] = {"x": rng.randrange(-500, 500), "y": rng.randrange(-500, 500)}
            continue
        case[name] = {
            "type": rng.choice(TYPES),
            "x": rng.randrange(-500, 500),
            "y": rng.randrange(-500, 500),
            "w": rng.randrange(20, 300),
            "h": rng.randrange(20, 300),
            "rotation": rng.choice([0, 0, 0, 30, 90, 200]),
        }
        case[end] = {"id": name}
        if rng.random() < 0.4:
            case[end]["anchor"] = rng.choice(["top", "right", "bottom", "left", "center"])
    return case


if __name__ == "__main__":
    VECTORS.write_text(json.dumps(make(), indent=1) + "\n", encoding="utf-8")
