"""The assistant's face in a room: name, colour, cursor, what it is doing, its words while they stream.

All of it is awareness: gone when the process is gone. At most ten states a second go out, the latest one wins.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Protocol
from zlib import crc32

import anyio

from sync.canvas.conversation import AgentPreview, AgentState

COLOUR = "#7C3AED"  # violet is the assistant's; people's colours leave it out
OTHER_COLOURS = ("#9333EA", "#C026D3", "#6D28D9", "#A21CAF", "#4F46E5", "#86198F")
"""Of assistants in other slots: near violet, so that they are seen to be no people."""
SEND_EVERY_S = 0.1  # ten awareness updates a second: enough to watch, and the server thins at sixty
MAX_TEXT = 1000  # characters of streamed words shown, the last ones
MAX_NOTE = 160  # characters
MAX_TARGETS = 20  # shapes that glow
MAX_STATE_BYTES = 7 * 1024  # the server leaves out states of more than 8 KiB


class Presence(Protocol):
    """The part of a provider that presence needs."""

    @property
    def peers(self) -> Mapping[Any, Mapping[str, Any]]:
        """Client id -> state of everybody else."""
        ...

    def set_presence(self, state: dict[str, Any] | None) -> None:
        """What others see."""
        ...


class Peer:
    """See `agent.face.Face`. Made by `joined`."""

    def __init__(self, presence: Presence, user: str, name: str, model: str, is_demo: bool) -> None:
        self._presence = presence
        self._user = {"id": user, "name": name, "color": colour_of(user), "kind": "agent"}
        self._fixed = {"model": model, "demo": is_demo}
        self._cursor: dict[str, float] | None = None
        self._agent: dict[str, Any] = {}
        self._preview: AgentPreview | None = None
        self._dirty = anyio.Event()
        self.show("idle")

    def show(
        self,
        status: AgentState,
        run: str | None = None,
        *,
        note: str = "",
        text: str = "",
        targets: tuple[str, ...] = (),
    ) -> None:
        """Set what is seen; an idle assistant has no cursor."""
        shown = {
            "status": status,
            "run": run,
            "targets": list(targets[:MAX_TARGETS]),
            "note": note[:MAX_NOTE],
            "text": text[-MAX_TEXT:],
        }
        if status == "idle":
            self._cursor = self._preview = None
        self._agent = {**shown, **self._fixed}
        self._dirty.set()

    def point(self, x: float, y: float) -> None:
        """Put the cursor there, px of the board."""
        self._cursor = {"x": round(x), "y": round(y)}
        self._dirty.set()

    def preview(self, shapes: AgentPreview | None) -> None:
        """Show what a call that is being written will do; None, and being idle, shows nothing."""
        if shapes != self._preview:
            self._preview = shapes
            self._dirty.set()

    def dragging(self) -> Mapping[str, str]:
        """Shape id -> name of the person who drags it now."""
        held: dict[str, str] = {}
        for state in self._presence.peers.values():
            shapes = state.get("dragging")
            for shape in shapes if isinstance(shapes, list) else ():
                if isinstance(shape, str):
                    held[shape] = _name(state)
        return held

    def names(self) -> Mapping[str, str]:
        """User id -> name of who is here."""
        users = [state["user"] for state in self._presence.peers.values() if isinstance(state.get("user"), dict)]
        return {str(user["id"]): str(user["name"]) for user in users if "id" in user and "name" in user}

    def writers(self) -> Mapping[int, str]:
        """Client id -> name of who is here."""
        return {int(client): _name(state) for client, state in self._presence.peers.items()}

    def state(self) -> dict[str, Any]:
        """What goes out. Previews, then ids of many bytes, are left out before the server would leave out all of it."""
        agent = {**self._agent, "preview": self._preview}
        state = {"user": self._user, "cursor": self._cursor, "selection": self._agent["targets"], "agent": agent}
        if _fits(state):
            return state
        state["agent"] = agent = {**agent, "preview": None}
        if _fits(state):
            return state
        return {**state, "selection": [], "agent": {**agent, "targets": []}}

    async def run(self) -> None:
        """Send what changed, until cancelled."""
        while True:
            await self._dirty.wait()
            self._dirty = anyio.Event()
            self._presence.set_presence(self.state())
            await anyio.sleep(SEND_EVERY_S)


@asynccontextmanager
async def joined(presence: Presence, user: str, name: str, model: str, is_demo: bool) -> AsyncIterator[Peer]:
    """A peer that is seen while the context lasts."""
    peer = Peer(presence, user, name, model, is_demo)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(peer.run)
        try:
            yield peer
        finally:
            tasks.cancel_scope.cancel()


def _fits(state: Mapping[str, Any]) -> bool:
    return len(json.dumps(state, ensure_ascii=False).encode()) <= MAX_STATE_BYTES


def colour_of(slot: str) -> str:
    """The colour of an assistant: the same wherever it works."""
    return COLOUR if slot == "assistant" else OTHER_COLOURS[crc32(slot.encode()) % len(OTHER_COLOURS)]


def _name(state: Mapping[str, Any]) -> str:
    user = state.get("user")
    name = user.get("name") if isinstance(user, dict) else None
    return name[:60] if isinstance(name, str) and name else "somebody"
