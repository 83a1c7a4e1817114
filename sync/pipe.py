"""Frames between the server and its room workers: those of RFC 6455 as a server sends them, in both directions.

One Unix socket carries one WebSocket, or one document of a Hocuspocus socket, or one HTTP request. The first frame,
from the server, says which (Join or Ask). Then
    a Join    BINARY both ways are its messages; the worker's CLOSE is its goodbye, code and reason
    an Ask    BINARY is the body, both ways; a TEXT ends the request's and begins the answer (status and headers as
              JSON), which a CLOSE ends
The socket's end without a CLOSE says that the process at the other end is gone.
"""

from __future__ import annotations

import asyncio
import pickle
import socket
from dataclasses import dataclass
from typing import Any, Self

from sync import logs
from sync.connection import SocketClosed
from sync.gate import ProfileName
from sync.live import Agent
from sync.members import Member
from sync.outgoing import BINARY, CLOSE, framed
from sync.websocket import TEXT, close_code, close_payload

CHUNK = 64 * 1024  # bytes read at once


@dataclass(frozen=True, slots=True)
class Join:
    """A socket that was admitted to a room: what Connections.serve takes."""

    room: str
    member: Member
    agent: Agent | None
    profile: ProfileName
    expires_at: float


@dataclass(frozen=True, slots=True)
class Ask:
    """An HTTP request about a room: the ASGI scope as far as it can travel."""

    scope: dict[str, Any]


class Frames:
    """Unmasked frames, each a whole message. Feed it, then call `next` until that returns None."""

    __slots__ = ("_at", "_buffer")

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._at = 0

    def feed(self, data: bytes) -> None:
        """What came."""
        if self._at:
            del self._buffer[: self._at]
            self._at = 0
        self._buffer += data

    def next(self) -> tuple[int, bytes] | None:
        """Opcode and payload; None: feed it first."""
        buffer, at = self._buffer, self._at
        has = len(buffer) - at
        if has < 2:
            return None
        size, width = buffer[at + 1], 0
        if size > 125:
            width = 2 if size == 126 else 8
            if has < 2 + width:
                return None
            size = int.from_bytes(buffer[at + 2 : at + 2 + width], "big")
        start = at + 2 + width
        end = start + size
        if end > len(buffer):
            return None
        self._at = end
        return buffer[at] & 15, bytes(buffer[start:end])


class Pipe:
    """One end. Every method raises SocketClosed when the other end is gone. To the worker's hub it is a Socket."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._frames = Frames()

    @classmethod
    async def of(cls, end: socket.socket) -> Self:
        """Takes the socket over."""
        return cls(*await asyncio.open_unix_connection(sock=end))

    async def next(self) -> tuple[int, bytes]:
        """The next frame: opcode and payload."""
        while (frame := self._frames.next()) is None:
            try:
                data = await self._reader.read(CHUNK)
            except OSError as error:
                raise SocketClosed from error
            if not data:
                raise SocketClosed
            self._frames.feed(data)
        return frame

    async def put(self, opcode: int, payload: bytes) -> None:
        """Returns when the other end keeps up."""
        try:
            self._writer.write(framed(payload, opcode))
            await self._writer.drain()
        except (OSError, RuntimeError) as error:  # RuntimeError: uvloop, of a transport that has just been closed
            raise SocketClosed from error

    async def greet(self, hello: Join | Ask) -> None:
        """The first frame. Only the server sends it, so that it never reads what a worker has pickled."""
        await self.put(BINARY, pickle.dumps((hello, dict(logs.about()))))

    async def greeting(self) -> Join | Ask:
        """The first frame; what its sender says of the connection in its log is said in ours."""
        hello: Join | Ask
        hello, about = pickle.loads((await self.next())[1])
        logs.bind(**about)
        return hello

    async def send(self, data: bytes) -> None:
        """See Socket."""
        await self.put(BINARY, data)

    async def receive(self) -> bytes:
        """See Socket."""
        return (await self.next())[1]

    async def close(self, code: int, reason: str) -> None:
        """See Socket."""
        await self.put(CLOSE, close_payload(code, reason))

    def end(self) -> None:
        """Close the socket; what is unsent still goes out."""
        self._writer.close()


__all__ = ["BINARY", "CLOSE", "TEXT", "Ask", "Frames", "Join", "Pipe", "close_code"]
