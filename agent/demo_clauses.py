"""What the demo assistant can be asked for, as values: one class a kind of wish. Made by demo_language."""

from __future__ import annotations

from dataclasses import dataclass

from agent import demo_words as w


@dataclass(frozen=True, slots=True)
class Target:
    """Which shapes: by pronoun (`them`, `selected`, `all`), kind, colour, words on them or place in an order."""

    pronoun: str = ""
    kind: w.Kind | None = None
    colour: str = ""
    label: str = ""
    pick: str = ""
    count: int = 0

    @property
    def is_vague(self) -> bool:
        """Whether nothing in it narrows the choice."""
        return not (self.pronoun or self.kind or self.colour or self.label or self.pick)


@dataclass(frozen=True, slots=True)
class Place:
    """Where: next to a target (`left right above below inside`), at a point, or in the middle of the view."""

    side: str = ""
    ref: Target | None = None
    point: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class Create:
    """New shapes. `count` as said; `layout` empty means a row; labels `("1..",)` means numbers."""

    count: int
    kind: w.Kind
    colours: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    scale: float = 1.0
    size: tuple[float, float] | None = None
    layout: str = ""
    columns: int = 0
    place: Place | None = None


@dataclass(frozen=True, slots=True)
class Connect:
    """Connectors from start to end, or along `start` in order (`closed`: back to its first)."""

    start: Target
    end: Target | None = None
    closed: bool = False
    arrows: bool = True
    label: str = ""


@dataclass(frozen=True, slots=True)
class Recolour:
    """Another `fill` or `stroke`; several colours are dealt out in turn."""

    target: Target
    colours: tuple[str, ...]
    field: str = "fill"


@dataclass(frozen=True, slots=True)
class Resize:
    """Each shape about its own middle, by a factor or to (w, h) px."""

    target: Target
    factor: float = 1.0
    axis: str = "both"
    size: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class Move:
    """By (dx, dy) px, or to a place; shapes keep their places relative to each other."""

    target: Target
    delta: tuple[float, float] | None = None
    place: Place | None = None


@dataclass(frozen=True, slots=True)
class Delete:
    """Shapes taken off the board."""

    target: Target


@dataclass(frozen=True, slots=True)
class Arrange:
    """Shapes laid out as row, column, grid or circle."""

    target: Target
    layout: str
    columns: int = 0


@dataclass(frozen=True, slots=True)
class Align:
    """Shapes lined up on `left right top bottom center_x center_y`."""

    target: Target
    edge: str


@dataclass(frozen=True, slots=True)
class Label:
    """Words on shapes: one for all, or one each. `("1..",)` means numbers."""

    target: Target
    texts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Rotate:
    """Clockwise, degrees."""

    target: Target
    degrees: float


@dataclass(frozen=True, slots=True)
class Duplicate:
    """Copies beside the originals."""

    target: Target


@dataclass(frozen=True, slots=True)
class Flow:
    """Boxes with words, an arrow from each to the next."""

    nodes: tuple[str, ...]
    down: bool = False


@dataclass(frozen=True, slots=True)
class MindMap:
    """A topic with branches around it."""

    topic: str
    branches: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Undo:
    """The assistant's last run taken back."""


@dataclass(frozen=True, slots=True)
class Count:
    """A question: how many, or what is there."""

    target: Target


@dataclass(frozen=True, slots=True)
class Hello:
    """A greeting, or "what can you do?"."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """Words that no reader understood."""

    text: str


Clause = (
    Create | Connect | Recolour | Resize | Move | Delete | Arrange | Align | Label | Rotate | Duplicate | Flow | MindMap
    | Undo | Count | Hello | Unknown
)  # fmt: skip
