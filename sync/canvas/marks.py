"""Numbers on a picture, and which shape each one is: so that a model that sees can name what it sees."""

from __future__ import annotations

from collections.abc import Iterable

from sync.canvas.geometry import Box
from sync.canvas.place import Finder, bounds
from sync.canvas.schema import ShapeId
from sync.canvas.shape import Shape

MAX_MARKS = 99  # two digits; on more shapes than that the numbers would hide the picture


def numbered(shapes: Iterable[Shape], canvas: Finder, within: Box | None = None) -> dict[ShapeId, tuple[int, Box]]:
    """A number from 1 for each shape, by rows from the top left, with its bounds; the largest when there are too many.

    Lines have none: what they connect has. `within`: only of shapes whose top left corner is in it.
    """
    found = [(bounds(shape, canvas), shape.id) for shape in shapes if shape.type != "connector"]
    if within is not None:
        found = [item for item in found if within.contains(Box(item[0].x, item[0].y, 0, 0))]
    found.sort(key=lambda item: (-item[0].area, item[1]))
    rows = sorted(found[:MAX_MARKS], key=lambda item: (round(item[0].y / 40), item[0].x, item[1]))
    return {shape: (at + 1, box) for at, (box, shape) in enumerate(rows)}
