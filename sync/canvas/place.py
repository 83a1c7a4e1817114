"""Where the shapes of a canvas are: bounds, connector ends, free space."""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Protocol

from sync.canvas.conversation import View
from sync.canvas.geometry import Box, anchor_point, edge_point, union
from sync.canvas.grid import Grid, Placed
from sync.canvas.schema import MAX_COORDINATE, End
from sync.canvas.shape import Shape

if TYPE_CHECKING:
    from sync.canvas.canvas import Canvas
    from sync.canvas.mirror import Mirror

_STEPS = 8  # half-sizes in each direction that free_spot tries: 289 places
DEFAULT_VIEW = Box(-600, -400, 1200, 800)  # px; what a person sees who has not moved the board
GAP = 40.0  # px between shapes unless somebody says otherwise


def box_of(view: View | None) -> Box:
    """What a person sees, px; the default view for none, or for one that has no size."""
    if view is None or not (view["w"] > 1 and view["h"] > 1):
        return DEFAULT_VIEW
    return Box(view["x"], view["y"], view["w"], view["h"])


class Finder(Protocol):
    """Finds shapes, tombstones included."""

    def find(self, shape: str) -> Shape | None:
        """The shape of an id."""
        ...


def bounds(shape: Shape, canvas: Finder) -> Box:
    """The upright box around what is drawn; a connector's runs from end to end, tombstoned ends included."""
    if shape.type == "connector":
        start, end = connector_line(shape, canvas)
        return Box(min(start[0], end[0]), min(start[1], end[1]), abs(start[0] - end[0]), abs(start[1] - end[1]))
    return shape.upright


def placed(canvas: Canvas) -> list[Placed]:
    """Live shapes, lowest first, with their bounds. Made once for what is staged now: not to be changed."""
    if canvas.placed is None:
        canvas.placed = _over(canvas)
    return canvas.placed


def near(canvas: Canvas, box: Box) -> list[Placed]:
    """Those of `placed` that share at least a point with the box, lowest first. It costs what is there."""
    mirror = canvas.mirror
    if mirror is None:
        return sorted(grid(canvas).near(box), key=_stacking)
    found = mirror.grid().near(box)
    if canvas.staged:
        moved, now = _moved(canvas, mirror)
        found = [item for item in found if item[0].id not in moved]
        found += [item for item in now if item[1].touches(box)]
    return sorted(found, key=_stacking)


def grid(canvas: Canvas) -> Grid:
    """`placed` by where it lies. Not to be changed."""
    if canvas.mirror is not None and not canvas.staged:
        return canvas.mirror.grid()
    if canvas.grid is None:
        canvas.grid = Grid(placed(canvas))
    return canvas.grid


def _over(canvas: Canvas) -> list[Placed]:
    mirror = canvas.mirror
    if mirror is None:
        return [(shape, bounds(shape, canvas)) for shape in canvas.shapes()]
    if not canvas.staged:
        return mirror.placed()
    moved, now = _moved(canvas, mirror)
    found = [item for item in mirror.placed() if item[0].id not in moved]
    for item in now:
        insort(found, item, key=_stacking)
    return found


def _moved(canvas: Canvas, mirror: Mirror) -> tuple[frozenset[str], list[Placed]]:
    """What may be elsewhere than it is stored (what is staged, and lines that follow it), and where it is now."""
    if canvas.moved is None:
        touched = canvas.staged
        ids = touched | {line.id for line in mirror.lines() if ends_of(line) & touched}
        live = [shape for name in ids if (shape := canvas.get(name)) is not None]
        canvas.moved = ids, [(shape, bounds(shape, canvas)) for shape in live]
    return canvas.moved


def _stacking(item: Placed) -> tuple[str, str]:
    return item[0].z, item[0].id


def ends_of(connector: Shape) -> set[str]:
    """Ids of the shapes a connector is bound to."""
    return {end["id"] for end in (connector.source, connector.target) if end is not None and "id" in end}


def connector_line(shape: Shape, canvas: Finder) -> tuple[tuple[float, float], tuple[float, float]]:
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
    wide = view.grown(gap)
    left, top, right, bottom = wide.x, wide.y, wide.right, wide.bottom
    near = [
        box.grown(gap - 1)
        for box in taken
        if box.x <= right and box.y <= bottom and box.x + box.w >= left and box.y + box.h >= top
    ]
    step_x, step_y = max(w + gap, 40.0) / 2, max(h + gap, 40.0) / 2
    reach = range(-_STEPS, _STEPS + 1)
    spots = [Box(start_x + column * step_x, start_y + row * step_y, w, h) for row in reach for column in reach]
    for spot in sorted(spots, key=lambda s: (abs(s.x - start_x) + abs(s.y - start_y), s.y < start_y, s.x < start_x)):
        centred = spot.x == start_x and spot.y == start_y
        if (centred or view.contains(spot)) and not _lies_on(spot, near):
            return float(round(spot.x)), float(round(spot.y))
    right, top, end = start_x + w, view.y, view.y + MAX_COORDINATE
    column = [b.y + b.h for b in taken if b.x < right and b.x + b.w > start_x and b.y < end and b.y + b.h > top]
    below = max(column, default=view.bottom)
    return start_x, float(round(below + gap))


def in_the_way(canvas: Canvas, w: float, view: Box) -> list[Placed]:
    """Those that `free_spot` has to know of for something `w` px wide; some of them twice."""
    column = Box(round(view.centre[0] - w / 2), view.y, w, MAX_COORDINATE)
    return [*near(canvas, view.grown(GAP)), *near(canvas, column)]


def _lies_on(spot: Box, boxes: Sequence[Box]) -> bool:
    left, top, right, bottom = spot.x, spot.y, spot.right, spot.bottom
    return any(
        box.x < right and left < box.x + box.w and box.y < bottom and top < box.y + box.h for box in boxes
    )  # fmt: skip


def _end_box(end: End | None, canvas: Finder) -> Box | None:
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
