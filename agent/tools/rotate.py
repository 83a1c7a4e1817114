"""rotate: turn shapes."""

from __future__ import annotations

import math
from typing import Annotated, ClassVar

from pydantic import Field

from agent.tools.base import Result, Tool, ToolContext, ToolError
from agent.tools.common import Ids, Point
from agent.tools.lookup import editables, geometry
from agent.tools.words import several
from sync.canvas.canvas import Canvas
from sync.canvas.shape import Shape

Degrees = Annotated[float, Field(ge=-36_000, le=36_000, allow_inf_nan=False)]


class Rotate(Tool):
    """Turn shapes clockwise, each about its own middle, or all about a pivot."""

    name: ClassVar[str] = "rotate"

    ids: Ids
    by: Degrees | None = Field(default=None, description="degrees clockwise from now")
    to: Degrees | None = Field(default=None, description="degrees clockwise from upright, instead of by")
    pivot: Point | None = Field(default=None, description="with by: the point they go round")

    def stage(self, canvas: Canvas, context: ToolContext) -> Result:
        """Stages rotation, and x and y when there is a pivot."""
        shapes = [shape for shape in editables(canvas, context, self.ids) if shape.type != "connector"]
        if (self.by is None) == (self.to is None) or (self.pivot is not None and self.by is None):
            raise ToolError("INVALID", "give by or to, and a pivot only with by", path="by", why="one of by and to")
        for shape in shapes:
            canvas.set(shape.id, "rotation", self.to if self.to is not None else shape.rotation + (self.by or 0))
            if self.pivot is not None:
                self._orbit(canvas, shape, self.pivot, math.radians(self.by or 0))
        turned = tuple(shape.id for shape in shapes)
        return Result({"shapes": geometry(canvas, turned)}, f"Turned {several(shapes)}", turned)

    def _orbit(self, canvas: Canvas, shape: Shape, pivot: Point, angle: float) -> None:
        cx, cy = shape.box.centre
        dx, dy = cx - pivot.x, cy - pivot.y
        x = pivot.x + dx * math.cos(angle) - dy * math.sin(angle)
        y = pivot.y + dx * math.sin(angle) + dy * math.cos(angle)
        canvas.set(shape.id, "x", x - shape.w / 2)
        canvas.set(shape.id, "y", y - shape.h / 2)
