"""The document schema: one Y.Doc a room, root Y.Maps of nested Y.Maps of plain JSON values.

This module is the one home of root names and of what a shape is: field names, defaults, palettes and limits. What
people and the assistant say and do is in conversation.py; the browser's `canvas.gen.ts` is generated from both
(`./dev generate`). Merge rules: docs/spec.md, section D.

Readers never raise: a missing or wrong field reads as its default. Writers check first (`check_field`)
because pycrdt commits a transaction even when its body raises.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, NewType, TypedDict

SCHEMA_VERSION = 1

ShapeId = NewType("ShapeId", str)

ROOTS = ("meta", "shapes", "groups", "threads", "messages", "runs", "calls", "policy", "usage", "drafts")
"""Every root Y.Map of a board; an update that names another root is refused in a `board` room."""

ShapeType = Literal["rect", "ellipse", "diamond", "triangle", "note", "text", "draw", "frame", "connector"]
SHAPE_TYPES: tuple[ShapeType, ...] = (
    "rect",
    "ellipse",
    "diamond",
    "triangle",
    "note",
    "text",
    "draw",
    "frame",
    "connector",
)
Route = Literal["straight", "elbow", "curve"]
Head = Literal["none", "arrow"]
TextAlign = Literal["left", "center", "right"]
Anchor = Literal["auto", "top", "right", "bottom", "left", "center"]

PALETTE = (
    "black",
    "grey",
    "white",
    "slate",
    "red",
    "orange",
    "yellow",
    "green",
    "teal",
    "blue",
    "violet",
    "pink",
)
"""Colours by name: each theme draws them with its own fill and stroke, so a board reads well in both."""

MAX_COORDINATE = 1e6  # px; |x|, |y|
MAX_SIZE = 1e5  # px; w, h
MIN_SIZE = 1.0  # px; a shape can always be grabbed
MAX_TEXT = 20_000  # characters of one label
MAX_POINTS = 20_000  # numbers of one freehand line, i.e. 10 000 points
MAX_SHAPES = 10_000  # live shapes a room; soft: tools refuse, people do not
MAX_SAFE_INT = 2**53 - 1  # what a JavaScript number holds exactly
MAX_PARENT_STEPS = 64  # following `parent`; past it the chain counts as a cycle
MAX_KEY = 24  # characters of a z key before it is made anew


class End(TypedDict, total=False):
    """One end of a connector, one atomic value: bound to a shape (`id`, `anchor`) or free (`x`, `y`)."""

    id: str
    anchor: Anchor
    x: float
    y: float


class Invalid(ValueError):
    """A value that must not be written. `why` is a sentence for the writer; nothing was changed."""

    def __init__(self, field: str, why: str) -> None:
        super().__init__(f"{field}: {why}")
        self.field = field
        self.why = why


_HEX = re.compile(r"#[0-9a-fA-F]{6}\Z")
_HSL = re.compile(r"hsl\(\s*(\d{1,3}(?:\.\d+)?)\s*,\s*(\d{1,3}(?:\.\d+)?)%\s*,\s*(\d{1,3}(?:\.\d+)?)%\s*\)\Z")


def is_colour(value: object) -> bool:
    """A palette name, `none`, `#rrggbb` or `hsl(h, s%, l%)`."""
    if not isinstance(value, str) or len(value) > 40:
        return False
    return value in PALETTE or value == "none" or bool(_HEX.match(value)) or bool(_HSL.match(value))


def _number(low: float, high: float) -> Callable[[object], Any]:
    def check(value: object) -> float | int:
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise ValueError("must be a finite number")
        if not low <= value <= high:
            raise ValueError(f"must be between {low:g} and {high:g}")
        return value

    return check


def _rotation(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError("must be a finite number of degrees")
    return value % 360


def _one_of(*choices: str) -> Callable[[object], Any]:
    def check(value: object) -> str:
        if value not in choices:
            raise ValueError(f"must be one of {', '.join(choices)}")
        return str(value)

    return check


def _text(limit: int) -> Callable[[object], Any]:
    def check(value: object) -> str:
        if not isinstance(value, str):
            raise ValueError("must be a string")  # noqa: TRY004 - one error class for every bad value
        if len(value) > limit:
            raise ValueError(f"is longer than {limit} characters")
        if any("\ud800" <= c <= "\udfff" for c in value):
            raise ValueError("holds half a surrogate pair")
        return value

    return check


def _optional(inner: Callable[[object], Any]) -> Callable[[object], Any]:
    return lambda value: None if value is None else inner(value)


def _colour(value: object) -> str:
    if not is_colour(value):
        raise ValueError(f"must be a palette name ({', '.join(PALETTE)}), none, #rrggbb or hsl(h, s%, l%)")
    return str(value)


def _bool(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError("must be true or false")  # noqa: TRY004
    return value


def _end(value: object) -> End | None:
    if value is None:
        return None
    if not isinstance(value, Mapping):
        raise ValueError("must be {id, anchor?} or {x, y}")  # noqa: TRY004
    number = _number(-MAX_COORDINATE, MAX_COORDINATE)
    if value.get("id") is not None:
        end: End = {"id": _text(128)(value["id"])}
        if value.get("anchor") not in (None, "auto"):
            end["anchor"] = _one_of("top", "right", "bottom", "left", "center")(value["anchor"])
        return end
    if "x" in value and "y" in value:
        return {"x": number(value["x"]), "y": number(value["y"])}
    raise ValueError("must be {id, anchor?} or {x, y}")


def _points(value: object) -> list[int]:
    if not isinstance(value, list | tuple) or len(value) % 2 or len(value) > MAX_POINTS:
        raise ValueError(f"must be a flat list of x, y pairs, at most {MAX_POINTS} numbers")
    number = _number(-MAX_COORDINATE, MAX_COORDINATE)
    return [round(number(v)) for v in value]


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a shape: what it reads as when absent or wrong, and the check a writer runs."""

    default: Any
    check: Callable[[object], Any]


