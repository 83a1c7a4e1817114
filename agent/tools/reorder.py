"""reorder: stacking."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from agent.tools.base import Result, Tool, ToolContext, ToolError
from agent.tools.common import Ids
from agent.tools.lookup import editables, live
from agent.tools.words import several
from sync.canvas.canvas import Canvas
from sync.canvas.keys import is_key, keys_between
from sync.canvas.schema import MAX_KEY
from sync.canvas.shape import Shape

To = Literal["front", "back", "forward", "backward", "above", "below"]


class Reorder(Tool):
    """Change stacking. The shapes keep their order among themselves."""

    name: ClassVar[str] = "reorder"

    ids: Ids
    to: To = Field(description="forward and backward go one step past a neighbour; above and below need ref")
    ref: str | None = Field(default=None, description="id of a shape, for above/below")

    def stage(self, canvas: Canvas, context: ToolContext) -> Result:
        """Stages z of the shapes only: nobody else's key is written."""
        moving = {shape.id for shape in editables(canvas, context, self.ids)}
        everything = canvas.shapes()
        mine = [shape for shape in everything if shape.id in moving]
        rest = [shape for shape in everything if shape.id not in moving]
        at = self._slot(canvas, context, everything, rest, mine)
        for shape, key in zip(mine, _keys(rest, at, len(mine)), strict=True):
            canvas.set(shape.id, "z", key)
        order = [shape.id for shape in canvas.shapes()]
        output = {"place_in_stack": {shape.id: order.index(shape.id) for shape in mine}}
        where = {"front": "to the front", "back": "to the back"}.get(self.to, self.to)
        return Result(output, f"Moved {several(mine)} {where}", tuple(shape.id for shape in mine))

    def _slot(
        self, canvas: Canvas, context: ToolContext, everything: list[Shape], rest: list[Shape], mine: list[Shape]
    ) -> int:
        """How many of the others come before the moved ones."""
        ids = [shape.id for shape in rest]
        match self.to:
            case "front":
                return len(rest)
            case "back":
                return 0
            case "above" | "below":
                if self.ref is None or live(canvas, context, self.ref).id not in ids:
                    raise ToolError("INVALID", "ref must be another shape", path="ref", why="must be another shape")
                return ids.index(live(canvas, context, self.ref).id) + (self.to == "above")
            case "forward":
                last = max(everything.index(shape) for shape in mine)
                return min(sum(other in rest for other in everything[:last]) + 1, len(rest))
            case "backward":
                first = min(everything.index(shape) for shape in mine)
                return max(sum(other in rest for other in everything[:first]) - 1, 0)


def _keys(rest: list[Shape], at: int, count: int) -> list[str]:
    """Keys for `count` shapes between the neighbours; a neighbour whose key leaves no room is stepped over."""
    below = [shape.z for shape in rest[:at] if is_key(shape.z)]
    above = [shape.z for shape in rest[at:] if is_key(shape.z)]
    low = below[-1] if below else None
    for high in [*above, None]:
        if low is None or high is None or low < high:
            keys = keys_between(low, high, count)
            if all(len(key) <= MAX_KEY for key in keys):
                return keys
    raise ToolError("LIMIT", "there is no room between these shapes; bring them to the front instead", limit=MAX_KEY)
