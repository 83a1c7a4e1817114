"""What a block may name as its parent: a Y type, or what was gone before it came here. Pure; docs/spec.md, G11.

Yjs clients write nothing else. The CRDT library fails on a block below a plain value, and would fail again whenever the
room is read from its log.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from sync.blocks import Block, Content
from sync.idset import IdSet

Place = tuple[int, int]
"""Client id and clock."""


class Found(NamedTuple):
    """Of some updates: where types begin, and the runs (client, clock, length) that came without their content."""

    types: list[Place]
    gone: list[tuple[int, int, int]]


ReadClient = Callable[[int], Found]
"""What the document has of one client."""


@dataclass(slots=True)
class _Unread:
    """A document that was not looked through: the clocks it has, what of them is deleted, and how to look."""

    ends: dict[int, int]
    deleted: Callable[[], IdSet]
    read: ReadClient


@dataclass(slots=True)
class Parents:
    """Of one document. Types take four bytes each: a client's come in the order of their clocks."""

    _types: dict[int, array[int]] = field(default_factory=dict)
    _gone: IdSet = field(default_factory=IdSet)
    _unread: _Unread | None = None

    def add(self, found: Found) -> None:
        """These are in the document now; of each client they come after those that it has."""
        for client, clock in found.types:
            clocks = self._types.get(client)
            if clocks is None:
                clocks = self._types[client] = array("I")
            clocks.append(clock)
        for client, clock, length in found.gone:
            self._gone.add(client, clock, clock + length)

    def begin(self, ends: Mapping[int, int], deleted: Callable[[], IdSet], read: ReadClient) -> None:
        """The document has these clocks; a client's are looked through when one of them is first named."""
        self._unread = _Unread(dict(ends), deleted, read)

    def has(self, client: int, clock: int) -> bool:
        """May the block there be a parent?"""
        if self._unread is not None and clock < self._unread.ends.get(client, 0):
            self._look_through(self._unread, client)
        clocks = self._types.get(client)
        if clocks is not None:
            at = bisect_left(clocks, clock)
            if at < len(clocks) and clocks[at] == clock:
                return True
        return self._gone.contains(client, clock, clock + 1)

    def _look_through(self, unread: _Unread, client: int) -> None:
        """What was deleted since then is known as what it was, so it does not count as gone."""
        end = unread.ends.pop(client)
        found, deleted = unread.read(client), unread.deleted()
        types = array("I", (clock for _, clock in found.types if clock < end))
        self._types[client] = types + self._types.get(client, array("I"))
        for _, clock, length in found.gone:
            for start, stop in deleted.parts(client, clock, min(clock + length, end)):
                self._gone.add(client, start, stop)


class Check:
    """Over the blocks of one update, each after what it builds on; `found` is what they add."""

    def __init__(self, parents: Parents) -> None:
        self._parents = parents
        self._types: set[Place] = set()
        self._gone = IdSet()
        self.found = Found([], [])

    def is_misplaced(self, client: int, block: Block) -> bool:
        """Does it lie in what is no type?"""
        if block.content == Content.TYPE:
            self._types.add((client, block.clock))
            self.found.types.append((client, block.clock))
        elif block.content in (Content.GC, Content.DELETED):
            self._gone.add(client, block.clock, block.clock + block.length)
            self.found.gone.append((client, block.clock, block.length))
        parent = block.parent
        return parent is not None and not (
            parent in self._types or self._gone.contains(*parent, parent.clock + 1) or self._parents.has(*parent)
        )
