"""point: the cursor on something, so that people see what is meant."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from agent.lines import clean
from agent.tools.base import Result, Tool, ToolContext, ToolError
from agent.tools.common import Point
from agent.tools.lookup import live
from agent.tools.words import name
from sync.canvas.canvas import Canvas
from sync.canvas.place import bounds


class PointAt(Tool):
    """Put your cursor on something, so that people see what you mean. Changes nothing."""

    name: ClassVar[str] = "point"

    id: str | None = Field(default=None, description="shape id")
    point: Point | None = Field(default=None, description="when id is null")
    note: str | None = Field(default=None, max_length=160, description="few words shown beside the cursor")

    def stage(self, canvas: Canvas, context: ToolContext) -> Result:
        """Stages nothing."""
        note = " ".join(clean(self.note or "", 160).split())
        if self.id is not None:
            shape = live(canvas, context, self.id)
            x, y = bounds(shape, canvas).centre
            return Result({"at": [round(x), round(y)]}, f"Pointed at {name(shape)}", (shape.id,), (x, y), note)
        if self.point is None:
            raise ToolError("INVALID", "say what to point at: an id or a point", path="id", why="is missing")
        x, y = self.point.x, self.point.y
        return Result({"at": [round(x), round(y)]}, "Pointed at the board", (), (x, y), note)
