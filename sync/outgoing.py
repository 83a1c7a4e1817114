"""Messages on their way out, framed once for everybody who gets them (RFC 6455, section 5.2)."""

from __future__ import annotations

BINARY, CLOSE, PING, PONG = 0x2, 0x8, 0x9, 0xA
"""Opcodes that a server sends."""
_FINAL = 0x80


def framed(payload: bytes, opcode: int = BINARY) -> bytes:
    """One whole frame, unmasked, as a server sends it."""
    size = len(payload)
    if size < 126:
        return bytes((_FINAL | opcode, size)) + payload
    if size < 65_536:
        return bytes((_FINAL | opcode, 126)) + size.to_bytes(2, "big") + payload
    return bytes((_FINAL | opcode, 127)) + size.to_bytes(8, "big") + payload


class Outgoing:
    """Payloads that go to one connection or to all, each in a frame of its own (W3). The bytes are made once."""

    __slots__ = ("_wire", "payloads", "size_bytes")

    def __init__(self, *payloads: bytes) -> None:
        self.payloads = payloads
        self.size_bytes = sum(map(len, payloads))
        self._wire: bytes | None = None

    @property
    def wire(self) -> bytes:
        """All frames, for one write to a raw transport."""
        if self._wire is None:
            self._wire = b"".join([framed(payload) for payload in self.payloads])
        return self._wire
