"""One shape as it reads: stored fields over defaults, tolerant of anything a peer may have written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from sync.canvas.geometry import Box
from sync.canvas.schema import SHAPE_FIELDS, WRITTEN_ONCE, End, ShapeId, ShapeType, read_field

Number = float | int


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
        if name in self._read:
            return self._read[name]
        value = read_field(name, self.raw)
        self._read[name] = value = plain(value) if isinstance(value, float | list | dict) else value
        return value

    @property
    def type(self) -> ShapeType:
        """What it is; a type this version does not know reads as a rectangle."""
        return cast(ShapeType, self.field("type"))

    @property
    def x(self) -> Number:
        """Left edge of the unrotated box, px."""
        return cast(Number, self.field("x"))

    @property
    def y(self) -> Number:
        """Top edge of the unrotated box, px, down."""
        return cast(Number, self.field("y"))

    @property
    def w(self) -> Number:
        """Width, px, >= 1."""
        return cast(Number, self.field("w"))

    @property
    def h(self) -> Number:
        """Height, px, >= 1."""
        return cast(Number, self.field("h"))

    @property
    def box(self) -> Box:
        """The unrotated box; what a connector covers is `place.bounds`."""
        known = self._read.get("box")
        if known is None:
            known = self._read["box"] = Box(self.x, self.y, self.w, self.h)
        return cast(Box, known)

    @property
    def rotation(self) -> Number:
        """Degrees clockwise about the centre, [0, 360)."""
        return cast(Number, self.field("rotation"))

    @property
    def z(self) -> str:
        """Stacking key; order by (z, id)."""
        return cast(str, self.field("z"))

    @property
    def fill(self) -> str:
        """Palette name, `none`, `#rrggbb` or `hsl(...)`."""
        return cast(str, self.field("fill"))

    @property
    def stroke(self) -> str:
        """The same for the outline."""
        return cast(str, self.field("stroke"))

    @property
    def text(self) -> str:
        """The label, or the body of a note."""
        return cast(str, self.field("text"))

    @property
    def font_size(self) -> Number:
        """px."""
        return cast(Number, self.field("font_size"))

    @property
    def parent(self) -> ShapeId | None:
        """Id of the frame it is in."""
        return cast("ShapeId | None", self.field("parent"))

    @property
    def source(self) -> End | None:
        """`from` of a connector."""
        return cast("End | None", self.field("from"))

    @property
    def target(self) -> End | None:
        """`to` of a connector."""
        return cast("End | None", self.field("to"))

    @property
    def points(self) -> list[int]:
        """Of a drawing: flat x, y pairs from its x, y; the board stretches what they span to w, h."""
        return list(self.field("points"))

    @property
    def locked(self) -> bool:
        """The assistant and gestures leave it alone."""
        return cast(bool, self.field("locked"))

    @property
    def deleted(self) -> bool:
        """Tombstone."""
        return cast(bool, self.field("deleted"))

    @property
    def by(self) -> str:
        """User id of who made it."""
        return cast(str, self.field("by"))

    def as_fields(self) -> dict[str, Any]:
        """Every field that is stored and valid, normalised; what a copy of the shape starts from."""
        return {name: self.field(name) for name in SHAPE_FIELDS if self.raw.get(name) is not None}

    def as_copy(self) -> dict[str, Any]:
        """`as_fields` without who made it, its place in the stack and its tombstone."""
        return {k: v for k, v in self.as_fields().items() if k not in WRITTEN_ONCE | {"z", "deleted", "draft"}}
