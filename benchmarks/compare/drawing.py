"""What people draw, as real Yjs updates and presence, each numbered so that the load generator knows it again.

The number of a message is a word of 32 bits, stream and sequence. In an update it is the low half of the float64 that
is the dragged shape's `x`, whose high half is constant: every server and every merge leaves a number's bits alone. In
presence it is text. Messages of a stream follow each other, so one that is newer stands for all before it.
"""

from __future__ import annotations

import json
import struct
from typing import Any

from pycrdt import Doc, Map, TransactionEvent

from sync.canvas.keys import keys_between
from sync.lib0 import var_bytes, var_string, var_uint

SEQ_BITS = 18
MAX_STREAMS = 2**14
FLOAT_MAGIC = 0x408AC75B
TEXT_MAGIC = "~7Kq"
FIRST_CLIENT_ID = 2_147_483_648  # five bytes, like most of the ids that Yjs draws


def word(stream: int, seq: int) -> int:
    """The 32 bits that a message carries."""
    assert 0 <= stream < MAX_STREAMS
    assert 0 < seq < 2**SEQ_BITS
    return stream << SEQ_BITS | seq


def marked(number: int) -> float:
    """A coordinate near 856.9 that carries a word."""
    (value,) = struct.unpack(">d", struct.pack(">II", FLOAT_MAGIC, number))
    return float(value)


def shape(number: int, x: float, y: float, z: str) -> Map[Any]:
    """A rectangle as the board makes it (docs/spec.md, section D)."""
    fields = {"type": "rect", "x": x, "y": y, "w": 120, "h": 80, "z": z, "fill": "blue", "stroke": "blue"}
    return Map({**fields, "text": f"Task {number}", "by": "ann", "at": 1_700_000_000_000 + number})


class Pen:
    """One person's document and the updates that it makes; `client` is different for each pen of a benchmark."""

    def __init__(self, client: int) -> None:
        self.client_id = FIRST_CLIENT_ID + client * 7919
        self._doc: Doc[Any] = Doc(client_id=self.client_id)
        self._shapes: Map[Any] = self._doc.get("shapes", type=Map)
        self._update = b""
        self._subscription = self._doc.observe(self._keep)

    def _keep(self, event: TransactionEvent) -> None:
        self._update = event.update

    def draw(self, name: str, number: int) -> bytes:
        """A new shape that carries the word `number`: one update."""
        return self.draw_many(name, 1, number)

    def draw_many(self, name: str, count: int, number: int) -> bytes:
        """`count` new shapes in one update; the last carries the word `number`."""
        keys = keys_between(None, None, count)
        with self._doc.transaction():
            for i in range(count):
                x = marked(number) if i == count - 1 else float(i % 100 * 130)
                self._shapes[name if count == 1 else f"{name}.{i}"] = shape(i, x, i // 100 * 90.0, keys[i])
        return self._update

    def drag(self, name: str, number: int) -> bytes:
        """Moves a shape of this pen a step further; its x carries the word."""
        dragged: Map[Any] = self._shapes[name]
        with self._doc.transaction():
            dragged["x"] = marked(number)
            dragged["y"] = (number % 4096) * 0.1
        return self._update

    def cursor(self, number: int, clock: int) -> bytes:
        """Presence: the pointer has moved."""
        state = {
            "user": {"name": f"Person {self.client_id}", "color": "#2f7de1", "id": None},
            "cursor": {"x": number % 1000 * 0.5, "y": 300.25},
            "selection": ["s1"],
            "at": f"{TEXT_MAGIC}{number:08x}",
        }
        entry = var_uint(self.client_id) + var_uint(clock) + var_string(json.dumps(state, separators=(",", ":")))
        return var_bytes(b"\x01" + entry)
