"""A hub with guests: sockets in memory whose other ends are in the test."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from pycrdt import Doc, Map

from sync.board import Board
from sync.connection import SocketClosed
from sync.hub import Hub
from sync.live import Agent
from sync.members import Member
from sync.memory_store import MemoryStore
from sync.protocol import BoardEvent, Message, Update, decode, encode
from sync.settings import Settings

TIMEOUT_S = 5


class FakeSocket:
    """A socket whose other end is in the test. `is_stuck`: the peer does not read."""

    def __init__(self) -> None:
        self._up: tuple[MemoryObjectSendStream[bytes], MemoryObjectReceiveStream[bytes]] = (
            anyio.create_memory_object_stream[bytes](1_000)
        )
        self._down: tuple[MemoryObjectSendStream[Message], MemoryObjectReceiveStream[Message]] = (
            anyio.create_memory_object_stream[Message](100_000)
        )
        self.is_stuck = False
        self._may_read = anyio.Event()
        self._may_read.set()
        self.closed: tuple[int, str] | None = None
        self._gone = anyio.Event()

    async def send(self, data: bytes) -> None:
        if self.is_stuck:
            await anyio.sleep_forever()
        await self._may_read.wait()
        for message in decode(data):
            self._down[0].send_nowait(message)

    async def receive(self) -> bytes:
        try:
            return await self._up[1].receive()
        except anyio.EndOfStream:
            raise SocketClosed from None

    async def close(self, code: int, reason: str) -> None:
        self.closed = (code, reason)
        self._gone.set()
        self._up[0].close()

    # the peer's side

    def say(self, *messages: Message) -> None:
        self._up[0].send_nowait(b"".join(map(encode, messages)))

    async def hear(self, kind: type[Message]) -> Any:
        """The next message of that kind; others are passed over."""
        with anyio.fail_after(TIMEOUT_S):
            while True:
                message = await self._down[1].receive()
                if isinstance(message, kind):
                    return message

    async def hear_event(self, kind: str) -> dict[str, Any]:
        """The next board event of that kind; all else is passed over."""
        while True:
            event: dict[str, Any] = (await self.hear(BoardEvent)).event
            if event["type"] == kind:
                return event

    async def hear_any(self) -> Message:
        with anyio.fail_after(TIMEOUT_S):
            return await self._down[1].receive()

    def pause(self) -> None:
        self._may_read = anyio.Event()

    def resume(self) -> None:
        self._may_read.set()

    async def goodbye(self) -> tuple[int, str]:
        with anyio.fail_after(TIMEOUT_S):
            await self._gone.wait()
        assert self.closed is not None
        return self.closed

    def hang_up(self) -> None:
        self._up[0].close()

    def dispose(self) -> None:
        for stream in (*self._up, *self._down):
            stream.close()


class Party:
    """A hub, and peers that come and go."""

    def __init__(self, hub: Hub, tasks: anyio.abc.TaskGroup) -> None:
        self.hub = hub
        self.sockets: list[FakeSocket] = []
        self._tasks = tasks

    def join(self, room: str = "r", member: Member | None = None, agent: Agent | None = None) -> FakeSocket:
        socket = FakeSocket()
        self.sockets.append(socket)
        self._tasks.start_soon(self.hub.connections.serve, room, socket, member or Member(), agent, "board")
        return socket


@asynccontextmanager
async def party(store: MemoryStore | None = None, **settings: Any) -> AsyncIterator[Party]:
    board = Board()
    hub = Hub(store or MemoryStore(), Settings(**settings), profile_of=board.profile_of, title_of=board.title_of)
    async with hub.running(), anyio.create_task_group() as tasks:
        guests = Party(hub, tasks)
        yield guests
        for socket in guests.sockets:
            socket.hang_up()
    for socket in guests.sockets:
        socket.dispose()


def edit(client: int = 2**21, shape: str = "a") -> Update:
    doc: Doc[Any] = Doc(client_id=client)
    updates: list[bytes] = []
    doc.observe(lambda event: updates.append(event.update))
    doc.get("shapes", type=Map)[shape] = Map({"x": 1})
    return Update(updates[0])


async def shapes(hub: Hub, room: str = "r") -> dict[str, Any]:
    return await hub.read(room, lambda doc: doc.get("shapes", type=Map).to_py() or {})
