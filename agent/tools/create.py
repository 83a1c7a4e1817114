"""create: new shapes, all or none."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field

from agent.tools.base import MAX_CREATED, Result, Tool, ToolContext, ToolError
from agent.tools.common import Arguments, Colour, Coordinate, Gap, Size
from agent.tools.lookup import geometry, live, view_box
from agent.tools.words import several
from sync.canvas.canvas import Canvas
from sync.canvas.geometry import Box, union
from sync.canvas.layout import arrange
from sync.canvas.place import GAP, bounds, free_spot, in_the_way
from sync.canvas.schema import DEFAULT_STYLE, MAX_TEXT, PALETTE, SHAPE_FIELDS, ShapeId
from sync.canvas.shape import Shape
from sync.canvas.text import fit

Side = Literal["left", "right", "above", "below", "inside"]


class Place(Arguments):
    """Where a new shape stands, in words."""

    ref: str = Field(description="id or key of the shape to stand next to")
    side: Side
    gap: Gap | None = Field(default=None, description="px between edges, default 40")
    align: Literal["start", "center", "end"] | None = Field(default=None, description="default center")


class NewShape(Arguments):
    """One shape to create."""

    type: Literal["rect", "ellipse", "diamond", "triangle", "note", "text", "frame"]
    key: str | None = Field(
        default=None, max_length=64, description="your own short name, unique in this call; an id for later calls"
    )
    x: Coordinate | None = Field(default=None, description="left, px; leave out x and y for free space in view")
    y: Coordinate | None = Field(default=None, description="top, px, down")
    w: Size | None = Field(default=None, description="px; left out = fits the text")
    h: Size | None = Field(default=None, description="px; left out = fits the text")
    text: str | None = Field(default=None, max_length=MAX_TEXT, description="label, note body, or a frame's title")
    fill: Colour | None = None
    stroke: Colour | None = Field(default=None, description="as fill; left out = goes with the fill")
    stroke_width: float | None = Field(default=None, ge=0, le=100, description="px")
    opacity: float | None = Field(default=None, ge=0, le=1)
    dashed: bool | None = None
    rotation: float | None = Field(default=None, allow_inf_nan=False, description="degrees clockwise")
    font_size: float | None = Field(default=None, ge=4, le=400, description="px, default 15")
    text_align: Literal["left", "center", "right"] | None = None
    parent: str | None = Field(default=None, description="id or key of a frame it belongs to; x,y stay board px")
    place: Place | None = Field(default=None, description="instead of x,y")


class Create(Tool):
    """Create shapes (at most 50) in one step: all appear or none. Without w,h a shape fits its text; without x,y it
    goes to free space in view, or use place to put it beside another. Use connect for arrows."""

    name: ClassVar[str] = "create"
    strict: ClassVar[bool] = False

    shapes: list[NewShape] = Field(min_length=1, max_length=MAX_CREATED)

    def stage(self, canvas: Canvas, context: ToolContext) -> Result:
        """Stages every shape, in the order given, later ones above earlier ones."""
        keys: dict[str, ShapeId] = {}
        made: list[Shape] = []
        spots = _spots(canvas, context, self.shapes)
        for at, new in enumerate(self.shapes):
            if new.key is not None and new.key in keys:
                raise ToolError("INVALID", f"key {new.key} is used twice", path=f"shapes.{at}.key", why="is used twice")
            shape = create_shape(canvas, context, spots.get(at, new), keys)
            made.append(shape)
            if new.key is not None:
                keys[new.key] = shape.id
        rows = geometry(canvas, [shape.id for shape in made])
        for row, new in zip(rows, self.shapes, strict=True):
            if new.key is not None:
                row["key"] = new.key
        return Result({"shapes": rows}, f"Created {several(made)}", tuple(shape.id for shape in made))


def _spots(canvas: Canvas, context: ToolContext, shapes: list[NewShape]) -> dict[int, NewShape]:
    """Several shapes without a place, in no frame, get one together: in a row in free space, or a grid if too wide."""
    loose = [(at, new) for at, new in enumerate(shapes) if new.x is None and new.y is None and not new.place]
    loose = [(at, new) for at, new in loose if not new.parent]
    if len(loose) < 2:
        return {}
    boxes = [Box(0, 0, *_size(new, _font_size(new))) for _, new in loose]
    view = view_box(context)
    is_wide = sum(box.w + GAP for box in boxes) > view.w
    corners = arrange("grid" if is_wide else "row", boxes, gap=GAP)
    block = union(box.moved(x, y) for box, (x, y) in zip(boxes, corners, strict=True))
    assert block is not None, "there are boxes"
    fixed = [
        Box(new.x, new.y, *_size(new, _font_size(new))) for new in shapes if new.x is not None and new.y is not None
    ]
    left, top = free_spot(block.w, block.h, [*_taken(canvas, block.w, view, None), *fixed], view)
    return {
        at: new.model_copy(update={"x": left + x, "y": top + y})
        for (at, new), (x, y) in zip(loose, corners, strict=True)
    }


def create_shape(canvas: Canvas, context: ToolContext, new: NewShape, keys: dict[str, ShapeId]) -> Shape:
    """Stage one new shape. `keys` are the ones made before in this call. Raises ToolError or Invalid."""
    w, h = _size(new, _font_size(new))
    x, y = _position(canvas, context, new, keys, w, h)
    fields: dict[str, Any] = {
        "type": new.type, "x": x, "y": y, "w": w, "h": h, "text": new.text or None, "fill": new.fill,
        "stroke": new.stroke or stroke_for(new.type, new.fill), "stroke_width": new.stroke_width,
        "opacity": new.opacity, "dashed": new.dashed, "rotation": new.rotation, "font_size": new.font_size,
        "text_align": new.text_align, "parent": _frame(canvas, context, new.parent, keys),
    }  # fmt: skip
    return canvas.create(context.new_id(), {**fields, **made_by(context)})


def made_by(context: ToolContext) -> dict[str, Any]:
    """The fields every created shape is signed with."""
    return {"by": context.agent, "at": context.now_ms, "run": context.run, "call": context.call}


def stroke_for(shape_type: str, fill: str | None) -> str | None:
    """The outline that goes with a palette fill, where the type has an outline; None = the type's own."""
    has_outline = DEFAULT_STYLE.get(shape_type, {}).get("stroke") != "none"
    return fill if fill in PALETTE and has_outline else None


