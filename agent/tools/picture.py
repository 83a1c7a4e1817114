"""picture: see the board."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from agent.tools.base import Result, Tool, ToolContext, ToolError
from agent.tools.common import Region
from sync.canvas.canvas import Canvas
from sync.canvas.geometry import Box

DEFAULT_PX = 1024
MAX_PX = 2048  # models scale larger pictures down


class Picture(Tool):
    """See the board as an image, in the next message. With marks each shape has a small number, and a legend says which
    id it is."""

    name: ClassVar[str] = "picture"

    region: Region | None = Field(default=None, description="null = everything")
    marks: bool = False
    max_px: int | None = Field(default=None, ge=64, le=MAX_PX, description="longer side, default 1024")

    @property
    def box(self) -> Box | None:
        """The part of the board, None for all of it."""
        return None if self.region is None else self.region.box

    def stage(self, canvas: Canvas, context: ToolContext) -> Result:
        """Changes nothing; the picture itself is drawn when the model is asked next (agent/pictures.py)."""
        if not context.sees:
            raise ToolError(
                "FORBIDDEN",
                "nobody has said that this model sees pictures (COPLAYER_MODEL_VISION); use look and check instead",
            )
        what = "a part of the board" if self.region is not None else "the board"
        return Result({"picture": "in the next message, until you are asked again"}, f"Looked at a picture of {what}")
