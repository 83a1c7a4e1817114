"""The blocks of an update in an order in which each comes after what it builds on. Pure; docs/spec.md, G3 and W8.

A walk with a stack of its own: every block is looked at about once, whatever the update says, and nothing recurses.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sync.blocks import Block, Content, Id, Section
from sync.protocol import ClientId, StateVector


class Stuck(NamedTuple):
    """Why a client's blocks end early: something is `missing`, or (None) they wait for each other."""

    missing: Id | None


class Walk(NamedTuple):
    """`order` is what can be applied; `reached` the clock each client of the update has then."""

    order: list[tuple[int, Block]]
    reached: dict[int, int]
    stuck: dict[int, Stuck]


def walk(sections: Sequence[Section], known: StateVector) -> Walk:
    """`sections` begin where `known` ends, or later: then they are stuck at once."""
    state = _State(sections, known)
    for section in sections:
        state.advance(section.client)
    return Walk(state.order, state.reached, state.stuck)


class _State:
    def __init__(self, sections: Sequence[Section], known: StateVector) -> None:
        self.order: list[tuple[int, Block]] = []
        self.stuck: dict[int, Stuck] = {}
        self.reached = {section.client: known.get(ClientId(section.client), 0) for section in sections}
        self._blocks = {section.client: section.blocks for section in sections}
        self._next = dict.fromkeys(self._blocks, 0)
        self._known = known

    def advance(self, client: int) -> None:
        """Take the client's blocks, and before each what it needs of others, as far as possible."""
        stack: list[tuple[int, int | None]] = [(client, None)]  # (client, until its clock is beyond this)
        waiting = {client}
        while stack:
            current, until = stack[-1]
            needed = self._step(current, until)
            if needed is None:
                stack.pop()
                waiting.discard(current)
            elif needed.client in waiting:
                self.stuck[current] = Stuck(None)
            else:
                stack.append((needed.client, needed.clock))
                waiting.add(needed.client)

    def _step(self, client: int, until: int | None) -> Id | None:
        """Take blocks until one needs another client's (returned), or there is nothing more to do."""
        blocks = self._blocks[client]
        while client not in self.stuck and (until is None or self.reached[client] <= until):
            at = self._next[client]
            if at == len(blocks):
                return None
            block = blocks[at]
            if block.clock > self.reached[client] or block.content == Content.SKIP:
                self.stuck[client] = Stuck(Id(client, self.reached[client]))
                return None
            for link in (block.origin, block.right_origin, block.parent):
                if link is None or link.client == client or link.clock < self._clock(link.client):
                    continue
                if self._can_grow(link.client):
                    return link
                self.stuck[client] = Stuck(link)
                return None
            self.order.append((client, block))
            self.reached[client] = block.clock + block.length
            self._next[client] = at + 1
        return None

    def _clock(self, client: int) -> int:
        clock = self.reached.get(client)
        return self._known.get(ClientId(client), 0) if clock is None else clock

    def _can_grow(self, client: int) -> bool:
        return client in self._blocks and client not in self.stuck and self._next[client] < len(self._blocks[client])
