"""connect: arrows bound to shapes."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field

from agent.tools.base import MAX_CREATED, Result, Tool, ToolContext, ToolError, counted
from agent.tools.common import Anchor, Arguments, Colour, Point
from agent.tools.create import made_by
from agent.tools.lookup import geometry, live
from agent.tools.words import name
from sync.canvas.canvas import Canvas
from sync.canvas.place import connector_line
from sync.canvas.schema import MAX_TEXT, End
from sync.canvas.shape import Shape


class EndPoint(Arguments):
    """One end: a shape, or a free point."""

    id: str | None = Field(default=None, description="shape id or key")
    anchor: Anchor | None = Field(default=None, description="side of the shape; default auto")
    point: Point | None = Field(default=None, description="free point, when there is no id")


class Connector(Arguments):
    """One line between two ends."""

    key: str | None = Field(default=None, max_length=64, description="your own name for it")
    source: EndPoint = Field(alias="from")
    target: EndPoint = Field(alias="to")
    route: Literal["straight", "elbow", "curve"] | None = None
    start_head: Literal["none", "arrow"] | None = Field(default=None, description="default none")
    end_head: Literal["none", "arrow"] | None = Field(default=None, description="default arrow")
    label: str | None = Field(default=None, max_length=MAX_TEXT)
    stroke: Colour | None = None
    dashed: bool | None = None


class Connect(Tool):
    """Draw connectors bound to shapes; they follow when a shape moves. An arrow points at `to`."""

    name: ClassVar[str] = "connect"
    strict: ClassVar[bool] = False

    connectors: list[Connector] = Field(min_length=1, max_length=MAX_CREATED)

    def stage(self, canvas: Canvas, context: ToolContext) -> Result:
        """Stages one connector shape each; a free end is a point."""
        made: list[Shape] = []
        for at, wanted in enumerate(self.connectors):
            source, target = _end(canvas, context, wanted.source), _end(canvas, context, wanted.target)
            if "id" in source and source.get("id") == target.get("id"):
                raise ToolError("INVALID", "both ends are one shape", path=f"connectors.{at}", why="both ends are one")
            made.append(create_connector(canvas, context, wanted, source, target))
        rows = geometry(canvas, [shape.id for shape in made])
        for row, wanted in zip(rows, self.connectors, strict=True):
            if wanted.key is not None:
                row["key"] = wanted.key
        return Result({"shapes": rows}, _label(made, canvas), tuple(shape.id for shape in made))


def create_connector(canvas: Canvas, context: ToolContext, wanted: Connector, source: End, target: End) -> Shape:
    """Stage one connector shape between two ends. Raises Invalid."""
    fields: dict[str, Any] = {
        "type": "connector", "from": source, "to": target, "route": wanted.route, "start_head": wanted.start_head,
        "end_head": wanted.end_head, "text": wanted.label or None, "stroke": wanted.stroke, "dashed": wanted.dashed,
    }  # fmt: skip
    shape = context.new_id()
    (x1, y1), (x2, y2) = connector_line(Shape(shape, fields), canvas)
    box = {"x": min(x1, x2), "y": min(y1, y2), "w": max(abs(x1 - x2), 1), "h": max(abs(y1 - y2), 1)}
    return canvas.create(shape, {**fields, **box, **made_by(context)})


def _end(canvas: Canvas, context: ToolContext, wanted: EndPoint) -> End:
    if wanted.id is None:
        if wanted.point is None:
            raise ToolError("INVALID", "an end needs an id or a point", path="from", why="has neither id nor point")
        return End(x=wanted.point.x, y=wanted.point.y)
    shape = live(canvas, context, wanted.id)
    if shape.type == "connector":
        raise ToolError("INVALID", f"{shape.id} is a connector; connect shapes", path="id", why="is a connector")
    end = End(id=shape.id)
    if wanted.anchor not in (None, "auto"):
        end["anchor"] = wanted.anchor
    return end


def _label(made: list[Shape], canvas: Canvas) -> str:
    if len(made) > 1:
        return f"Drew {counted(len(made), 'connector')}"
    ends = [canvas.get(end["id"]) if end and "id" in end else None for end in (made[0].source, made[0].target)]
    names = [name(shape) if shape is not None else "a point" for shape in ends]
    return f"Connected {names[0]} to {names[1]}"
