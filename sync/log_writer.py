"""What a room has taken in, on its way to the log: one batch is under way, what comes meanwhile is the next. No task.

A store that calls back is asked by a call and answers by one: a commit costs the event loop one turn. With a task that
slept between commits it were three, and most of what an update cost that comes alone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from time import perf_counter
from typing import Any, Protocol

from sync.store import CallsBack, Entry, NoSuchRoom, Store, StoreError

FIRST_RETRY_S = 0.1
MAX_RETRY_S = 2.0  # so a store that is back is noticed well within 5 s
MAX_BATCH = 2_000  # updates of one append; bounds how long one room holds the commit

Start = Callable[[Callable[[], Coroutine[Any, Any, None]]], object]
"""Starts a task, from where none runs."""


class Listener(Protocol):
    """The room whose log it is. Its methods do not raise."""

    def pause_s(self, now: float) -> float:
        """How long the next batch had better wait, on `perf_counter`'s clock."""
        ...

    def appended(self, batch: list[Entry], size_bytes: int, seq: int, took_s: float) -> None:
        """Durable, in order: updates of so many bytes together; `seq` is the last one's number in the log."""
        ...

    def not_appended(self, fault: str) -> None:
        """The store did not take it; it is tried again."""
        ...

    def gone(self) -> None:
        """The store has no such room any more. What was pending is dropped."""
        ...

    def rests(self) -> None:
        """All that was put in is durable, or dropped."""
        ...


class LogWriter:
    """Of one room. `start` is for stores that do not call back."""

    __slots__ = (
        "_batch",
        "_began",
        "_listener",
        "_loop",
        "_pending",
        "_retry_s",
        "_room",
        "_start",
        "_store",
        "_submit",
        "is_busy",
        "pending_bytes",
        "since",
    )

    def __init__(self, room: str, store: Store, listener: Listener, start: Start) -> None:
        self.is_busy = False
        self.since = 0.0
        """When the batch under way was begun, or will be (`perf_counter`)."""
        self.pending_bytes = 0
        """Of what was put in and is not durable yet."""
        self._room = room
        self._store = store
        self._submit = store.submit if isinstance(store, CallsBack) else None
        self._listener = listener
        self._start = start
        self._loop = asyncio.get_running_loop()
        self._pending: list[Entry] = []
        self._batch: list[Entry] = []
        self._began = 0.0
        self._retry_s = FIRST_RETRY_S

    def put(self, entry: Entry) -> None:
        """Write it, with what comes in the same turn of the loop."""
        self.pending_bytes += len(entry.update)
        self._pending.append(entry)
        if not self.is_busy:
            self.is_busy = True
            self._loop.call_soon(self._next)

    def drop(self) -> None:
        """What is not under way is not wanted any more."""
        self._pending.clear()
        self.pending_bytes = 0

    def _next(self) -> None:
        if not self._pending:
            self.is_busy = False
            self._listener.rests()
            return
        now = perf_counter()
        wait_s = self._listener.pause_s(now)
        self.since = now + wait_s
        if wait_s > 0:
            self._loop.call_later(wait_s, self._take)
        else:
            self._take()

    def _take(self) -> None:
        self._batch, self._pending = self._pending[:MAX_BATCH], self._pending[MAX_BATCH:]
        if self._batch:
            self._append()
        else:  # dropped while it waited
            self._next()

    def _append(self) -> None:
        self._began = perf_counter()
        if self._submit is None:
            self._start(self._await_append)
            return
        try:
            self._submit(self._room, self._batch, self._done)
        except StoreError as error:
            self._done(error)

    async def _await_append(self) -> None:
        result: int | Exception
        try:
            result = await self._store.append(self._room, self._batch)
        except Exception as error:  # noqa: BLE001 - the room must not wait for ever
            result = error
        self._done(result)

    def _done(self, result: int | Exception) -> None:
        """A batch may be in the log twice when the store failed after its commit; the gate leaves out what is known."""
        if isinstance(result, int):
            self._retry_s = FIRST_RETRY_S
            batch, self._batch = self._batch, []
            size_bytes = sum([len(entry.update) for entry in batch])
            self.pending_bytes = max(0, self.pending_bytes - size_bytes)
            self._listener.appended(batch, size_bytes, result, perf_counter() - self._began)
            self._next()
        elif isinstance(result, NoSuchRoom):
            self._batch = []
            self.drop()
            self._listener.gone()
            self._next()
        else:  # nothing is shown or acknowledged meanwhile, presence goes on (S7)
            fault = str(result) if isinstance(result, StoreError) else f"The store failed: {result!r}."
            self._listener.not_appended(fault)
            self._loop.call_later(self._retry_s, self._append)
            self._retry_s = min(MAX_RETRY_S, self._retry_s * 2)