_coordinate = Field(0, _number(-MAX_COORDINATE, MAX_COORDINATE))
_size = Field(100, _number(MIN_SIZE, MAX_SIZE))

SHAPE_FIELDS: Mapping[str, Field] = {
    "type": Field("rect", _one_of(*SHAPE_TYPES)),
    "x": _coordinate,
    "y": _coordinate,
    "w": _size,
    "h": _size,
    "rotation": Field(0, _rotation),
    "z": Field("a0", _text(64)),
    "fill": Field("none", _colour),
    "stroke": Field("slate", _colour),
    "stroke_width": Field(2, _number(0, 100)),
    "opacity": Field(1, _number(0, 1)),
    "dashed": Field(False, _bool),
    "text": Field("", _text(MAX_TEXT)),
    "font_size": Field(15, _number(4, 400)),
    "text_align": Field("center", _one_of("left", "center", "right")),
    "parent": Field(None, _optional(_text(128))),
    "group": Field(None, _optional(_text(128))),
    "locked": Field(False, _bool),
    "from": Field(None, _end),
    "to": Field(None, _end),
    "route": Field("straight", _one_of("straight", "elbow", "curve")),
    "start_head": Field("none", _one_of("none", "arrow")),
    "end_head": Field("arrow", _one_of("none", "arrow")),
    "points": Field((), _points),
    "deleted": Field(False, _bool),
    "draft": Field(None, _optional(_text(128))),
    "by": Field("", _text(128)),
    "at": Field(0, _number(0, MAX_SAFE_INT)),
    "run": Field(None, _optional(_text(128))),
    "call": Field(None, _optional(_text(160))),
}
"""Every shape field. `by at run call` (who made it) are written once, when the shape is made."""

WRITTEN_ONCE = frozenset({"by", "at", "run", "call"})

DEFAULT_SIZE: Mapping[str, tuple[int, int]] = {
    "rect": (160, 76),
    "ellipse": (140, 90),
    "diamond": (150, 100),
    "triangle": (120, 104),
    "note": (150, 120),
    "text": (160, 28),
    "frame": (480, 320),
}
"""(w, h) px of a shape drawn with one click or created without a size."""

DEFAULT_STYLE: Mapping[str, Mapping[str, Any]] = {
    "rect": {"fill": "slate", "stroke": "slate"},
    "ellipse": {"fill": "slate", "stroke": "slate"},
    "diamond": {"fill": "slate", "stroke": "slate"},
    "triangle": {"fill": "slate", "stroke": "slate"},
    "note": {"fill": "yellow", "stroke": "none", "text_align": "left", "font_size": 14},
    "text": {"fill": "none", "stroke": "none", "text_align": "left"},
    "frame": {"fill": "none", "stroke": "grey"},
    "draw": {"fill": "none", "stroke": "black", "stroke_width": 4},
    "connector": {"fill": "none", "stroke": "slate"},
}
"""Fields a new shape of a type starts with where they differ from SHAPE_FIELDS."""


def check_field(name: str, value: object) -> Any:
    """The value as it may be written. Raises Invalid: nothing was changed."""
    field = SHAPE_FIELDS.get(name)
    if field is None:
        raise Invalid(name, "is not a field of a shape")
    try:
        return field.check(value)
    except ValueError as error:
        raise Invalid(name, str(error)) from error


def read_field(name: str, raw: Mapping[str, Any]) -> Any:
    """The field as stored, or its default when it is absent or wrong. Never raises."""
    field = SHAPE_FIELDS[name]
    if name not in raw:
        return field.default
    try:
        return field.check(raw[name])
    except (ValueError, TypeError, OverflowError):
        return field.default
