"""Boxes, bounds and connector ends. Pure arithmetic; px, x right, y down."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Box:
    """An upright rectangle, px."""

    x: float
    y: float
    w: float
    h: float

    @property
    def right(self) -> float:
        """x of the right edge."""
        return self.x + self.w

    @property
    def bottom(self) -> float:
        """y of the bottom edge."""
        return self.y + self.h

    @property
    def centre(self) -> tuple[float, float]:
        """Middle point."""
        return self.x + self.w / 2, self.y + self.h / 2

    @property
    def area(self) -> float:
        """px squared."""
        return self.w * self.h

    def overlap(self, other: Box) -> float:
        """Shared area, px squared; 0 when they only touch."""
        w = min(self.right, other.right) - max(self.x, other.x)
        h = min(self.bottom, other.bottom) - max(self.y, other.y)
        return w * h if w > 0 and h > 0 else 0.0

    def touches(self, other: Box) -> bool:
        """Whether they share at least a point."""
        return self.x <= other.right and other.x <= self.right and self.y <= other.bottom and other.y <= self.bottom

    def contains(self, other: Box) -> bool:
        """Whether `other` lies wholly inside."""
        return self.x <= other.x and self.y <= other.y and self.right >= other.right and self.bottom >= other.bottom

    def grown(self, by: float) -> Box:
        """The box with a margin of `by` px on each side."""
        return Box(self.x - by, self.y - by, self.w + 2 * by, self.h + 2 * by)

    def moved(self, dx: float, dy: float) -> Box:
        """The box shifted."""
        return Box(self.x + dx, self.y + dy, self.w, self.h)


def union(boxes: Iterable[Box]) -> Box | None:
    """The smallest box around all, None for none."""
    found = list(boxes)
    if not found:
        return None
    left, top = min(b.x for b in found), min(b.y for b in found)
    return Box(left, top, max(b.right for b in found) - left, max(b.bottom for b in found) - top)


def rotated_bounds(box: Box, degrees: float) -> Box:
    """The upright box around `box` turned clockwise about its centre."""
    if not degrees:
        return box
    angle = math.radians(degrees)
    cos, sin = abs(math.cos(angle)), abs(math.sin(angle))
    w, h = box.w * cos + box.h * sin, box.w * sin + box.h * cos
    cx, cy = box.centre
    return Box(cx - w / 2, cy - h / 2, w, h)


def anchor_point(box: Box, anchor: str) -> tuple[float, float]:
    """Where a connector meets a box at `top right bottom left`; the middle for anything else."""
    cx, cy = box.centre
    return {
        "top": (cx, box.y),
        "right": (box.right, cy),
        "bottom": (cx, box.bottom),
        "left": (box.x, cy),
    }.get(anchor, (cx, cy))


def edge_point(box: Box, towards: tuple[float, float]) -> tuple[float, float]:
    """Where the straight line from the middle of the box to a point leaves it; the middle when the point is inside."""
    cx, cy = box.centre
    dx, dy = towards[0] - cx, towards[1] - cy
    if abs(dx) * 2 <= box.w and abs(dy) * 2 <= box.h:
        return cx, cy
    scale = min(box.w / 2 / abs(dx) if dx else math.inf, box.h / 2 / abs(dy) if dy else math.inf)
    return cx + dx * scale, cy + dy * scale
