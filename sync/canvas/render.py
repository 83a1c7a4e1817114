"""A board as an SVG document, as frontend/src/draw/ draws it, for one theme.

Pure: text in, text out. What people wrote is escaped, element names come from an allow-list, and nothing in the result
points outside itself (docs/spec.md, E7).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape, quoteattr

from sync.canvas.canvas import Canvas
from sync.canvas.geometry import Box, rotated_bounds, union
from sync.canvas.place import DEFAULT_VIEW
from sync.canvas.route import Line, arrow_head, corners, line_of, number, smooth_path
from sync.canvas.schema import ShapeId
from sync.canvas.shape import Shape
from sync.canvas.text import LINE_HEIGHT, padding_of, weight_of, wrap
from sync.canvas.theme import THEMES, Theme, ThemeName

MARGIN = 40.0  # px around what is drawn
CORNER = 10.0  # px, radius of a rectangle's corners
NOTE_PADDING = 14.0  # px left of a note's words
NOTE_RIGHT = 10.0  # and right: left-aligned words end ragged
CONNECTOR_TEXT = 200.0  # px after which a connector's label wraps
FRAME_NAME_SIZE = 12
BASELINE = 0.35  # em below the middle of a line
FAMILY = "Inter, system-ui, sans-serif"

_TAGS = frozenset(
    {"svg", "g", "rect", "ellipse", "polygon", "path", "text", "tspan", "title", "filter", "feGaussianBlur"}
)
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_ANCHORS = {"left": "start", "center": "middle", "right": "end"}
_ROOM = {"ellipse": 0.8, "diamond": 0.62, "triangle": 0.55}

Attribute = str | float | None


@dataclass(frozen=True, slots=True)
class Picture:
    """An SVG document and the part of the board it shows, px."""

    svg: str
    area: Box

    @property
    def w(self) -> float:
        """Width, px."""
        return self.area.w

    @property
    def h(self) -> float:
        """Height, px."""
        return self.area.h


def render(
    canvas: Canvas,
    theme: ThemeName = "light",
    title: str = "",
    *,
    background: bool = True,
    region: Box | None = None,
    marks: Mapping[ShapeId, tuple[int, Box]] | None = None,
    mark_size: float = 16.0,
) -> Picture:
    """The whole board, lowest shape first, without what is only proposed; an empty board is an empty page.

    `region`: only that part, px. `marks` (marks.py): numbers on shapes, `mark_size` px of the board high.
    """
    colours = THEMES[theme]
    shapes = [shape for shape in canvas.shapes() if not canvas.is_open(shape)]
    lines = {shape.id: line_of(shape, canvas) for shape in shapes if shape.type == "connector"}
    if region is not None:
        shapes = [s for s in shapes if (reach := _reach(s, lines)) is not None and region.touches(reach)]
    area = region if region is not None else _area(shapes, lines)
    numbers = [_mark(count, box, mark_size, colours) for count, box in (marks or {}).values()]
    body = [_group(shape, lines.get(shape.id), colours) for shape in shapes]
    view = " ".join(number(side) for side in (area.x, area.y, area.w, area.h))
    page = _node("rect", x=area.x, y=area.y, width=area.w, height=area.h, fill=colours.canvas) if background else ""
    soft = _node("filter", _node("feGaussianBlur", stdDeviation=3), id="soft")
    svg = _node(
        "svg",
        _node("title", _text(title)) if title else "",
        soft,
        page,
        *body,
        *numbers,
        xmlns="http://www.w3.org/2000/svg",
        viewBox=view,
        width=area.w,
        height=area.h,
        font_family=FAMILY,
    )
    return Picture(svg + "\n", area)


def _mark(count: int, box: Box, size: float, theme: Theme) -> str:
    """A number at the top left corner of a shape."""
    width = size * (0.7 + 0.55 * len(str(count)))
    return _node(
        "g",
        _node(
            "rect", width=width, height=size, rx=size / 4, fill=theme.text, stroke=theme.canvas, stroke_width=size / 12
        ),
        _node(
            "text", str(count), x=width / 2, y=size * (0.5 + BASELINE * 0.72), font_size=size * 0.72, font_weight=600,
            text_anchor="middle", fill=theme.canvas,
        ),
        transform=f"translate({number(box.x)} {number(box.y)})",
    )  # fmt: skip


def _area(shapes: Sequence[Shape], lines: Mapping[ShapeId, Line | None]) -> Box:
    found = union(box for shape in shapes if (box := _reach(shape, lines)) is not None)
    return DEFAULT_VIEW if found is None else found.grown(MARGIN)


def _reach(shape: Shape, lines: Mapping[ShapeId, Line | None]) -> Box | None:
    if shape.type != "connector":
        return rotated_bounds(shape.box, shape.rotation)
    line = lines[shape.id]
    if line is None:
        return None
    return union(Box(x, y, 0, 0) for x, y in (line.start, line.end, *line.bends))


def _group(shape: Shape, line: Line | None, theme: Theme) -> str:
    if shape.type == "connector":
        return _node("g", *_connector(shape, line, theme), opacity=_opacity(shape)) if line is not None else ""
    place = f"translate({number(shape.x)} {number(shape.y)})"
    if shape.rotation:
        place += f" rotate({number(shape.rotation)} {number(shape.w / 2)} {number(shape.h / 2)})"
    return _node("g", *_body(shape, theme), transform=place, opacity=_opacity(shape))


def _opacity(shape: Shape) -> float | None:
    opacity = float(shape.field("opacity"))
    return None if opacity == 1 else opacity


def _body(shape: Shape, theme: Theme) -> Iterator[str]:
    """Any shape but a connector, in its own coordinates: (0, 0) is the top left of its box."""
    w, h = shape.w, shape.h
    paint = {**_outline(shape, theme), "fill": theme.fill(shape.fill)}
    match shape.type:
        case "ellipse":
            yield _node("ellipse", cx=w / 2, cy=h / 2, rx=w / 2, ry=h / 2, **paint)
        case "diamond" | "triangle":
            points = " ".join(f"{number(x)},{number(y)}" for x, y in corners(shape.type, Box(0, 0, w, h)))
            yield _node("polygon", points=points, **paint)
        case "note":
            colour, opacity = theme.note_shadow
            yield _node("rect", y=3, width=w, height=h, rx=4, fill=colour, fill_opacity=opacity, filter="url(#soft)")
            yield _node("rect", width=w, height=h, rx=3, **paint)
        case "draw":
            reach = _extent(shape.points)
            path = smooth_path(shape.points, w / reach[0] if reach[0] else 1, h / reach[1] if reach[1] else 1)
            yield _node("path", d=path, **{**paint, "fill": "none"})
        case "frame" | "rect":
            yield _node("rect", width=w, height=h, rx=min(CORNER, w / 2, h / 2), **paint)
        case "text" | "connector":
            pass
    if shape.type == "frame":
        name = _text(shape.text.strip() or "Frame")
        yield _node("text", name, x=2, y=-8, font_size=FRAME_NAME_SIZE, font_weight=500, fill=theme.text_2)
    elif shape.text:
        yield _lettering(shape, theme)


def _outline(shape: Shape, theme: Theme) -> dict[str, Attribute]:
    width = 0.0 if shape.stroke == "none" else float(shape.field("stroke_width"))
    if not width:
        return {"stroke": "none"}
    dashes = f"{number(max(4, width * 3))} {number(max(4, width * 2.5))}" if shape.field("dashed") else None
    return {
        "stroke": theme.stroke(shape.stroke),
        "stroke_width": width,
        "stroke_linejoin": "round",
        "stroke_linecap": "round",
        "stroke_dasharray": dashes,
    }


def _extent(points: Sequence[int]) -> tuple[int, int]:
    """The size that freehand points span from their origin."""
    return max((0, *points[::2])), max((0, *points[1::2]))


def _text_width(shape: Shape) -> float:
    if shape.type == "note":
        return max(8.0, shape.w - NOTE_PADDING - NOTE_RIGHT)
    return max(8.0, shape.w * _ROOM.get(shape.type, 1.0) - 2 * padding_of(shape.type))


def _ink(shape: Shape, theme: Theme) -> str:
    return theme.ink_of(shape.type, shape.fill, shape.stroke)


def _lettering(shape: Shape, theme: Theme) -> str:
    """The label, wrapped into the shape; notes and text from the top, the rest from the middle."""
    size, weight, width = shape.font_size, weight_of(shape.type), _text_width(shape)
    lines = wrap(shape.text, size, width + 0.5, weight)
    leading = size * LINE_HEIGHT
    middle = shape.h * 0.64 if shape.type == "triangle" else shape.h / 2
    top = padding_of(shape.type) if shape.type in ("note", "text") else middle - len(lines) * leading / 2
    left = NOTE_PADDING if shape.type == "note" else (shape.w - width) / 2
    align = shape.field("text_align")
    x = {"left": left, "center": shape.w / 2, "right": (shape.w + width) / 2}[align]
    return _node(
        "text",
        *_spans(lines, x, top + leading / 2 + size * BASELINE, leading),
        font_size=size,
        font_weight=weight,
        text_anchor=_ANCHORS[align],
        fill=_ink(shape, theme),
    )


def _connector(shape: Shape, line: Line, theme: Theme) -> Iterator[str]:
    """In the board's coordinates. Heads are never dashed."""
    paint = {**_outline(shape, theme), "fill": "none"}
    yield _node("path", d=line.path, **paint)
    solid = {**paint, "stroke_dasharray": None}
    size = 7 + float(shape.field("stroke_width")) * 2
    if shape.field("end_head") == "arrow":
        yield _node("path", d=arrow_head(line.end, line.end_from, size), **solid)
    if shape.field("start_head") == "arrow":
        yield _node("path", d=arrow_head(line.start, line.start_from, size), **solid)
    if shape.text:
        yield _on_line(shape, line, theme)


