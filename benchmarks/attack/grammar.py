"""Hostile updates by a grammar: nearly right, so that they get far, with something that no Yjs client writes.

Each production is a class of inputs that some reader of updates was once broken by, or could be: empty and repeated
sections, ids with two contents, links to the wrong kind of thing, types where values belong, deletions of everything,
numbers in odd forms, values nested deep, one key set again and again.
"""

from __future__ import annotations

import random
import struct
from collections.abc import Callable, Mapping, Sequence

from benchmarks.attack import craft
from benchmarks.attack.craft import Place, Section, block
from sync.lib0 import var_bytes, var_string, var_uint

KEYS = ("x", "y", "text", "s0", "s1", "k", "", "é", "a" * 512)
TEXTS = ("", "a", "héllo", "🌍", "\u0000", "x" * 200, "👩‍👩‍👧", "<script>")
NEW_CLIENTS = (2**21, 2**21 + 1, 2**22, 2**31, 2**32 - 1, 2**32, 2**53 - 1)
RESERVED = (0, 1, 5, 2**20 - 1)
TYPES = range(8)  # the last does not exist


class Grammar:
    """Makes updates for a document in which `known` clocks exist; `roots` are the names it may have."""

    def __init__(self, dice: random.Random, roots: Sequence[str], *, is_map: bool) -> None:
        self._dice = dice
        self._roots = roots
        self._is_map = is_map
        self._known: Mapping[int, int] = {}

    def update(self, known: Mapping[int, int]) -> bytes:
        """One, for a document that has these."""
        self._known = known
        dice = self._dice
        if dice.random() < 0.0004:
            return dice.choice((self._flood, self._tower, self._crowd, self._chain))()
        sections = [self._section() for _ in range(dice.choice((1, 1, 1, 2, 3)))]
        if dice.random() < 0.03:
            sections.append(dice.choice(sections))
        if dice.random() < 0.05:
            sections = []
        data = craft.update(sections, self._deletions() if dice.random() < 0.4 else b"\x00")
        if dice.random() < 0.02:
            data += dice.randbytes(dice.randrange(1, 4))
        return data

    def _client(self) -> int:
        dice = self._dice
        if self._known and dice.random() < 0.6:
            return dice.choice(tuple(self._known))
        return dice.choice(RESERVED) if dice.random() < 0.1 else dice.choice(NEW_CLIENTS)

    def _place(self, client: int, clock: int) -> Place:
        """Mostly something that exists, or that this update has made before."""
        dice = self._dice
        if clock and dice.random() < 0.4:
            return client, dice.randrange(max(0, clock - 6), clock)
        other = self._client()
        end = self._known.get(other, 0)
        if end and dice.random() < 0.9:
            return other, dice.randrange(end)
        return other, dice.choice((end, end + 1, 0, 2**31 - 1, 2**32, 2**53 - 1))

    def _section(self) -> Section:
        dice = self._dice
        client = self._client()
        known = self._known.get(client, 0)
        clock = known
        if dice.random() < 0.12:
            clock = max(0, dice.choice((known - 1, known - 2, known + 1, 0, 2**31 - 2, 2**32 - 1, 2**53 - 1)))
        count = dice.choice((1, 1, 2, 3, 6)) if dice.random() > 0.02 else 0
        blocks = []
        at = clock
        for _ in range(count):
            made, length = self._block(client, at)
            blocks.append(made)
            at += length
        return Section(client, clock, blocks)

    def _block(self, client: int, clock: int) -> tuple[bytes, int]:
        """Its bytes, and how many ticks it takes where it is right."""
        dice = self._dice
        if dice.random() < 0.06:
            length = dice.choice((0, 1, 1, 2, 5, 2**20, 2**20 + 1, 2**31))
            return bytes((dice.choice((craft.GC, craft.GC, craft.SKIP)),)) + var_uint(length), length
        content, body, length = self._content()
        origin = self._place(client, clock) if dice.random() < 0.35 else None
        right = self._place(client, clock) if dice.random() < (0.03 if self._is_map else 0.3) else None
        parent = self._place(client, clock) if dice.random() < 0.5 else None
        root = (
            dice.choice(self._roots) if dice.random() < 0.97 else dice.choice(("", "secrets", "__proto__", "é" * 300))
        )
        has_key = dice.random() < (0.96 if self._is_map else 0.5)
        key = dice.choice(KEYS) if has_key else None
        return block(content, body, root=root, parent=parent, key=key, origin=origin, right=right), length

    def _content(self) -> tuple[int, bytes, int]:
        dice = self._dice
        kind = dice.random()
        if kind < (0.5 if self._is_map else 0.25):
            return craft.ANY, b"\x01" + self._value(0), 1
        if kind < 0.7:
            reference = craft.MAP if self._is_map and dice.random() < 0.9 else dice.choice(TYPES)
            return craft.TYPE, var_uint(reference) + (var_string("p") if reference in (3, 5) else b""), 1
        if kind < 0.76:
            length = dice.choice((1, 1, 2, 3, 2**20, 0))
            return craft.DELETED, var_uint(length), length
        many: Sequence[Callable[[], tuple[int, bytes, int]]] = (
            self._string,
            lambda: (craft.ANY, b"\x03" + b"".join(self._value(0) for _ in range(3)), 3),
            lambda: (craft.ANY, b"\x00", 0),
            lambda: (craft.JSON, b"\x02" + var_string("1") + var_string("undefined"), 2),
            lambda: (craft.BINARY, var_bytes(dice.randbytes(dice.randrange(20))), 1),
            lambda: (craft.EMBED, var_string('{"a":1}'), 1),
            lambda: (
                craft.FORMAT,
                var_string(dice.choice(KEYS[:5])) + var_string(dice.choice(("true", "null", "{"))),
                1,
            ),
            lambda: (craft.DOC, var_string("guid") + b"\x76\x00", 1),
            lambda: (dice.randrange(11, 32), dice.randbytes(3), 1),
        )
        return dice.choice(many)()

    def _string(self) -> tuple[int, bytes, int]:
        text = self._dice.choice(TEXTS)
        return craft.STRING, var_string(text), len(text.encode("utf-16-le")) // 2

    def _value(self, depth: int) -> bytes:
        dice = self._dice
        match dice.randrange(14):
            case 0 | 1:
                return dice.choice((b"\x7f", b"\x7e", b"\x79", b"\x78"))
            case 2 | 3:
                return b"\x7d" + var_uint(dice.choice((0, 1, 63, 64, 2**31, 2**53 - 1)))
            case 4:
                return b"\x7d" + dice.choice(
                    (b"\xff" * 9 + b"\x01", b"\xff" * 8 + b"\x7f", b"\x80" * 8 + b"\x00", b"\x40")
                )
            case 5:
                return b"\x7c" + struct.pack(">f", dice.choice((0.0, -0.0, float("nan"), float("inf"), 1.5)))
            case 6:
                return b"\x7b" + struct.pack(">d", dice.choice((float("nan"), float("-inf"), 5e-324, 1e308, 2.0**53)))
            case 7:
                return b"\x7a" + dice.choice((b"\xff" * 8, b"\x80" + bytes(7), b"\x7f" + b"\xff" * 7, bytes(8)))
            case 8 | 9:
                return b"\x77" + var_string(dice.choice(TEXTS))
            case 10:
                return b"\x74" + var_bytes(dice.randbytes(dice.randrange(6)))
            case 11 if depth < 10:
                return b"\x75\x02" + self._value(depth + 1) + self._value(depth + 1)
            case 12 if depth < 10:
                keys = dice.choice((("a", "b"), ("a", "a"), ("__proto__", ""), ("é", "🌍")))
                return b"\x76\x02" + b"".join(var_string(key) + self._value(depth + 1) for key in keys)
            case 13:
                deep = dice.choice((7, 8, 9, 10, 200))
                return b"\x75\x01" * deep + b"\x7e"
            case _:
                return b"\x7d\x05"

    def _deletions(self) -> bytes:
        dice = self._dice
        out = []
        for _ in range(dice.choice((1, 1, 2, 3))):
            client = self._client()
            end = self._known.get(client, 0)
            if end and dice.random() < 0.9:
                start = dice.randrange(end)
                ranges = [(start, dice.randrange(1, end - start + 1))]
                if dice.random() < 0.2:
                    ranges.append(dice.choice(((0, end), ranges[0], (end - 1, 1))))
            else:
                ranges = [dice.choice(((0, 1), (end, 1), (0, 0), (2**31 - 1, 1), (2**32 - 1, 2), (0, 2**53 - 1)))]
            out.append((client, ranges if dice.random() > 0.02 else []))
        return craft.deletions(out)

    # Rare and large: what costs out of proportion.

    def _flood(self) -> bytes:
        """One key again and again, each without knowing of the others."""
        count = self._dice.choice((64, 65, 5_000))
        one = block(craft.ANY, craft.NULL, root=self._roots[0], key="flood")
        return craft.update([Section(2**23, self._known.get(2**23, 0), [one] * count)])

    def _tower(self) -> bytes:
        """Maps in maps."""
        client, clock = 2**23 + 1, self._known.get(2**23 + 1, 0)
        body = var_uint(craft.MAP)
        blocks = [block(craft.TYPE, body, root=self._roots[0], key="tower")]
        for depth in range(self._dice.choice((2, 3, 2_000))):
            blocks.append(block(craft.TYPE, body, parent=(client, clock + depth), key="t"))
        return craft.update([Section(client, clock, blocks)], craft.deletions([(client, [(clock, 1)])]))

    def _crowd(self) -> bytes:
        """Many clients, each with nothing or with one thing."""
        count = self._dice.choice((200, 2_000))
        one = [block(craft.ANY, craft.NULL, root=self._roots[0], key="crowd")]
        first = 2**24 + self._dice.randrange(2**20)
        return craft.update([Section(first + n, 0, one if self._dice.random() < 0.99 else ()) for n in range(count)])

    def _chain(self) -> bytes:
        """Each client builds on the next one; perhaps the last on the first."""
        count, first = self._dice.choice((50, 1_000)), 2**25 + self._dice.randrange(2**20)
        body = craft.NULL
        sections = [
            Section(first + n, 0, [block(craft.ANY, body, key="c", origin=(first + n + 1, 0))]) for n in range(count)
        ]
        last = block(
            craft.ANY, body, root=self._roots[0], key="c", origin=(first, 0) if self._dice.random() < 0.3 else None
        )
        return craft.update([*sections, Section(first + count, 0, [last])])
