"""Measuring and wrapping labels with the board's own font, so that a shape made without a size fits its text.

Widths come from Inter's advance table with kerning (`inter.py`); within 3 % of Chromium's own measurement on the
strings of tests/vectors/text.json. Weights, paddings and the room a label has in each shape are those of
frontend/src/draw/shape.ts and text.ts.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Iterator
from functools import lru_cache

from sync.canvas.inter import KERNS, RUNS
from sync.canvas.schema import DEFAULT_SIZE

LINE_HEIGHT = 1.4  # of font_size
TEXT_WIDTH = 420.0  # px after which a text of its own wraps when no width is given
LABEL_WIDTH = 220.0  # px after which a label in a shape wraps when no width is given
ADVANCE_UNKNOWN = 600  # 1/1000 em of a character Inter does not have: about its mean
ADVANCE_WIDE = 1000  # of a CJK character or an emoji, which other fonts draw on a full em
SLACK = 0.06  # of the height: corners of a text block may touch a slanted outline by this much

_ROOM = {"ellipse": 0.8, "diamond": 0.62, "triangle": 0.55}
"""Share of the width a label may take."""
_TRIANGLE_MIDDLE = 0.64  # of the height, from the top: where a triangle's label is centred


def _advances(weight: int) -> dict[str, int]:
    return {chr(start + i): int(w) for start, run in RUNS[weight] for i, w in enumerate(run.split(" "))}


_ADVANCES = {weight: _advances(weight) for weight in RUNS}
_KERNING = {pairs[i : i + 2]: kern for kern, pairs in KERNS for i in range(0, len(pairs), 2)}


@lru_cache(maxsize=4096)
def _advance(char: str, weight: int) -> int:
    known = _ADVANCES[weight].get(char)
    if known is not None:
        return known
    if unicodedata.category(char) in ("Mn", "Me", "Cf", "Cc"):
        return 0
    return ADVANCE_WIDE if unicodedata.east_asian_width(char) in "WF" else ADVANCE_UNKNOWN


def weight_of(shape_type: str) -> int:
    """Font weight of a label: 400 or 500."""
    return 400 if shape_type in ("note", "text", "connector") else 500


def padding_of(shape_type: str) -> float:
    """px between a shape's box and its label."""
    return 14.0 if shape_type == "note" else 0.0 if shape_type == "text" else 10.0


def label_width(shape_type: str, w: float) -> float:
    """px a label may be wide in a shape `w` px wide."""
    return max(8.0, w * _ROOM.get(shape_type, 1.0) - 2 * padding_of(shape_type))


def line_width(line: str, font_size: float, weight: int = 400) -> float:
    """Width of one line, px, unwrapped; a tab counts as a space."""
    thousandths = sum(_advance(" " if char == "\t" else char, weight) for char in line)
    thousandths += sum(_KERNING.get(line[i : i + 2], 0) for i in range(len(line) - 1))
    return thousandths * font_size / 1000


def wrap(text: str, font_size: float, width: float, weight: int = 400) -> list[str]:
    """Lines of at most `width` px: broken at spaces, a word that is too long between characters. At least one line."""
    return [line for paragraph in text.split("\n") for line in _wrap_paragraph(paragraph, font_size, width, weight)]


@lru_cache(maxsize=2048)
def measure(text: str, font_size: float, width: float = math.inf, weight: int = 400) -> tuple[float, float]:
    """(w, h) px of the text wrapped at `width`."""
    lines = wrap(text, font_size, width, weight)
    return max(line_width(line, font_size, weight) for line in lines), len(lines) * font_size * LINE_HEIGHT


def overflow(shape_type: str, w: float, h: float, text: str, font_size: float) -> float:
    """How many px higher the shape would have to be for its label (0 when it fits). A frame's title stands outside."""
    if not text or shape_type in ("frame", "connector", "draw"):
        return 0.0
    needed = _height_for(shape_type, w, text, font_size)
    slack = SLACK * h if shape_type in _ROOM else 0.5
    return needed - h if needed > h + slack else 0.0


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
    if width is None:
        width = _width_for(shape_type, text, font_size, default_w)
    return math.ceil(width), math.ceil(max(_height_for(shape_type, width, text, font_size), default_h))


def _width_for(shape_type: str, text: str, font_size: float, default_w: float) -> float:
    weight = weight_of(shape_type)
    natural, _ = measure(text, font_size, weight=weight)
    longest = max((line_width(word, font_size, weight) for word in text.split()), default=0.0)
    room = min(max(longest, min(natural, LABEL_WIDTH)), 4 * LABEL_WIDTH)
    return math.ceil(max((room + 2 * padding_of(shape_type) + 1) / _ROOM.get(shape_type, 1.0), default_w))


def _height_for(shape_type: str, w: float, text: str, font_size: float) -> float:
    """The least height at which the wrapped block lies inside the outline."""
    # Half a pixel, as the board gives it: the browser's rounding of glyph positions.
    block_w, block_h = measure(text, font_size, label_width(shape_type, w) + 0.5, weight_of(shape_type))
    share = min(block_w / w, 0.95)
    match shape_type:
        case "ellipse":
            return block_h / math.sqrt(1 - share * share)
        case "diamond":
            return block_h / (1 - share)
        case "triangle":
            return max(block_h / 2 / max(_TRIANGLE_MIDDLE - share, 0.05), block_h / 2 / (1 - _TRIANGLE_MIDDLE))
        case _:
            return block_h + 2 * padding_of(shape_type)


def _wrap_paragraph(paragraph: str, font_size: float, width: float, weight: int) -> Iterator[str]:
    if line_width(paragraph, font_size, weight) <= width:
        yield paragraph
        return
    line = ""
    for word in paragraph.split(" "):
        longer = f"{line} {word}" if line else word
        if line_width(longer, font_size, weight) <= width:
            line = longer
            continue
        if line:
            yield line
        *full, line = _split_word(word, font_size, width, weight)
        yield from full
    yield line


def _split_word(word: str, font_size: float, width: float, weight: int) -> list[str]:
    parts, part = [], ""
    for char in word:
        if part and line_width(part + char, font_size, weight) > width:
            parts.append(part)
            part = ""
        part += char
    return [*parts, part]
