"""align and distribute: one axis at a time."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from agent.tools.base import Result, Tool, ToolContext, ToolError
from agent.tools.common import Gap, Ids
from agent.tools.lookup import editables, geometry, live, with_children
from agent.tools.move import shift
from agent.tools.words import name, several
from sync.canvas.canvas import Canvas
from sync.canvas.geometry import Box
from sync.canvas.place import bounds
from sync.canvas.shape import Shape

Edge = Literal["left", "center_x", "right", "top", "center_y", "bottom"]
Placed = tuple[Shape, Box]


class Align(Tool):
    """Line shapes up on one edge or centre line. Writes one axis only."""

    name: ClassVar[str] = "align"

    ids: Ids
    edge: Edge
    to: str | None = Field(
        default=None, description="id of the shape that stays put; null = the group's outermost edge or mean centre"
    )

    def stage(self, canvas: Canvas, context: ToolContext) -> Result:
        """Stages x or y of those that are off the line."""
        placed = placed_shapes(canvas, context, self.ids)
        anchor = live(canvas, context, self.to) if self.to else None
        line = _at(bounds(anchor, canvas), self.edge) if anchor is not None else self._line(placed)
        for shape, box in placed:
            if anchor is not None and shape.id == anchor.id:
                continue
            off = line - _at(box, self.edge)
            slide(canvas, shape, off, self.edge in ("left", "center_x", "right"))
        aligned = tuple(shape.id for shape, _ in placed)
        shapes = [shape for shape, _ in placed]
        where = f" with {name(anchor)}" if anchor is not None else ""
        return Result({"shapes": geometry(canvas, aligned)}, f"Aligned {several(shapes)}{where}", aligned)

    def _line(self, placed: list[Placed]) -> float:
        values = [_at(box, self.edge) for _, box in placed]
        match self.edge:
            case "left" | "top":
                return min(values)
            case "right" | "bottom":
                return max(values)
            case "center_x" | "center_y":
                return round(sum(values) / len(values))


class Distribute(Tool):
    """Equal gaps along one axis, in present order. Writes one axis only."""

    name: ClassVar[str] = "distribute"

    ids: Ids
    axis: Literal["x", "y"]
    gap: Gap | None = Field(
        default=None, description="px between neighbours' edges; null = keep the two outermost in place"
    )

    def stage(self, canvas: Canvas, context: ToolContext) -> Result:
        """Stages x or y of those that move."""
        is_x = self.axis == "x"
        placed = placed_shapes(canvas, context, self.ids)
        placed.sort(key=lambda item: ((item[1].x, item[1].y) if is_x else (item[1].y, item[1].x), item[0].id))
        sizes = [box.w if is_x else box.h for _, box in placed]
        starts = [box.x if is_x else box.y for _, box in placed]
        if len(placed) < 2 or (self.gap is None and len(placed) < 3):
            raise ToolError("INVALID", "give at least three shapes, or two and a gap", path="ids", why="too few")
        room = starts[-1] + sizes[-1] - starts[0] - sum(sizes)
        gap = self.gap if self.gap is not None else room / (len(placed) - 1)
        at = starts[0]
        for (shape, _), size, start in zip(placed, sizes, starts, strict=True):
            slide(canvas, shape, round(at, 2) - start, is_x)
            at += size + gap
        spread = tuple(shape.id for shape, _ in placed)
        output = {"gap": round(gap, 2), "shapes": geometry(canvas, spread)}
        return Result(output, f"Spaced {several([shape for shape, _ in placed])} evenly", spread)


def placed_shapes(canvas: Canvas, context: ToolContext, ids: list[str]) -> list[Placed]:
    """The shapes with their bounds, without connectors. Raises ToolError when none is left."""
    shapes = [shape for shape in editables(canvas, context, ids) if shape.type != "connector"]
    if not shapes:
        raise ToolError("INVALID", "connectors follow their ends; give the shapes", path="ids", why="are connectors")
    return [(shape, bounds(shape, canvas)) for shape in shapes]


def slide(canvas: Canvas, shape: Shape, by: float, is_x: bool) -> None:
    """Stage a shift along one axis, with what is inside when it is a frame."""
    for part in with_children(canvas, [shape]):
        shift(canvas, part, by if is_x else 0, 0 if is_x else by)


def _at(box: Box, edge: Edge) -> float:
    return {
        "left": box.x,
        "center_x": box.centre[0],
        "right": box.right,
        "top": box.y,
        "center_y": box.centre[1],
        "bottom": box.bottom,
    }[edge]
