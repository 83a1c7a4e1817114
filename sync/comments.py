"""What somebody with `comment` access may write: new entries of the roots where the conversation is. docs/spec.md A8.

An update tells the root of a block only where the block begins an entry; below that a block names what it builds on by
id. So it is remembered which ids were written as comments since the room was read, and a comment may build on those
and on nothing else. Pure.
"""

from __future__ import annotations

from collections.abc import Callable

from sync.blocks import Block, Content, Id, parse
from sync.idset import IdSet

ONLY_COMMENTS = "You may comment on this board, not change it."


class NotAComment(Exception):
    """The update writes something else; nothing was changed."""


class Comments:
    """Of one room; `roots` are where comments go."""

    def __init__(self, roots: frozenset[str]) -> None:
        self._roots = roots
        self._ids = IdSet()

    def take(self, update: bytes, has: Callable[[str, str], bool], is_deleted: Callable[[int, int, int], bool]) -> None:
        """Count an update that passed the gate as comments. Raises NotAComment.

        `has` tells whether a root map has a key, `is_deleted` whether ticks (client, start, end) are deleted already.
        An entry that is there is not written over, whoever wrote it; one that was made here may be changed by whoever
        comments. Deletions are of comments only.
        """
        parsed = parse(update)
        added: dict[int, tuple[int, int]] = {}

        def is_comment(id_: Id | None) -> bool:
            if id_ is None:
                return False
            begin, end = added.get(id_.client, (0, 0))
            return begin <= id_.clock < end or self._ids.contains(id_.client, id_.clock, id_.clock + 1)

        def may_be(block: Block) -> bool:
            if block.content == Content.GC:
                return True  # what was there and went: it says nothing and has no place
            if block.root is None:
                return is_comment(block.origin if block.origin is not None else block.parent)
            is_entry = block.content in (Content.TYPE, Content.DELETED)  # deleted: written and taken back while offline
            is_entry = is_entry and block.root in self._roots and block.key is not None
            return is_entry and not has(block.root, block.key or "")

        for client, clock, blocks in parsed.sections:
            end = clock
            for block in blocks:
                if not may_be(block):
                    raise NotAComment(ONLY_COMMENTS)
                end = block.clock + block.length
                added[client] = (clock, end)
        for client, ranges in parsed.deletes:
            for clock, length in ranges:
                begin, end = added.get(client, (0, 0))
                ticks = client, clock, clock + length
                is_fresh = begin <= clock and clock + length <= end
                if not (is_fresh or self._ids.contains(*ticks) or is_deleted(*ticks)):
                    raise NotAComment(ONLY_COMMENTS)
        for client, (begin, end) in added.items():
            self._ids.add(client, begin, end)
