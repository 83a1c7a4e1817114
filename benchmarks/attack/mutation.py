"""Bytes that were right, broken in some way: changed, cut, repeated, mixed with others'."""

from __future__ import annotations

import random
from collections.abc import Sequence

TELLING = (0, 1, 2, 7, 8, 10, 0x20, 0x21, 0x27, 0x28, 0x40, 0x7F, 0x80, 0x81, 0x88, 0xA1, 0xA7, 0xA8, 0xC8, 0xFE, 0xFF)
"""Bytes that mean something to a reader of updates: info bytes, edges of numbers."""


def mutated(dice: random.Random, data: bytes, others: Sequence[bytes]) -> bytes:
    """Broken once, sometimes a few times. `others` are not empty."""
    out = bytearray(data)
    for _ in range(dice.choice((1, 1, 1, 2, 4))):
        at = dice.randrange(len(out) + 1)
        match dice.randrange(9):
            case 0 | 1 if at < len(out):
                out[at] = dice.choice(TELLING)
            case 2 if at < len(out):
                out[at] ^= 1 << dice.randrange(8)
            case 3 if at < len(out):  # a number is one more or less
                out[at] = (out[at] + dice.choice((-1, 1))) & 255
            case 4:
                out[at:at] = dice.randbytes(dice.randrange(1, 5))
            case 5:
                del out[at : at + dice.randrange(1, 8)]
            case 6:  # a piece of another one
                other = dice.choice(others)
                start = dice.randrange(len(other) or 1)
                out[at:at] = other[start : start + dice.randrange(1, 40)]
            case 7:  # a piece twice
                out[at:at] = out[at : at + dice.randrange(1, 40)]
            case _:
                del out[at:]
    return bytes(out)
