"""Reads a Yjs update (v1 encoding) block by block, without applying it.

Source: npm `yjs` 13.6, src/utils/encoding.js and src/structs/Item.js. Bounded everywhere; raises only DecodeError.
What a peer may send is decided in gate.py; here is only what the bytes say.
"""

from __future__ import annotations

import json
from enum import IntEnum
from typing import NamedTuple

from sync.lib0 import DecodeError, Decoder, var_uint

MAX_BLOCKS = 200_000  # a step 2 of 10 000 shapes has about 150 000 blocks
MAX_JSON_DEPTH = 8  # of one value; the schema needs 4
MAX_KEY_BYTES = 512  # of a map key or an object's key
MAX_CLOCK = 2**31 - 1  # the CRDT library keeps clocks in 32 bits


class Content(IntEnum):
    """Content references: the low five bits of a block's info byte."""

    GC = 0
    DELETED = 1
    JSON = 2
    BINARY = 3
    STRING = 4
    EMBED = 5
    FORMAT = 6
    TYPE = 7
    ANY = 8
    DOC = 9
    SKIP = 10


class TypeRef(IntEnum):
    """Which Y type a TYPE block makes."""

    ARRAY = 0
    MAP = 1
    TEXT = 2
    XML_ELEMENT = 3
    XML_FRAGMENT = 4
    XML_HOOK = 5
    XML_TEXT = 6


class Id(NamedTuple):
    """One tick of one client."""

    client: int
    clock: int


class Block(NamedTuple):
    """One struct of an update; `start`..`end` are its bytes."""

    clock: int
    length: int
    start: int
    end: int
    content: int
    origin: Id | None = None
    right_origin: Id | None = None
    root: str | None = None
    parent: Id | None = None
    key: str | None = None
    type_ref: int | None = None


class Section(NamedTuple):
    """The blocks of one client, in the order of their clocks."""

    client: int
    clock: int
    blocks: list[Block]


class Range(NamedTuple):
    """Ticks that are deleted."""

    clock: int
    length: int


class Parsed(NamedTuple):
    """An update, read."""

    sections: list[Section]
    deletes: list[tuple[int, list[Range]]]


def parse(update: bytes) -> Parsed:
    """The blocks and the delete set of an update in canonical form. Raises DecodeError."""
    decoder = Decoder(update)
    total = 0
    sections: list[Section] = []
    clients: set[int] = set()
    for _ in range(decoder.var_uint()):
        count = decoder.var_uint()
        client = decoder.var_uint()
        clock = decoder.var_uint()
        total += count
        if count == 0:
            raise DecodeError("has a section without blocks")
        if client in clients:
            raise DecodeError("has two sections of one client")
        if total > MAX_BLOCKS:
            raise DecodeError(f"has more than {MAX_BLOCKS} blocks")
        clients.add(client)
        blocks: list[Block] = []
        at = clock
        for _ in range(count):
            block = _block(decoder, at)
            at += block.length
            if at > MAX_CLOCK:
                raise DecodeError("has a clock above 2**31 - 1")
            blocks.append(block)
        sections.append(Section(client, clock, blocks))
    deletes = _deletes(decoder)
    if not decoder.is_done:
        raise DecodeError("has bytes after its end")
    return Parsed(sections, deletes)


def _block(decoder: Decoder, clock: int) -> Block:
    start = decoder.pos
    info = decoder.byte()
    content = info & 31
    if content in (Content.GC, Content.SKIP):
        length = decoder.var_uint()
        if info & 0xE0 or length == 0:
            raise DecodeError("has a filler block of the wrong form")
        return Block(clock, length, start, decoder.pos, content)
    origin = Id(decoder.var_uint(), decoder.var_uint()) if info & 0x80 else None
    right_origin = Id(decoder.var_uint(), decoder.var_uint()) if info & 0x40 else None
    root = parent = key = None
    if not info & 0xC0:
        match decoder.var_uint():
            case 1:
                root = decoder.var_string(MAX_KEY_BYTES)
            case 0:
                parent = Id(decoder.var_uint(), decoder.var_uint())
            case _:
                raise DecodeError("has a parent that is neither a root nor an id")
        if info & 0x20:
            key = decoder.var_string(MAX_KEY_BYTES)
    length, type_ref = _content(decoder, content)
    if length == 0:
        raise DecodeError("has a block of length 0")
    return Block(clock, length, start, decoder.pos, content, origin, right_origin, root, parent, key, type_ref)


