"""Where the shapes of a canvas are: bounds, connector ends, free space."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sync.canvas.canvas import Canvas
from sync.canvas.geometry import Box, anchor_point, edge_point, rotated_bounds, union
from sync.canvas.schema import MAX_COORDINATE, End, View
from sync.canvas.shape import Shape

_STEPS = 8  # half-sizes in each direction that free_spot tries: 289 places
DEFAULT_VIEW = Box(-600, -400, 1200, 800)  # px; what a person sees who has not moved the board
GAP = 40.0  # px between shapes unless somebody says otherwise


def box_of(view: View | None) -> Box:
    """What a person sees, px; the default view for none, or for one that has no size."""
    if view is None or not (view["w"] > 1 and view["h"] > 1):
        return DEFAULT_VIEW
    return Box(view["x"], view["y"], view["w"], view["h"])


def bounds(shape: Shape, canvas: Canvas) -> Box:
    """The upright box around what is drawn; a connector's runs from end to end, tombstoned ends included."""
    if shape.type == "connector":
        start, end = connector_line(shape, canvas)
        return Box(min(start[0], end[0]), min(start[1], end[1]), abs(start[0] - end[0]), abs(start[1] - end[1]))
    return rotated_bounds(shape.box, shape.rotation)


def connector_line(shape: Shape, canvas: Canvas) -> tuple[tuple[float, float], tuple[float, float]]:
    """The two points, px, a connector runs between; its own box's corners where an end is missing."""
    source, target = _end_box(shape.source, canvas), _end_box(shape.target, canvas)
    start = source.centre if source else (shape.x, shape.y)
    end = target.centre if target else (shape.x + shape.w, shape.y + shape.h)
    return _meet(source, shape.source, start, end), _meet(target, shape.target, end, start)


def end_shape(end: End | None, canvas: Canvas) -> Shape | None:
    """The shape an end is bound to, also when it is a tombstone; None for a free end."""
    return canvas.find(end["id"]) if end and "id" in end else None


def bounds_of(shapes: Iterable[Shape], canvas: Canvas) -> Box | None:
    """The box around all of them, None for none."""
    return union(bounds(shape, canvas) for shape in shapes)


def free_spot(w: float, h: float, taken: Sequence[Box], view: Box, gap: float = GAP) -> tuple[float, float]:
    """Top-left, whole px, of a w x h box that keeps `gap` from every taken one.

    In the middle of the view when it is free there, else the nearest free place in view (right and below first), else
    below what stands there.
    """
    cx, cy = view.centre
    start_x, start_y = float(round(cx - w / 2)), float(round(cy - h / 2))
    near = [box.grown(gap - 1) for box in taken if box.touches(view.grown(gap))]
    step_x, step_y = max(w + gap, 40.0) / 2, max(h + gap, 40.0) / 2
    reach = range(-_STEPS, _STEPS + 1)
    spots = [Box(start_x + column * step_x, start_y + row * step_y, w, h) for row in reach for column in reach]
    for spot in sorted(spots, key=lambda s: (abs(s.x - start_x) + abs(s.y - start_y), s.y < start_y, s.x < start_x)):
        centred = spot.x == start_x and spot.y == start_y
        if (centred or view.contains(spot)) and not any(spot.overlap(box) for box in near):
            return float(round(spot.x)), float(round(spot.y))
    column_box = Box(start_x, view.y, w, MAX_COORDINATE)
    below = max((box.bottom for box in taken if box.overlap(column_box)), default=view.bottom)
    return start_x, float(round(below + gap))


def _end_box(end: End | None, canvas: Canvas) -> Box | None:
    if end is None:
        return None
    if "id" not in end:
        return Box(end["x"], end["y"], 0, 0)
    shape = canvas.find(end["id"])
    return None if shape is None or shape.type == "connector" else bounds(shape, canvas)


def _meet(
    box: Box | None, end: End | None, middle: tuple[float, float], other: tuple[float, float]
) -> tuple[float, float]:
    if box is None:
        return middle
    anchor = (end or {}).get("anchor", "auto")
    return edge_point(box, other) if anchor == "auto" else anchor_point(box, anchor)
