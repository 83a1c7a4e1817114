"""One shape as it reads: stored fields over defaults, tolerant of anything a peer may have written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from sync.canvas.geometry import Box, rotated_bounds
from sync.canvas.schema import SHAPE_FIELDS, WRITTEN_ONCE, End, ShapeId, ShapeType, read_field

Number = float | int
_UNREAD = object()


def plain(value: object) -> Any:
    """A JSON value with whole floats as ints (3.0 -> 3), deeply: pycrdt gives every number back as a float."""
    if isinstance(value, float):
        return int(value) if value.is_integer() else value
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    return value


@dataclass(frozen=True, slots=True)
class Shape:
    """A shape now. `raw` is what is stored; the properties never raise, and read defaults where it is wrong."""

    id: ShapeId
    raw: Mapping[str, Any]
    _read: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)
    """Fields read so far: a layout problem looks at one box many times."""

    def field(self, name: str) -> Any:
        """The field as stored, or its default. Raises KeyError for a name that is no shape field."""
        known = self._read.get(name, _UNREAD)
        if known is not _UNREAD:
            return known
        value = read_field(name, self.raw)
        self._read[name] = value = plain(value) if isinstance(value, float | list | dict) else value
        return value

    @property
    def type(self) -> ShapeType:
        """What it is; a type this version does not know reads as a rectangle."""
        value: ShapeType = self.field("type")
        return value

    @property
    def x(self) -> Number:
        """Left edge of the unrotated box, px."""
        value: Number = self.field("x")
        return value

    @property
    def y(self) -> Number:
        """Top edge of the unrotated box, px, down."""
        value: Number = self.field("y")
        return value

    @property
    def w(self) -> Number:
        """Width, px, >= 1."""
        value: Number = self.field("w")
        return value

    @property
    def h(self) -> Number:
        """Height, px, >= 1."""
        value: Number = self.field("h")
        return value

    @property
    def box(self) -> Box:
        """The unrotated box; what a connector covers is `place.bounds`."""
        known = self._read.get("box")
        if known is None:
            known = self._read["box"] = Box(self.x, self.y, self.w, self.h)
        return cast(Box, known)

    @property
    def upright(self) -> Box:
        """The upright box around what is drawn; of anything but a connector."""
        known = self._read.get("upright")
        if known is None:
            known = self._read["upright"] = rotated_bounds(self.box, self.rotation)
        return cast(Box, known)

    @property
    def rotation(self) -> Number:
        """Degrees clockwise about the centre, [0, 360)."""
        value: Number = self.field("rotation")
        return value

    @property
    def z(self) -> str:
        """Stacking key; order by (z, id)."""
        value: str = self.field("z")
        return value

    @property
    def fill(self) -> str:
        """Palette name, `none`, `#rrggbb` or `hsl(...)`."""
        value: str = self.field("fill")
        return value

    @property
    def stroke(self) -> str:
        """The same for the outline."""
        value: str = self.field("stroke")
        return value

    @property
    def text(self) -> str:
        """The label, or the body of a note."""
        value: str = self.field("text")
        return value

    @property
    def font_size(self) -> Number:
        """px."""
        value: Number = self.field("font_size")
        return value

    @property
    def parent(self) -> ShapeId | None:
        """Id of the frame it is in."""
        value: ShapeId | None = self.field("parent")
        return value

    @property
    def source(self) -> End | None:
        """`from` of a connector."""
        value: End | None = self.field("from")
        return value

    @property
    def target(self) -> End | None:
        """`to` of a connector."""
        value: End | None = self.field("to")
        return value

    @property
    def points(self) -> list[int]:
        """Of a drawing: flat x, y pairs from its x, y; the board stretches what they span to w, h."""
        return list(self.field("points"))

    @property
    def locked(self) -> bool:
        """The assistant and gestures leave it alone."""
        value: bool = self.field("locked")
        return value

    @property
    def deleted(self) -> bool:
        """Tombstone."""
        value: bool = self.field("deleted")
        return value

    @property
    def draft(self) -> str | None:
        """Id of the run that proposes it; None when it is everybody's."""
        value: str | None = self.field("draft")
        return value or None

    @property
    def by(self) -> str:
        """User id of who made it."""
        value: str = self.field("by")
        return value

    def as_fields(self) -> dict[str, Any]:
        """Every field that is stored and valid, normalised; what a copy of the shape starts from."""
        return {name: self.field(name) for name in SHAPE_FIELDS if self.raw.get(name) is not None}

    def as_copy(self) -> dict[str, Any]:
        """`as_fields` without who made it, its place in the stack and its tombstone."""
        return {k: v for k, v in self.as_fields().items() if k not in WRITTEN_ONCE | {"z", "deleted", "draft"}}
