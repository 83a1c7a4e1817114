"""Serves the Hocuspocus dialect: one WebSocket, many documents, each a Socket of its own for the hub.

What a document's frames mean is hocuspocus.py; here are the queues, the tasks and the clock.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

import anyio
from anyio.abc import TaskGroup

from sync import hocuspocus
from sync.connection import Socket, SocketClosed
from sync.gate import ProfileName
from sync.hocuspocus import Authenticate, CloseDocument, Shared, Translator
from sync.hub import Hub
from sync.members import Member
from sync.protocol import CloseCode, ProtocolError, decode

MAX_DOCUMENTS = 100  # on one socket
MAX_QUEUED = 1_000  # messages of one document that wait for its auth answer or for the room
MAX_QUEUED_BYTES = 5 * 2**20
ENOUGH_QUEUED = 100  # messages of an open document, at which its socket is not read on until the room has caught up
AUTH_TIMEOUT_S = 60.0  # a document that has not shown a token by then is closed
PING_AFTER_S = 20.0  # of silence; the provider gives a socket up after 30 s
RENEW_BEFORE_S = 30.0  # the token is asked for again this long before it expires
COME_BACK = (CloseCode.GOING_AWAY, CloseCode.SLOW_CONSUMER, CloseCode.STORAGE_UNAVAILABLE)
"""What all documents of a socket have in common, and what passes."""


@dataclass(frozen=True, slots=True)
class Grant:
    """What a token opens: the connection's member, and until when (Unix seconds)."""

    member: Member
    expires_at: float = math.inf


ProfileOf = Callable[[str], ProfileName]
"""What a room that does not exist yet holds."""
Authorize = Callable[[str, str], Grant]
"""(room, token) -> Grant. Raises ProtocolError."""


class Document:
    """One document of a socket; to the hub it is a Socket."""

    def __init__(self, key: str, parent: Multiplex) -> None:
        self.key = key
        self.room = hocuspocus.room_of(key)
        self.scope = anyio.CancelScope()
        self.timer = anyio.CancelScope()
        """Of the task that waits for its token, or until the token is asked for again."""
        self.member: Member | None = None
        self._parent = parent
        self._translator = Translator(key)
        self._queue: deque[bytes] = deque()
        self._queued_bytes = 0
        self._wake = anyio.Event()
        self._taken = anyio.Event()
        self._is_closed = False
        self._is_over = False

    @property
    def is_open(self) -> bool:
        """Its token was accepted."""
        return self.member is not None

    def put(self, shared: Shared) -> None:
        """A frame of the client, for when the room is ready. Raises ProtocolError when too many wait."""
        self._queue.append(self._translator.inward(shared))
        self._queued_bytes += len(self._queue[-1])
        if len(self._queue) > MAX_QUEUED or self._queued_bytes > MAX_QUEUED_BYTES:
            raise ProtocolError(CloseCode.TOO_MANY_REQUESTS, "Too many messages wait for this document.")
        self._wake.set()

    async def until_taken(self) -> None:
        """The room has caught up, or needs it no more."""
        while len(self._queue) > ENOUGH_QUEUED and self.is_open and not self._is_over:
            self._taken = anyio.Event()
            await self._taken.wait()

    def end(self) -> None:
        """The client has closed it: the room gets what was sent, the client hears nothing of it any more."""
        self._is_closed = True
        self.timer.cancel()
        self._wake.set()

    def over(self) -> None:
        """Nobody takes its frames any more."""
        self._is_over = True
        self._taken.set()

    async def receive(self) -> bytes:
        """The next frame for the room. Raises SocketClosed."""
        while not self._queue:
            if self._is_closed:
                raise SocketClosed
            self._wake = anyio.Event()
            await self._wake.wait()
        frame = self._queue.popleft()
        self._queued_bytes -= len(frame)
        if len(self._queue) <= ENOUGH_QUEUED:
            self._taken.set()
        return frame

    async def send(self, data: bytes) -> None:
        """A frame of the room. Raises SocketClosed.

        Once the client has closed the document, an ack would count for its next opening.
        """
        if self._is_closed:
            return
        for message in decode(data):
            frame = self._translator.outward(message)
            if frame is not None:
                await self._parent.send(frame)

    async def close(self, code: int, reason: str) -> None:
        """What was not acknowledged is refused, then the document is closed.

        A provider comes back by itself only when its socket ends: so that is what ends when it should.
        """
        if code in COME_BACK:
            await self._parent.close(code, reason)
            return
        for frame in (*self._translator.refuse_rest(), hocuspocus.closed(self.key, reason)):
            await self._parent.send(frame)
        self._is_closed = True  # not before: who receives would end, and with it this
        self._wake.set()


