"""A WebSocket client over a bare TCP connection: it can stop reading, vanish by RST and send what no library would."""

from __future__ import annotations

import asyncio
import base64
import os
import socket
import struct
from typing import Self
from urllib.parse import urlsplit

BINARY, CLOSE, PING, PONG = 2, 8, 9, 10
SMALL_BUFFER = 4096  # of the kernel, so that a paused peer is soon felt by the server


class RawPeer(asyncio.Protocol):
    """`frames` are the binary frames that came, when `keeps`; `received` counts bytes in any case."""

    def __init__(self, *, keeps: bool = True) -> None:
        self.received = 0
        self.frames: list[bytes] = []
        self.close_code: int | None = None
        self.close_reason = ""
        self.is_lost = False
        self.pongs = 0
        self.changed = asyncio.Event()
        self._keeps = keeps
        self._is_open = False
        self._unread = 0
        """Bytes of a frame that is passed over."""
        self._buffer = bytearray()
        self._transport: asyncio.Transport | None = None
        self._socket: socket.socket | None = None

    @classmethod
    async def connect(cls, url: str, *, keeps: bool = True, receive_buffer: int | None = None) -> Self:
        """Returns when the server has accepted."""
        parts = urlsplit(url)
        raw = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        raw.setblocking(False)
        if receive_buffer is not None:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        loop = asyncio.get_running_loop()
        await loop.sock_connect(raw, (parts.hostname, parts.port))
        peer = cls(keeps=keeps)
        peer._socket = raw
        transport, _ = await loop.create_connection(lambda: peer, sock=raw)
        peer._transport = transport
        key = base64.b64encode(os.urandom(16)).decode()
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        transport.write(
            f"GET {target} HTTP/1.1\r\nHost: {parts.netloc}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
        )
        await peer.until(lambda: peer._is_open or peer.is_lost)
        return peer

    def data_received(self, data: bytes) -> None:
        """asyncio."""
        self.received += len(data)
        if not self._is_open:
            self._buffer += data
            end = self._buffer.find(b"\r\n\r\n")
            if end < 0:
                return
            assert self._buffer.startswith(b"HTTP/1.1 101"), bytes(self._buffer[:200])
            data = bytes(self._buffer[end + 4 :])
            self._buffer.clear()
            self._is_open = True
        skipped = min(self._unread, len(data))
        self._unread -= skipped
        self._buffer += data[skipped:]
        self._take_frames()
        self.changed.set()

    def _take_frames(self) -> None:
        while len(self._buffer) >= 2:
            opcode, size, at = self._buffer[0] & 15, self._buffer[1] & 127, 2
            if size >= 126:
                width = 2 if size == 126 else 8
                at += width
                if len(self._buffer) < at:
                    return
                size = int.from_bytes(self._buffer[2:at], "big")
            if opcode == BINARY and not self._keeps:
                has = min(size, len(self._buffer) - at)
                del self._buffer[: at + has]
                self._unread = size - has
                continue
            if len(self._buffer) < at + size:
                return
            payload = bytes(self._buffer[at : at + size])
            del self._buffer[: at + size]
            if opcode == BINARY:
                self.frames.append(payload)
            elif opcode == PING:
                self._send(PONG, payload)
            elif opcode == PONG:
                self.pongs += 1
            elif opcode == CLOSE:
                self.close_code = int.from_bytes(payload[:2], "big")
                self.close_reason = payload[2:].decode()
                self._send(CLOSE, payload)

    def connection_lost(self, exc: Exception | None) -> None:
        """asyncio."""
        self.is_lost = True
        self.changed.set()

    def send(self, frame: bytes) -> None:
        """One binary frame."""
        self._send(BINARY, frame)

    def _send(self, opcode: int, payload: bytes) -> None:
        assert self._transport is not None
        size = len(payload)
        if size < 126:
            head = struct.pack("!BB", 128 | opcode, 128 | size)
        elif size < 65536:
            head = struct.pack("!BBH", 128 | opcode, 128 | 126, size)
        else:
            head = struct.pack("!BBQ", 128 | opcode, 128 | 127, size)
        self._transport.write(head + bytes(4) + payload)  # a mask of zeros leaves the payload as it is

    def ping(self) -> None:
        """`pongs` counts the answers; each comes when what was sent before it has been read."""
        self._send(PING, b"")

    def send_raw(self, data: bytes) -> None:
        """These bytes, frames or not."""
        assert self._transport is not None
        self._transport.write(data)

    async def drained(self) -> None:
        """Of what was sent little is left here, or it is lost."""
        while not self.is_lost and self._transport is not None and self._transport.get_write_buffer_size() > 2**16:
            await asyncio.sleep(0.002)

    def pause(self) -> None:
        """Reads nothing until `resume`."""
        assert self._transport is not None
        self._transport.pause_reading()

    def resume(self) -> None:
        """Reads on."""
        assert self._transport is not None
        if not self.is_lost:
            self._transport.resume_reading()

    def abort(self) -> None:
        """Gone by RST: no close frame, no FIN."""
        assert self._transport is not None
        assert self._socket is not None
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._transport.abort()

    def hang_up(self) -> None:
        """FIN, without a close frame."""
        assert self._transport is not None
        self._transport.close()

    async def until(self, condition: object, timeout_s: float = 30.0) -> None:
        """Waits for `condition()`; looks again when something came."""
        assert callable(condition)
        async with asyncio.timeout(timeout_s):
            while not condition():
                self.changed.clear()
                if condition():
                    return
                await self.changed.wait()
