"""Who wants to know what changes in which room: a set of names per watcher, so that a slow one costs nothing."""

from __future__ import annotations

from dataclasses import dataclass

import anyio


@dataclass(frozen=True, slots=True)
class RoomStatus:
    """A room as a watcher sees it. `wanted`: an assistant's work is waiting there."""

    room: str
    people: int
    wanted: bool


@dataclass(frozen=True, slots=True)
class RoomNow:
    """What goes on in a room: connections of people, its title, and its last edit, Unix ms."""

    room: str
    people: int
    title: str
    edited_at: int


class Watcher:
    """Collects the names of changed rooms until somebody takes them."""

    def __init__(self) -> None:
        self._rooms: set[str] = set()
        self._wake = anyio.Event()

    def put(self, room: str) -> None:
        """Something changed in `room`."""
        self._rooms.add(room)
        self._wake.set()

    def take(self) -> list[str]:
        """The changed rooms, sorted; they are forgotten."""
        rooms, self._rooms = sorted(self._rooms), set()
        self._wake = anyio.Event()
        return rooms

    async def wait(self) -> None:
        """Returns when something has changed since `take`."""
        await self._wake.wait()
