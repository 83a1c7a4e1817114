"""group and ungroup."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field

from agent.tools.base import Result, Tool, ToolContext, ToolError
from agent.tools.common import Ids
from agent.tools.lookup import editable, editables
from agent.tools.words import several
from sync.canvas.canvas import Canvas


class Group(Tool):
    """Group shapes, so that people select them as one, or ungroup. Ungrouping one shape takes its whole group apart.
    For something people can see, use frame."""

    name: ClassVar[str] = "group"

    ids: Ids
    action: Literal["group", "ungroup"]
    name_of_group: str | None = Field(default=None, alias="name", max_length=200, description="of a new group")

    def stage(self, canvas: Canvas, context: ToolContext) -> Result:
        """Stages `group` of each shape, and the new group's name."""
        shapes = editables(canvas, context, self.ids)
        if self.action == "ungroup":
            groups = {str(shape.field("group")) for shape in shapes if shape.field("group")}
            members = [shape for shape in canvas.shapes() if shape.field("group") in groups]
            for shape in members:
                editable(canvas, context, shape.id)
                canvas.set(shape.id, "group", None)
            label = f"Ungrouped {several(members)}" if members else "There was no group"
            return Result({"ungrouped": [s.id for s in members]}, label, tuple(shape.id for shape in members))
        if len(shapes) < 2:
            raise ToolError("INVALID", "a group has at least two shapes", path="ids", why="too few")
        group = str(context.new_id())
        for shape in shapes:
            canvas.set(shape.id, "group", group)
        canvas.name_group(group, self.name_of_group or "", context.agent)
        output: dict[str, Any] = {"group": group, "ids": [shape.id for shape in shapes]}
        return Result(output, f"Grouped {several(shapes)}", tuple(shape.id for shape in shapes))
