"""What writing a board's fields from outside must keep to: the checks of the canvas (docs/spec.md, E6)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pycrdt import Doc

from sync.canvas.canvas import Canvas
from sync.canvas.schema import DEFAULT_SIZE, DEFAULT_STYLE, SHAPE_FIELDS, WRITTEN_ONCE, Invalid, check_field
from sync.fields import Rules, Unwritable

SHAPES = "shapes"
CONVERSATION = frozenset({"threads", "messages", "runs", "calls", "policy", "usage", "drafts"})
MAX_ID = 128  # characters of a shape's id


Purpose = Literal["patch", "import", "restore"]


class BoardRules(Rules):
    """`author` and `now_ms` are written into shapes that are made without saying who made them.

    A patch with a field that does not fit is refused. An import leaves such fields out (`left_out` says which), since
    the board it came from may hold what this version does not know. A restore writes what this board once held.
    """

    kept = CONVERSATION
    maps = frozenset({SHAPES, "groups", "threads", "messages", "runs", "calls"})

    def __init__(self, doc: Doc[Any], author: str, now_ms: int, purpose: Purpose = "patch") -> None:
        self.left_out: list[str] = []
        self._purpose = purpose
        self._canvas = Canvas(doc)
        self._author = author
        self._now_ms = now_ms

    def created(self, root: str, key: str, fields: Mapping[str, Any]) -> Mapping[str, Any]:
        """A shape gets what a drawn one would have: a size, its type's style, a place on top of the others."""
        if root != SHAPES or self._purpose == "restore":
            return fields
        if len(key) > MAX_ID:
            raise Unwritable(f"/{root}/{key[:20]}...: an id has at most {MAX_ID} characters.")
        checked = self._checked(key, fields)
        if self._purpose == "import":
            return {"by": self._author[:MAX_ID], "at": self._now_ms, **checked}
        kind = checked.get("type", "rect")
        made: dict[str, Any] = {"type": kind, "x": 0, "y": 0}
        if kind in DEFAULT_SIZE:
            made["w"], made["h"] = DEFAULT_SIZE[kind]
        made |= {**DEFAULT_STYLE.get(kind, {}), "by": self._author[:MAX_ID], "at": self._now_ms, **checked}
        made.setdefault("z", self._canvas.top_z())
        return made

    def changed(self, root: str, key: str, fields: Mapping[str, Any]) -> Mapping[str, Any]:
        """Fields of a shape are checked; who made it does not change."""
        if root != SHAPES or self._purpose == "restore":
            return fields
        if self._purpose == "import":
            return self._checked(key, {name: value for name, value in fields.items() if name not in WRITTEN_ONCE})
        if fixed := sorted(WRITTEN_ONCE & fields.keys()):
            raise Unwritable(f"/{root}/{key}/{fixed[0]} is written once, when the shape is made.")
        return self._checked(key, fields)

    def removed(self, root: str, key: str) -> Mapping[str, Any] | None:
        """A shape is never taken out, it becomes a tombstone (D3)."""
        return {"deleted": True} if root == SHAPES else None

    def _checked(self, key: str, fields: Mapping[str, Any]) -> dict[str, Any]:
        out: dict[str, Any] = {}
        for name, value in fields.items():
            try:
                out[name] = value if value is None and name in SHAPE_FIELDS else check_field(name, value)
            except (Invalid, OverflowError) as error:
                sentence = f"/{SHAPES}/{key}/{error}." if isinstance(error, Invalid) else f"/{key}/{name} is too large."
                if self._purpose != "import":
                    raise Unwritable(sentence) from None
                self.left_out.append(sentence)
        return out
