"""arrange: row, column, grid, circle, tree, layered."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from agent.tools.base import Result, Tool, ToolContext, ToolError
from agent.tools.common import Gap, Ids, Point
from agent.tools.lookup import editables, geometry, with_children
from agent.tools.move import shift
from agent.tools.words import several
from sync.canvas.canvas import Canvas
from sync.canvas.geometry import union
from sync.canvas.layout import Direction, Edge, Layout, arrange
from sync.canvas.place import GAP, bounds, end_shape
from sync.canvas.shape import Shape

Sort = Literal["as_given", "text", "x", "y", "size"]


class Arrange(Tool):
    """Lay shapes out without overlap; the group's top-left stays (or goes to `at`). tree and layered follow the
    connectors between the shapes; circle starts at the top and goes clockwise."""

    name: ClassVar[str] = "arrange"

    ids: Ids
    layout: Layout
    gap: Gap | None = Field(default=None, description="px, default 40")
    columns: int | None = Field(default=None, ge=1, le=200, description="of a grid; default about square")
    direction: Direction | None = Field(default=None, description="of tree and layered, default down")
    sort: Sort | None = Field(default=None, description="default as_given")
    at: Point | None = Field(default=None, description="where the group's top-left goes")

    def stage(self, canvas: Canvas, context: ToolContext) -> Result:
        """Stages x and y where they change; connectors among the ids follow by themselves."""
        given = editables(canvas, context, self.ids)
        shapes = self._sorted([shape for shape in given if shape.type != "connector"], canvas)
        boxes = [bounds(shape, canvas) for shape in shapes]
        around = union(boxes)
        if around is None:
            raise ToolError("INVALID", "connectors follow their ends; give the shapes", path="ids", why="no shapes")
        left, top = (self.at.x, self.at.y) if self.at is not None else (round(around.x), round(around.y))
        corners = arrange(
            self.layout,
            boxes,
            gap=GAP if self.gap is None else self.gap,
            columns=self.columns,
            direction=self.direction or "down",
            edges=_edges(shapes, canvas),
        )
        for shape, box, (x, y) in zip(shapes, boxes, corners, strict=True):
            for part in with_children(canvas, [shape]):
                shift(canvas, part, left + x - box.x, top + y - box.y)
        placed = tuple(shape.id for shape in shapes)
        noun = {"tree": "a tree", "layered": "layers"}.get(self.layout, f"a {self.layout}")
        return Result({"shapes": geometry(canvas, placed)}, f"Arranged {several(shapes)} in {noun}", placed)

    def _sorted(self, shapes: list[Shape], canvas: Canvas) -> list[Shape]:
        match self.sort:
            case "text":
                return sorted(shapes, key=lambda shape: (shape.text.casefold(), shape.id))
            case "x":
                return sorted(shapes, key=lambda shape: (bounds(shape, canvas).centre[0], shape.id))
            case "y":
                return sorted(shapes, key=lambda shape: (bounds(shape, canvas).centre[1], shape.id))
            case "size":
                return sorted(shapes, key=lambda shape: (-bounds(shape, canvas).area, shape.id))
            case "as_given" | None:
                return shapes


def _edges(shapes: list[Shape], canvas: Canvas) -> list[Edge]:
    place = {shape.id: at for at, shape in enumerate(shapes)}
    edges: list[Edge] = []
    for connector in canvas.connectors():
        source, target = end_shape(connector.source, canvas), end_shape(connector.target, canvas)
        if source is not None and target is not None and source.id in place and target.id in place:
            edges.append((place[source.id], place[target.id]))
    return edges
