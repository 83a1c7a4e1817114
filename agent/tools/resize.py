"""resize: new sizes or factors."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from agent.tools.base import Result, Tool, ToolContext, ToolError
from agent.tools.common import Corner, Ids, Size, corner_share
from agent.tools.lookup import editables, geometry
from agent.tools.words import several
from sync.canvas.canvas import Canvas
from sync.canvas.geometry import Box, union
from sync.canvas.schema import MAX_SIZE, MIN_SIZE
from sync.canvas.shape import Shape

Factor = Annotated[float, Field(gt=0, le=100, allow_inf_nan=False)]


class Resize(Tool):
    """Give w/h, or scale factors. The anchor point stays where it is. A null axis is not written."""

    name: ClassVar[str] = "resize"

    ids: Ids
    w: Size | None = Field(default=None, description="px")
    h: Size | None = Field(default=None, description="px")
    scale_x: Factor | None = Field(default=None, description="factor, instead of w")
    scale_y: Factor | None = Field(default=None, description="factor, instead of h")
    anchor: Corner | None = Field(default=None, description="default center")
    each: bool = Field(default=True, description="true = each about its own anchor; false = all as one group")

    def stage(self, canvas: Canvas, context: ToolContext) -> Result:
        """Stages w and h, and x and y where the anchor asks for it."""
        shapes = [shape for shape in editables(canvas, context, self.ids) if shape.type != "connector"]
        around = union(shape.box for shape in shapes)
        if around is None:
            raise ToolError("INVALID", "connectors follow their ends", path="ids", why="are connectors")
        if all(value is None for value in (self.w, self.h, self.scale_x, self.scale_y)):
            raise ToolError("INVALID", "say how big: w, h, scale_x or scale_y", path="w", why="is missing")
        for shape in shapes:
            self._resize(canvas, shape, shape.box if self.each else around)
        resized = tuple(shape.id for shape in shapes)
        return Result({"shapes": geometry(canvas, resized)}, f"Resized {several(shapes)}", resized)

    def _resize(self, canvas: Canvas, shape: Shape, frame: Box) -> None:
        """`frame` is what the anchor and a target size refer to: the shape's own box or the group's."""
        across, down = corner_share(self.anchor or "center")
        factor_x = self.w / frame.w if self.w is not None else self.scale_x
        factor_y = self.h / frame.h if self.h is not None else self.scale_y
        if factor_x is not None:
            w = min(max(shape.w * factor_x, MIN_SIZE), MAX_SIZE)
            pivot = frame.x + frame.w * across
            canvas.set(shape.id, "w", w)
            canvas.set(shape.id, "x", pivot + (shape.x - pivot) * factor_x if not self.each else pivot - w * across)
        if factor_y is not None:
            h = min(max(shape.h * factor_y, MIN_SIZE), MAX_SIZE)
            pivot = frame.y + frame.h * down
            canvas.set(shape.id, "h", h)
            canvas.set(shape.id, "y", pivot + (shape.y - pivot) * factor_y if not self.each else pivot - h * down)
