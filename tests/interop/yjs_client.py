"""Drives tests/interop/node/client.mjs: stock Yjs clients, several in a process or one in a process of its own."""

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

Change = tuple[Sequence[str], str, Any] | tuple[Sequence[str], str]
"""Path of nested maps, key, value; without a value the key is deleted."""
Types = Mapping[str, Literal["map", "array", "text", "xml"]]
T = TypeVar("T")


class NodeProcess:
    """A node process with clients in it, each known by a number."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self._answers: dict[int, dict[str, Any]] = {}
        self._asked: dict[int, anyio.Event] = {}
        self.changed = anyio.Event()
        self._last_id = 0
        self._last_client = 0

    @classmethod
    @asynccontextmanager
    async def start(cls, node: Node) -> AsyncIterator[Self]:
        """It runs and answers; it is killed on exit."""
        command = [str(node.node), "client.mjs"]
        async with await anyio.open_process(command, cwd=NODE_FOLDER, env=node.environ(), stderr=None) as process:
            this = cls(process)
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(this._listen)
                try:
                    yield this
                finally:
                    await this._end(tasks)

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
                    self.changed.set()
                    self.changed = anyio.Event()
        except (anyio.EndOfStream, anyio.IncompleteRead):
            return  # the process ended; who still asks it runs into the timeout

    async def ask(self, client: int, action: str, **arguments: Any) -> Any:
        """The answer to one request. Raises AssertionError when the client could not do it."""
        assert self._process.stdin is not None
        self._last_id += 1
        this = self._last_id
        answered = self._asked[this] = anyio.Event()
        line = json.dumps({"id": this, "client": client, "do": action, **arguments})
        try:
            with anyio.fail_after(TIMEOUT_S):
                await self._process.stdin.send(line.encode() + b"\n")
                await answered.wait()
        except TimeoutError as error:
            raise AssertionError(f"{action}: no answer within {TIMEOUT_S:g} s") from error
        answer = self._answers.pop(this)
        if "error" in answer:
            raise AssertionError(f"{action}: {answer['error']}")
        return answer["result"]

    async def make(self, kind: str = "y-websocket", version: int | None = None) -> int:
        """A new client of that kind; `version` is the major one."""
        self._last_client += 1
        await self.ask(self._last_client, "make", kind=kind, **({} if version is None else {"version": version}))
        return self._last_client

    async def end_all(self) -> None:
        """Every client leaves."""
        await self.ask(0, "end_all")

    def kill(self) -> None:
        """SIGKILL: its clients are gone without a word."""
        self._process.kill()


class Client:
    """One Y.Doc and, once connected, one provider."""

    def __init__(self, process: NodeProcess, number: int) -> None:
        self._process = process
        self._number = number

    async def _ask(self, action: str, **arguments: Any) -> Any:
        return await self._process.ask(self._number, action, **arguments)

    async def _until(self, ask: Callable[[], Awaitable[T]], wanted: Callable[[T], bool], timeout_s: float) -> T:
        """The first answer that is wanted; asks again whenever a client of the process reports a change."""
        answer: T | None = None
        try:
            with anyio.fail_after(timeout_s):
                while True:
                    changed = self._process.changed  # taken before asking, so that no change falls between
                    answer = await ask()
                    if wanted(answer):
                        return answer
                    await changed.wait()
        except TimeoutError as error:
            raise AssertionError(f"after {timeout_s:g} s still {answer!r}") from error

    async def go_offline(self) -> None:
        """Close the connection and do not come back."""
        await self._ask("go_offline")

    async def drop(self) -> None:
        """The connection ends without a close frame; the provider comes back by itself."""
        await self._ask("drop")

    def kill(self) -> None:
        """SIGKILL: the process of this peer is gone without a word."""
        self._process.kill()

    async def set(self, root: str, *changes: Change) -> None:
        """Keys of (nested) Y.Maps under the root map, in one transaction."""
        await self._ask("set", root=root, changes=changes)

    async def count_up(self, root: str, key: str, to: int) -> None:
        """1 to `to` into one key, a transaction each."""
        await self._ask("count_up", root=root, key=key, to=to)

    async def insert_text(self, root: str, index: int, text: str, attributes: Mapping[str, Any] | None = None) -> None:
        """Into the root Y.Text."""
        await self._ask("insert_text", root=root, index=index, text=text, attributes=attributes or {})

    async def delete_text(self, root: str, index: int, length: int) -> None:
        """From the root Y.Text."""
        await self._ask("delete_text", root=root, index=index, length=length)

    async def insert_items(self, root: str, index: int, items: Sequence[Any]) -> None:
        """Into the root Y.Array."""
        await self._ask("insert_items", root=root, index=index, items=items)

    async def delete_items(self, root: str, index: int, length: int) -> None:
        """From the root Y.Array."""
        await self._ask("delete_items", root=root, index=index, length=length)

    async def insert_element(self, root: str, name: str, text: str) -> None:
        """An element with a text, first in the root Y.XmlFragment."""
        await self._ask("insert_element", root=root, name=name, text=text)

    async def say_presence(self, state: Mapping[str, Any] | None) -> None:
        """The client's own awareness state."""
        await self._ask("say_presence", state=state)

    async def send_bytes(self, frame: bytes) -> None:
        """One frame past the provider, on its socket."""
        await self._ask("send_bytes", hex=frame.hex())

    async def read(self, types: Types) -> dict[str, Any]:
        """Root types as JSON."""
        return dict(await self._ask("read", types=types))

    async def presence(self) -> dict[int, Any]:
        """Awareness states it knows, its own included, by client id."""
        return {int(client): state for client, state in (await self._ask("presence")).items()}

    async def state(self) -> dict[str, Any]:
        """What the provider says of itself; see state() of its class in tests/interop/node/."""
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


