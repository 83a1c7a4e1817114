"""PNG out of SVG, by resvg: a renderer without scripts, network or system libraries, lettered with the board's font."""

from __future__ import annotations

import math
from pathlib import Path

import resvg_py

FONTS = Path(__file__).parent / "canvas" / "fonts"
MAX_SIDE = 8_192  # px of a PNG's longer side
MAX_PIXELS = 8 * 2**20  # those of a 4K screen; 2 to 4 s of work when every one of them is drawn on


def fitting_scale(w: float, h: float, scale: float) -> float:
    """`scale`, or less where the picture would be larger than the limits."""
    return min(scale, MAX_SIDE / max(w, h), math.sqrt(MAX_PIXELS / (w * h)))


def png(svg: str, w: float, h: float, scale: float = 1.0) -> bytes:
    """The picture of a document `w` x `h` px, at `scale` or as large as the limits allow. Takes 0.1 s: use a thread.

    Scripts that Inter does not have are lettered with the machine's own fonts.
    """
    scale = fitting_scale(w, h, scale)
    fonts = [str(path) for path in sorted(FONTS.glob("*.ttf"))]
    return resvg_py.svg_to_bytes(svg_string=svg, width=max(1, round(w * scale)), font_files=fonts)
