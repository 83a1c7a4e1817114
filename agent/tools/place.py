"""place: beside, or inside, another shape."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from agent.tools.base import Result, Tool, ToolContext, ToolError
from agent.tools.common import Gap, Ids
from agent.tools.create import Side, beside
from agent.tools.lookup import editables, geometry, live, with_children
from agent.tools.move import shift
from agent.tools.words import name, several
from sync.canvas.canvas import Canvas
from sync.canvas.place import GAP, bounds, bounds_of


class PlaceBeside(Tool):
    """Put shapes, as one group, next to or inside another shape."""

    name: ClassVar[str] = "place"

    ids: Ids
    ref: str = Field(description="id of the shape that stays")
    side: Side
    gap: Gap | None = Field(default=None, description="px between edges, default 40")
    align: Literal["start", "center", "end"] | None = Field(default=None, description="along the side, default center")

    def stage(self, canvas: Canvas, context: ToolContext) -> Result:
        """Stages x and y."""
        shapes = editables(canvas, context, self.ids)
        ref = live(canvas, context, self.ref)
        moving = with_children(canvas, shapes)
        around = bounds_of([shape for shape in shapes if shape.type != "connector"], canvas)
        if around is None or any(shape.id == ref.id for shape in moving):
            raise ToolError("INVALID", "ref must be another shape", path="ref", why="is among the ids")
        gap = GAP if self.gap is None else self.gap
        x, y = beside(bounds(ref, canvas), self.side, around.w, around.h, gap, self.align)
        for shape in moving:
            shift(canvas, shape, round(x) - around.x, round(y) - around.y)
        placed = tuple(shape.id for shape in shapes)
        label = f"Placed {several(shapes)} {'beside' if self.side in ('left', 'right') else self.side} {name(ref)}"
        return Result({"shapes": geometry(canvas, placed)}, label, placed)
