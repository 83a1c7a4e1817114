"""move: shift shapes together."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from agent.tools.base import Result, Tool, ToolContext, ToolError
from agent.tools.common import Coordinate, Corner, Ids, corner_share
from agent.tools.lookup import editables, geometry, with_children
from agent.tools.words import several
from sync.canvas.canvas import Canvas
from sync.canvas.place import bounds_of
from sync.canvas.schema import End
from sync.canvas.shape import Shape


class Move(Tool):
    """Move shapes, keeping their places relative to each other. Give dx,dy OR x,y with anchor. A null axis is not
    written. What is inside a frame moves with it; bound connectors follow by themselves."""

    name: ClassVar[str] = "move"

    ids: Ids
    dx: Coordinate | None = Field(default=None, description="px to the right")
    dy: Coordinate | None = Field(default=None, description="px down")
    x: Coordinate | None = Field(default=None, description="where the anchor goes, px")
    y: Coordinate | None = Field(default=None, description="where the anchor goes, px")
    anchor: Corner | None = Field(
        default=None, description="which point of the group's bounds goes to x,y; default top_left"
    )

    def stage(self, canvas: Canvas, context: ToolContext) -> Result:
        """Stages x and y; an axis that does not change is not written."""
        shapes = editables(canvas, context, self.ids)
        dx, dy = self._shift(shapes, canvas)
        for shape in with_children(canvas, shapes):
            shift(canvas, shape, dx, dy)
        moved = tuple(shape.id for shape in shapes)
        return Result({"shapes": geometry(canvas, moved)}, f"Moved {several(shapes)}", moved)

    def _shift(self, shapes: list[Shape], canvas: Canvas) -> tuple[float, float]:
        if all(value is None for value in (self.dx, self.dy, self.x, self.y)):
            raise ToolError("INVALID", "say where to: dx, dy or x, y", path="dx", why="is missing")
        dx, dy = self.dx or 0.0, self.dy or 0.0
        around = bounds_of(shapes, canvas)
        if around is not None:
            across, down = corner_share(self.anchor or "top_left")
            dx = dx if self.x is None else self.x - around.x - around.w * across
            dy = dy if self.y is None else self.y - around.y - around.h * down
        return dx, dy


def shift(canvas: Canvas, shape: Shape, dx: float, dy: float) -> None:
    """Stage a shift of one shape; of a connector only its free ends move."""
    if shape.type == "connector":
        for field, end in (("from", shape.source), ("to", shape.target)):
            if end is not None and "id" not in end:
                canvas.set(shape.id, field, End(x=end["x"] + dx, y=end["y"] + dy))
        return
    if dx:
        canvas.set(shape.id, "x", shape.x + dx)
    if dy:
        canvas.set(shape.id, "y", shape.y + dy)
