"""From what the model wrote to the shape it means, or an error with a way out."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable
from typing import Any

from agent.lines import clean, shape_line
from agent.tools.base import ToolContext, ToolError, refuse_dragged, unique
from sync.canvas.canvas import Canvas
from sync.canvas.geometry import Box
from sync.canvas.history import logged_calls
from sync.canvas.place import bounds, box_of
from sync.canvas.schema import MAX_PARENT_STEPS, ShapeId
from sync.canvas.shape import Shape


def live(canvas: Canvas, context: ToolContext, name: str) -> Shape:
    """The live shape of an id, or of a key given in an earlier call of this run. Raises NOT_FOUND or DELETED."""
    shape = canvas.find(name) or canvas.find(_id_of_key(canvas, context, name))
    if shape is None:
        raise ToolError(
            "NOT_FOUND",
            f"there is no shape {clean(name, 80)}; use look or find",
            id=clean(name, 128),
            near=_near(canvas, name),
        )
    if shape.deleted:
        details = _who_deleted(canvas, shape.id)
        raise ToolError("DELETED", f"{shape.id} was deleted; do not bring it back unasked", id=shape.id, **details)
    return shape


def editable(canvas: Canvas, context: ToolContext, name: str) -> Shape:
    """A live shape that may be written now. Raises also LOCKED and BEING_DRAGGED."""
    shape = live(canvas, context, name)
    if shape.locked:
        raise ToolError("LOCKED", f"{shape.id} is locked by people; ask them, or leave it", id=shape.id)
    refuse_dragged(shape.id, context)
    return shape


def editables(canvas: Canvas, context: ToolContext, names: Iterable[str]) -> list[Shape]:
    """`editable` for each, each shape once. Raises INVALID for none."""
    shapes = {shape.id: shape for name in unique(names) for shape in [editable(canvas, context, name)]}
    if not shapes:
        raise ToolError("INVALID", "ids is empty; say which shapes", path="ids", why="is empty")
    return list(shapes.values())


def with_children(canvas: Canvas, shapes: Iterable[Shape]) -> list[Shape]:
    """The shapes and everything inside those that are frames, each once."""
    found = {shape.id: shape for shape in shapes}
    if not any(shape.type == "frame" for shape in found.values()):
        return list(found.values())
    everything = canvas.shapes()
    for _ in range(MAX_PARENT_STEPS):
        inside = [s for s in everything if s.id not in found and s.parent in found and found[s.parent].type == "frame"]
        if not inside:
            break
        found |= {shape.id: shape for shape in inside}
    return list(found.values())


def view_box(context: ToolContext) -> Box:
    """What the person who asks sees, px."""
    return box_of(context.view)


def geometry(canvas: Canvas, shapes: Iterable[str]) -> list[dict[str, Any]]:
    """`[{id, x, y, w, h}]` as it will stand, px: what the model goes on with."""
    rows: list[dict[str, Any]] = []
    for name in shapes:
        shape = canvas.get(name)
        if shape is not None:
            box = bounds(shape, canvas) if shape.type == "connector" else shape.box
            rows.append({"id": shape.id, "x": _px(box.x), "y": _px(box.y), "w": _px(box.w), "h": _px(box.h)})
    return rows


def created_in_run(canvas: Canvas, run: str) -> list[ShapeId]:
    """Ids of live shapes this run changed or created, in order."""
    touched = unique(shape for call in logged_calls(canvas.doc, run) if call.status == "done" for shape in call.changes)
    return [shape.id for name in touched if (shape := canvas.get(name)) is not None]


def _px(value: float) -> float | int:
    tidy = round(float(value), 2)
    return int(tidy) if tidy.is_integer() else tidy


def _id_of_key(canvas: Canvas, context: ToolContext, key: str) -> str:
    for call in reversed(logged_calls(canvas.doc, context.run)):
        try:
            output = json.loads(call.output or "{}")
        except ValueError:
            continue
        rows = output.get("shapes") if isinstance(output, dict) else None
        for row in rows if isinstance(rows, list) else ():
            if isinstance(row, dict) and row.get("key") == key and isinstance(row.get("id"), str):
                return str(row["id"])
    return ""


def _near(canvas: Canvas, name: str) -> list[str]:
    shapes = canvas.shapes()
    wanted = name.casefold().strip()
    by_text = [s for s in shapes if wanted and wanted in s.text.casefold()]
    close = difflib.get_close_matches(name, [s.id for s in shapes[-500:]], n=3, cutoff=0.6)
    by_id = [s for s in shapes if s.id in close]
    return [shape_line(s, {}) for s in {s.id: s for s in [*by_text[:3], *by_id]}.values()][:4]


def _who_deleted(canvas: Canvas, shape: ShapeId) -> dict[str, Any]:
    """The call that deleted it, if one did; a person's deletion leaves no name in the document."""
    for call in reversed(logged_calls(canvas.doc)):
        if call.status == "done" and call.changes.get(shape, {}).get("deleted", [None, None])[1] is True:
            return {"by": call.run, "at": call.at}
    return {}
