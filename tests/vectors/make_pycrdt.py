"""Make tests/vectors/pycrdt.json: documents written by pycrdt, through the Canvas and bare, for yjs to read.

.venv/bin/python -m tests.vectors.make_pycrdt

The JSON beside each update is what was meant to be written, not what pycrdt reads back. pycrdt orders the keys of one
map as it likes, so the bytes differ from run to run and the meaning does not.
"""

from __future__ import annotations

import base64
import importlib.metadata
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pycrdt import Doc
from pycrdt import Map as YMap

from sync.canvas.canvas import Canvas
from sync.canvas.schema import ShapeId

Json = dict[str, dict[str, Any]]
RECT = {"type": "rect", "x": 0, "y": 0, "w": 160, "h": 76, "text": "Login"}
STORED = {**RECT, "fill": "slate", "stroke": "slate", "z": "a0"}


def created_by_the_canvas() -> tuple[Doc[Any], Json]:
    doc: Doc[Any] = Doc(client_id=1)
    canvas = Canvas(doc)
    canvas.create(ShapeId("r1.1.1"), {**RECT, "x": -120.456, "y": 3.0, "by": "assistant", "at": 1795000000000})
    canvas.create(
        ShapeId("r1.1.2"), {"type": "note", "x": 5, "y": 6, "w": 150, "h": 120, "text": "Grüße 日本 👩‍👩‍👧‍👦\n\u2028"}
    )
    end = {"from": {"id": "r1.1.1", "anchor": "top"}, "to": {"x": 10.5, "y": -3}}
    canvas.create(ShapeId("r1.1.3"), {"type": "connector", **end, "points": [0, 0, 5, -7, 8191, -8192]})
    with doc.transaction():
        canvas.write()
    note = {"fill": "yellow", "stroke": "none", "text_align": "left", "font_size": 14, "z": "a1"}
    shapes = {
        "r1.1.1": {**STORED, "x": -120.46, "y": 3, "by": "assistant", "at": 1795000000000},
        "r1.1.2": {"type": "note", "x": 5, "y": 6, "w": 150, "h": 120, "text": "Grüße 日本 👩‍👩‍👧‍👦\n\u2028", **note},
        "r1.1.3": {
            "type": "connector", "fill": "none", "stroke": "slate", "z": "a2", **end,
            "points": [0, 0, 5, -7, 8191, -8192],
        },
    }  # fmt: skip
    return doc, {"shapes": shapes}


def changed_and_deleted() -> tuple[Doc[Any], Json]:
    doc: Doc[Any] = Doc(client_id=2)
    for stage in (_make, _change, _remove):
        canvas = Canvas(doc)
        stage(canvas)
        with doc.transaction():
            canvas.write()
    return doc, {"shapes": {"a": {**STORED, "x": 40.25, "fill": "blue", "deleted": True}}}


def _make(canvas: Canvas) -> None:
    canvas.create(ShapeId("a"), RECT)


def _change(canvas: Canvas) -> None:
    canvas.set("a", "x", 40.2501)
    canvas.set("a", "fill", "blue")
    canvas.set("a", "w", 160.0)


def _remove(canvas: Canvas) -> None:
    canvas.delete("a")


def a_call_beside_its_effect() -> tuple[Doc[Any], Json]:
    doc: Doc[Any] = Doc(client_id=3)
    canvas = Canvas(doc)
    canvas.create(ShapeId("r1.1.1"), RECT)
    call = {
        "run": "r1",
        "seq": 1,
        "status": "done",
        "changes": canvas.changes,
        "created": ["r1.1.1"],
        "at": 1795000000000,
    }
    meant = {field: [None, value] for field, value in STORED.items()}
    calls: YMap[Any] = doc.get("calls", type=YMap)
    with doc.transaction():
        canvas.write()
        calls["r1.1"] = YMap(call)
    return doc, {"shapes": {"r1.1.1": STORED}, "calls": {"r1.1": {**call, "changes": {"r1.1.1": meant}}}}


def numbers_at_the_edges() -> tuple[Doc[Any], Json]:
    doc: Doc[Any] = Doc(client_id=4)
    values = {
        "a": 2**53 - 1,
        "b": -(2**53 - 1),
        "c": 1e-7,
        "d": -0.5,
        "e": 10**6,
        "f": 2**31,
        "g": 63,
        "h": 64,
        "i": True,
    }
    shapes: YMap[Any] = doc.get("shapes", type=YMap)
    with doc.transaction():
        shapes["n"] = YMap({**values, "j": None, "k": [1, 2.5, [None, "x"], {"y": -1}]})
    return doc, {"shapes": {"n": {**values, "j": None, "k": [1, 2.5, [None, "x"], {"y": -1}]}}}


CASES: tuple[Callable[[], tuple[Doc[Any], Json]], ...] = (
    created_by_the_canvas,
    changed_and_deleted,
    a_call_beside_its_effect,
    numbers_at_the_edges,
)


def main() -> None:
    """Write the file."""
    documents = []
    for make in CASES:
        doc, meant = make()
        update = base64.b64encode(doc.get_update()).decode()
        documents.append({"name": make.__name__.replace("_", " "), "update": update, "json": meant})
    record = {"writer": f"pycrdt {importlib.metadata.version('pycrdt')}", "documents": documents}
    Path(__file__).with_name("pycrdt.json").write_text(json.dumps(record, ensure_ascii=False, indent=1) + "\n")


if __name__ == "__main__":
    main()
