"""A WebSocket client that sends the bytes it is told to, well formed or not, and reads frames strictly (RFC 6455)."""

from __future__ import annotations

import base64
import os
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self
from urllib.parse import urlsplit

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
TIMEOUT_S = 30.0


def frame(
    opcode: int,
    payload: bytes = b"",
    *,
    final: bool = True,
    reserved: int = 0,
    mask: bytes | None = b"\x37\xfa\x21\x3d",
    width: int | None = None,
) -> bytes:
    """One frame. `reserved` are the bits 4, 2, 1; `width` 0, 2 or 8 bytes of length instead of the fewest; `mask` None
    leaves it unmasked."""
    size = len(payload)
    if width is None:
        width = 0 if size < 126 else 2 if size < 65536 else 8
    masked = 128 if mask is not None else 0
    head = bytes((final << 7 | reserved << 4 | opcode, masked | (size if width == 0 else 126 if width == 2 else 127)))
    if width:
        head += size.to_bytes(width, "big")
    if mask is None:
        return head + payload
    return head + mask + bytes(byte ^ mask[index % 4] for index, byte in enumerate(payload))


@dataclass(frozen=True, slots=True)
class Frame:
    """What came."""

    opcode: int
    payload: bytes


class BadServer(AssertionError):
    """The server sent something that is no frame of a server."""


class FrameClient:
    """Blocking; the handshake is done when it is made."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        assert parts.hostname is not None
        assert parts.port is not None
        self._socket = socket.create_connection((parts.hostname, parts.port), TIMEOUT_S)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._buffer = b""
        key = base64.b64encode(os.urandom(16)).decode()
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        self.send(
            f"GET {target} HTTP/1.1\r\nHost: {parts.netloc}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
        )
        while b"\r\n\r\n" not in self._buffer:
            self._buffer += self._socket.recv(65536)
        head, _, self._buffer = self._buffer.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 101"), head

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def send(self, data: bytes) -> None:
        """As they are."""
        self._socket.sendall(data)

    def send_bytewise(self, data: bytes) -> None:
        """One byte a packet."""
        for index in range(len(data)):
            self._socket.sendall(data[index : index + 1])

    def read(self) -> Frame | None:
        """The next frame; None when the server has closed the connection. Raises BadServer, TimeoutError."""
        head = self._take(2)
        if head is None:
            return None
        if not head[0] & 128 or head[0] & 112 or head[1] & 128:
            raise BadServer(f"a server's frames here are final, plain and unmasked: {head.hex()}")
        size = head[1]
        if size > 125:
            field = self._take(2 if size == 126 else 8)
            assert field is not None
            size = int.from_bytes(field, "big")
            if size < 126 or (len(field) == 8 and size < 65536):
                raise BadServer("a length that takes fewer bytes")
        payload = self._take(size) if size else b""
        assert payload is not None
        return Frame(head[0] & 15, payload)

    def _take(self, count: int) -> bytes | None:
        while len(self._buffer) < count:
            try:
                more = self._socket.recv(65536)
            except ConnectionResetError:
                more = b""
            if not more:
                return None
            self._buffer += more
        taken, self._buffer = self._buffer[:count], self._buffer[count:]
        return taken

    def read_until(self, opcode: int, passing_over: Iterable[int] = (BINARY,)) -> Frame | None:
        """The next frame of that opcode; others of `passing_over` are left out. None at the end of the connection."""
        allowed = set(passing_over)
        while True:
            found = self.read()
            if found is None or found.opcode == opcode:
                return found
            assert found.opcode in allowed, found

    def end(self) -> int | None:
        """The code of the server's close frame, once it has also closed the connection; 1005 for none in the frame."""
        found = self.read_until(CLOSE)
        if found is None:
            return None
        code = int.from_bytes(found.payload[:2], "big") if found.payload else 1005
        found.payload[2:].decode()
        return code
