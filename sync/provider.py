"""The client role: keeps a Doc and a presence in step with a server, and reconnects by itself.

Used by assistants and by Python programs that join a room as a peer. What the server must do is docs/spec.md; what a
client must do is here: answer step 1, send local changes only after that, ask what is saved, renew its presence.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlencode

import anyio
from pycrdt import Doc, TransactionEvent
from websockets.asyncio.client import ClientConnection
from websockets.asyncio.client import connect as open_websocket
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidURI

from sync.lib0 import Decoder, var_uint
from sync.protocol import (
    EMPTY_UPDATE,
    AuthDenied,
    Awareness,
    AwarenessEntry,
    BoardEvent,
    ClientId,
    Message,
    ProtocolError,
    QueryAwareness,
    SyncStatus,
    SyncStep1,
    SyncStep2,
    Unknown,
    Update,
    decode,
    decode_state_vector,
    encode,
    encode_state_vector,
)

RENEW_PRESENCE_S = 15.0  # other clients forget a peer they have not heard of for 30 s
FIRST_BACKOFF_S = 0.1
MAX_BACKOFF_S = 5.0
MAX_FRAME_BYTES = 64 * 2**20  # a room's whole document may come in one frame
CLOSE_TIMEOUT_S = 0.5  # for the server's goodbye
FINAL_CLOSE_CODES = range(4400, 4500)


class ProviderClosed(Exception):
    """The server said no for good: `code` is a close code of 44xx, `reason` a sentence."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(f"{code} {reason}")
        self.code = code
        self.reason = reason


