"""find: shapes by content or look."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import Field

from agent.clusters import clusters
from agent.lines import shape_line
from agent.tools.base import Result, Tool, ToolContext, counted
from sync.canvas.canvas import Canvas
from sync.canvas.grid import Grid
from sync.canvas.place import bounds
from sync.canvas.schema import ShapeType
from sync.canvas.shape import Shape

DEFAULT_LIMIT = 50
MAX_LIMIT = 200


class Find(Tool):
    """Find shapes by content or look, on the whole board. All given conditions must hold."""

    name: ClassVar[str] = "find"

    text: str | None = Field(default=None, description="case-insensitive part of the label")
    type: ShapeType | None = Field(default=None, description="kind of shape")
    fill: str | None = Field(default=None, description="colour of fill or, without a fill, of the line")
    by: str | None = Field(default=None, description="name or id of the person or agent who made it")
    in_parent: str | None = Field(default=None, description="frame id")
    limit: int | None = Field(default=None, ge=1, le=MAX_LIMIT, description="default 50")

    def stage(self, canvas: Canvas, context: ToolContext) -> Result:
        """Reads only."""
        shapes = canvas.shapes()
        words = self.text.casefold() if self.text is not None else ""
        found = [
            (rank, shape)
            for rank, shape in enumerate(shapes)
            if (not words or words in shape.text.casefold()) and self._matches(shape, context)
        ]
        most = self.limit or DEFAULT_LIMIT
        output: dict[str, Any] = {
            "matching": len(found),
            "lines": [shape_line(shape, context.names, rank) for rank, shape in found[:most]],
        }
        if len(found) > most:
            output["clusters"] = clusters(Grid((shape, bounds(shape, canvas)) for _, shape in found[most:]))
        return Result(output, f"Found {counted(len(found), 'shape')}")

    def _matches(self, shape: Shape, context: ToolContext) -> bool:
        if self.type is not None and shape.type != self.type:
            return False
        colour = shape.stroke if shape.fill == "none" else shape.fill
        if self.fill is not None and colour.casefold() != self.fill.casefold():
            return False
        if self.in_parent is not None and shape.parent != self.in_parent:
            return False
        maker = {shape.by.casefold(), context.names.get(shape.by, shape.by).casefold()}
        return self.by is None or self.by.casefold() in maker
