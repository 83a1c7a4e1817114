"""update: fields of existing shapes."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field

from agent.tools.base import Result, Tool, ToolContext, ToolError
from agent.tools.common import Arguments, Colour, Coordinate, Ids, Size
from agent.tools.create import stroke_for
from agent.tools.lookup import editables, geometry, live
from agent.tools.refit import refit
from agent.tools.stale import stale
from agent.tools.words import several
from sync.canvas.canvas import Canvas, tidy
from sync.canvas.schema import MAX_TEXT, PALETTE
from sync.canvas.shape import Shape


class Fields(Arguments):
    """New values; what is left out stays as it is."""

    x: Coordinate | None = Field(default=None, description="left, px")
    y: Coordinate | None = Field(default=None, description="top, px")
    w: Size | None = Field(default=None, description="px")
    h: Size | None = Field(default=None, description="px")
    rotation: float | None = Field(default=None, allow_inf_nan=False, description="degrees clockwise")
    type: Literal["rect", "ellipse", "diamond", "triangle", "note", "text", "frame"] | None = None
    fill: Colour | None = Field(default=None, description="an outline of the same colour goes with it")
    stroke: Colour | None = None
    stroke_width: float | None = Field(default=None, ge=0, le=100, description="px")
    opacity: float | None = Field(default=None, ge=0, le=1)
    dashed: bool | None = None
    text: str | None = Field(default=None, max_length=MAX_TEXT, description="whole label; set_text changes a part")
    font_size: float | None = Field(default=None, ge=4, le=400, description="px")
    text_align: Literal["left", "center", "right"] | None = None
    parent: str | None = Field(default=None, description="frame id; '' = none")
    route: Literal["straight", "elbow", "curve"] | None = Field(default=None, description="of a connector")
    start_head: Literal["none", "arrow"] | None = None
    end_head: Literal["none", "arrow"] | None = None


class Expected(Arguments):
    """Values you last saw."""

    x: float | None = None
    y: float | None = None
    w: float | None = None
    h: float | None = None
    fill: str | None = None
    text: str | None = None


class Change(Arguments):
    """The same new values for some shapes."""

    ids: Ids
    set: Fields
    expect: Expected | None = Field(
        default=None, description="if one differs now, nothing is written and the present values come back"
    )


class Update(Tool):
    """Change fields of existing shapes. Only the fields you give are written, so other people's edits to other fields
    stay. To shift, use move; to lay out, use arrange."""

    name: ClassVar[str] = "update"
    strict: ClassVar[bool] = False

    changes: list[Change] = Field(min_length=1, max_length=200)

    def stage(self, canvas: Canvas, context: ToolContext) -> Result:
        """Stages every field of every shape, or raises before the first."""
        touched: dict[str, Shape] = {}
        for change in self.changes:
            shapes = editables(canvas, context, change.ids)
            fields = given(change.set)
            for shape in shapes:
                refuse_stale(canvas, context, shape, change.expect)
                set_fields(canvas, context, shape, fields)
                touched[shape.id] = shape
        changed = [shape for shape in touched.values() if shape.id in canvas.changes]
        output: dict[str, Any] = {"shapes": geometry(canvas, touched)}
        if len(changed) < len(touched):
            output["unchanged"] = [shape.id for shape in touched.values() if shape.id not in canvas.changes]
        verb = _verb([given(change.set) for change in self.changes])
        return Result(
            output, f"{verb} {several(changed or list(touched.values()))}", tuple(s.id for s in touched.values())
        )


def given(fields: Fields) -> dict[str, Any]:
    """The fields that were given, by document name. Raises ToolError for none."""
    found = {name: value for name, value in fields.model_dump().items() if value is not None}
    if not found:
        raise ToolError("INVALID", "set is empty; give at least one field", path="set", why="is empty")
    return found


def set_fields(canvas: Canvas, context: ToolContext, shape: Shape, fields: dict[str, Any]) -> None:
    """Stage fields of one shape; a palette outline that matched the fill goes with a new fill."""
    wanted = dict(fields)
    if "fill" in wanted and "stroke" not in wanted and shape.stroke == shape.fill and shape.fill in PALETTE:
        stroke = stroke_for(wanted.get("type", shape.type), wanted["fill"])
        wanted |= {"stroke": stroke} if stroke else {}
    if "parent" in wanted:
        wanted["parent"] = _parent(canvas, context, shape, wanted["parent"])
    for field, value in wanted.items():
        if shape.type == "connector" and field in ("x", "y", "w", "h", "type"):
            raise ToolError(
                "INVALID", f"{shape.id} is a connector: it follows its ends", path=field, why="of a connector"
            )
        canvas.set(shape.id, field, value)
    if not {"w", "h"} & set(wanted) and {"text", "font_size"} & set(wanted):
        refit(canvas, shape)


def refuse_stale(canvas: Canvas, context: ToolContext, shape: Shape, expect: Expected | None) -> None:
    """Raises STALE when a field is not as the model last saw it."""
    for field, expected in (expect.model_dump() if expect is not None else {}).items():
        if expected is not None and shape.field(field) != tidy(expected):
            raise stale(canvas, context, shape, field, expected)


def _parent(canvas: Canvas, context: ToolContext, shape: Shape, parent: str) -> str | None:
    if not parent:
        return None
    frame = live(canvas, context, parent)
    seen = {shape.id}
    above: Shape | None = frame
    while above is not None and above.id not in seen:
        seen.add(above.id)
        above = canvas.get(above.parent) if above.parent else None
    if frame.type != "frame" or above is not None:
        why = "is not a frame" if frame.type != "frame" else "is inside it already"
        raise ToolError("INVALID", f"{frame.id} {why}", path="parent", why=why)
    return frame.id


def _verb(sets: list[dict[str, Any]]) -> str:
    fields = {field for given_fields in sets for field in given_fields}
    if fields <= {"fill", "stroke"}:
        return "Recoloured"
    if fields <= {"x", "y"}:
        return "Moved"
    if fields <= {"x", "y", "w", "h"}:
        return "Resized"
    if fields <= {"text"}:
        return "Relabelled"
    return "Turned" if fields <= {"rotation"} else "Changed"