class YjsClient(Client):
    """A client of y-websocket."""

    async def connect(
        self, server: str, room: str, *, params: Mapping[str, str] | None = None, awareness: bool = True, **options: Any
    ) -> int:
        """Makes the provider, which connects by itself; the Yjs client id. `awareness=False`: no presence."""
        arguments = {"server": server, "room": room, "params": params or {}, "awareness": awareness, **options}
        return int(await self._ask("connect", **arguments))

    async def go_online(self, params: Mapping[str, str] | None = None) -> None:
        """provider.connect(), perhaps with other parameters in the address."""
        await self._ask("go_online", params=params)

    async def saved(self) -> None:
        """Everything sent so far is durable (102)."""
        await self._ask("saved")

    async def saved_when_synced(self) -> None:
        """It is synced, and what it brought along is durable."""
        await self.until_synced()
        await self.saved()

    async def set_attribute(self, root: str, key: str, value: Any) -> None:
        """Of a root type; for @y/y 14."""
        await self._ask("set_attribute", root=root, key=key, value=value)

    async def until_attribute(self, root: str, key: str, wanted: Any) -> None:
        """It has reached this client; for @y/y 14."""
        await self._until(lambda: self._ask("attribute", root=root, key=key), lambda found: found == wanted, TIMEOUT_S)


class HocuspocusClient(Client):
    """A client of HocuspocusProvider: one document, on a socket of its own or on one that it shares."""

    async def connect(
        self, server: str, room: str, *tokens: str, share: str | None = None, awareness: bool = True, **options: Any
    ) -> int:
        """The Yjs client id. Tokens are given out one after the other, the last one again and again."""
        arguments = {"server": server, "room": room, "share": share, "awareness": awareness, **options}
        return int(await self._ask("connect", tokens=tokens or ("",), **arguments))

    async def go_online(self, *tokens: str) -> None:
        """Connect the socket again, perhaps with other tokens."""
        await self._ask("go_online", tokens=tokens or None)

    async def close_document(self) -> None:
        """This document only."""
        await self._ask("close_document")

    async def open_document(self, *tokens: str) -> None:
        """Again, after it was closed."""
        await self._ask("open_document", tokens=tokens or None)

    async def send_stateless(self, payload: str) -> None:
        """To everybody else in the room."""
        await self._ask("send_stateless", payload=payload)

    async def force_sync(self) -> None:
        """Ask for the difference again."""
        await self._ask("force_sync")

    async def until_saved(self, timeout_s: float = TIMEOUT_S) -> None:
        """It was let in and its counter of unsynced changes is back at 0."""
        await self.until_state(lambda state: bool(state["authenticated"]) and state["unsynced"] == 0, timeout_s)


StartYjsClient = Callable[[], Awaitable[YjsClient]]
