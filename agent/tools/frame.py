"""frame: a titled frame around shapes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from pydantic import Field

from agent.tools.base import Result, Tool, ToolContext, ToolError
from agent.tools.common import Gap, Ids
from agent.tools.create import made_by
from agent.tools.lookup import editables, geometry
from agent.tools.words import several
from sync.canvas.canvas import Canvas
from sync.canvas.geometry import Box
from sync.canvas.keys import is_key, key_between
from sync.canvas.place import GAP, bounds_of
from sync.canvas.schema import MAX_KEY, MAX_TEXT, ShapeId
from sync.canvas.shape import Shape


class Frame(Tool):
    """Put a titled frame around shapes and make them its children: what is inside a frame moves with it."""

    name: ClassVar[str] = "frame"

    ids: Ids
    title: str = Field(max_length=MAX_TEXT)
    padding: Gap | None = Field(default=None, description="px, default 40")

    def stage(self, canvas: Canvas, context: ToolContext) -> Result:
        """Stages the frame, below the lowest of the shapes, and `parent` of those that have no frame among them."""
        shapes = editables(canvas, context, self.ids)
        around = bounds_of(shapes, canvas)
        if around is None:
            raise ToolError("INVALID", "there is nothing to put a frame around", path="ids", why="is empty")
        box = around.grown(GAP if self.padding is None else self.padding)
        frame = make_frame(canvas, context, box, self.title, shapes)
        inside = [row["id"] for row in geometry(canvas, [s.id for s in shapes if _parent(canvas, s) == frame.id])]
        output: dict[str, Any] = {"shapes": geometry(canvas, [frame.id]), "children": inside}
        return Result(output, f"Framed {several(shapes)}", (frame.id, *(shape.id for shape in shapes)))


def make_frame(canvas: Canvas, context: ToolContext, box: Box, title: str, shapes: Sequence[Shape]) -> Shape:
    """Stage a frame below `shapes` and put them into it; one that is in a frame among them stays there."""
    ids = {shape.id for shape in shapes}
    outer = [shape for shape in shapes if shape.parent not in ids]
    parents = {shape.parent for shape in outer}
    parent = parents.pop() if len(parents) == 1 else None
    fields: dict[str, Any] = {
        "type": "frame", "x": round(box.x), "y": round(box.y), "w": max(round(box.w), 1), "h": max(round(box.h), 1),
        "text": title or None, "parent": parent, "z": _key_below(canvas, outer),
    }  # fmt: skip
    frame = canvas.create(context.new_id(), {**fields, **made_by(context)})
    for shape in outer:
        canvas.set(shape.id, "parent", frame.id)
    return frame


def _key_below(canvas: Canvas, shapes: Sequence[Shape]) -> str | None:
    """A key just below the lowest; None (= on top) where the keys that stand leave no room."""
    lowest = min((shape.z for shape in shapes if is_key(shape.z)), default=None)
    if lowest is None:
        return None
    under = max((s.z for s in canvas.shapes() if is_key(s.z) and s.z < lowest), default=None)
    try:
        key = key_between(under, lowest)
    except ValueError:
        return None
    return key if len(key) <= MAX_KEY else None


def _parent(canvas: Canvas, shape: Shape) -> ShapeId | None:
    now = canvas.get(shape.id)
    return now.parent if now is not None else None
