"""What people see of a call while the model still writes it (docs/spec.md, R17).

What is whole of the arguments is staged as the call itself will be, with the same ids, and nothing is written: so the
ghosts stand where the shapes will.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

from agent.calls import Staged
from agent.face import Face
from agent.model import Item
from agent.partial import Growing, with_last_words
from agent.records import RunState, call_id
from agent.tools.base import ToolError
from sync.canvas.conversation import AgentPreview
from sync.canvas.geometry import union
from sync.canvas.place import bounds

PREVIEWED = ("create", "createShape", "connect", "draw", "update")
"""Tools whose effect grows element by element; a diagram's layout changes with every node."""
MAX_SHAPES = 60
MAX_BYTES = 4096  # of a preview as JSON; a state of presence has 8 KiB
MAX_WORDS = 400  # characters of a label
EVERY_S = 0.1  # between two tries; presence goes out ten times a second
SHARE = 0.1  # of the time that trying may take: on a board of thousands one try takes 10 to 50 ms
_UNTOLD = frozenset({"z", "by", "at", "run", "call", "deleted"})

Stage = Callable[[int, Item], Staged | ToolError]
"""What a call of that number would do now."""


class Preview:
    """Of the calls of one step."""

    def __init__(self, face: Face, state: RunState, stage: Stage, clock: Callable[[], float] = time.monotonic) -> None:
        self._face = face
        self._state = state
        self._stage = stage
        self._clock = clock
        self._growing: dict[int, Growing] = {}
        self._shown: dict[str, dict[str, dict[str, Any]]] = {}
        self._tried = (-1, -1)
        self._next_at = 0.0

    def write(self, position: int, name: str, arguments: str) -> None:
        """All the arguments so far of the step's call at `position`."""
        growing = self._growing.setdefault(position, Growing())
        growing.feed(arguments[len(growing.text) :])
        began = self._clock()
        if began < self._next_at:
            return
        seq = self._state.next_seq + position
        if name == "set_text":
            shapes = self._label(seq, growing.text)
        elif name in PREVIEWED and growing.count and self._tried != (position, growing.count):
            self._tried = (position, growing.count)
            shapes = self._staged(seq, name, growing.whole)
        else:
            return
        self._next_at = began + max(EVERY_S, (self._clock() - began) / SHARE)
        if shapes is not None:
            self._set(seq, shapes)

    def clear(self) -> None:
        """Nothing of it counts: the step is asked again, or over."""
        self._growing.clear()
        self._shown.clear()
        self._tried = (-1, -1)
        self._face.preview(None)

    def done(self, seq: int) -> None:
        """The call has been carried out, or will not be."""
        self._set(seq, {})

    def _set(self, seq: int, shapes: dict[str, dict[str, Any]]) -> None:
        call = call_id(self._state.id, seq)
        if self._shown.get(call, {}) == shapes:
            return
        self._shown = {**{known: value for known, value in self._shown.items() if known != call}, call: shapes}
        together = {shape: fields for found in self._shown.values() for shape, fields in found.items()}
        self._face.preview(AgentPreview(call=call, shapes=bounded(together)) if together else None)

    def _label(self, seq: int, arguments: str) -> dict[str, dict[str, Any]] | None:
        written = with_last_words(arguments)
        if not isinstance(written.get("text"), str) or written.get("find") is not None:
            return None
        return self._staged(seq, "set_text", json.dumps({"id": written.get("id"), "text": written["text"]}))

    def _staged(self, seq: int, name: str, arguments: str) -> dict[str, dict[str, Any]] | None:
        staged = self._stage(seq, {"type": "function_call", "name": name, "arguments": arguments})
        if isinstance(staged, ToolError):
            return None
        canvas = staged.canvas
        area = union(bounds(shape, canvas) for name in canvas.created[-1:] if (shape := canvas.get(name)) is not None)
        if area is not None:
            self._face.point(*area.centre)
        return {
            shape: {field: _short(pair[1]) for field, pair in fields.items() if field not in _UNTOLD}
            for shape, fields in canvas.changes.items()
        }


def bounded(shapes: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """As many as fit, in order."""
    kept: dict[str, dict[str, Any]] = {}
    room = MAX_BYTES
    for shape, fields in shapes.items():
        room -= len(json.dumps({shape: fields}, ensure_ascii=False).encode())
        if room < 0 or len(kept) == MAX_SHAPES:
            break
        kept[shape] = fields
    return kept


def _short(value: Any) -> Any:
    return value[:MAX_WORDS] if isinstance(value, str) else value
