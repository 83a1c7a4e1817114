"""A text of its own is as big as its words, until somebody gives it another size."""

from __future__ import annotations

from sync.canvas.canvas import Canvas
from sync.canvas.shape import Shape
from sync.canvas.text import fit


def refit(canvas: Canvas, before: Shape) -> None:
    """Stage w and h of a `text` shape whose size was its words' until now."""
    now = canvas.get(before.id)
    if now is None or now.type != "text" or (before.w, before.h) != fit("text", before.text, before.font_size):
        return
    w, h = fit("text", now.text, now.font_size)
    canvas.set(before.id, "w", w)
    canvas.set(before.id, "h", h)
