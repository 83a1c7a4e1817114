"""What a store read back: which rows and snapshots are what was written, and what is served of them. Pure.

Every store keeps a CRC-32 beside what it keeps. docs/spec.md S6 and S10.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence

from sync.store import Loaded, RoomInfo, StoreError

MAX_NAMED = 20  # damaged rows that `damage` names one by one

Stored = tuple[int, object, object]
"""(number, data, CRC-32) as a database gives it."""


def is_as_written(data: object, crc: object) -> bool:
    """The data are bytes and have this checksum."""
    return isinstance(data, bytes) and zlib.crc32(data) == crc


def storable(text: str) -> str:
    """Text that every database takes: names come out of tokens and documents, where JSON may say \\u0000 or \\ud800."""
    return text.encode(errors="replace").decode().replace("\0", "\N{REPLACEMENT CHARACTER}")


def newest_whole_snapshot(room: str, snapshots: Sequence[Stored], first_seq: int | None) -> tuple[bytes | None, int]:
    """(snapshot, the last row it holds) of those given newest first; `first_seq` is the log's oldest row.

    The rows before a snapshot may be gone, so a room that has lost all of its snapshots cannot be served: StoreError.
    """
    for upto, data, crc in snapshots:
        if isinstance(data, bytes) and is_as_written(data, crc):
            return data, upto
    if snapshots and first_seq != 1:
        raise StoreError(f"Every snapshot of room {room} is damaged; restore it from a backup.")
    return None, 0


def whole_rows(info: RoomInfo, snapshot: bytes | None, upto: int, seq: int, rows: Iterable[Stored]) -> Loaded:
    """The room as far as it verifies; `rows` are those after `upto`, in order, `seq` is the number of the last."""
    updates: list[bytes] = []
    seen: set[int] = set()
    for number, data, crc in rows:
        if isinstance(data, bytes) and is_as_written(data, crc):
            updates.append(data)
            seen.add(number)
    damaged = tuple(number for number in range(upto + 1, seq + 1) if number not in seen)
    return Loaded(info, snapshot, tuple(updates), seq, damaged)


def damage(seq: int, snapshots: Sequence[Stored], rows: Iterable[Stored], versions: Iterable[Stored]) -> list[str]:
    """What of a whole room does not read as written, in words."""
    found = [f"its snapshot up to row {upto} is damaged" for upto, *kept in snapshots if not is_as_written(*kept)]
    first = min(upto for upto, _, _ in snapshots) + 1 if len(snapshots) > 1 else 1
    present: set[int] = set()
    damaged: list[int] = []
    for number, data, crc in rows:
        present.add(number)
        if not is_as_written(data, crc):
            damaged.append(number)
    missing = [number for number in range(first, seq + 1) if number not in present]
    found += _named("row {} of its log is damaged", damaged) + _named("row {} of its log is missing", missing)
    return found + [f"its version {number} is damaged" for number, *kept in versions if not is_as_written(*kept)]


def _named(sentence: str, numbers: Sequence[int]) -> list[str]:
    more = [f"and {len(numbers) - MAX_NAMED} more such rows"] if len(numbers) > MAX_NAMED else []
    return [sentence.format(number) for number in numbers[:MAX_NAMED]] + more