class Multiplex:
    """One accepted socket of the dialect."""

    def __init__(self, socket: Socket, hub: Hub, authorize: Authorize, profile_of: ProfileOf) -> None:
        self._socket = socket
        self._hub = hub
        self._authorize = authorize
        self._profile_of = profile_of
        self._documents: dict[str, Document] = {}
        self._sending = anyio.Lock()
        self._heard = anyio.Event()
        self._life = anyio.CancelScope()
        self._has_signed_in = False

    async def serve(self) -> None:
        """Until the socket ends."""
        with self._life:
            await self._serve_all()

    async def _serve_all(self) -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._keep_alive)
            tasks.start_soon(self._expire_unsigned)
            try:
                await self.send(hocuspocus.SIGN_OF_LIFE)  # H9
                while True:
                    await self._receive(await self._socket.receive(), tasks)
            except SocketClosed:
                pass
            except ProtocolError as error:
                with suppress(SocketClosed):  # what came behind it may have ended the socket
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
        """The whole socket, also when the goodbye does not get through."""
        try:
            await self._socket.close(code, reason)
        finally:
            self._life.cancel()

    async def _keep_alive(self) -> None:
        while True:
            self._heard = anyio.Event()
            with anyio.move_on_after(PING_AFTER_S) as silence:
                await self._heard.wait()
            if silence.cancelled_caught:
                try:
                    await self.send(hocuspocus.SIGN_OF_LIFE)
                except SocketClosed:
                    return

    async def _receive(self, frame: bytes, tasks: TaskGroup) -> None:
        if frame in (hocuspocus.PONG, hocuspocus.PING):
            if frame == hocuspocus.PING:
                await self.send(hocuspocus.SIGN_OF_LIFE)
            return
        key, body = hocuspocus.split(frame)
        document = self._documents.get(key)
        if document is None:
            if len(self._documents) >= MAX_DOCUMENTS:
                raise ProtocolError(CloseCode.TOO_MANY_REQUESTS, f"At most {MAX_DOCUMENTS} documents share a socket.")
            document = self._documents[key] = Document(key, self)
            document.timer = anyio.CancelScope(deadline=anyio.current_time() + AUTH_TIMEOUT_S)
            tasks.start_soon(self._expire_unauthenticated, document, document.timer)
        match hocuspocus.read(body):
            case Authenticate(token):
                await self._authenticate(document, token, tasks)
            case CloseDocument():
                self._forget(document)
            case Shared() as shared:
                document.put(shared)
                await document.until_taken()

    async def _authenticate(self, document: Document, token: str, tasks: TaskGroup) -> None:
        try:
            grant = self._authorize(document.room, token)
        except ProtocolError as error:
            self._hub.tally.rejected[error.code] += 1
            self._forget(document)
            await self.send(hocuspocus.denied(document.key, error.reason))
            return
        self._has_signed_in = True
        document.timer.cancel()
        document.scope.deadline = anyio.current_time() + grant.expires_at - self._hub.now()
        if not document.is_open:
            document.member = grant.member
            await self.send(hocuspocus.authenticated(document.key, can_write=grant.member.access != "read"))
            tasks.start_soon(self._serve, document, grant.member)
        elif grant.member != document.member:
            self._forget(document)
            await self.send(hocuspocus.closed(document.key, "Your access has changed; connect again."))
            return
        else:
            document.member.holder.access = grant.member.holder.access
        if grant.expires_at < math.inf:
            document.timer = anyio.CancelScope(deadline=document.scope.deadline - RENEW_BEFORE_S)
            tasks.start_soon(self._ask_for_token, document, document.timer)

    async def _serve(self, document: Document, member: Member) -> None:
        try:
            with document.scope:
                await self._hub.connections.serve(
                    document.room, document, member, None, self._profile_of(document.room)
                )
            if document.scope.cancelled_caught:
                self._forget(document)
                await self.send(hocuspocus.denied(document.key, "The token has expired; ask for a new link."))
        except SocketClosed:
            return
        finally:
            document.over()
            self._forget(document)

    async def _ask_for_token(self, document: Document, timer: anyio.CancelScope) -> None:
        if await _has_run_out(timer) and self._documents.get(document.key) is document:
            await self.send(hocuspocus.token_wanted(document.key))

    async def _expire_unsigned(self) -> None:
        """A socket that opens no document at all takes a place from others."""
        await anyio.sleep(self._hub.settings.sign_in_s or math.inf)
        if not self._has_signed_in:
            with suppress(SocketClosed):
                await self.close(CloseCode.UNAUTHORIZED, "Nobody has signed in on this connection in time.")

    async def _expire_unauthenticated(self, document: Document, timer: anyio.CancelScope) -> None:
        if await _has_run_out(timer) and self._documents.get(document.key) is document:
            self._forget(document)
            await self.send(hocuspocus.denied(document.key, "No token came in time."))

    def _forget(self, document: Document) -> None:
        if self._documents.get(document.key) is document:
            del self._documents[document.key]
        document.end()


async def _has_run_out(timer: anyio.CancelScope) -> bool:
    """Waits for its deadline; False when it was cancelled before."""
    with timer:
        await anyio.sleep_forever()
    return timer.deadline <= anyio.current_time()
