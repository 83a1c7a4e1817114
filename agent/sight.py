"""The board as a model saw it last, to tell it what others changed since and to lay its words onto theirs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agent.changes import Snapshot, people_changes, snapshot, written_by
from agent.ledger import Ledger
from agent.view import known_names
from agent.world import Place
from sync.canvas.canvas import Canvas
from sync.canvas.conversation import RunId
from sync.canvas.history import logged_calls
from sync.canvas.mirror import Mirror
from sync.canvas.schema import ShapeId
from sync.canvas.shape import Shape


class Sight:
    """See the module. Before the first `saw` it knows nothing and says so."""

    def __init__(self, place: Place, ledger: Ledger, mirror: Mirror) -> None:
        self._place = place
        self._ledger = ledger
        self._mirror = mirror
        self.snapshot: Snapshot | None = None
        self._proposal: Mapping[str, Mapping[str, Any]] = {}
        """What the model saw laid over that: its own proposals."""
        self._calls = 0
        """How many calls of the run were before that."""

    def saw(self, calls: int, proposal: Mapping[str, Mapping[str, Any]]) -> None:
        """The model sees the board as it is now, after so many calls of its run, with its proposals laid over it."""
        self.snapshot = snapshot(self._place.doc, self._mirror)
        self._calls, self._proposal = calls, proposal

    def people_changes(self, canvas: Canvas) -> list[str]:
        """Lines of what people changed since."""
        if self.snapshot is None:
            return []
        place, own = self._place, logged_calls(self._place.doc)
        names = {**known_names(place.doc), **place.face.names()}
        return people_changes(
            canvas, self.snapshot, own=own, agent=place.agent, peers=place.face.writers(), names=names,
            mirror=self._mirror,
        )  # fmt: skip

    def written_by(self, shape: str, field: str) -> str:
        """Who may have written a field since."""
        if self.snapshot is None:
            return "somebody"
        canvas = Canvas(self._place.doc, self._mirror)
        return written_by(canvas, self.snapshot, shape, field, self._place.face.writers())

    def last_seen(self, run: RunId, shape: str, field: str) -> Any:
        """A field as the model saw it last, or as the run has written it since; None when it saw no such shape."""
        for call in reversed(self._ledger.calls_of(run)[self._calls :]):
            if call.status == "done" and field in call.changes.get(shape, {}):
                return call.changes[shape][field][1]
        if self.snapshot is None or shape not in self.snapshot.shapes:
            return None
        return Shape(ShapeId(shape), {**self.snapshot.shapes[shape], **self._proposal.get(shape, {})}).field(field)