class Provider:
    """See `connect`. Use it from the task that runs the event loop; never await inside a transaction on `doc`."""

    def __init__(self, url: str, doc: Doc[Any]) -> None:
        self.url = url
        self.doc = doc
        self.events: deque[Mapping[str, object]] = deque(maxlen=100)
        """The server's board events, newest last."""
        self._is_synced = False
        self._may_send = False
        self._is_applying = False
        self._closed: ProviderClosed | None = None
        self._outgoing: deque[bytes] = deque()
        self._work = anyio.Event()
        self._changed = anyio.Event()
        self._asked = 0
        self._saved = 0
        self._presence: dict[str, Any] | None = None
        self._clock = 0
        self._clocks: dict[ClientId, int] = {}
        self._peers: dict[ClientId, dict[str, Any]] = {}
        self._listeners: list[Callable[[], None]] = []

    # what the user of a provider calls

    @property
    def is_synced(self) -> bool:
        """Has this connection brought everything the server had?"""
        return self._is_synced

    @property
    def peers(self) -> Mapping[ClientId, dict[str, Any]]:
        """Client id -> presence state of everybody else; empty while the connection is down."""
        return self._peers

    async def wait_synced(self) -> None:
        """Raises ProviderClosed."""
        await self._until(lambda: self._is_synced)

    async def saved(self) -> None:
        """Returns when all that was written to `doc` so far is durable on the server. Raises ProviderClosed."""
        self._asked += 1
        mine = self._asked
        if self._may_send:
            self._send(SyncStatus(var_uint(mine)))
        await self._until(lambda: self._saved >= mine)

    async def wait_closed(self) -> None:
        """Waits for the server's final no, and raises it as ProviderClosed."""
        await self._until(lambda: False)

    def set_presence(self, state: dict[str, Any] | None) -> None:
        """What others see of this peer; None leaves. Raises ValueError for what is not JSON."""
        json.dumps(state, allow_nan=False)
        self._presence = state
        self._send_presence()

    def on_presence(self, listener: Callable[[], None]) -> Callable[[], None]:
        """`listener` is called after each change of `peers`; returns what ends that."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    # the connection

    async def run(self) -> None:
        """Connects, again and again, until cancelled or told no for good."""
        subscription = self.doc.observe(self._on_change)
        backoff_s = FIRST_BACKOFF_S
        try:
            while self._closed is None:
                try:
                    async with open_websocket(self.url, max_size=MAX_FRAME_BYTES, compression=None) as websocket:
                        try:
                            await self._converse(websocket)
                        finally:
                            await _close(websocket)
                except ConnectionClosed as error:
                    if error.rcvd is not None and error.rcvd.code in FINAL_CLOSE_CODES:
                        self._closed = ProviderClosed(error.rcvd.code, error.rcvd.reason)
                except InvalidURI as error:
                    self._closed = ProviderClosed(FINAL_CLOSE_CODES.start, str(error))
                except (OSError, InvalidHandshake, TimeoutError, ProtocolError):
                    pass  # the server is away, or not itself: try again below
                backoff_s = FIRST_BACKOFF_S if self._is_synced else min(MAX_BACKOFF_S, backoff_s * 2)
                self._disconnected()
                if self._closed is None:
                    await anyio.sleep(backoff_s)
        finally:
            self.doc.unobserve(subscription)

    async def _converse(self, websocket: ClientConnection) -> None:
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._write, websocket)
                tasks.start_soon(self._renew)
                self._send(SyncStep1(decode_state_vector(self.doc.get_state())))
                self._send_presence()
                async for frame in websocket:
                    if isinstance(frame, bytes):
                        for message in decode(frame):
                            self._receive(message)
                        self._wake()
                tasks.cancel_scope.cancel()
        except* ConnectionClosed as group:
            raise _first(group) from None
        except* ProtocolError as group:
            raise _first(group) from None
        code = websocket.close_code
        if code is not None and code in FINAL_CLOSE_CODES:
            self._closed = ProviderClosed(code, websocket.close_reason or "")

    async def _write(self, websocket: ClientConnection) -> None:
        while True:
            while self._outgoing:
                await websocket.send(self._outgoing.popleft())
            self._work = anyio.Event()
            await self._work.wait()

    async def _renew(self) -> None:
        while True:
            await anyio.sleep(RENEW_PRESENCE_S)
            self._send_presence()

    def _receive(self, message: Message) -> None:
        match message:
            case SyncStep1(vector):
                update = self.doc.get_update(encode_state_vector(vector))
                self._send(SyncStep2(update))
                self._may_send = True
                if self._asked > self._saved:
                    self._send(SyncStatus(var_uint(self._asked)))
            case SyncStep2(update):
                self._apply(update)
                self._is_synced = True
            case Update(update):
                self._apply(update)
            case Awareness(entries):
                self._meet(entries)
            case QueryAwareness():
                self._send_presence()
            case SyncStatus(content):
                self._saved = max(self._saved, Decoder(content).var_uint())
            case BoardEvent(event):
                self.events.append(event)
            case AuthDenied() | Unknown():
                pass

    def _apply(self, update: bytes) -> None:
        if update == EMPTY_UPDATE:
            return
        self._is_applying = True
        try:
            self.doc.apply_update(update)
        finally:
            self._is_applying = False

    def _on_change(self, event: TransactionEvent) -> None:
        if self._may_send and not self._is_applying and event.update != EMPTY_UPDATE:
            self._send(Update(event.update))

    def _meet(self, entries: tuple[AwarenessEntry, ...]) -> None:
        is_changed = False
        for entry in entries:
            if entry.client == self.doc.client_id:
                self._clock = max(self._clock, entry.clock)
                continue
            if entry.clock <= self._clocks.get(entry.client, -1) and entry.client in self._peers:
                continue
            state = _state(entry.state)
            self._clocks[entry.client] = entry.clock
            if state is None:
                is_changed |= self._peers.pop(entry.client, None) is not None
            else:
                self._peers[entry.client] = state
                is_changed = True
        if is_changed:
            self._tell_listeners()

    def _send_presence(self) -> None:
        self._clock += 1
        text = json.dumps(self._presence, separators=(",", ":"), ensure_ascii=False)
        self._send(Awareness((AwarenessEntry(ClientId(self.doc.client_id), self._clock, text),)))

    def _send(self, message: Message) -> None:
        self._outgoing.append(encode(message))
        self._work.set()

    def _disconnected(self) -> None:
        self._is_synced = self._may_send = False
        self._outgoing.clear()  # the next connection's step 2 brings it
        self._clocks.clear()
        if self._peers:
            self._peers.clear()
            self._tell_listeners()
        self._wake()

    def _tell_listeners(self) -> None:
        for listener in tuple(self._listeners):
            listener()

    def _wake(self) -> None:
        self._changed.set()
        self._changed = anyio.Event()

    async def _until(self, is_so: Callable[[], bool]) -> None:
        while not is_so():
            if self._closed is not None:
                raise self._closed
            await self._changed.wait()


async def _close(websocket: ClientConnection) -> None:
    """Close it, also when cancelled: a socket that is merely left stays open until it is collected."""
    with anyio.move_on_after(CLOSE_TIMEOUT_S, shield=True):
        await websocket.close()
    websocket.transport.abort()


def _state(text: str) -> dict[str, Any] | None:
    try:
        state = json.loads(text)
    except ValueError:
        return None
    return state if isinstance(state, dict) else None


def _first(group: BaseExceptionGroup[Any]) -> BaseException:
    """The cause behind a task group: one socket ends for one reason."""
    inner = group.exceptions[0]
    return _first(inner) if isinstance(inner, BaseExceptionGroup) else inner


@asynccontextmanager
async def connect(
    url: str, doc: Doc[Any] | None = None, params: Mapping[str, str] | None = None
) -> AsyncIterator[Provider]:
    """Join the room at `url` (`ws://host:port/sync/room`) as a peer.

    Yields at once; `await provider.wait_synced()` for the document. `params` go into the query. Local changes that the
    server has not got when the context ends are lost with the process: `await provider.saved()` first.
    """
    query = urlencode(params or {})
    provider = Provider(
        f"{url}{'&' if '?' in url else '?'}{query}" if query else url, doc if doc is not None else Doc()
    )
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(provider.run)
        try:
            yield provider
        finally:
            provider.set_presence(None)
            tasks.cancel_scope.cancel()
