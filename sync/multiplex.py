"""Serves the Hocuspocus dialect: one WebSocket, many documents, each a Socket of its own for the hub.

What a document's frames mean is hocuspocus.py; here are the queues, the tasks and the clock.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

import anyio
from anyio.abc import TaskGroup

from sync import hocuspocus
from sync.gate import ProfileName
from sync.hocuspocus import Authenticate, CloseDocument, Shared, Stateless, Translator
from sync.hub import Hub, Socket, SocketClosed
from sync.protocol import CloseCode, ProtocolError, decode
from sync.room import Member

MAX_DOCUMENTS = 100  # on one socket
MAX_QUEUED = 1_000  # messages of one document that wait for its auth answer or for the room
MAX_QUEUED_BYTES = 5 * 2**20
AUTH_TIMEOUT_S = 60.0  # a document that has not shown a token by then is closed
PING_AFTER_S = 20.0  # of silence; the provider gives a socket up after 30 s
RENEW_BEFORE_S = 30.0  # the token is asked for again this long before it expires


@dataclass(frozen=True, slots=True)
class Grant:
    """What a token opens: the connection's member, and until when (Unix seconds)."""

    member: Member
    expires_at: float = math.inf


Authorize = Callable[[str, str], Grant]
"""(room, token) -> Grant. Raises ProtocolError."""


class Document:
    """One document of a socket; to the hub it is a Socket."""

    def __init__(self, key: str, parent: Multiplex) -> None:
        self.key = key
        self.room = hocuspocus.room_of(key)
        self.scope = anyio.CancelScope()
        self.member: Member | None = None
        self._parent = parent
        self._translator = Translator(key)
        self._queue: deque[bytes] = deque()
        self._queued_bytes = 0
        self._wake = anyio.Event()
        self._is_closed = False

    @property
    def is_open(self) -> bool:
        """Its token was accepted."""
        return self.member is not None

    def put(self, shared: Shared) -> None:
        """A frame of the client, for when the room is ready. Raises ProtocolError when too many wait."""
        self._queue.append(self._translator.inward(shared))
        self._queued_bytes += len(shared.frame)
        if len(self._queue) > MAX_QUEUED or self._queued_bytes > MAX_QUEUED_BYTES:
            raise ProtocolError(CloseCode.TOO_MANY_REQUESTS, "Too many messages wait for this document.")
        self._wake.set()

    def end(self) -> None:
        """The client has closed it."""
        self._is_closed = True
        self._wake.set()

    async def receive(self) -> bytes:
        """The next frame for the room. Raises SocketClosed."""
        while not self._queue:
            if self._is_closed:
                raise SocketClosed
            self._wake = anyio.Event()
            await self._wake.wait()
        frame = self._queue.popleft()
        self._queued_bytes -= len(frame)
        return frame

    async def send(self, data: bytes) -> None:
        """A frame of the room. Raises SocketClosed."""
        for message in decode(data):
            frame = self._translator.outward(message)
            if frame is not None:
                await self._parent.send(frame)

    async def hear(self, payload: str) -> None:
        """A stateless message of somebody else; a socket that is gone hears nothing."""
        with suppress(SocketClosed):
            await self._parent.send(hocuspocus.stateless(self.key, payload))

    async def close(self, code: int, reason: str) -> None:
        """What was not acknowledged is refused, then the document is closed; the socket when the server stops."""
        self._is_closed = True
        self._wake.set()
        for frame in self._translator.refuse_rest():
            await self._parent.send(frame)
        if code == CloseCode.GOING_AWAY:
            await self._parent.close(code, reason)
        else:
            await self._parent.send(hocuspocus.closed(self.key, reason))


@dataclass(slots=True)
class Audience:
    """Who hears stateless messages: the open documents of each room, on all sockets of this process."""

    rooms: dict[str, set[Document]] = field(default_factory=dict)

    def add(self, document: Document) -> None:
        """The document is open."""
        self.rooms.setdefault(document.room, set()).add(document)

    def discard(self, document: Document) -> None:
        """It is not any more."""
        members = self.rooms.get(document.room)
        if members is not None:
            members.discard(document)
            if not members:
                del self.rooms[document.room]


