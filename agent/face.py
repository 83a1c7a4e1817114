"""What a run shows while it works, and what it must know of the people in the room. Implemented by peer.py."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from sync.canvas.conversation import AgentPreview, AgentState


class Face(Protocol):
    """The assistant as the people in the room see it."""

    def show(
        self,
        status: AgentState,
        run: str | None = None,
        *,
        note: str = "",
        text: str = "",
        targets: tuple[str, ...] = (),
    ) -> None:
        """Set what is seen; sent soon, at most ten times a second."""
        ...

    def point(self, x: float, y: float) -> None:
        """Put the cursor there, px of the board."""
        ...

    def preview(self, shapes: AgentPreview | None) -> None:
        """Show what a call that is being written will do; None, and being idle, shows nothing."""
        ...

    def dragging(self) -> Mapping[str, str]:
        """Shape id -> name of the person who drags it now."""
        ...

    def names(self) -> Mapping[str, str]:
        """User id -> name of who is here."""
        ...

    def writers(self) -> Mapping[int, str]:
        """Client id -> name of who is here."""
        ...
