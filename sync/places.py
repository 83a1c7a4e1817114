"""Which places of a document an update touched: root, keys. Pure; read from the bytes, for the activity of a room.

An update names an item's place only for the first value of a key; a later one names the item it follows. So places are
learnt once from the document as it stands, and every id of the log is looked up there.
"""

from __future__ import annotations

from bisect import bisect_right

from sync.blocks import Block, Content, Id, parse
from sync.causal import walk

Path = tuple[str, ...]
"""A root's name, then keys: ("shapes", "a1", "x"). Of a list or text, its own path."""


class Places:
    """Where each id of a document lies. `document` is a whole update of ours: without gaps."""

    def __init__(self, document: bytes) -> None:
        self._starts: dict[int, list[int]] = {}
        self._paths: dict[int, list[Path | None]] = {}
        for client, block in walk(parse(document).sections, {}).order:
            self._starts.setdefault(client, []).append(block.clock)
            self._paths.setdefault(client, []).append(self._path_of(block))

    def touched(self, update: bytes) -> list[Path]:
        """The places an update of this document set or deleted, sorted; what is gone without a trace is left out."""
        parsed = parse(update)
        found = {self._find(section.client, block.clock) for section in parsed.sections for block in section.blocks}
        found |= {self._find(client, run.clock) for client, runs in parsed.deletes for run in runs}
        return sorted(path for path in found if path is not None)

    def _path_of(self, block: Block) -> Path | None:
        if block.content == Content.GC:
            return None
        if block.root is not None:
            return (block.root,) if block.key is None else (block.root, block.key)
        if block.parent is not None:
            inside = self._at(block.parent)
            return inside if inside is None or block.key is None else (*inside, block.key)
        return self._at(block.origin) if block.origin is not None else self._at(block.right_origin)

    def _at(self, link: Id | None) -> Path | None:
        return None if link is None else self._find(link.client, link.clock)

    def _find(self, client: int, clock: int) -> Path | None:
        index = bisect_right(self._starts.get(client, []), clock) - 1
        return self._paths[client][index] if index >= 0 else None
