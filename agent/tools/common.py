"""Argument types that several tools share."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from sync.canvas.geometry import Box
from sync.canvas.schema import MAX_COORDINATE, MAX_SIZE

MAX_IDS = 200  # of one call: what one call may change

Ids = Annotated[list[str], Field(description="shape ids as shown by look/find", max_length=MAX_IDS)]
Colour = Annotated[
    str,
    Field(
        description="palette name (black grey white slate red orange yellow green teal blue violet pink), "
        "'#rrggbb', 'hsl(h, s%, l%)' or 'none'"
    ),
]
Coordinate = Annotated[float, Field(ge=-MAX_COORDINATE, le=MAX_COORDINATE, allow_inf_nan=False)]
Size = Annotated[float, Field(ge=1, le=MAX_SIZE, allow_inf_nan=False)]
Gap = Annotated[float, Field(ge=0, le=10_000, allow_inf_nan=False)]
Anchor = Literal["auto", "top", "right", "bottom", "left", "center"]
Corner = Literal["top_left", "top", "top_right", "left", "center", "right", "bottom_left", "bottom", "bottom_right"]
"""A point of a box, by name."""


class Arguments(BaseModel):
    """A nested argument object; unknown names are refused, so that a misspelt field is told and not lost."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)


class Point(Arguments):
    """A point of the board."""

    x: Coordinate = Field(description="px")
    y: Coordinate = Field(description="px, down")


class Region(Arguments):
    """A rectangle of the board."""

    x: Coordinate = Field(description="left, px")
    y: Coordinate = Field(description="top, px")
    w: Size = Field(description="px")
    h: Size = Field(description="px")

    @property
    def box(self) -> Box:
        """The same as a Box."""
        return Box(self.x, self.y, self.w, self.h)


def corner_share(corner: Corner) -> tuple[float, float]:
    """Where a named point lies in a box, as shares of its width and height."""
    across = 0.0 if corner.endswith("left") else 1.0 if corner.endswith("right") else 0.5
    down = 0.0 if corner.startswith("top") else 1.0 if corner.startswith("bottom") else 0.5
    return across, down
