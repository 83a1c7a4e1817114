"""The callers of one process and the guests they are: each gets a place in the room with its first call, and leaves it
when its last connection has closed, or when nothing was heard of it for long."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field

import anyio
from anyio.abc import TaskGroup, TaskStatus

from agent.guest import Guest
from agent.rooms import Refused, ServerAway
from sync.provider import ProviderClosed

CLOSE_TIMEOUT_S = 3.0  # for all to leave when the process ends
GRACE_S = 0.8  # between two connections of a client that opens one a request

Connection = tuple[str, int]
"""Host and port of a caller's end of a TCP connection."""
Visiting = Callable[[str], AbstractAsyncContextManager[Guest]]
"""A guest of that name, there while the context lasts."""


class Away(Exception):
    """The room cannot be joined now; the message is a sentence for the caller."""


@dataclass
class _Chair:
    """A caller's place."""

    guest: Guest
    left: anyio.Event = field(default_factory=anyio.Event)
    """Set: it shall leave."""
    gone: anyio.Event = field(default_factory=anyio.Event)
    """Set: it has left."""
    called_at: float = field(default_factory=anyio.current_time)


class Lobby:
    """See the module. Made by `open_lobby`."""

    def __init__(self, visiting: Visiting, tasks: TaskGroup, idle_s: float) -> None:
        self._visiting = visiting
        self._tasks = tasks
        self._idle_s = idle_s
        self._chairs: dict[str, _Chair] = {}
        self._connections: dict[str, set[Connection]] = {}
        """Open ones by caller."""
        self._door = anyio.Lock()

    async def guest(self, caller: str, name: str, connection: Connection | None = None) -> Guest:
        """The caller's guest, who joins the room if need be. Raises Away."""
        if connection is not None:
            self.seen(caller, connection)
        async with self._door:
            chair = self._chairs.get(caller)
            if chair is None:
                chair = await self._tasks.start(self._host, caller, name)
        chair.called_at = anyio.current_time()
        return chair.guest

    def seen(self, caller: str, connection: Connection) -> None:
        """The caller has this connection open, be it only to listen."""
        self._connections.setdefault(caller, set()).add(connection)

    def closed(self, connection: Connection) -> None:
        """A connection is gone; who had no other leaves soon."""
        for caller in [caller for caller, theirs in self._connections.items() if connection in theirs]:
            self._connections[caller].discard(connection)
            if not self._connections[caller]:
                del self._connections[caller]
                self._tasks.start_soon(self._leave_soon, caller)

    def leave(self, caller: str) -> None:
        """The caller said goodbye."""
        if caller in self._chairs:
            self._chairs[caller].left.set()

    async def close(self) -> None:
        """Everybody leaves; returns when they have."""
        for chair in self._chairs.values():
            chair.left.set()
        while self._chairs:
            await next(iter(self._chairs.values())).gone.wait()

    async def _leave_soon(self, caller: str) -> None:
        await anyio.sleep(GRACE_S)
        if caller not in self._connections:
            self.leave(caller)

    async def _host(self, caller: str, name: str, *, task_status: TaskStatus[_Chair]) -> None:
        chair: _Chair | None = None
        why = ""
        try:
            async with self._visiting(name) as guest:
                chair = self._chairs[caller] = _Chair(guest)
                task_status.started(chair)
                await self._until_left(chair)
        except* (ServerAway, Refused, ProviderClosed) as group:
            why = _words(group)  # who called while it was there is told by the call; the next one joins anew
        finally:
            if chair is not None:
                del self._chairs[caller]
                chair.gone.set()
        if chair is None:
            raise Away(f"The room cannot be joined: {why}.")

    async def _until_left(self, chair: _Chair) -> None:
        """Also when nothing tells us of the end: a proxy keeps connections open for clients that are long gone."""
        while not chair.left.is_set():
            silent_for_s = anyio.current_time() - chair.called_at
            if silent_for_s >= self._idle_s:
                return
            with anyio.move_on_after(self._idle_s - silent_for_s):
                await chair.left.wait()


@asynccontextmanager
async def open_lobby(visiting: Visiting, idle_s: float) -> AsyncIterator[Lobby]:
    """A lobby; everybody in it leaves with the context. `idle_s`: who calls no more for so long leaves, too."""
    async with anyio.create_task_group() as tasks:
        lobby = Lobby(visiting, tasks, idle_s)
        try:
            yield lobby
        finally:
            with anyio.move_on_after(CLOSE_TIMEOUT_S, shield=True):
                await lobby.close()
            tasks.cancel_scope.cancel()


def _words(group: BaseExceptionGroup[BaseException]) -> str:
    first: BaseException = group
    while isinstance(first, BaseExceptionGroup):
        first = first.exceptions[0]
    return str(first) or type(first).__name__
