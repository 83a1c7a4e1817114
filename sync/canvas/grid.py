"""Shapes by where they lie: what is near a place, and what is in each part of the board, at the cost of what is there.

Squares of CELL px; a shape belongs to the square that holds its middle.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from heapq import nsmallest

from sync.canvas.geometry import Box
from sync.canvas.shape import Shape

Placed = tuple[Shape, Box]
Cell = tuple[int, int]

CELL = 800.0  # px
MAX_LABELS = 4  # a part of the board remembers; one may be that of a frame, which is told otherwise


@dataclass(frozen=True, slots=True)
class Digest:
    """Many shapes in short. Labels and shapes in stacking order, lowest first."""

    count: int
    left: float
    top: float
    right: float
    bottom: float
    kinds: Counter[str]
    lowest: tuple[str, str, float, float]
    """(z, id, x, y) of the lowest shape."""
    labels: tuple[tuple[str, str, str], ...]
    """(z, id, text) of the lowest that have one."""
    frame: tuple[str, str, str] | None
    """(z, id, text) of the lowest frame."""
    frames: frozenset[str]
    """Ids of frames that are among the shapes, or hold some of them."""

    def with_(self, other: Digest) -> Digest:
        """Both together."""
        frame = (
            self.frame if other.frame is None else other.frame if self.frame is None else min(self.frame, other.frame)
        )
        return Digest(
            self.count + other.count,
            min(self.left, other.left),
            min(self.top, other.top),
            max(self.right, other.right),
            max(self.bottom, other.bottom),
            self.kinds + other.kinds,
            min(self.lowest, other.lowest),
            tuple(sorted(self.labels + other.labels)[:MAX_LABELS]) if other.labels else self.labels,
            frame,
            self.frames | other.frames,
        )


def digest(items: Collection[Placed]) -> Digest:
    """Of at least one shape."""
    boxes = [box for _, box in items]
    lowest, box = min(items, key=lambda item: (item[0].z, item[0].id))
    frames = [(shape.z, str(shape.id), shape.text) for shape, _ in items if shape.type == "frame"]
    parents = {str(shape.parent) for shape, _ in items if shape.parent}
    return Digest(
        len(items),
        min([box.x for box in boxes]),
        min([box.y for box in boxes]),
        max([box.x + box.w for box in boxes]),
        max([box.y + box.h for box in boxes]),
        Counter([shape.type for shape, _ in items]),
        (lowest.z, str(lowest.id), box.x, box.y),
        tuple(nsmallest(MAX_LABELS, [(shape.z, str(shape.id), shape.text) for shape, _ in items if shape.text])),
        min(frames, default=None),
        frozenset(parents.union(name for _, name, _ in frames)),
    )


class Grid:
    """Shapes with their bounds, by square. Each is there once."""

    def __init__(self, placed: Iterable[Placed] = ()) -> None:
        self.cells: dict[Cell, dict[str, Placed]] = {}
        """Not to be changed from outside."""
        self._cell_of: dict[str, Cell] = {}
        self._wide: dict[str, Placed] = {}
        """Those that reach further than the next square."""
        self._digests: dict[Cell, Digest] = {}
        for item in placed:
            self.add(item)

    def add(self, item: Placed) -> None:
        """Put one in that is not there."""
        shape, box = item
        cell = int((box.x + box.w / 2) // CELL), int((box.y + box.h / 2) // CELL)
        found = self.cells.get(cell)
        if found is None:
            self.cells[cell] = {shape.id: item}
        else:
            found[shape.id] = item
            self._digests.pop(cell, None)
        self._cell_of[shape.id] = cell
        if box.w > 2 * CELL or box.h > 2 * CELL:
            self._wide[shape.id] = item

    def remove(self, shape: str) -> None:
        """Take one out that is there."""
        cell = self._cell_of.pop(shape)
        self._wide.pop(shape, None)
        self._digests.pop(cell, None)
        found = self.cells[cell]
        del found[shape]
        if not found:
            del self.cells[cell]

    def cells_of(self, shapes: Iterable[str]) -> set[Cell]:
        """The squares of those that are there."""
        return {cell for shape in shapes if (cell := self._cell_of.get(shape)) is not None}

    def digest(self, cell: Cell) -> Digest:
        """What is in a square."""
        known = self._digests.get(cell)
        if known is None:
            known = self._digests[cell] = digest(self.cells[cell].values())
        return known

    def near(self, box: Box) -> list[Placed]:
        """Those that share at least a point with the box, in no order."""
        left, top, right, bottom = box.x, box.y, box.x + box.w, box.y + box.h
        # A shape that is not wide reaches at most one square's side from its middle.
        first_x, last_x = int((left - CELL) // CELL), int((right + CELL) // CELL)
        first_y, last_y = int((top - CELL) // CELL), int((bottom + CELL) // CELL)
        if (last_x - first_x + 1) * (last_y - first_y + 1) < len(self.cells):
            columns, rows = range(first_x, last_x + 1), range(first_y, last_y + 1)
            cells = [self.cells[x, y] for x in columns for y in rows if (x, y) in self.cells]
        else:
            cells = [found for (x, y), found in self.cells.items() if first_x <= x <= last_x and first_y <= y <= last_y]
        found = [
            item
            for some in cells
            for item in some.values()
            if (b := item[1]).x <= right and b.y <= bottom and b.x + b.w >= left and b.y + b.h >= top
        ]
        if self._wide:
            here = {item[0].id for item in found}
            found += [item for name, item in self._wide.items() if name not in here and item[1].touches(box)]
        return found
