"""Drives tests/interop/node/client.mjs: a stock yjs + y-websocket client in a process of its own."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Literal, Self, TypeVar

import anyio
from anyio.abc import Process, TaskGroup
from anyio.streams.buffered import BufferedByteReceiveStream

from frontend.build import Node

NODE_FOLDER = Path(__file__).parent / "node"
TIMEOUT_S = 10.0
MAX_LINE_BYTES = 16 * 2**20

Change = tuple[Sequence[str], str, Any]
"""Path of nested maps, key, value."""
Types = Mapping[str, Literal["map", "array", "text", "xml"]]
T = TypeVar("T")


class YjsClient:
    """One Y.Doc and, once connected, one WebsocketProvider."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self._answers: dict[int, dict[str, Any]] = {}
        self._asked: dict[int, anyio.Event] = {}
        self._changed = anyio.Event()
        self._last_id = 0

    @classmethod
    @asynccontextmanager
    async def start(cls, node: Node) -> AsyncIterator[Self]:
        """The process runs and answers; it is killed on exit."""
        command = [str(node.node), "client.mjs"]
        async with await anyio.open_process(command, cwd=NODE_FOLDER, env=node.environ(), stderr=None) as process:
            client = cls(process)
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(client._listen)
                try:
                    yield client
                finally:
                    await client._end(tasks)

    async def _end(self, tasks: TaskGroup) -> None:
        tasks.cancel_scope.cancel()
        if self._process.returncode is None:
            self._process.kill()
        with anyio.CancelScope(shield=True):
            await self._process.wait()

    async def _listen(self) -> None:
        assert self._process.stdout is not None
        lines = BufferedByteReceiveStream(self._process.stdout)
        try:
            while True:
                message = json.loads(await lines.receive_until(b"\n", MAX_LINE_BYTES))
                if "id" in message:
                    self._answers[message["id"]] = message
                    self._asked.pop(message["id"]).set()
                else:
                    self._changed.set()
                    self._changed = anyio.Event()
        except (anyio.EndOfStream, anyio.IncompleteRead):
            return  # the process ended; who still asks it runs into the timeout

    async def _ask(self, action: str, **arguments: Any) -> Any:
        assert self._process.stdin is not None
        self._last_id += 1
        this = self._last_id
        answered = self._asked[this] = anyio.Event()
        line = json.dumps({"id": this, "do": action, **arguments})
        with anyio.fail_after(TIMEOUT_S):
            await self._process.stdin.send(line.encode() + b"\n")
            await answered.wait()
        answer = self._answers.pop(this)
        if "error" in answer:
            raise AssertionError(f"{action}: {answer['error']}")
        return answer["result"]

    async def _until(self, ask: Callable[[], Awaitable[T]], wanted: Callable[[T], bool], timeout_s: float) -> T:
        """The first answer that is wanted; asks again whenever the client reports a change."""
        answer: T | None = None
        try:
            with anyio.fail_after(timeout_s):
                while True:
                    changed = self._changed  # taken before asking, so that no change falls between
                    answer = await ask()
                    if wanted(answer):
                        return answer
                    await changed.wait()
        except TimeoutError as error:
            raise AssertionError(f"after {timeout_s:g} s still {answer!r}") from error

    async def connect(
        self, server: str, room: str, *, params: Mapping[str, str] | None = None, awareness: bool = True
    ) -> int:
        """Makes the provider, which connects by itself; the Yjs client id. `awareness=False`: no presence."""
        return int(await self._ask("connect", server=server, room=room, params=params or {}, awareness=awareness))

    async def go_offline(self) -> None:
        """provider.disconnect()"""
        await self._ask("go_offline")

    async def go_online(self) -> None:
        """provider.connect()"""
        await self._ask("go_online")

    def kill(self) -> None:
        """SIGKILL: the peer is gone without a word."""
        self._process.kill()

    async def set(self, root: str, *changes: Change) -> None:
        """Keys of (nested) Y.Maps under the root map, in one transaction."""
        await self._ask("set", root=root, changes=changes)

    async def insert_text(self, root: str, index: int, text: str, attributes: Mapping[str, Any] | None = None) -> None:
        """Into the root Y.Text."""
        await self._ask("insert_text", root=root, index=index, text=text, attributes=attributes or {})

    async def delete_text(self, root: str, index: int, length: int) -> None:
        """From the root Y.Text."""
        await self._ask("delete_text", root=root, index=index, length=length)

    async def insert_items(self, root: str, index: int, items: Sequence[Any]) -> None:
        """Into the root Y.Array."""
        await self._ask("insert_items", root=root, index=index, items=items)

    async def insert_element(self, root: str, name: str, text: str) -> None:
        """An element with a text, first in the root Y.XmlFragment."""
        await self._ask("insert_element", root=root, name=name, text=text)

    async def say_presence(self, state: Mapping[str, Any] | None) -> None:
        """The client's own awareness state."""
        await self._ask("say_presence", state=state)

    async def read(self, types: Types) -> dict[str, Any]:
        """Root types as JSON."""
        return dict(await self._ask("read", types=types))

    async def presence(self) -> dict[int, Any]:
        """Awareness states it knows, its own included, by client id."""
        return {int(client): state for client, state in (await self._ask("presence")).items()}

    async def state(self) -> dict[str, Any]:
        """connected, synced, wants_connection, closes (codes so far), final_close ({code, reason} or null)."""
        return dict(await self._ask("state"))

    async def until_synced(self, timeout_s: float = TIMEOUT_S) -> None:
        """Has the server's state."""
        await self._until(self.state, lambda state: bool(state["synced"]), timeout_s)

    async def until_state(
        self, wanted: Callable[[dict[str, Any]], bool], timeout_s: float = TIMEOUT_S
    ) -> dict[str, Any]:
        """`state()` as soon as it is as wanted."""
        return await self._until(self.state, wanted, timeout_s)

    async def until_reads(self, types: Types, wanted: Mapping[str, Any], timeout_s: float = TIMEOUT_S) -> None:
        """Its document holds exactly that."""
        await self._until(lambda: self.read(types), lambda found: found == wanted, timeout_s)

    async def until_presence(self, wanted: Callable[[dict[int, Any]], bool], timeout_s: float = TIMEOUT_S) -> None:
        """The awareness states are as wanted."""
        await self._until(self.presence, wanted, timeout_s)


StartYjsClient = Callable[[], Awaitable[YjsClient]]
