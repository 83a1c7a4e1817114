"""Reads a client's side of a WebSocket: bytes in, whole messages and control frames out. RFC 6455, section 5, sans I/O.

Only what a server without extensions needs: every frame is masked, no reserved bit is set. A common frame (whole,
final, binary, short) takes an eighth of the time of `websockets`' reader, which is made of generator steps.
"""

from __future__ import annotations

from typing import Final

try:
    from websockets.speedups import apply_mask
except ImportError:  # pragma: no cover - a platform for which `websockets` has no wheel
    from websockets.utils import apply_mask

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA
"""Opcodes."""
GOING_AWAY, PROTOCOL_ERROR, NO_STATUS, INVALID_DATA, TOO_BIG = 1001, 1002, 1005, 1007, 1009
"""Close codes of the protocol itself."""
_OPCODES: Final = frozenset((CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG))
_FINAL, _RESERVED, _MASKED = 0x80, 0x70, 0x80
_FINAL_BINARY: Final = _FINAL | BINARY
_MAX_CONTROL: Final = 125
_CODES: Final = frozenset((*range(1000, 1004), *range(1007, 1015), *range(3000, 5000)))
"""What may stand in a close frame (7.4 and the IANA registry)."""


class Broken(Exception):
    """The peer broke the protocol: fail the connection with `code` (7.1.7)."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(f"{code} {reason}")
        self.code = code
        self.reason = reason


class Reader:
    """Feed it, then call `next` until that returns None. `max_size` bounds a message, its fragments together."""

    __slots__ = ("_at", "_buffer", "_max_size", "_opcode", "_partial", "_too_big")

    def __init__(self, max_size: int) -> None:
        self._max_size = max_size
        self._too_big = TOO_BIG
        self._buffer: bytes | bytearray = b""
        self._at = 0
        self._partial: bytearray | None = None
        """Of a fragmented message, what has come of it."""
        self._opcode = 0
        """What the fragmented message is."""

    def bound(self, max_size: int, too_big: int) -> None:
        """From the next frame on: how big a message may be, and the close code of one that announces more."""
        self._max_size, self._too_big = max_size, too_big

    @property
    def is_idle(self) -> bool:
        """It is between two messages."""
        return self._partial is None and self._at == len(self._buffer)

    def feed(self, data: bytes) -> None:
        """What came from the peer."""
        if self._at == len(self._buffer):
            self._buffer = data
        elif isinstance(self._buffer, bytearray):
            del self._buffer[: self._at]
            self._buffer += data
        else:  # from now on it grows in place: a big message comes in many pieces
            self._buffer = bytearray(self._buffer[self._at :])
            self._buffer += data
        self._at = 0

    def next(self) -> tuple[int, bytes] | None:
        """The next message (TEXT or BINARY) or control frame (CLOSE, PING, PONG), unmasked; None: feed it first.

        CONTINUATION, with nothing, for a part of a message: others have their turn between them, too.
        Raises Broken, and is of no use after that.
        """
        buffer, at = self._buffer, self._at
        has = len(buffer) - at
        if has < 2:
            return None
        head, size = buffer[at], buffer[at + 1]
        if head == _FINAL_BINARY and 128 <= size < 254 and self._partial is None:
            start = at + 6
            end = start + size - 128
            if end > len(buffer):
                return None
        else:
            found = self._frame(head, size)
            if found is None:
                return None
            start, end = found
        payload = apply_mask(buffer[start:end], buffer[start - 4 : start])
        self._at = end
        if end == len(buffer):
            self._buffer, self._at = b"", 0
        opcode = head & 15
        if opcode >= CLOSE:
            return opcode, payload
        if head == _FINAL_BINARY:
            return BINARY, payload
        if opcode != CONTINUATION:
            self._opcode, self._partial = opcode, bytearray()
        assert self._partial is not None
        self._partial += payload
        if head & _FINAL:
            message, self._partial = bytes(self._partial), None
            if self._opcode == TEXT:
                _check_text(message)
            return self._opcode, message
        return CONTINUATION, b""

    def _frame(self, head: int, size: int) -> tuple[int, int] | None:
        """Where the payload of the frame that begins here starts and ends, once it is all there. Raises Broken."""
        opcode, is_control = head & 15, bool(head & 8)
        if head & _RESERVED:
            raise Broken(PROTOCOL_ERROR, "A reserved bit is set.")
        if opcode not in _OPCODES:
            raise Broken(PROTOCOL_ERROR, f"There is no opcode {opcode}.")
        if not size & _MASKED:
            raise Broken(PROTOCOL_ERROR, "A client's frames are masked.")
        size &= 127
        if is_control and (size > _MAX_CONTROL or not head & _FINAL):
            raise Broken(PROTOCOL_ERROR, "A control frame is short and in one piece.")
        if not is_control and (opcode == CONTINUATION) != (self._partial is not None):
            raise Broken(PROTOCOL_ERROR, "A message begins inside another, or goes on before it began.")
        start = self._at + 6
        if size > 125:
            width = 2 if size == 126 else 8
            start += width
            field = bytes(self._buffer[self._at + 2 : self._at + 2 + width])
            if len(field) < width:
                return None
            size = int.from_bytes(field, "big")
            if size <= (125 if width == 2 else 0xFFFF) or size >> 63:
                raise Broken(PROTOCOL_ERROR, "A frame's length is written as no length is.")
        if size + (len(self._partial) if self._partial is not None and not is_control else 0) > self._max_size:
            raise Broken(self._too_big, f"A message may have {self._max_size} bytes.")
        end = start + size
        return (start, end) if end <= len(self._buffer) else None


def _check_text(message: bytes) -> None:
    try:
        message.decode()
    except UnicodeDecodeError:
        raise Broken(INVALID_DATA, "Text is UTF-8.") from None


def close_code(payload: bytes) -> tuple[int, str]:
    """Code and reason of a close frame; 1005 when it has none. Raises Broken."""
    if not payload:
        return NO_STATUS, ""
    code = int.from_bytes(payload[:2], "big")
    if len(payload) == 1 or code not in _CODES:
        raise Broken(PROTOCOL_ERROR, "A close frame has a code that may be sent.")
    _check_text(payload[2:])
    return code, payload[2:].decode()


def close_payload(code: int, reason: str) -> bytes:
    """A close frame's payload; a reason that does not fit is cut."""
    if code == NO_STATUS:
        return b""
    return code.to_bytes(2, "big") + reason.encode()[: _MAX_CONTROL - 2].decode(errors="ignore").encode()
