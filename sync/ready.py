"""The part of an update that builds on nothing which is missing. Pure; docs/spec.md, W8."""

from __future__ import annotations

from collections.abc import Mapping

from sync.blocks import Block, Content, Id, Parsed, Range, Section
from sync.protocol import StateVector


def ready_part(parsed: Parsed, known: StateVector) -> Parsed:
    """Of each section as many blocks as fit where a document has `known`, and what is deleted of those.

    A replica with a gap of its own sends such updates: its step 2 holds changes that it cannot apply itself.
    """
    reached = {int(client): clock for client, clock in known.items()}
    counts: dict[int, int] = {section.client: 0 for section in parsed.sections}
    is_growing = True
    while is_growing:
        is_growing = False
        for section in parsed.sections:
            count = counts[section.client]
            while count < len(section.blocks) and _fits(section, count, reached):
                block = section.blocks[count]
                reached[section.client] = max(reached.get(section.client, 0), block.clock + block.length)
                count += 1
            is_growing |= count > counts[section.client]
            counts[section.client] = count
    sections = [
        Section(section.client, section.clock, section.blocks[: counts[section.client]])
        for section in parsed.sections
        if counts[section.client]
    ]
    deletes = [
        (client, [Range(r.clock, r.length) for r in ranges if r.clock + r.length <= reached.get(client, 0)])
        for client, ranges in parsed.deletes
    ]
    return Parsed(sections, [(client, ranges) for client, ranges in deletes if ranges])


def _fits(section: Section, index: int, reached: Mapping[int, int]) -> bool:
    block = section.blocks[index]
    has = reached.get(section.client, 0)
    if block.clock > has:
        return False
    if block.clock < has:
        return block.clock + block.length <= has  # known already; half-known blocks are for the gate to refuse
    return block.content != Content.SKIP and all(_is_there(link, section, block, reached) for link in _links(block))


def _links(block: Block) -> tuple[Id | None, ...]:
    return block.origin, block.right_origin, block.parent


def _is_there(link: Id | None, section: Section, block: Block, reached: Mapping[int, int]) -> bool:
    if link is None or link.client == section.client:  # whether it is an earlier one is for the gate to check
        return True
    return link.clock < reached.get(link.client, 0)
