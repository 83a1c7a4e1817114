"""Whether words can be read where they stand, in both themes."""

from __future__ import annotations

from collections.abc import Sequence

from sync.canvas.geometry import Box
from sync.canvas.shape import Shape
from sync.canvas.theme import THEMES, Theme, blended, contrast

MIN_CONTRAST = 3.0  # WCAG 2 for large text; a board is looked at from afar and zoomed at will
WORDLESS = ("connector", "draw", "frame")  # their words stand on the board itself, in its own ink


def worst_contrast(shape: Shape, box: Box, below: Sequence[tuple[Shape, Box]]) -> float:
    """The contrast of a shape's words with what is behind them, the worse theme's; 21 where there are none.

    `below` are the shapes under it, lowest first, with their bounds.
    """
    if not shape.text.strip() or shape.type in WORDLESS:
        return 21.0
    behind = [other for other, other_box in below if other_box.contains(box) and _is_seen(other)]
    return min(_contrast(shape, behind, theme) for theme in THEMES.values())


def _contrast(shape: Shape, behind: Sequence[Shape], theme: Theme) -> float:
    ground = theme.canvas
    for each in (*behind, shape):
        ground = blended(theme.fill(each.fill), ground, float(each.field("opacity")))
    ink = blended(theme.ink_of(shape.type, shape.fill, shape.stroke), ground, float(shape.field("opacity")))
    return contrast(ink, ground)


def _is_seen(shape: Shape) -> bool:
    return shape.fill != "none" and shape.type not in ("connector", "draw", "text")
