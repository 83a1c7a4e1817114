"""The line that a connector takes and the path of a drawing, as frontend/src/geometry.ts draws them.

Pure arithmetic; px, x right, y down, degrees clockwise.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from sync.canvas.canvas import Canvas
from sync.canvas.geometry import Box
from sync.canvas.schema import End
from sync.canvas.shape import Shape

Point = tuple[float, float]

MIN_BEND = 30.0  # px a curve leaves its shape before it turns
ELBOW_REACH = 24.0  # px an elbow goes beyond two ends that look the same way
CORNER_COS = 0.5  # a freehand line that turns by more than 60 degrees has a corner: a V stays a V
WING = 0.5  # radians between a line and each side of its arrow head

_SIDES = {"top": (0.5, 0.0), "right": (1.0, 0.5), "bottom": (0.5, 1.0), "left": (0.0, 0.5), "center": (0.5, 0.5)}
_OUT = {"top": (0, -1), "right": (1, 0), "bottom": (0, 1), "left": (-1, 0)}


@dataclass(frozen=True, slots=True)
class Line:
    """A connector's line: SVG path, its two ends, where each end's head comes from, and what it passes through."""

    path: str
    start: Point
    end: Point
    start_from: Point
    end_from: Point
    middle: Point
    bends: tuple[Point, ...] = ()


@dataclass(frozen=True, slots=True)
class _End:
    """One end: a free point, or a shape and the side it leaves from."""

    at: Point
    shape: Shape | None = None
    anchor: str = "auto"

    @property
    def middle(self) -> Point:
        if self.shape is None:
            return self.at
        return self.shape.box.centre if self.anchor == "auto" else self.side(self.anchor)

    def side(self, name: str) -> Point:
        assert self.shape is not None
        box, (fx, fy) = self.shape.box, _SIDES[name]
        return _turn((box.x + box.w * fx, box.y + box.h * fy), box.centre, self.shape.rotation)

    def meet(self, other: Point) -> Point:
        """Where a straight line to `other` begins."""
        if self.shape is None:
            return self.at
        return outline_point(self.shape, other) if self.anchor == "auto" else self.side(self.anchor)

    def side_towards(self, other: Point) -> str:
        if self.shape is not None and self.anchor in _OUT:
            return self.anchor
        (cx, cy), wide = self.middle, 1.0
        if self.shape is not None:
            wide = self.shape.w / max(1, self.shape.h)
        dx, dy = other[0] - cx, other[1] - cy
        if abs(dx) > abs(dy) * wide:
            return "right" if dx > 0 else "left"
        return "bottom" if dy > 0 else "top"


def line_of(connector: Shape, canvas: Canvas) -> Line | None:
    """The line as the board draws it; None when an end is missing. A tombstone still holds its end."""
    source, target = _end(connector.source, canvas), _end(connector.target, canvas)
    if source is None or target is None:
        return None
    route = connector.field("route")
    if route == "straight":
        start, end = source.meet(target.middle), target.meet(source.middle)
        return Line(f"M{_p(start)}L{_p(end)}", start, end, end, start, _between(start, end))
    side_a, side_b = source.side_towards(target.middle), target.side_towards(source.middle)
    start = source.at if source.shape is None else source.side(side_a)
    end = target.at if target.shape is None else target.side(side_b)
    return (_curve if route == "curve" else _elbow)(start, end, _OUT[side_a], _OUT[side_b])


def _end(end: End | None, canvas: Canvas) -> _End | None:
    if end is None:
        return None
    if "id" not in end:
        return _End((end["x"], end["y"]))
    shape = canvas.find(end["id"])
    if shape is None or shape.type == "connector":
        return None
    return _End(shape.box.centre, shape, end.get("anchor", "auto"))


def _curve(start: Point, end: Point, out_a: tuple[int, int], out_b: tuple[int, int]) -> Line:
    bend = max(MIN_BEND, math.dist(start, end) / 2.4)
    c1 = (start[0] + out_a[0] * bend, start[1] + out_a[1] * bend)
    c2 = (end[0] + out_b[0] * bend, end[1] + out_b[1] * bend)
    middle = tuple((a + 3 * b + 3 * c + d) / 8 for a, b, c, d in zip(start, c1, c2, end, strict=True))
    return Line(f"M{_p(start)}C{_p(c1)} {_p(c2)} {_p(end)}", start, end, c1, c2, (middle[0], middle[1]), (c1, c2))


def _elbow(start: Point, end: Point, out_a: tuple[int, int], out_b: tuple[int, int]) -> Line:
    is_level_a, is_level_b = out_a[0] != 0, out_b[0] != 0
    if is_level_a and is_level_b:
        x = _passage(start[0], end[0], out_a[0], out_b[0])
        bends: tuple[Point, ...] = ((x, start[1]), (x, end[1]))
    elif not is_level_a and not is_level_b:
        y = _passage(start[1], end[1], out_a[1], out_b[1])
        bends = ((start[0], y), (end[0], y))
    else:
        bends = ((end[0], start[1]),) if is_level_a else ((start[0], end[1]),)
    points = (start, *bends, end)
    half = len(points) // 2
    path = "M" + "L".join(_p(point) for point in points)
    return Line(path, start, end, points[1], points[-2], _between(points[half - 1], points[half]), bends)


def _passage(start: float, end: float, out_a: int, out_b: int) -> float:
    """Where an elbow crosses over: in the middle, or beyond both ends when they look the same way."""
    if out_a != out_b:
        return (start + end) / 2
    return (max if out_a > 0 else min)(start, end) + out_a * ELBOW_REACH


def outline_point(shape: Shape, towards: Point) -> Point:
    """Where the line from the shape's centre towards a point leaves its outline."""
    box, centre = shape.box, shape.box.centre
    aim = _turn(towards, centre, -shape.rotation)
    dx, dy = aim[0] - centre[0], aim[1] - centre[1]
    if not dx and not dy:
        return centre
    if shape.type == "ellipse":
        share = 1 / math.hypot(dx / (box.w / 2), dy / (box.h / 2))
        leave = (centre[0] + dx * share, centre[1] + dy * share)
    else:
        reach = (box.w + box.h) / math.hypot(dx, dy)  # far beyond the box: a point inside finds the border too
        far = (centre[0] + dx * reach, centre[1] + dy * reach)
        polygon = corners(shape.type, box)
        sides = zip(polygon, polygon[1:] + polygon[:1], strict=True)
        best = min((t for a, b in sides if (t := _crossing(centre, far, a, b)) is not None and t > 0), default=1.0)
        leave = (centre[0] + (far[0] - centre[0]) * best, centre[1] + (far[1] - centre[1]) * best)
    return _turn(leave, centre, shape.rotation)


