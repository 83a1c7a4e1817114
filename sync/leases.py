"""Leases: which process of an assistant may work in a room, and how one is called to it. docs/spec.md R8."""

from __future__ import annotations

from collections.abc import Callable

from sync.live import Agent
from sync.protocol import CloseCode
from sync.rooms import Rejected, Rooms
from sync.store import Lease


class Leases:
    """Of one hub. `changed` hears of each room whose lease or work is another now."""

    def __init__(
        self, rooms: Rooms, lease_s: float, clock: Callable[[], float], changed: Callable[[str], None]
    ) -> None:
        self._rooms = rooms
        self._store = rooms.store
        self._lease_ms = int(lease_s * 1000)
        self._clock = clock
        self._changed = changed

    async def take(self, room: str, slot: str, holder: str) -> Lease:
        """Raises Taken, NoSuchRoom. Older holders' connections are closed with 4409."""
        lease = await self._store.take_lease(room, slot, holder, self._now_ms(), self._lease_ms)
        if live := self._rooms.get(room):
            live.supersede(slot, lease.epoch)
        self._changed(room)
        return lease

    async def end(self, room: str, slot: str, holder: str, *, is_done: bool) -> None:
        """Give a lease back; `is_done` says that nothing unfinished is left."""
        await self._store.end_lease(room, slot, holder, is_done=is_done, now=self._now_ms())
        self._changed(room)

    async def check(self, room: str, agent: Agent) -> None:
        """Raises Rejected (4409) when the epoch is not that of a living lease."""
        lease = await self._store.lease(room, agent.slot)
        if lease is None or lease.epoch != agent.epoch or lease.expires_at <= self._now_ms():
            raise Rejected(CloseCode.SUPERSEDED, "This assistant's lease is over.")

    async def want(self, room: str, slot: str) -> None:
        """Call an assistant to a room, whether or not somebody is in it. Raises NoSuchRoom."""
        await self._store.want(room, slot)
        self._changed(room)

    def _now_ms(self) -> int:
        return int(self._clock() * 1000)
