"""draw: a free line."""

from __future__ import annotations

import math
from typing import Any, ClassVar

from pydantic import Field

from agent.tools.base import Result, Tool, ToolContext
from agent.tools.common import Colour, Point
from agent.tools.create import made_by
from agent.tools.lookup import geometry
from sync.canvas.canvas import Canvas

MAX_DRAWN = 500  # points of one call: more than a model can place with sense
STEP_PX = 12.0  # between the points of a smoothed line


class Draw(Tool):
    """Draw a free line through points, in board px. smooth = a curve through them; closed = back to the first."""

    name: ClassVar[str] = "draw"
    strict: ClassVar[bool] = False

    points: list[Point] = Field(min_length=2, max_length=MAX_DRAWN)
    key: str | None = Field(default=None, max_length=64, description="your own name for it")
    smooth: bool = False
    closed: bool = False
    stroke: Colour | None = Field(default=None, description="default black")
    stroke_width: float | None = Field(default=None, ge=1, le=100, description="px, default 4")

    def stage(self, canvas: Canvas, context: ToolContext) -> Result:
        """Stages one drawing whose x, y, w, h are the box of its points."""
        line = [(point.x, point.y) for point in self.points]
        if self.closed:
            line.append(line[0])
        if self.smooth:
            line = smoothed(line)
        left, top = math.floor(min(x for x, _ in line)), math.floor(min(y for _, y in line))
        flat = [round(value) for x, y in line for value in (x - left, y - top)]
        fields: dict[str, Any] = {
            "type": "draw", "x": left, "y": top, "w": max(max(flat[0::2]), 1), "h": max(max(flat[1::2]), 1),
            "points": flat, "stroke": self.stroke, "stroke_width": self.stroke_width,
        }  # fmt: skip
        shape = canvas.create(context.new_id(), {**fields, **made_by(context)})
        rows = geometry(canvas, [shape.id])
        if self.key is not None:
            rows[0]["key"] = self.key
        return Result({"shapes": rows}, "Drew a line", (shape.id,))


def smoothed(line: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """A Catmull-Rom curve through the points, a point about every STEP_PX, at most 16 a piece."""
    closed = len(line) > 3 and line[0] == line[-1]
    before, after = (line[-2], line[1]) if closed else (line[0], line[-1])
    ends = [before, *line, after]
    curve = [line[0]]
    for p0, p1, p2, p3 in zip(ends, ends[1:], ends[2:], ends[3:], strict=False):
        steps = min(max(math.ceil(math.dist(p1, p2) / STEP_PX), 1), 16)
        curve += [_between(p0, p1, p2, p3, step / steps) for step in range(1, steps + 1)]
    return curve


def _between(
    p0: tuple[float, float], p1: tuple[float, float], p2: tuple[float, float], p3: tuple[float, float], t: float
) -> tuple[float, float]:
    x, y = (
        0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t * t + (3 * b - a - 3 * c + d) * t**3)
        for a, b, c, d in zip(p0, p1, p2, p3, strict=True)
    )
    return x, y
