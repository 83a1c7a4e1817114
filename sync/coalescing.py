"""What a room has to say, gathered until it may be said: one write a connection instead of one a change. Pure.

A hundred times the bytes cost a write 15 % more, a hundred writes a hundred times as much: under load this is the one
big lever. An idle room says it at once (docs/spec.md W13).
"""

from __future__ import annotations

from pycrdt import merge_updates

from sync.effects import Broadcast
from sync.presence import ConnectionId
from sync.protocol import Awareness, AwarenessEntry, ClientId, Update

PAUSE_PER_COST = 3.0  # a room spends at most a quarter of the process on its own flushes
MAX_PAUSE_S = 0.016  # one picture of a screen


class Pacer:
    """When a room may speak again. Times in seconds of any steady clock."""

    __slots__ = ("_due",)

    def __init__(self) -> None:
        self._due = 0.0

    def pause_s(self, now: float) -> float:
        """How long to wait; 0.0 for a room that was quiet."""
        return max(0.0, self._due - now)

    def spoke(self, now: float, cost_s: float) -> None:
        """It has just said something, and that took so long."""
        self._due = now + min(MAX_PAUSE_S, PAUSE_PER_COST * cost_s)


class Coalescer:
    """Updates become one, presence the last state of each client id.

    Who is told is who was there at the last change: others have got it with their step 2 or their greeting.
    """

    __slots__ = ("_others", "_presence", "_presence_to", "_updates", "_updates_to")

    def __init__(self) -> None:
        self._updates: list[bytes] = []
        self._updates_to: tuple[ConnectionId, ...] = ()
        self._presence: dict[ClientId, AwarenessEntry] = {}
        self._presence_to: tuple[ConnectionId, ...] = ()
        self._others: list[Broadcast] = []

    def __bool__(self) -> bool:
        """Is there something to say?"""
        return bool(self._updates or self._presence or self._others)

    def add(self, broadcast: Broadcast) -> None:
        """Gather one more."""
        match broadcast.message:
            case Update(update):
                self._updates.append(update)
                self._updates_to = broadcast.to
            case Awareness(entries):
                for entry in entries:
                    self._presence[entry.client] = entry
                self._presence_to = broadcast.to
            case _:
                self._others.append(broadcast)

    def take(self) -> list[Broadcast]:
        """What is to be said now, in order: an update, presence, the rest as it came."""
        out: list[Broadcast] = []
        if self._updates:
            update = self._updates[0] if len(self._updates) == 1 else merge_updates(*self._updates)
            out.append(Broadcast(Update(update), self._updates_to))
            self._updates = []
        if self._presence:
            out.append(Broadcast(Awareness(tuple(self._presence.values())), self._presence_to))
            self._presence = {}
        if self._others:
            out += self._others
            self._others = []
        return out
