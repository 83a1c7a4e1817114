"""delete: tombstones."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import Field

from agent.tools.base import Result, Tool, ToolContext, counted
from agent.tools.common import Ids
from agent.tools.lookup import editables
from agent.tools.words import several
from sync.canvas.canvas import Canvas
from sync.canvas.shape import Shape


class Delete(Tool):
    """Delete shapes (at most 20 a call). Connectors to them become loose unless with_connectors."""

    name: ClassVar[str] = "delete"

    ids: Ids
    with_connectors: bool = Field(default=True, description="also the connectors bound to them")

    def stage(self, canvas: Canvas, context: ToolContext) -> Result:
        """Stages `deleted` on each; nothing else of a shape is touched, so it can come back whole."""
        shapes = editables(canvas, context, self.ids)
        gone: set[str] = {shape.id for shape in shapes}
        bound = [c for c in canvas.connectors() if c.id not in gone and gone & _ends(c)]
        follow = [c for c in bound if self.with_connectors and not c.locked and c.id not in context.dragging]
        for shape in [*shapes, *follow]:
            canvas.delete(shape.id)
        output: dict[str, Any] = {"deleted": [shape.id for shape in [*shapes, *follow]]}
        loose = [connector.id for connector in bound if connector not in follow]
        if loose:
            output["loose_connectors"] = loose
        extra = f" and {counted(len(follow), 'connector')}" if follow else ""
        return Result(output, f"Deleted {several(shapes)}{extra}", tuple(shape.id for shape in shapes))


def _ends(connector: Shape) -> set[str]:
    return {end["id"] for end in (connector.source, connector.target) if end and "id" in end}
