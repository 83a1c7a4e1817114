"""What a board must look like, as geometry: each returns what is wrong, or nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

from agent.evals.room import Room
from sync.canvas.canvas import Canvas
from sync.canvas.lint import lint
from sync.canvas.shape import Shape

Oracle = Callable[[Room], str]
TOLERANCE_PX = 1.0  # eyes let it pass


def made(count: int, kind: str, fill: str | None = None) -> Oracle:
    """So many shapes of a kind and colour, and nothing else but lines."""

    def look(room: Room) -> str:
        shapes = room.made()
        if len(shapes) != count:
            return f"{len(shapes)} shapes made, not {count}"
        odd = [s.type for s in shapes if s.type != kind] + [
            s.fill for s in shapes if fill is not None and s.fill != fill
        ]
        return f"made {', '.join(odd)}" if odd else ""

    return look


def labels(*texts: str) -> Oracle:
    """These labels, in any order."""

    def look(room: Room) -> str:
        said = sorted(s.text for s in room.made())
        return "" if said == sorted(texts) else f"labels are {said}"

    return look


def lines(*pairs: tuple[str, str]) -> Oracle:
    """Connectors between shapes of these labels, bound at both ends, and no others."""

    def look(room: Room) -> str:
        texts: dict[str, str] = {s.id: s.text for s in room.shapes}
        ends = sorted(
            (texts.get((c.source or {}).get("id", ""), "?"), texts.get((c.target or {}).get("id", ""), "?"))
            for c in room.made("connector")
        )
        return "" if ends == sorted(pairs) else f"lines are {ends}"

    return look


def in_line(axis: str, of: Callable[[Room], Sequence[Shape]] = Room.made) -> Oracle:
    """A row (axis x) or a column (y): equal gaps, one middle line, nothing overlaps."""

    def look(room: Room) -> str:
        shapes = sorted(of(room), key=lambda s: _at(s, axis))
        if not shapes:
            return "there is nothing in line"
        other = "y" if axis == "x" else "x"
        gaps = [_at(b, axis) - _at(a, axis) - _size(a, axis) for a, b in pairwise(shapes)]
        middles = [_at(s, other) + _size(s, other) / 2 for s in shapes]
        if gaps and (min(gaps) < 0 or max(gaps) - min(gaps) > TOLERANCE_PX):
            return f"gaps along {axis} are {[round(gap) for gap in gaps]}"
        spread = max(middles) - min(middles)
        return f"off the line by {spread:.0f} px" if spread > TOLERANCE_PX else ""

    return look


def grid(columns: int) -> Oracle:
    """Rows of so many, with equal steps."""

    def look(room: Room) -> str:
        shapes = room.made()
        xs, ys = (sorted({round(_at(s, axis)) for s in shapes}) for axis in "xy")
        if len(xs) != columns or len(xs) * len(ys) != len(shapes):
            return f"{len(xs)} columns and {len(ys)} rows for {len(shapes)} shapes"
        if not shapes:
            return "there is no grid"
        steps = [{b - a for a, b in pairwise(places)} for places in (xs, ys)]
        return "" if all(len(step) <= 1 for step in steps) else f"steps are {steps}"

    return look


def ring(room: Room) -> str:
    """On a circle."""
    middles = [(s.x + s.w / 2, s.y + s.h / 2) for s in room.made()]
    if not middles:
        return "there is no ring"
    cx, cy = (sum(m[k] for m in middles) / len(middles) for k in (0, 1))
    radii = [((x - cx) ** 2 + (y - cy) ** 2) ** 0.5 for x, y in middles]
    return "" if min(radii) > 50 and max(radii) - min(radii) <= 2 else f"radii are {[round(r) for r in radii]}"


def tidy(room: Room) -> str:
    """No lint on what the run made: nothing overlaps, texts fit, lines are bound."""
    canvas = Canvas(room.doc)
    found = [problem for problem in lint(canvas, [s.id for s in room.made()]) if problem.name != "near_aligned"]
    return "; ".join(f"{problem.name}: {problem.note}" for problem in found[:3])


def fields(shape: str, **wanted: object) -> Oracle:
    """A shape of the start has these values now."""

    def look(room: Room) -> str:
        now = room.now(shape)
        wrong = {name: now.field(name) for name, value in wanted.items() if now.field(name) != value}
        return f"{shape} has {wrong}" if wrong else ""

    return look


def moved(names: Sequence[str], right: bool = True) -> Oracle:
    """These went to the right, all by as much, and kept their height."""

    def look(room: Room) -> str:
        steps = {round(room.now(name).x - float(room.start[name].get("x", 0))) for name in names}
        down = {round(room.now(name).y - float(room.start[name].get("y", 0))) for name in names}
        return "" if len(steps) == 1 and min(steps) > 0 and down == {0} else f"moved by {steps}, {down}"

    return look


def alive(*names: str) -> Oracle:
    """Of the start exactly these are left."""

    def look(room: Room) -> str:
        left = {s.id for s in room.shapes} & set(room.start)
        return "" if left == set(names) else f"left are {sorted(left)}"

    return look


def of_start(*names: str) -> Callable[[Room], list[Shape]]:
    """Shapes of the start, for `in_line`."""
    return lambda room: [room.now(name) for name in names]


def _at(shape: Shape, axis: str) -> float:
    return float(shape.x if axis == "x" else shape.y)


def _size(shape: Shape, axis: str) -> float:
    return float(shape.w if axis == "x" else shape.h)