def _on_line(shape: Shape, line: Line, theme: Theme) -> str:
    size = min(shape.font_size, 13)
    lines = wrap(shape.text, size, CONNECTOR_TEXT, 400)
    leading = size * LINE_HEIGHT
    x, y = line.middle
    return _node(
        "text",
        *_spans(lines, x, y - (len(lines) - 1) / 2 * leading + size * BASELINE, leading),
        font_size=size,
        text_anchor="middle",
        fill=theme.text,
        stroke=theme.canvas,
        stroke_width=6,
        stroke_linejoin="round",
        paint_order="stroke",
    )


def _spans(lines: Iterable[str], x: float, y: float, leading: float) -> Iterator[str]:
    for index, line in enumerate(lines):
        if line.strip():
            yield _node("tspan", _text(line), x=x, y=y + leading * index)


def _text(words: str) -> str:
    """Escaped; characters that XML cannot hold are left out. Runs of spaces stay, as on the board."""
    return escape(_NOT_XML.sub("", words).replace("  ", " \u00a0"))


def _node(tag: str, *children: str, **attributes: Attribute) -> str:
    """One element. `stroke_width` is `stroke-width`; None leaves an attribute out."""
    if tag not in _TAGS:
        raise ValueError(f"{tag} is not an element of a picture")
    written = "".join(
        f" {name.replace('_', '-')}={quoteattr(value if isinstance(value, str) else number(value))}"
        for name, value in attributes.items()
        if value is not None
    )
    return f"<{tag}{written}>{''.join(children)}</{tag}>" if children else f"<{tag}{written}/>"
