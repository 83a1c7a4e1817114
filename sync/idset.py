"""A set of (client, clock) ids, kept as sorted disjoint ranges: what is deleted in a document."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator


class IdSet:
    """Ranges [start, end) per client. Adding keeps them sorted, disjoint and joined where they touch."""

    def __init__(self) -> None:
        self._starts: dict[int, list[int]] = {}
        self._ends: dict[int, list[int]] = {}

    def contains(self, client: int, start: int, end: int) -> bool:
        """Is all of [start, end) in the set?"""
        starts = self._starts.get(client)
        if starts is None:
            return False
        index = bisect_right(starts, start) - 1
        return index >= 0 and end <= self._ends[client][index]

    def parts(self, client: int, start: int, end: int) -> Iterator[tuple[int, int]]:
        """What of [start, end) is in the set, in order."""
        starts, ends = self._starts.get(client, []), self._ends.get(client, [])
        for index in range(max(0, bisect_right(starts, start) - 1), len(starts)):
            if starts[index] >= end:
                return
            if ends[index] > start:
                yield max(start, starts[index]), min(end, ends[index])

    def add(self, client: int, start: int, end: int) -> None:
        """Put [start, end) in."""
        starts = self._starts.setdefault(client, [])
        ends = self._ends.setdefault(client, [])
        first = bisect_right(starts, start)
        if first and ends[first - 1] >= start:
            first -= 1
            start = starts[first]
        last = first
        while last < len(starts) and starts[last] <= end:
            end = max(end, ends[last])
            last += 1
        starts[first:last] = [start]
        ends[first:last] = [end]
