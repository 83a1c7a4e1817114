"""The few words people read in a run card: "Created 3 circles", "Moved Login"."""

from __future__ import annotations

from collections.abc import Sequence

from agent.lines import clean
from agent.tools.base import counted
from sync.canvas.shape import Shape

_NOUNS = {
    "rect": "rectangle",
    "ellipse": "ellipse",
    "diamond": "diamond",
    "triangle": "triangle",
    "note": "note",
    "text": "text",
    "draw": "drawing",
    "frame": "frame",
    "connector": "connector",
}
MAX_NAME = 32  # characters of a label in a few words


def noun(shape: Shape) -> str:
    """What people call it; a square and a circle by their own names."""
    if shape.w == shape.h and shape.type in ("rect", "ellipse"):
        return "square" if shape.type == "rect" else "circle"
    return _NOUNS[shape.type]


def name(shape: Shape) -> str:
    """Its label on one line, or `a circle`."""
    label = " ".join(clean(shape.text, 200).split())
    if label:
        return label if len(label) <= MAX_NAME else label[: MAX_NAME - 1].rstrip() + "…"
    word = noun(shape)
    return f"{'an' if word[0] in 'aeiou' else 'a'} {word}"


def several(shapes: Sequence[Shape]) -> str:
    """`Login`, `3 circles`, or `4 shapes` when they are of different kinds."""
    if len(shapes) == 1:
        return name(shapes[0])
    nouns = {noun(shape) for shape in shapes}
    return counted(len(shapes), nouns.pop() if len(nouns) == 1 else "shape")
