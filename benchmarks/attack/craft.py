"""Yjs updates by hand, block by block (v1 encoding): right ones, and what no Yjs client would write."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sync.lib0 import var_string, var_uint

GC, DELETED, JSON, BINARY, STRING, EMBED, FORMAT, TYPE, ANY, DOC, SKIP = range(11)
"""Content references."""
MAP = 1
"""The type reference of a Y.Map."""
HAS_ORIGIN, HAS_RIGHT_ORIGIN, HAS_KEY = 0x80, 0x40, 0x20
NULL = b"\x01\x7e"
"""The content of an ANY block: one value, null."""
Place = tuple[int, int]
"""Client id and clock."""


class Section(NamedTuple):
    """One client's blocks, as they will stand in the update."""

    client: int
    clock: int
    blocks: Sequence[bytes]


def place(where: Place) -> bytes:
    """An id."""
    return var_uint(where[0]) + var_uint(where[1])


def block(
    content: int,
    body: bytes,
    *,
    root: str | None = None,
    parent: Place | None = None,
    key: str | None = None,
    origin: Place | None = None,
    right: Place | None = None,
) -> bytes:
    """One item. Parent and key are written only where the format has room for them: without origins."""
    info = content
    out = b""
    if origin is not None:
        info |= HAS_ORIGIN
        out += place(origin)
    if right is not None:
        info |= HAS_RIGHT_ORIGIN
        out += place(right)
    if key is not None:
        info |= HAS_KEY
    if origin is None and right is None:
        out += b"\x00" + place(parent) if parent is not None else b"\x01" + var_string(root or "")
        if key is not None:
            out += var_string(key)
    return bytes((info,)) + out + body


def deletions(ranges: Sequence[tuple[int, Sequence[Place]]]) -> bytes:
    """A delete set: of each client the (clock, length) that are gone."""
    out = var_uint(len(ranges))
    for client, of_client in ranges:
        out += var_uint(client) + var_uint(len(of_client)) + b"".join(place(one) for one in of_client)
    return out


def update(sections: Sequence[Section], deleted: bytes = b"\x00") -> bytes:
    """The whole."""
    out = var_uint(len(sections))
    for client, clock, blocks in sections:
        out += var_uint(len(blocks)) + var_uint(client) + var_uint(clock) + b"".join(blocks)
    return out + deleted


def long_uint(value: int, width: int) -> bytes:
    """A number in more bytes than it needs."""
    out = bytearray()
    for _ in range(width - 1):
        out.append(0x80 | (value & 127))
        value >>= 7
    out.append(value & 127)
    return bytes(out)
