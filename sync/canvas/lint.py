"""Layout problems a person would see at a glance, found by arithmetic."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from sync.canvas.canvas import Canvas
from sync.canvas.schema import ShapeId

LintName = Literal[
    "overlap", "text_overflow", "occluded", "dangling_connector", "off_canvas", "duplicate", "near_aligned"
]


@dataclass(frozen=True, slots=True)
class Lint:
    """One problem: which, on which shapes, and how much."""

    name: LintName
    shapes: tuple[ShapeId, ...]
    note: str

    def as_json(self) -> dict[str, Any]:
        """`{"lint", "ids", "note"}`."""
        return {"lint": self.name, "ids": list(self.shapes), "note": self.note}


def lint(canvas: Canvas, among: Iterable[ShapeId] | None = None) -> list[Lint]:
    """Problems that involve at least one of `among` (None = all live shapes), worst first, in a fixed order."""
    return []
