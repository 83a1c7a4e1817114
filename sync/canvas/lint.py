"""Layout problems a person would see at a glance, found by arithmetic."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

from sync.canvas.canvas import Canvas
from sync.canvas.geometry import Box, union
from sync.canvas.grid import Placed
from sync.canvas.legible import MIN_CONTRAST, worst_contrast
from sync.canvas.place import bounds, end_shape, near, placed
from sync.canvas.schema import MAX_COORDINATE, ShapeId
from sync.canvas.shape import Shape
from sync.canvas.text import overflow

LintName = Literal[
    "dangling_connector",
    "text_overflow",
    "overlap",
    "duplicate",
    "occluded",
    "low_contrast",
    "off_canvas",
    "near_aligned",
]
_ORDER: tuple[LintName, ...] = (
    "dangling_connector",
    "duplicate",
    "occluded",
    "overlap",
    "text_overflow",
    "low_contrast",
    "off_canvas",
    "near_aligned",
)

MIN_OVERLAP = 0.02  # of the smaller box: less is a rounding, not a collision
OCCLUDED = 0.95  # of a box under one opaque shape: nobody sees it
NEAR_PX = 4.0  # an edge off by 1 to 4 px looks like a mistake
NEAR_REACH = 400.0  # px between two shapes whose edges the eye still compares
LOST_PX = 5000.0  # from everything else: nobody will find it
_FLAT = ("connector", "frame", "draw")  # may lie over or under anything
LOST_FROM = 3  # shapes there must be, to say which of them is away from the others


@dataclass(frozen=True, slots=True)
class Lint:
    """One problem: which, on which shapes, and how much."""

    name: LintName
    shapes: tuple[ShapeId, ...]
    note: str

    def as_json(self) -> dict[str, Any]:
        """`{"lint", "ids", "note"}`."""
        return {"lint": self.name, "ids": list(self.shapes), "note": self.note}


def lint(canvas: Canvas, among: Iterable[str] | None = None) -> list[Lint]:
    """Problems that involve at least one of `among` (None = all live shapes), worst kind first, in a fixed order.

    Proposals of others are not looked at (D11).
    """
    wanted: set[str] = set(among) if among is not None else {shape.id for shape in canvas.shapes()}
    asked = [shape for name in wanted if (shape := canvas.get(name)) is not None and not canvas.is_open(shape)]
    found = [problem for shape in asked for problem in _alone(shape, canvas)]
    solid = _near_to(asked, canvas)
    found += _pairs(solid, wanted)
    found += _faint(solid, wanted)
    found += _lost(asked, solid, canvas)
    once = {(problem.name, problem.shapes): problem for problem in reversed(found)}
    return sorted(once.values(), key=lambda problem: (_ORDER.index(problem.name), problem.shapes))


def _near_to(asked: list[Shape], canvas: Canvas) -> list[Placed]:
    """Those near enough to one of the asked to make a problem with it, and perhaps more."""
    around = union(bounds(shape, canvas) for shape in asked if shape.type not in _FLAT)
    return [] if around is None else _solid(near(canvas, around.grown(NEAR_REACH)), canvas)


def _solid(items: Iterable[Placed], canvas: Canvas) -> list[Placed]:
    """Those that may lie in the way of others."""
    return [item for item in items if item[0].type not in _FLAT and not canvas.is_open(item[0])]


def _alone(shape: Shape, canvas: Canvas) -> Iterator[Lint]:
    if shape.type == "connector":
        for name, end in (("from", shape.source), ("to", shape.target)):
            bound = end_shape(end, canvas)
            if end is None or ("id" in end and (bound is None or bound.deleted)):
                why = "is bound to a shape that is not there" if end is not None else "is bound to nothing"
                yield Lint("dangling_connector", (shape.id,), f"`{name}` {why}")
        return
    box = bounds(shape, canvas)
    if max(abs(box.x), abs(box.y), abs(box.right), abs(box.bottom)) > MAX_COORDINATE:
        yield Lint("off_canvas", (shape.id,), "reaches past the edge of the board")
    too_high = overflow(shape.type, shape.w, shape.h, shape.text, shape.font_size)
    if too_high > 0:
        yield Lint("text_overflow", (shape.id,), f"its text needs {round(too_high)} px more height")


def _pairs(solid: list[tuple[Shape, Box]], wanted: set[str]) -> Iterator[Lint]:
    """Sweep over the left edges, so that a big board costs what lies near the shapes asked about."""
    order = {shape.id: i for i, (shape, _) in enumerate(solid)}
    by_left = sorted(solid, key=lambda item: item[1].x)
    lefts = [box.x for _, box in by_left]
    widest = max((box.w for _, box in by_left), default=0)
    for shape, box in solid:
        if shape.id not in wanted:
            continue
        reach = box.grown(NEAR_REACH)
        left, top, bottom = reach.x, reach.y, reach.bottom
        x, y, right, foot = box.x, box.y, box.x + box.w, box.y + box.h
        first, last = bisect_left(lefts, left - widest), bisect_right(lefts, reach.right)
        for other, other_box in by_left[first:last]:
            if other_box.y > bottom or other_box.y + other_box.h < top or other_box.x + other_box.w < left:
                continue
            in_column = x < other_box.x + other_box.w and other_box.x < right
            if not in_column and not (y < other_box.y + other_box.h and other_box.y < foot):
                continue  # neither beside nor above one another: most are
            if other.id == shape.id or (other.id in wanted and other.id < shape.id):
                continue  # the pair is looked at once, from its smaller id
            lower_first = order[shape.id] < order[other.id]
            lower, upper = ((shape, box), (other, other_box))[:: 1 if lower_first else -1]
            problem = _collision(lower, upper) or _near(shape, box, other, other_box)
            if problem is not None:
                yield problem


def _collision(lower: tuple[Shape, Box], upper: tuple[Shape, Box]) -> Lint | None:
    (below, below_box), (above, above_box) = lower, upper
    if (
        below_box.x >= above_box.x + above_box.w
        or above_box.x >= below_box.x + below_box.w
        or below_box.y >= above_box.y + above_box.h
        or above_box.y >= below_box.y + below_box.h
    ):
        return None
    shared = below_box.overlap(above_box)
    smaller = min(below_box.area, above_box.area)
    if shared <= MIN_OVERLAP * smaller:
        return None
    pair = (below.id, above.id) if below.id < above.id else (above.id, below.id)
    if _same_place(below_box, above_box) and below.type == above.type and below.text == above.text:
        return Lint("duplicate", pair, "same kind, place and text")
    if shared >= OCCLUDED * below_box.area and above.fill != "none" and above.field("opacity") > 0.9:
        return Lint("occluded", (below.id, above.id), "the first is hidden under the second")
    if above_box.contains(below_box) or below_box.contains(above_box):
        return None  # a label on a card: meant so
    return Lint("overlap", pair, f"{round(100 * shared / smaller)} % of the smaller")


def _near(a: Shape, box_a: Box, b: Shape, box_b: Box) -> Lint | None:
    in_column = box_a.x < box_b.x + box_b.w and box_b.x < box_a.x + box_a.w
    in_row = box_a.y < box_b.y + box_b.h and box_b.y < box_a.y + box_a.h
    if in_column == in_row:
        return None
    pair = (a.id, b.id) if a.id < b.id else (b.id, a.id)
    if in_column:
        offsets = {"left": box_a.x - box_b.x, "centre": box_a.centre[0] - box_b.centre[0]}
        offsets["right"] = box_a.right - box_b.right
    else:
        offsets = {"top": box_a.y - box_b.y, "middle": box_a.centre[1] - box_b.centre[1]}
        offsets["bottom"] = box_a.bottom - box_b.bottom
    if any(abs(off) < 1 for off in offsets.values()):
        return None
    name, off = min(offsets.items(), key=lambda item: abs(item[1]))
    if abs(off) > NEAR_PX:
        return None
    return Lint("near_aligned", pair, f"{name} edges differ by {abs(off):g} px")


def _faint(solid: list[tuple[Shape, Box]], wanted: set[str]) -> Iterator[Lint]:
    for rank, (shape, box) in enumerate(solid):
        if shape.id not in wanted or not shape.text:
            continue
        ratio = worst_contrast(shape, box, [item for item in solid[:rank] if item[1].touches(box)])
        if ratio < MIN_CONTRAST:
            yield Lint("low_contrast", (shape.id,), f"its words have a contrast of {ratio:.1f} in one of the themes")


def _lost(asked: list[Shape], around: list[Placed], canvas: Canvas) -> Iterator[Lint]:
    for shape in asked:
        if shape.type in _FLAT or _has_company(shape, around, canvas):
            continue
        if len(_solid(placed(canvas), canvas)) >= LOST_FROM:
            yield Lint("off_canvas", (shape.id,), "far from everything else")


def _has_company(shape: Shape, around: list[Placed], canvas: Canvas) -> bool:
    """Whether something else lies within LOST_PX; most shapes have it among those `around`."""
    home = bounds(shape, canvas).grown(LOST_PX)
    if any(other.id != shape.id and home.touches(box) for other, box in around):
        return True
    return any(other.id != shape.id for other, _ in _solid(near(canvas, home), canvas))


def _same_place(a: Box, b: Box) -> bool:
    return abs(a.x - b.x) <= 1 and abs(a.y - b.y) <= 1 and abs(a.w - b.w) <= 1 and abs(a.h - b.h) <= 1
