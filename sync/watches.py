"""Streams of what changes: in all rooms, for assistants; in one, for who follows it. They end when the server stops."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import anyio
from pycrdt import Doc

from sync.rooms import Rooms
from sync.settings import Settings
from sync.watch import RoomNow, RoomStatus, Watcher

WANTED_POLL_S = 5.0  # how soon a lease that ran out with unfinished work is noticed
FOLLOW_PAUSE_S = 0.2  # between two events of one room: a drag makes 30 changes a second


class Watches:
    """Of one hub. `people` counts those in a room; `elsewhere` are rooms in use that other processes have."""

    def __init__(
        self,
        rooms: Rooms,
        settings: Settings,
        *,
        clock: Callable[[], float],
        title_of: Callable[[Doc[Any]], str],
        people: Callable[[str], int],
        elsewhere: Callable[[], Iterable[str]],
    ) -> None:
        self._rooms = rooms
        self._settings = settings
        self._clock = clock
        self._title_of = title_of
        self._people = people
        self._elsewhere = elsewhere
        self._watchers: set[Watcher] = set()

    def changed(self, room: str) -> None:
        """People came or left, work waits or is done, or the room is gone."""
        for watcher in self._watchers:
            watcher.put(room)

    def stop(self) -> None:
        """The server drains: event streams end by themselves, and end well."""
        for room in self._rooms:
            live = self._rooms.get(room)
            for watcher in self._watchers | (live.followers if live is not None else set()):
                watcher.put(room)
        self.changed("")

    @contextmanager
    def watching(self) -> Iterator[Watcher]:
        """A watcher that hears of all rooms; an empty name says that the server stops."""
        watcher = Watcher()
        self._watchers.add(watcher)
        try:
            yield watcher
        finally:
            self._watchers.discard(watcher)

    async def watch(self, slot: str) -> AsyncGenerator[RoomStatus | None]:
        """Rooms that have people or work, then every change; None at least every few seconds, as a sign of life."""
        with self.watching() as watcher:
            wanted = await self._wanted(slot)
            for room in {*wanted, *self._rooms, *self._elsewhere()}:
                watcher.put(room)
            while not self._rooms.is_draining:
                for room in watcher.take():
                    if not room:
                        return
                    yield RoomStatus(room, self._people(room), room in wanted)
                with anyio.move_on_after(WANTED_POLL_S):
                    await watcher.wait()
                now_wanted = await self._wanted(slot)
                for room in now_wanted ^ wanted:
                    watcher.put(room)
                wanted = now_wanted
                yield None

    async def _wanted(self, slot: str) -> set[str]:
        return set(await self._rooms.store.wanted(slot, int(self._clock() * 1000)))

    @asynccontextmanager
    async def following(self, room: str) -> AsyncIterator[Watcher]:
        """A watcher that wakes at every durable change of the room. Raises NoSuchRoom, StoreError, Rejected."""
        async with self._rooms.using(room) as live:
            watcher = Watcher()
            live.followers.add(watcher)
            try:
                yield watcher
            finally:
                live.followers.discard(watcher)

    async def follow(self, room: str) -> AsyncGenerator[RoomNow | None]:
        """The room now and after changes, at most a few a second; None as a sign of life. Ends with the room."""
        async with self.following(room) as watcher:
            self._watchers.add(watcher)
            try:
                last: RoomNow | None = None
                while (live := self._rooms.get(room)) is not None and not self._rooms.is_draining:
                    watcher.take()
                    now = RoomNow(room, live.people, self._title_of(live.room.doc), live.edited_at)
                    yield now if now != last else None
                    last = now
                    with anyio.move_on_after(self._settings.keep_alive_s):
                        while room not in watcher.take() and not self._rooms.is_draining:
                            await watcher.wait()
                    await anyio.sleep(FOLLOW_PAUSE_S)
            finally:
                self._watchers.discard(watcher)
