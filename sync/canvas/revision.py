"""The revision of a document: a short hash of its state vector, the same in every replica that has the same edits."""

from __future__ import annotations

import hashlib
from typing import Any

from pycrdt import Doc


def state_vector(doc: Doc[Any]) -> dict[int, int]:
    """Client id -> how many of its operations are here. Of our own document, so the encoding is trusted."""
    numbers = _varints(doc.get_state())
    count = numbers[0] if numbers else 0
    return {numbers[1 + 2 * i]: numbers[2 + 2 * i] for i in range(count)}


def revision(doc: Doc[Any]) -> str:
    """Eight hex digits; deletions without a write do not count, and no part of this schema deletes that way."""
    vector = sorted(state_vector(doc).items())
    return hashlib.sha256(repr(vector).encode()).hexdigest()[:8]


def _varints(encoded: bytes) -> list[int]:
    numbers: list[int] = []
    value = shift = 0
    for byte in encoded:
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            numbers.append(value)
            value = shift = 0
    return numbers
