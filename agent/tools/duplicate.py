"""duplicate: copies of shapes."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import Field

from agent.tools.base import MAX_CREATED, Result, Tool, ToolContext, ToolError
from agent.tools.common import Coordinate, Ids
from agent.tools.create import made_by
from agent.tools.lookup import geometry, live, with_children
from agent.tools.words import several
from sync.canvas.canvas import Canvas
from sync.canvas.schema import End, ShapeId
from sync.canvas.shape import Shape


class Duplicate(Tool):
    """Copy shapes with their labels and the connectors between them. At most 50 new shapes."""

    name: ClassVar[str] = "duplicate"

    ids: Ids
    count: int = Field(default=1, ge=1, le=MAX_CREATED, description="copies of each")
    dx: Coordinate = Field(default=40, description="px to the right per copy")
    dy: Coordinate = Field(default=40, description="px down per copy")

    def stage(self, canvas: Canvas, context: ToolContext) -> Result:
        """Stages the copies; a copy inside a copied frame lies in the copied frame."""
        named = [live(canvas, context, name) for name in dict.fromkeys(self.ids)]
        originals = _with_connectors(canvas, with_children(canvas, named))
        if len(originals) * self.count > MAX_CREATED:
            raise ToolError(
                "LIMIT", f"{len(originals)} shapes {self.count} times are more than {MAX_CREATED}", limit=MAX_CREATED
            )
        copies: list[ShapeId] = []
        for n in range(1, self.count + 1):
            copies += self._copy(canvas, context, originals, n)
        rows = geometry(canvas, copies)
        for row, original in zip(rows, originals * self.count, strict=True):
            row["copy_of"] = original.id
        return Result({"shapes": rows}, f"Copied {several(named)}", tuple(copies))

    def _copy(self, canvas: Canvas, context: ToolContext, originals: list[Shape], n: int) -> list[ShapeId]:
        ids = {shape.id: context.new_id() for shape in originals}
        for shape in originals:
            fields: dict[str, Any] = {**shape.as_copy(), "locked": None}
            fields["x"], fields["y"] = shape.x + self.dx * n, shape.y + self.dy * n
            if shape.parent in ids:
                fields["parent"] = ids[ShapeId(shape.parent or "")]
            for name in ("from", "to"):
                if name in fields:
                    fields[name] = self._end(fields[name], ids, n)
            canvas.create(ids[shape.id], {**fields, **made_by(context)})
        return list(ids.values())

    def _end(self, end: End, ids: dict[ShapeId, ShapeId], n: int) -> End:
        if "id" not in end:
            return End(x=end["x"] + self.dx * n, y=end["y"] + self.dy * n)
        return End(**{**end, "id": ids.get(ShapeId(end["id"]), end["id"])})


def _with_connectors(canvas: Canvas, shapes: list[Shape]) -> list[Shape]:
    """And the connectors both of whose ends are among them."""
    inside = {shape.id for shape in shapes}
    between = [
        c
        for c in canvas.connectors()
        if c.id not in inside and all(end and end.get("id") in inside for end in (c.source, c.target))
    ]
    return [*shapes, *between]
