"""Measuring and wrapping labels with the board's own font, so that a shape made without a size fits its text.

Widths come from Inter's advance table with kerning (`inter.py`); within 3 % of Chromium's own measurement on the
strings of tests/vectors/text.json. Lines break like CSS `white-space: pre-wrap; overflow-wrap: anywhere`.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Iterator
from functools import lru_cache

from sync.canvas.inter import KERNS, RUNS
from sync.canvas.schema import DEFAULT_SIZE

LINE_HEIGHT = 1.35  # of font_size; the board's line height
PADDING = 10.0  # px between a shape's edge and its label
TEXT_WIDTH = 420.0  # px after which a text of its own wraps when no width is given
LABEL_WIDTH = 220.0  # px after which a label in a shape wraps when no width is given
ADVANCE_UNKNOWN = 600  # 1/1000 em of a character Inter does not have: about its mean
ADVANCE_WIDE = 1000  # of a CJK character or an emoji, which other fonts draw on a full em

_INSET = {"ellipse": math.sqrt(0.5), "diamond": 0.5, "triangle": 0.5}
"""Share of the box, per side, that the largest upright rectangle for text takes."""


def _table() -> dict[str, int]:
    return {chr(start + i): int(w) for start, run in RUNS for i, w in enumerate(run.split(" "))}


_ADVANCES = _table()
_KERNING = {pairs[i : i + 2]: kern for kern, pairs in KERNS for i in range(0, len(pairs), 2)}


@lru_cache(maxsize=4096)
def _advance(char: str) -> int:
    known = _ADVANCES.get(char)
    if known is not None:
        return known
    if unicodedata.category(char) in ("Mn", "Me", "Cf", "Cc"):
        return 0
    return ADVANCE_WIDE if unicodedata.east_asian_width(char) in "WF" else ADVANCE_UNKNOWN


def line_width(line: str, font_size: float) -> float:
    """Width of one line, px, unwrapped; a tab counts as a space."""
    thousandths = sum(_advance(" " if char == "\t" else char) for char in line)
    thousandths += sum(_KERNING.get(line[i : i + 2], 0) for i in range(len(line) - 1))
    return thousandths * font_size / 1000


def wrap(text: str, font_size: float, width: float) -> list[str]:
    """Lines of at most `width` px: broken at spaces, a word that is too long between characters. At least one line."""
    lines: list[str] = []
    for paragraph in text.split("\n"):
        lines.extend(_wrap_paragraph(paragraph, font_size, width))
    return lines


def _wrap_paragraph(paragraph: str, font_size: float, width: float) -> Iterator[str]:
    if line_width(paragraph, font_size) <= width:
        yield paragraph
        return
    line = ""
    for word in paragraph.split(" "):
        longer = f"{line} {word}" if line else word
        if line_width(longer, font_size) <= width:
            line = longer
            continue
        if line:
            yield line
        *full, line = _split_word(word, font_size, width)
        yield from full
    yield line


def _split_word(word: str, font_size: float, width: float) -> list[str]:
    parts, part, used = [], "", 0.0
    for char in word:
        step = _advance(char) * font_size / 1000
        if part and used + step > width:
            parts.append(part)
            part, used = "", 0.0
        part, used = part + char, used + step
    return [*parts, part]


def measure(text: str, font_size: float, width: float = math.inf) -> tuple[float, float]:
    """(w, h) px of the text wrapped at `width`."""
    lines = wrap(text, font_size, width)
    return max(line_width(line, font_size) for line in lines), len(lines) * font_size * LINE_HEIGHT


def text_area(shape_type: str, w: float, h: float) -> tuple[float, float]:
    """(w, h) px a label may take inside a shape of this type and size, at least 1 x 1."""
    if shape_type == "text":
        return w, h
    inset = _INSET.get(shape_type, 1.0)
    return max(w * inset - 2 * PADDING, 1.0), max(h * inset - 2 * PADDING, 1.0)


def overflow(shape_type: str, w: float, h: float, text: str, font_size: float) -> float:
    """How many px the label is higher than its place (0 when it fits). A frame's title stands outside."""
    if not text or shape_type in ("frame", "connector", "draw"):
        return 0.0
    area_w, area_h = text_area(shape_type, w, h)
    # Half a pixel: the browser's own rounding of glyph positions.
    _, needed = measure(text, font_size, area_w + 0.5)
    return max(needed - area_h - 0.5, 0.0)


def fit(shape_type: str, text: str, font_size: float, width: float | None = None) -> tuple[int, int]:
    """(w, h) px, whole, in which the text fits, at least the type's default size (a `text` as small as its words).

    With `width` the shape keeps it and only the height is found.
    """
    default_w, default_h = DEFAULT_SIZE.get(shape_type, (100, 100))
    if not text or shape_type == "frame":
        return (default_w if width is None else math.ceil(width)), default_h
    if shape_type == "text":
        w, h = measure(text, font_size, TEXT_WIDTH if width is None else width)
        return (math.ceil(w) + 1 if width is None else math.ceil(width)), math.ceil(h)
    inset = _INSET.get(shape_type, 1.0)
    if width is None:
        wanted = default_w * inset - 2 * PADDING
        natural, _ = measure(text, font_size)
        longest = max(line_width(word, font_size) for word in text.split()) if text.split() else 0.0
        room = min(max(wanted, longest, min(natural, LABEL_WIDTH)), 4 * LABEL_WIDTH)
        width = math.ceil(max((room + 2 * PADDING + 1) / inset, default_w))
    _, needed = measure(text, font_size, text_area(shape_type, width, 1.0)[0])
    return math.ceil(width), math.ceil(max((needed + 2 * PADDING) / inset, default_h))
