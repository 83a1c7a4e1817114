"""Where text may stand in rooms of any schema: in a text. Pure; docs/spec.md, G10.

Yjs writes runs of characters, formats and embeds into texts only. The CRDT library relies on it when it reads.
"""

from __future__ import annotations

from collections.abc import Iterable

from sync.blocks import Block, Content, TypeRef
from sync.idset import IdSet

TEXTS = (TypeRef.TEXT, TypeRef.XML_TEXT)
ONLY_IN_TEXTS = (Content.STRING, Content.FORMAT, Content.EMBED)


class Elsewhere:
    """Nested types that are no texts, and the items in them; `below` is what was known before."""

    def __init__(self, below: Elsewhere | None = None) -> None:
        self._types = IdSet()
        self._items = IdSet()
        self._added: list[tuple[IdSet, int, int, int]] = []
        self._below = below

    def is_strange(self, order: Iterable[tuple[int, Block]]) -> bool:
        """Does a block, each after its parent and origins, put text where no text is? Notes what lies where."""
        for client, block in order:
            if block.content == Content.TYPE and block.type_ref not in TEXTS:
                self._put(self._types, client, block)
            if self._has(block):
                if block.content in ONLY_IN_TEXTS:
                    return True
                self._put(self._items, client, block)
        return False

    def add(self, other: Elsewhere) -> None:
        """Take over what `other` noted."""
        for ids, client, start, end in other._added:
            (self._types if ids is other._types else self._items).add(client, start, end)

    def _put(self, ids: IdSet, client: int, block: Block) -> None:
        ids.add(client, block.clock, block.clock + block.length)
        self._added.append((ids, client, block.clock, block.clock + block.length))

    def _has(self, block: Block) -> bool:
        """Does it lie in one of the types? A block without a parent lies where its neighbours do."""
        if block.parent is not None and self._types.contains(*block.parent, block.parent.clock + 1):
            return True
        links = (link for link in (block.origin, block.right_origin) if link is not None)
        if any(self._items.contains(*link, link.clock + 1) for link in links):
            return True
        return self._below is not None and self._below._has(block)
