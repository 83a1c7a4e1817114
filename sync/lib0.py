"""lib0's variable-length encoding, bounded. Source: lib0's encoding.js and decoding.js (npm `lib0`).

Our own codec, because pycrdt's reads integers without a bound and counts characters where lib0 counts bytes.
A varUint has at most 8 bytes here (2**53 is the largest number that JavaScript writes exactly).
"""

from __future__ import annotations

MAX_VAR_UINT = 2**53 - 1
MAX_VAR_UINT_BYTES = 8


class DecodeError(ValueError):
    """The bytes are not what the format says. Nothing was changed."""


class Decoder:
    """Reads from `data` at `pos`. Every method raises DecodeError where the bytes end or break a bound."""

    __slots__ = ("data", "pos")

    def __init__(self, data: bytes, pos: int = 0) -> None:
        self.data = data
        self.pos = pos

    @property
    def is_done(self) -> bool:
        """Nothing is left."""
        return self.pos >= len(self.data)

    def byte(self) -> int:
        """One byte."""
        try:
            value = self.data[self.pos]
        except IndexError:
            raise DecodeError("ends too early") from None
        self.pos += 1
        return value

    def var_uint(self) -> int:
        """A number below 2**53."""
        data, pos = self.data, self.pos
        try:
            value = data[pos]
            if value < 128:  # the common case, without a loop
                self.pos = pos + 1
                return value
            value &= 127
            for index in range(1, MAX_VAR_UINT_BYTES):
                more = data[pos + index]
                value |= (more & 127) << (7 * index)
                if more < 128:
                    self.pos = pos + index + 1
                    if value > MAX_VAR_UINT:
                        break
                    return value
        except IndexError:
            raise DecodeError("ends inside a number") from None
        raise DecodeError("holds a number above 2**53 - 1")

    def var_bytes(self, limit: int | None = None) -> bytes:
        """A length and as many bytes; longer than `limit` is an error."""
        size = self.var_uint()
        if limit is not None and size > limit:
            raise DecodeError(f"holds a value of {size} bytes; at most {limit} are allowed")
        end = self.pos + size
        if end > len(self.data):
            raise DecodeError("ends inside a value")
        value = self.data[self.pos : end]
        self.pos = end
        return value

    def var_string(self, limit: int | None = None) -> str:
        """A length in bytes and as much UTF-8."""
        try:
            return self.var_bytes(limit).decode()
        except UnicodeDecodeError:
            raise DecodeError("holds text that is not UTF-8") from None

    def skip(self, size: int) -> None:
        """Pass over bytes."""
        self.pos += size
        if self.pos > len(self.data):
            raise DecodeError("ends inside a value")

    def rest(self) -> bytes:
        """Everything that is left."""
        value = self.data[self.pos :]
        self.pos = len(self.data)
        return value


def var_uint(value: int) -> bytes:
    """A number as LEB128."""
    if value < 128:
        return bytes((value,))
    out = bytearray()
    while value > 127:
        out.append(128 | (value & 127))
        value >>= 7
    out.append(value)
    return bytes(out)


def var_bytes(value: bytes) -> bytes:
    """A length and the bytes."""
    return var_uint(len(value)) + value


def var_string(value: str) -> bytes:
    """A length in bytes and the text."""
    return var_bytes(value.encode())