def corners(shape_type: str, box: Box) -> list[Point]:
    """Corners of an outline, unrotated; an ellipse has none of its own."""
    cx, cy = box.centre
    if shape_type == "diamond":
        return [(cx, box.y), (box.right, cy), (cx, box.bottom), (box.x, cy)]
    if shape_type == "triangle":
        return [(cx, box.y), (box.right, box.bottom), (box.x, box.bottom)]
    return [(box.x, box.y), (box.right, box.y), (box.right, box.bottom), (box.x, box.bottom)]


def arrow_head(tip: Point, come_from: Point, size: float) -> str:
    """An open arrow head at `tip` of a line that comes from there, as an SVG path."""
    angle = math.atan2(tip[1] - come_from[1], tip[0] - come_from[0])
    wings = [(tip[0] - size * math.cos(angle + side), tip[1] - size * math.sin(angle + side)) for side in (WING, -WING)]
    return f"M{_p(wings[0])}L{_p(tip)}L{_p(wings[1])}"


def smooth_path(points: Sequence[int], sx: float = 1, sy: float = 1) -> str:
    """Freehand points (flat x, y) as an SVG path through all of them: curves where the line bends, corners where it
    turns by more than 60 degrees."""
    at = [(points[i] * sx, points[i + 1] * sy) for i in range(0, len(points) - 1, 2)]
    if not at:
        return ""
    if len(at) < 3:
        return f"M{_p(at[0])}L{_p(at[-1])}"
    path = [f"M{_p(at[0])}"]
    leaving: Point | None = None
    for i in range(1, len(at)):
        start, end = at[i - 1], at[i]
        arriving = _heading(start, end, at[i + 1]) if i + 1 < len(at) else None
        if leaving or arriving:
            third = math.dist(start, end) / 3
            straight = ((end[0] - start[0]) / 3, (end[1] - start[1]) / 3)
            out = (leaving[0] * third, leaving[1] * third) if leaving else straight
            into = (arriving[0] * third, arriving[1] * third) if arriving else straight
            controls = (start[0] + out[0], start[1] + out[1]), (end[0] - into[0], end[1] - into[1])
            path.append(f"C{_p(controls[0])} {_p(controls[1])} {_p(end)}")
        else:
            path.append(f"L{_p(end)}")
        leaving = arriving
    return "".join(path)


def _heading(before: Point, here: Point, after: Point) -> Point | None:
    """The direction, of length 1, in which a line passes its middle point; None when it has a corner there."""
    a, b = math.dist(before, here), math.dist(here, after)
    if not a or not b:
        return None
    ax, ay, bx, by = (
        (here[0] - before[0]) / a,
        (here[1] - before[1]) / a,
        (after[0] - here[0]) / b,
        (after[1] - here[1]) / b,
    )
    if ax * bx + ay * by < CORNER_COS:
        return None
    length = math.hypot(ax + bx, ay + by)
    return (ax + bx) / length, (ay + by) / length


def number(value: float) -> str:
    """At most two decimals, no needless zeros, never an exponent."""
    text = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def _p(point: Point) -> str:
    return f"{number(point[0])} {number(point[1])}"


def _between(a: Point, b: Point) -> Point:
    return (a[0] + b[0]) / 2, (a[1] + b[1]) / 2


def _turn(point: Point, about: Point, degrees: float) -> Point:
    if not degrees:
        return point
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    dx, dy = point[0] - about[0], point[1] - about[1]
    return about[0] + dx * cos - dy * sin, about[1] + dx * sin + dy * cos


def _crossing(a: Point, b: Point, c: Point, d: Point) -> float | None:
    """How far along a-b it crosses c-d, None when it does not."""
    denominator = (b[0] - a[0]) * (d[1] - c[1]) - (b[1] - a[1]) * (d[0] - c[0])
    if abs(denominator) < 1e-9:
        return None
    t = ((c[0] - a[0]) * (d[1] - c[1]) - (c[1] - a[1]) * (d[0] - c[0])) / denominator
    u = ((c[0] - a[0]) * (b[1] - a[1]) - (c[1] - a[1]) * (b[0] - a[0])) / denominator
    return t if 0 <= t <= 1 and -1e-9 <= u <= 1 + 1e-9 else None
