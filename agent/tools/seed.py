"""The seed's own vocabulary: createShape and editExistingShape, as aliases of create and update."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import Field

from agent.tools.base import Result, Tool, ToolContext
from agent.tools.common import Colour, Coordinate, Size
from agent.tools.create import NewShape, create_shape
from agent.tools.lookup import editable, geometry
from agent.tools.update import Fields, given, set_fields
from agent.tools.words import name, noun
from sync.canvas.canvas import Canvas
from sync.canvas.schema import MAX_TEXT


class CreateShape(Tool):
    """Create one rectangle. The short form of create."""

    name: ClassVar[str] = "createShape"

    x: Coordinate = Field(description="left, px")
    y: Coordinate = Field(description="top, px, down")
    w: Size = Field(description="px")
    h: Size = Field(description="px")
    color: Colour | None = None

    def stage(self, canvas: Canvas, context: ToolContext) -> Result:
        """Stages one rect."""
        new = NewShape(type="rect", x=self.x, y=self.y, w=self.w, h=self.h, fill=self.color)
        shape = create_shape(canvas, context, new, {})
        colour = f"{shape.fill} " if self.color in ("red", "green", "blue", "yellow") else ""
        return Result(
            {"id": shape.id, "shapes": geometry(canvas, [shape.id])}, f"Created a {colour}{noun(shape)}", (shape.id,)
        )


class EditExistingShape(Tool):
    """Change one shape; null leaves a field as it is. The short form of update."""

    name: ClassVar[str] = "editExistingShape"

    id: str = Field(description="shape id")
    x: Coordinate | None = Field(default=None, description="left, px")
    y: Coordinate | None = Field(default=None, description="top, px, down")
    w: Size | None = Field(default=None, description="px")
    h: Size | None = Field(default=None, description="px")
    color: Colour | None = None
    text: str | None = Field(default=None, max_length=MAX_TEXT)

    def stage(self, canvas: Canvas, context: ToolContext) -> Result:
        """Stages the fields that are given."""
        shape = editable(canvas, context, self.id)
        values: dict[str, Any] = {k: getattr(self, k) for k in ("x", "y", "w", "h", "text")}
        set_fields(canvas, context, shape, given(Fields(**values, fill=self.color)))
        return Result({"id": shape.id, "shapes": geometry(canvas, [shape.id])}, f"Changed {name(shape)}", (shape.id,))
