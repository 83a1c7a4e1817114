"""The colours of a board in each theme, as frontend/src/style/tokens.css has them (a test compares).

Colours of the document are parsed, never passed through: a colour is what somebody else wrote.
"""

from __future__ import annotations

import colorsys
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

ThemeName = Literal["light", "dark"]

INK_DARK = "#18181b"
INK_LIGHT = "#ffffff"
_HEX = re.compile(r"#([0-9a-fA-F]{2})([0-9a-fA-F]{2})([0-9a-fA-F]{2})\Z")
_HSL = re.compile(r"hsl\(\s*([\d.]+)\s*,\s*([\d.]+)%\s*,\s*([\d.]+)%\s*\)\Z")


@dataclass(frozen=True, slots=True)
class Theme:
    """`palette` has (fill, stroke) of each colour by name."""

    canvas: str
    text: str
    text_2: str
    note_shadow: tuple[str, float]
    """Colour and opacity."""
    palette: Mapping[str, tuple[str, str]]

    def fill(self, value: str) -> str:
        """A fill of the document as an SVG paint."""
        return self.palette[value][0] if value in self.palette else _paint(value)

    def stroke(self, value: str) -> str:
        """An outline's colour as an SVG paint."""
        return self.palette[value][1] if value in self.palette else _paint(value)

    def ink_of(self, shape_type: str, fill: str, stroke: str) -> str:
        """What the words of a shape are written in."""
        if shape_type == "text":
            return self.text if stroke == "none" else self.stroke(stroke)
        return self.ink_on(fill)

    def ink_on(self, fill: str) -> str:
        """What words on this fill are written in, so that they can be read."""
        if fill == "white":
            return INK_DARK
        rgb = None if fill in self.palette else _parse(fill)
        if rgb is None:
            return self.text
        return INK_DARK if _luminance(rgb) > 0.18 else INK_LIGHT


def blended(over: str, under: str, opacity: float) -> str:
    """The paint that is seen where one of some opacity lies on another; what has no colour shows what is under it."""
    top, bottom = _parse(over), _parse(under)
    if top is None or bottom is None:
        return under
    return "#{:02x}{:02x}{:02x}".format(
        *(round(a * opacity + b * (1 - opacity)) for a, b in zip(top, bottom, strict=True))
    )


def contrast(one: str, other: str) -> float:
    """Contrast ratio of two paints as WCAG 2 has it, 1 to 21; 1 when either is none."""
    a, b = _parse(one), _parse(other)
    if a is None or b is None:
        return 1.0
    low, high = sorted((_luminance(a), _luminance(b)))
    return (high + 0.05) / (low + 0.05)


def _luminance(rgb: tuple[int, int, int]) -> float:
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (part / 255 for part in rgb)]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _parse(value: str) -> tuple[int, int, int] | None:
    if found := _HEX.match(value):
        return int(found[1], 16), int(found[2], 16), int(found[3], 16)
    found = _HSL.match(value)
    if found is None:
        return None
    h, s, lightness = float(found[1]) % 360, min(1.0, float(found[2]) / 100), min(1.0, float(found[3]) / 100)
    r, g, b = colorsys.hls_to_rgb(h / 360, lightness, s)
    return round(255 * r), round(255 * g), round(255 * b)


def _paint(value: str) -> str:
    rgb = _parse(value)
    return "none" if rgb is None else "#{:02x}{:02x}{:02x}".format(*rgb)


THEMES: Mapping[ThemeName, Theme] = {
    "light": Theme(
        canvas="#f7f7f8",
        text="#18181b",
        text_2="#5b5b66",
        note_shadow=("#18181b", 0.1),
        palette={
            "black": ("#d9d9de", "#18181b"),
            "grey": ("#ececee", "#6e6e78"),
            "white": ("#ffffff", "#c3c4cc"),
            "slate": ("#eef0f3", "#475569"),
            "red": ("#ffe0de", "#c2261f"),
            "orange": ("#ffe6d3", "#b4460a"),
            "yellow": ("#fff1b8", "#a16207"),
            "green": ("#daf5e3", "#15803d"),
            "teal": ("#d2f3ef", "#0f766e"),
            "blue": ("#ddebff", "#1d5fd1"),
            "violet": ("#ece4ff", "#6d28d9"),
            "pink": ("#ffe1ee", "#be185d"),
        },
    ),
    "dark": Theme(
        canvas="#131316",
        text="#ededef",
        text_2="#a9a9b4",
        note_shadow=("#000000", 0.4),
        palette={
            "black": ("#3a3a41", "#ededef"),
            "grey": ("#2b2b30", "#a9a9b4"),
            "white": ("#e9e9ec", "#ffffff"),
            "slate": ("#2a2d33", "#9aa6b6"),
            "red": ("#421a19", "#ff938c"),
            "orange": ("#41260f", "#ffad6b"),
            "yellow": ("#3a3010", "#f2cc5b"),
            "green": ("#12301f", "#5fd38a"),
            "teal": ("#0e302d", "#5ad4c9"),
            "blue": ("#16294a", "#7fb2ff"),
            "violet": ("#2c1f4d", "#bfa2ff"),
            "pink": ("#441a30", "#ff94c4"),
        },
    ),
}
