"""look: read the board."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field

from agent.clusters import clusters
from agent.lines import shape_full, shape_line
from agent.tools.base import Result, Tool, ToolContext, ToolError, counted
from agent.tools.common import Region
from agent.tools.lookup import live, view_box
from sync.canvas.canvas import Canvas
from sync.canvas.geometry import Box
from sync.canvas.grid import Grid
from sync.canvas.place import bounds, near
from sync.canvas.shape import Shape

DEFAULT_LINES = 200
MAX_LINES = 500
MAX_FULL = 40  # shapes with every field: a field is about 8 tokens


class Look(Tool):
    """Read the board. Coordinates: px, x right, y DOWN, (0,0) is the middle of the starting view; x,y is a shape's
    top-left. Returns one line per shape: id, type, x,y, w x h, colour, "label", in=frame, by=maker, z=place in the
    stack; what does not fit comes as clusters."""

    name: ClassVar[str] = "look"

    scope: Literal["view", "selection", "all", "region", "ids", "changes"] = Field(
        default="view",
        description="view/selection = of the person who asked; changes = what people changed since you last saw it",
    )
    region: Region | None = Field(default=None, description="for scope region")
    ids: list[str] | None = Field(default=None, description="for scope ids", max_length=MAX_LINES)
    detail: Literal["outline", "lines", "full"] = Field(
        default="lines", description="outline = clusters only; lines = one line per shape; full = every field"
    )
    limit: int | None = Field(default=None, ge=1, le=MAX_LINES, description="most lines, default 200")

    def stage(self, canvas: Canvas, context: ToolContext) -> Result:
        """Reads only."""
        if self.scope == "changes":
            changed = context.people_changes(canvas)
            output: dict[str, Any] = {"changed": len(changed), "lines": changed[: self.limit or DEFAULT_LINES]}
            return Result(output, f"Looked at {counted(len(changed), 'change')} by people")
        found = self._wanted(canvas, context)
        listed = [] if self.detail == "outline" else found[: self._most()]
        output = {"shapes_on_board": canvas.count(), "matching": len(found)}
        if self.detail == "full":
            output["shapes"] = [shape_full(shape) for shape in listed]
        elif listed:
            ranks = canvas.ranks(listed)
            output["lines"] = [shape_line(s, context.names, ranks.get(s.id)) for s in listed]
        rest = found[len(listed) :]
        if rest:
            output["clusters"] = clusters(Grid((shape, bounds(shape, canvas)) for shape in rest))
        return Result(output, f"Looked at {counted(len(found), 'shape')}")

    def _most(self) -> int:
        most = self.limit or DEFAULT_LINES
        return min(most, MAX_FULL) if self.detail == "full" else most

    def _wanted(self, canvas: Canvas, context: ToolContext) -> list[Shape]:
        match self.scope:
            case "all":
                return canvas.shapes()
            case "selection":
                return [shape for shape in canvas.shapes() if shape.id in context.selection]
            case "ids":
                return [live(canvas, context, name) for name in dict.fromkeys(self.ids or ())]
            case "view":
                return _inside(view_box(context), canvas)
            case "region":
                if self.region is None:
                    raise ToolError("INVALID", "scope region needs a region", path="region", why="is missing")
                return _inside(self.region.box, canvas)
            case "changes":
                return []


def _inside(box: Box, canvas: Canvas) -> list[Shape]:
    return [shape for shape, _ in near(canvas, box)]