class Multiplex:
    """One accepted socket of the dialect."""

    def __init__(
        self, socket: Socket, hub: Hub, authorize: Authorize, audience: Audience, profile: ProfileName
    ) -> None:
        self._socket = socket
        self._hub = hub
        self._authorize = authorize
        self._audience = audience
        self._profile: ProfileName = profile
        self._documents: dict[str, Document] = {}
        self._sending = anyio.Lock()
        self._heard = anyio.Event()

    async def serve(self) -> None:
        """Until the socket ends."""
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._keep_alive)
            try:
                await self.send(hocuspocus.PING)  # H9: what the client has queued goes out with its first message in
                while True:
                    await self._receive(await self._socket.receive(), tasks)
            except SocketClosed:
                pass
            except ProtocolError as error:
                await self.close(error.code, error.reason)
            finally:
                for document in self._documents.values():
                    document.end()
                tasks.cancel_scope.cancel()

    async def send(self, frame: bytes) -> None:
        """One frame at a time, whichever document it is of. Raises SocketClosed."""
        async with self._sending:
            self._heard.set()
            await self._socket.send(frame)

    async def close(self, code: int, reason: str) -> None:
        """The whole socket."""
        await self._socket.close(code, reason)

    async def _keep_alive(self) -> None:
        while True:
            self._heard = anyio.Event()
            with anyio.move_on_after(PING_AFTER_S) as silence:
                await self._heard.wait()
            if silence.cancelled_caught:
                try:
                    await self.send(hocuspocus.PING)
                except SocketClosed:
                    return

    async def _receive(self, frame: bytes, tasks: TaskGroup) -> None:
        if frame in (hocuspocus.PONG, hocuspocus.PING):
            if frame == hocuspocus.PING:
                await self.send(hocuspocus.PONG)
            return
        key, body = hocuspocus.split(frame)
        document = self._documents.get(key)
        if document is None:
            if len(self._documents) >= MAX_DOCUMENTS:
                raise ProtocolError(CloseCode.TOO_MANY_REQUESTS, f"At most {MAX_DOCUMENTS} documents share a socket.")
            document = self._documents[key] = Document(key, self)
            tasks.start_soon(self._expire_unauthenticated, document)
        match hocuspocus.read(body):
            case Authenticate(token):
                await self._authenticate(document, token, tasks)
            case Stateless(payload):
                await self._relay(document, payload)
            case CloseDocument():
                self._forget(document)
            case Shared() as shared:
                document.put(shared)

    async def _authenticate(self, document: Document, token: str, tasks: TaskGroup) -> None:
        try:
            grant = self._authorize(document.room, token)
        except ProtocolError as error:
            self._forget(document)
            await self.send(hocuspocus.denied(document.key, error.reason))
            return
        document.scope.deadline = anyio.current_time() + grant.expires_at - self._hub.now()
        if not document.is_open:
            document.member = grant.member
            await self.send(hocuspocus.authenticated(document.key, can_write=grant.member.access == "write"))
            tasks.start_soon(self._serve, document, grant.member)
        elif grant.member != document.member:
            self._forget(document)
            await self.send(hocuspocus.closed(document.key, "Your access has changed; connect again."))
            return
        if grant.expires_at < math.inf:
            tasks.start_soon(self._ask_for_token, document, document.scope.deadline - RENEW_BEFORE_S)

    async def _serve(self, document: Document, member: Member) -> None:
        self._audience.add(document)
        try:
            with document.scope:
                await self._hub.serve(document.room, document, member, None, self._profile)
            if document.scope.cancelled_caught:
                self._forget(document)
                await self.send(hocuspocus.denied(document.key, "The token has expired; ask for a new link."))
        except SocketClosed:
            return
        finally:
            self._audience.discard(document)
            if self._documents.get(document.key) is document:
                self._forget(document)

    async def _ask_for_token(self, document: Document, at: float) -> None:
        await anyio.sleep(max(0.0, at - anyio.current_time()))
        if self._documents.get(document.key) is document:
            await self.send(hocuspocus.token_wanted(document.key))

    async def _expire_unauthenticated(self, document: Document) -> None:
        await anyio.sleep(AUTH_TIMEOUT_S)
        if not document.is_open and self._documents.get(document.key) is document:
            self._forget(document)
            await self.send(hocuspocus.denied(document.key, "No token came in time."))

    async def _relay(self, sender: Document, payload: str) -> None:
        """To everybody else in the room; nobody's dead socket is the sender's trouble."""
        if not sender.is_open:
            return
        for document in tuple(self._audience.rooms.get(sender.room, ())):
            if document is not sender:
                await document.hear(payload)

    def _forget(self, document: Document) -> None:
        self._documents.pop(document.key, None)
        document.end()
