"""How deep the items of a map room lie in each other. Pure; docs/spec.md, G5."""

from __future__ import annotations

from sync.blocks import Block, Id
from sync.idset import IdSet

MAX_TYPE_DEPTH = 4
"""Y types inside Y types; the board's schema needs 1. Three are always admitted: what takes the place of something in a
root map may count one deeper than it is."""


class Nesting:
    """How many Y types an item lies in.

    Kept for types below the first, and for items that lie in two types or more; any other type counts as the first, any
    other item as lying in one. On a board that is all of them (shapes, and their fields), and items of root maps, for
    which one is too many, not too few. `below` is what was known before.
    """

    def __init__(self, below: Nesting | None = None) -> None:
        self.types: dict[tuple[int, int], int] = {}
        self.is_flat = True
        """Nothing is kept."""
        self._deep = tuple(IdSet() for _ in range(MAX_TYPE_DEPTH - 1))
        self._added: list[tuple[int, int, int, int]] = []
        self._below = below

    def parent_depth(self, block: Block) -> int:
        """In how many types the block lies: 0 in a root map."""
        if block.root is not None:
            return 0
        if block.parent is not None:
            return self._type_depth(block.parent)
        return self._item_depth(block.origin) if block.origin is not None else 1

    def put_deep(self, client: int, block: Block, depth: int) -> None:
        """Remember that the block lies in `depth` types, two or more."""
        self.is_flat = False
        self._added.append((depth, client, block.clock, block.clock + block.length))
        self._deep[depth - 2].add(client, block.clock, block.clock + block.length)

    def put_type(self, client: int, block: Block, depth: int) -> None:
        """Remember that what is put into the block lies in `depth` types, two or more."""
        self.is_flat = False
        self.types[client, block.clock] = depth

    def add(self, other: Nesting) -> None:
        """Take over what `other` found."""
        self.is_flat = self.is_flat and other.is_flat
        self.types.update(other.types)
        for depth, client, start, end in other._added:
            self._deep[depth - 2].add(client, start, end)

    def _type_depth(self, link: Id) -> int:
        """What is put into a type that was deleted is dropped, so for those any depth will do."""
        depth = self.types.get((link.client, link.clock))
        if depth is None:
            return self._below._type_depth(link) if self._below is not None else 1
        return depth

    def _item_depth(self, link: Id) -> int:
        for index, ids in enumerate(self._deep):
            if ids.contains(link.client, link.clock, link.clock + 1):
                return index + 2
        return self._below._item_depth(link) if self._below is not None else 1
