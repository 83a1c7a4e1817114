"""What a store read back: which rows and snapshots are what was written, and what is served of them. Pure.

Every store keeps a CRC-32 beside what it keeps. docs/spec.md S6 and S10.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence
from typing import Any

from sync.store import Loaded, RoomInfo, StoreError

MAX_NAMED = 20  # damaged rows that `damage` names one by one
MAX_GAP = 1_000  # missing rows in a row that are counted: a number may itself be what is damaged

Stored = tuple[int, object, object]
"""(number, data, CRC-32) as a database gives it."""


def checksum(data: bytes, *beside: object) -> int:
    """CRC-32 of the data and of what stands beside them in the row: numbers, texts."""
    return zlib.crc32(data, zlib.crc32(repr(beside).encode()) if beside else 0)


def is_as_written(data: object, crc: object, *beside: object) -> bool:
    """The data are bytes and have this checksum, with what stands beside them or, in older rows, alone."""
    return isinstance(data, bytes) and crc in (checksum(data), checksum(data, *beside))


def storable(text: str) -> str:
    """Text that every database takes: names come out of tokens and documents, where JSON may say \\u0000 or \\ud800."""
    return text.encode(errors="replace").decode().replace("\0", "\N{REPLACEMENT CHARACTER}")


def newest_whole_snapshot(room: str, snapshots: Sequence[Stored], first_seq: int | None) -> tuple[bytes | None, int]:
    """(snapshot, the last row it holds) of those given newest first; `first_seq` is the log's oldest row.

    The rows before a snapshot may be gone, so a room that has lost all of its snapshots cannot be served: StoreError.
    """
    for upto, data, crc in snapshots:
        if isinstance(data, bytes) and is_as_written(data, crc, upto):
            return data, upto
    if snapshots and first_seq != 1:
        raise StoreError(f"Every snapshot of room {room} is damaged; restore it from a backup.")
    return None, 0


def whole_rows(info: RoomInfo, snapshot: bytes | None, upto: int, seq: int, rows: Iterable[Stored]) -> Loaded:
    """The room as far as it verifies; `rows` are those after `upto`, in order, `seq` is the number of the last."""
    updates: list[bytes] = []
    seen: list[int] = []
    for number, data, crc in rows:
        if isinstance(data, bytes) and is_as_written(data, crc):
            updates.append(data)
            seen.append(number)
    return Loaded(info, snapshot, tuple(updates), seq, tuple(missing(seen, upto + 1, seq)))


def missing(seen: Sequence[int], first: int, last: int) -> list[int]:
    """The numbers from `first` to `last` that are not there; of each gap at most MAX_GAP."""
    lost: list[int] = []
    expected = first
    for number in (*sorted(seen), last + 1):
        if first <= number <= last + 1:
            lost += range(expected, min(number, expected + MAX_GAP))
            expected = max(expected, number + 1)
    return lost


def damage(
    seq: int, snapshots: Sequence[Stored], rows: Iterable[Stored], versions: Iterable[tuple[Any, ...]]
) -> list[str]:
    """What of a whole room does not read as written, in words. A version is (number, data, CRC-32, the rest of it)."""
    found = [
        f"its snapshot up to row {upto} is damaged"
        for upto, data, crc in snapshots
        if not is_as_written(data, crc, upto)
    ]
    first = min(upto for upto, _, _ in snapshots) + 1 if len(snapshots) > 1 else 1
    present: list[int] = []
    damaged: list[int] = []
    for number, data, crc in rows:
        present.append(number)
        if not is_as_written(data, crc):
            damaged.append(number)
    lost = missing(present, first, seq)
    found += _named("row {} of its log is damaged", damaged) + _named("row {} of its log is missing", lost)
    found += _named("its log has a row {}, which its count does not", [number for number in present if number > seq])
    return found + [
        f"its version {number} is damaged"
        for number, data, crc, *rest in versions
        if not is_as_written(data, crc, number, *rest)
    ]


def _named(sentence: str, numbers: Sequence[int]) -> list[str]:
    more = [f"and {len(numbers) - MAX_NAMED} more such rows"] if len(numbers) > MAX_NAMED else []
    return [sentence.format(number) for number in numbers[:MAX_NAMED]] + more