def beside(ref: Box, side: Side, w: float, h: float, gap: float, align: str | None) -> tuple[float, float]:
    """Top-left of a w x h box beside (or in the middle of) another."""
    along = {"start": 0.0, "end": 1.0}.get(align or "center", 0.5)
    middle_x, middle_y = ref.x + (ref.w - w) * along, ref.y + (ref.h - h) * along
    match side:
        case "left":
            return ref.x - gap - w, middle_y
        case "right":
            return ref.right + gap, middle_y
        case "above":
            return middle_x, ref.y - gap - h
        case "below":
            return middle_x, ref.bottom + gap
        case "inside":
            return middle_x, ref.y + (ref.h - h) / 2


def _default(shape_type: str, field: str) -> Any:
    return DEFAULT_STYLE.get(shape_type, {}).get(field, SHAPE_FIELDS[field].default)


def _font_size(new: NewShape) -> float:
    return new.font_size or float(_default(new.type, "font_size"))


def _taken(canvas: Canvas, w: float, view: Box, frame: str | None) -> list[Box]:
    return [box for s, box in in_the_way(canvas, w, view) if s.id != frame and s.type != "connector"]


def _size(new: NewShape, font_size: float) -> tuple[float, float]:
    if new.w is not None and new.h is not None:
        return new.w, new.h
    w, h = fit(new.type, new.text or "", font_size, new.w)
    return new.w or w, new.h or h


def _position(
    canvas: Canvas, context: ToolContext, new: NewShape, keys: dict[str, ShapeId], w: float, h: float
) -> tuple[float, float]:
    if new.place is not None:
        ref = live(canvas, context, keys.get(new.place.ref, new.place.ref))
        gap = GAP if new.place.gap is None else new.place.gap
        x, y = beside(bounds(ref, canvas), new.place.side, w, h, gap, new.place.align)
        return round(x), round(y)
    if new.x is not None and new.y is not None:
        return new.x, new.y
    frame_id = _frame(canvas, context, new.parent, keys)
    frame = canvas.get(frame_id) if frame_id else None
    inside = frame.box if frame is not None else view_box(context)
    x, y = free_spot(w, h, _taken(canvas, w, inside, frame_id), inside)
    return (x if new.x is None else new.x), (y if new.y is None else new.y)


def _frame(canvas: Canvas, context: ToolContext, parent: str | None, keys: dict[str, ShapeId]) -> str | None:
    if not parent:
        return None
    shape = live(canvas, context, keys.get(parent, parent))
    if shape.type != "frame":
        raise ToolError("INVALID", f"{shape.id} is a {shape.type}, not a frame", path="parent", why="is not a frame")
    return shape.id