def _content(decoder: Decoder, content: int) -> tuple[int, int | None]:
    """(length in clock ticks, type reference)"""
    match content:
        case Content.ANY:
            count = decoder.var_uint()
            _check_count(decoder, count)
            for _ in range(count):
                _any(decoder, 0)
            return count, None
        case Content.DELETED:
            return decoder.var_uint(), None
        case Content.TYPE:
            type_ref = decoder.var_uint()
            if type_ref > TypeRef.XML_TEXT:
                raise DecodeError(f"has type {type_ref}, which does not exist")
            if type_ref == TypeRef.XML_HOOK:
                raise DecodeError("has an XML hook, which is not supported")
            if type_ref == TypeRef.XML_ELEMENT:
                decoder.var_string(MAX_KEY_BYTES)
            return 1, type_ref
        case Content.STRING:
            text = decoder.var_string()
            return (len(text) if text.isascii() else len(text.encode("utf-16-le")) >> 1), None
        case Content.JSON:  # Yjs writes it no more, and the CRDT library reads it wrong
            raise DecodeError("has values in a form that is not supported any more")
        case Content.BINARY:
            decoder.var_bytes()
            return 1, None
        case Content.EMBED:
            _check_json(decoder.var_string())
            return 1, None
        case Content.FORMAT:
            decoder.var_string(MAX_KEY_BYTES)
            _check_json(decoder.var_string())
            return 1, None
        case Content.DOC:
            decoder.var_string(MAX_KEY_BYTES)
            _any(decoder, 0)
            return 1, None
        case _:
            raise DecodeError(f"has content {content}, which does not exist")


def _check_json(text: str) -> None:
    """The CRDT library fails on what is no JSON, and on numbers beyond a float64 or nesting beyond 128."""
    try:
        value = json.loads(text, parse_int=float)
        json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
    except (ValueError, RecursionError):
        raise DecodeError("has a value that is not JSON") from None
    if _json_depth(value) > MAX_JSON_DEPTH:
        raise DecodeError(f"has a value nested deeper than {MAX_JSON_DEPTH}")


def _json_depth(value: object) -> int:
    depth, level = 0, [value]
    while level and depth <= MAX_JSON_DEPTH:
        inner = [one for one in level if isinstance(one, dict | list) and one]
        level = [item for one in inner for item in (one.values() if isinstance(one, dict) else one)]
        depth += bool(level)
    return depth


def _check_count(decoder: Decoder, count: int) -> None:
    """Each element takes a byte at least, so a count beyond the bytes left is a lie."""
    if count > len(decoder.data) - decoder.pos:
        raise DecodeError("ends inside a list")


def skip_any(data: bytes, at: int) -> int:
    """Where the lib0 `any` value that begins at `at` ends. Raises DecodeError."""
    decoder = Decoder(data, at)
    _any(decoder, 0)
    return decoder.pos


def _any(decoder: Decoder, depth: int) -> None:
    """Skips one lib0 `any` value."""
    if depth > MAX_JSON_DEPTH:
        raise DecodeError(f"has a value nested deeper than {MAX_JSON_DEPTH}")
    match decoder.byte():
        case 127 | 126 | 121 | 120:  # undefined, null, false, true
            pass
        case 125:  # integer: a sign bit more than a varUint
            for _ in range(9):
                if decoder.byte() < 128:
                    return
            raise DecodeError("holds a number that is too long")
        case 124:  # float32
            decoder.skip(4)
        case 123 | 122:  # float64, bigint
            decoder.skip(8)
        case 119:
            decoder.var_string()
        case 118:
            count = decoder.var_uint()
            _check_count(decoder, count)
            for _ in range(count):
                decoder.var_string(MAX_KEY_BYTES)
                _any(decoder, depth + 1)
        case 117:
            count = decoder.var_uint()
            _check_count(decoder, count)
            for _ in range(count):
                _any(decoder, depth + 1)
        case 116:
            decoder.var_bytes()
        case tag:
            raise DecodeError(f"has a value of kind {tag}, which does not exist")


def _deletes(decoder: Decoder) -> list[tuple[int, list[Range]]]:
    deletes: list[tuple[int, list[Range]]] = []
    clients: set[int] = set()
    for _ in range(decoder.var_uint()):
        client = decoder.var_uint()
        count = decoder.var_uint()
        _check_count(decoder, count)
        if count == 0 or client in clients:
            raise DecodeError("has a delete set of the wrong form")
        clients.add(client)
        ranges = [Range(decoder.var_uint(), decoder.var_uint()) for _ in range(count)]
        if any(r.length == 0 or r.clock + r.length > MAX_CLOCK for r in ranges):
            raise DecodeError("has a delete range of the wrong form")
        deletes.append((client, ranges))
    return deletes


def rebuild(update: bytes, parsed: Parsed) -> bytes:
    """The update again from the blocks in `parsed`, whose bytes are those of `update`."""
    out = [var_uint(len(parsed.sections))]
    for client, _, blocks in parsed.sections:
        out += (var_uint(len(blocks)), var_uint(client), var_uint(blocks[0].clock))
        out += (update[block.start : block.end] for block in blocks)
    out.append(var_uint(len(parsed.deletes)))
    for client, ranges in parsed.deletes:
        out += (var_uint(client), var_uint(len(ranges)))
        out += (var_uint(r.clock) + var_uint(r.length) for r in ranges)
    return b"".join(out)
