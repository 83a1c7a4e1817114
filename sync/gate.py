"""Checks an update before the CRDT library sees it: from a client, from the store, from another node.

The library is treated as an unsafe parser of what strangers send (docs/spec.md, section G). The gate also knows which
ids the document has, so that nothing is ever applied past a gap (G3) and nothing known is stored again (G4).
Pure: no I/O, no clock.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal, NamedTuple, cast, get_args

from sync.blocks import MAX_CLOCK, Block, Content, Id, Parsed, Range, Section, TypeRef, parse, rebuild
from sync.causal import Walk, walk
from sync.idset import IdSet
from sync.lib0 import DecodeError
from sync.nesting import MAX_TYPE_DEPTH, Nesting
from sync.parents import Check, Found, Parents
from sync.protocol import ClientId, CloseCode, ProtocolError, StateVector
from sync.quick import Quick, Rules, read
from sync.texts import Elsewhere

ProfileName = Literal["any", "map", "board"]
PROFILE_NAMES: tuple[ProfileName, ...] = get_args(ProfileName)

RESERVED_CLIENT_IDS = 2**20
"""Client ids below this belong to assistants: only the lease of that epoch may write them (G7)."""
MAX_RUN = 2**20  # clock ticks of one block: a deleted run of a merged document
MAX_ORIGINLESS = 64  # items without origin for one key in one update: each costs a walk over all the others


@dataclass(frozen=True, slots=True)
class Profile:
    """What kind of document a room holds. `any`: every Yjs type. `map`: nested maps of plain values only."""

    name: ProfileName
    roots: frozenset[str] | None = None
    max_update_bytes: int = 16 * 2**20
    comment_roots: frozenset[str] = frozenset()
    """The root maps that `comment` access may add to (A8)."""
    counted_root: str | None = None
    """The root map whose entries are counted (A11)."""

    @property
    def is_map(self) -> bool:
        """Only nested maps of plain values?"""
        return self.name != "any"

    def quick_rules(self, *, is_stored: bool) -> Rules | None:
        """What the quick reader goes by; it reads map rooms only."""
        roots = None if self.roots is None else frozenset(name.encode() for name in self.roots)
        max_run, reserved = (MAX_CLOCK, 0) if is_stored else (MAX_RUN, RESERVED_CLIENT_IDS)
        return Rules(roots, max_run, reserved, is_stored) if self.is_map else None


ANY = Profile("any")
MAP = Profile("map", max_update_bytes=4 * 2**20)


def board_profile(
    roots: tuple[str, ...], comment_roots: tuple[str, ...] = (), counted_root: str | None = None
) -> Profile:
    """A map room whose root names are a schema's."""
    return Profile("board", frozenset(roots), 4 * 2**20, frozenset(comment_roots), counted_root)


NOBODY_SPEAKS: Mapping[int, str] = MappingProxyType({})
Deletes = list[tuple[int, list[Range]]]


class NotReady(Exception):
    """The update builds on `missing`, which the document does not have. Nothing was changed.

    `is_overtaken`: it begins in the middle of a block; a new difference will begin at the right place.
    """

    def __init__(self, missing: Id, *, is_overtaken: bool = False) -> None:
        super().__init__(f"missing {missing.client}:{missing.clock}")
        self.missing = missing
        self.is_overtaken = is_overtaken


class Refused(ProtocolError):
    """The update is malformed or not of the room's profile. Nothing was changed."""

    def __init__(self, reason: str, code: CloseCode = CloseCode.REFUSED) -> None:
        super().__init__(code, reason)


class Admitted(NamedTuple):
    """An update the library may see. `is_new` is False where the document has all of it already."""

    update: bytes
    is_new: bool


@dataclass(frozen=True, slots=True)
class _Found:
    """What an update holds that the document lacks, and what the checks noted of it."""

    update: bytes
    fresh: list[Section]
    deletes: Deletes
    parents: Found
    nesting: Nesting | None
    elsewhere: Elsewhere | None

    @property
    def is_new(self) -> bool:
        return bool(self.fresh or self.deletes)


@dataclass(slots=True)
class Gate:
    """What one room's document knows, and the check against it. `admit` counts what it admits as known."""

    profile: Profile
    known: StateVector = field(default_factory=dict)
    _deleted: IdSet = field(default_factory=IdSet)
    _parents: Parents = field(default_factory=Parents)
    _nesting: Nesting = field(default_factory=Nesting)
    _elsewhere: Elsewhere = field(default_factory=Elsewhere)
    _rules: Rules | None = None
    _stored_rules: Rules | None = None

    def __post_init__(self) -> None:
        self._rules = self.profile.quick_rules(is_stored=False)
        self._stored_rules = self.profile.quick_rules(is_stored=True)

    def admit(
        self,
        update: bytes,
        epoch: int | None = None,
        *,
        is_stored: bool = False,
        is_partial: bool = False,
        check: Callable[[bytes], None] | None = None,
        user: str | None = None,
        speakers: Mapping[int, str] = NOBODY_SPEAKS,
    ) -> Admitted:
        """Check `update` and count its blocks as known.

        `epoch` is the lease epoch of the sender; assistants' client ids other than it are refused. What comes from
        the store (`is_stored`) may be of any size, of any client, and merged from many updates. With `is_partial` what
        is not ready is left out. `check` looks at what is new before it counts. `speakers` are the client ids of people
        who are here: blocks of one that is not the `user`'s are not ready until its owner brings them.
        Raises Refused or NotReady; nothing was changed then.
        """
        plain = None if is_partial else self._read_plain(update, epoch, is_stored)
        if plain is not None:
            for client, _ in plain.ends:
                if speakers.get(client, user) != user:
                    raise NotReady(Id(client, self.known.get(ClientId(client), 0)))
            is_new = bool(plain.ends or plain.deletes)
            if check is not None and is_new:
                check(update)
            self.known.update(cast(StateVector, plain.ends))
            self._delete(plain.deletes)
            self._parents.add(Found(plain.types, plain.gone))
            return Admitted(update, is_new)
        strangers = frozenset(client for client, speaker in speakers.items() if speaker != user)
        found = self._inspect(update, epoch, is_stored=is_stored, is_partial=is_partial, strangers=strangers)
        if check is not None and found.is_new:
            check(found.update)
        for section in found.fresh:
            self.known[ClientId(section.client)] = _end(section)
        self._delete(found.deletes)
        self._parents.add(found.parents)
        if found.nesting is not None:
            self._nesting.add(found.nesting)
        if found.elsewhere is not None:
            self._elsewhere.add(found.elsewhere)
        return Admitted(found.update, found.is_new)

    def restore(self, known: StateVector, deleted: bytes, blocks_of: Callable[[ClientId], bytes]) -> None:
        """Begin with a map room's document that a gate has read: what it knows, and an update of its deletions only.

        `blocks_of` is asked later, for an update of all that the document has of a client. How deep its maps are is not
        known then: what is admitted now may lie MAX_TYPE_DEPTH deep in any of them. That does not add up, because the
        next snapshot is read whole. Raises Refused.
        """

        try:
            deletes = parse(deleted).deletes
        except DecodeError as error:
            raise Refused(f"The stored deletions: the update {error}.", CloseCode.MALFORMED) from None
        self.known.update(known)
        self._delete(deletes)
        self._parents.begin(
            cast(Mapping[int, int], known),
            lambda: _ids(parse(deleted).deletes),
            lambda client: self._found_in(client, blocks_of),
        )

    def _found_in(self, client: int, blocks_of: Callable[[ClientId], bytes]) -> Found:
        """What may be a parent of what the document has of a client."""
        update, others = blocks_of(ClientId(client)), dict(self.known)
        others.pop(ClientId(client))
        assert self._stored_rules is not None
        plain = read(update, others, self._stored_rules, None)
        if plain is not None:
            return Found(plain.types, plain.gone)
        check = Check(Parents())
        for section in parse(update).sections:
            for block in section.blocks:
                check.is_misplaced(section.client, block)
        return check.found

    def is_news(self, update: bytes) -> bool:
        """Does the document lack any of it? Changes nothing. Raises Refused."""
        plain = self._read_plain(update, None, is_stored=True)
        if plain is not None:
            return bool(plain.ends or plain.deletes)
        try:
            return self._inspect(update, None, is_stored=True).is_new
        except NotReady:
            return True

    def is_deleted(self, client: int, start: int, end: int) -> bool:
        """Are all ticks from `start` to before `end` deleted?"""
        return self._deleted.contains(client, start, end)

    def _read_plain(self, update: bytes, epoch: int | None, is_stored: bool) -> Quick | None:
        """The update as the quick reader has it; None where the long way is to look."""
        rules = self._stored_rules if is_stored else self._rules
        if rules is None or not self._nesting.is_flat:
            return None
        if len(update) > self.profile.max_update_bytes and not is_stored:
            return None
        plain = read(update, self.known, rules, epoch)
        if plain is None or len(self._without_deleted(plain.deletes)) != len(plain.deletes):
            return None
        if plain.parents and not self._are_types(plain.parents, plain.types):
            return None
        return plain

    def _are_types(self, parents: list[tuple[int, int]], made: list[tuple[int, int]]) -> bool:
        """Each of the document's, or one of those that the same update makes?"""
        new = set(made)
        return all(parent in new or self._parents.has(*parent) for parent in parents)

    def _delete(self, deletes: Deletes) -> None:
        for client, ranges in deletes:
            for clock, length in ranges:
                self._deleted.add(client, clock, clock + length)

    def _inspect(
        self,
        update: bytes,
        epoch: int | None,
        *,
        is_stored: bool,
        is_partial: bool = False,
        strangers: frozenset[int] = frozenset(),
    ) -> _Found:
        if len(update) > self.profile.max_update_bytes and not is_stored:
            raise Refused(
                f"The update has {len(update)} bytes; at most {self.profile.max_update_bytes} fit.", CloseCode.TOO_BIG
            )
        try:
            parsed = parse(update)
        except DecodeError as error:
            raise Refused(f"The update {error}.", CloseCode.MALFORMED) from None
        fresh, is_stripped = self._without_known(parsed.sections)
        for section in fresh if strangers else ():
            if section.client in strangers and not is_partial:
                raise NotReady(Id(section.client, self.known.get(ClientId(section.client), 0)))
        if strangers:
            fresh = [section for section in fresh if section.client not in strangers]
        _check_own_links(fresh)
        found = walk(fresh, self.known)
        deletes = parsed.deletes
        if is_partial:
            fresh = _reached_part(fresh, found.reached)
            deletes = self._existing(deletes, found.reached)
        else:
            self._check_ready(found, deletes)
        parents = self._check_parents(found.order)
        nesting: Nesting | None = None
        if self.profile.is_map:
            if not is_stored:
                self._check_reserved(fresh, epoch)
                _check_originless(fresh)
                _check_runs(fresh, deletes)
            nesting = self._check_profile(found.order)
        elsewhere: Elsewhere | None = None
        if not self.profile.is_map:
            elsewhere = Elsewhere(below=self._elsewhere)
            if elsewhere.is_strange(found.order):
                raise Refused("The update puts text where no text is.")
        deletes = self._without_deleted(deletes)
        if is_partial or is_stripped or len(deletes) != len(parsed.deletes):
            update = rebuild(update, Parsed(fresh, deletes))
        return _Found(update, fresh, deletes, parents, nesting, elsewhere)

    def _without_known(self, sections: list[Section]) -> tuple[list[Section], bool]:
        """The sections less what the document has (G4). Raises NotReady at a half-known block."""
        fresh: list[Section] = []
        is_stripped = False
        for section in sections:
            known = self.known.get(ClientId(section.client), 0)
            if section.clock >= known:
                fresh.append(section)
                continue
            is_stripped = True
            blocks = [b for b in section.blocks if b.clock >= known]
            if (blocks and blocks[0].clock > known) or (not blocks and _end(section) > known):
                raise NotReady(Id(section.client, known), is_overtaken=True)
            if blocks:
                fresh.append(Section(section.client, known, blocks))
        return fresh, is_stripped

    def _check_ready(self, found: Walk, deletes: Deletes) -> None:
        for stuck in found.stuck.values():
            if stuck.missing is None:
                raise Refused("The update has blocks that wait for each other.", CloseCode.MALFORMED)
            raise NotReady(stuck.missing)
        for client, ranges in deletes:
            for clock, length in ranges:
                if not self._has(client, clock + length, found.reached):
                    raise NotReady(Id(client, clock + length - 1))

    def _existing(self, deletes: Deletes, reached: Mapping[int, int]) -> Deletes:
        """Only the ranges of ids that are there."""
        there = [(c, [r for r in ranges if self._has(c, r.clock + r.length, reached)]) for c, ranges in deletes]
        return [(client, ranges) for client, ranges in there if ranges]

    def _has(self, client: int, end: int, reached: Mapping[int, int]) -> bool:
        return end <= self.known.get(ClientId(client), 0) or end <= reached.get(client, 0)

    def _without_deleted(self, deletes: Deletes) -> Deletes:
        """Only the clients with a range that is not deleted yet: every step 2 carries the whole delete set."""
        return [
            (client, ranges)
            for client, ranges in deletes
            if not all(self._deleted.contains(client, r.clock, r.clock + r.length) for r in ranges)
        ]

    def _check_reserved(self, fresh: list[Section], epoch: int | None) -> None:
        for section in fresh:
            if section.client < RESERVED_CLIENT_IDS and section.client != epoch:
                raise Refused(f"Client id {section.client} is reserved for an assistant that holds a lease.")

    def _check_parents(self, order: Iterable[tuple[int, Block]]) -> Found:
        """What lies in a type is in a type (G11)."""
        check = Check(self._parents)
        for client, block in order:
            if check.is_misplaced(client, block):
                raise Refused("The update puts something into what holds nothing.")
        return check.found

    def _check_profile(self, order: Iterable[tuple[int, Block]]) -> Nesting:
        """Map profile (G5, G6). Returns how deep the items are; parents come before what lies in them."""
        added = Nesting(below=self._nesting)
        for client, block in order:
            if block.content == Content.GC:
                continue
            self._check_block(block)
            depth = added.parent_depth(block)
            if depth >= 2:
                added.put_deep(client, block, depth)
            if block.content == Content.TYPE:
                if depth == MAX_TYPE_DEPTH:
                    raise Refused(f"The update nests maps deeper than {MAX_TYPE_DEPTH}.")
                if depth:
                    added.put_type(client, block, depth + 1)
        return added

    def _check_block(self, block: Block) -> None:
        if block.right_origin is not None or (block.origin is None and block.key is None):
            raise Refused("This room holds maps of plain values; lists and texts do not fit.")
        if block.root is not None and self.profile.roots is not None and block.root not in self.profile.roots:
            raise Refused(f"This room has no root type {block.root!r}.")
        match block.content:
            case Content.ANY | Content.DELETED:
                pass
            case Content.TYPE if block.type_ref == TypeRef.MAP:
                pass
            case _:
                raise Refused("This room holds maps of plain values; lists and texts do not fit.")


def _check_own_links(fresh: list[Section]) -> None:
    """A client's block builds on its own earlier ones only."""
    for section in fresh:
        for block in section.blocks:
            for link in (block.origin, block.right_origin, block.parent):
                if link is not None and link.client == section.client and link.clock >= block.clock:
                    raise Refused("The update has a block that builds on a later one.", CloseCode.MALFORMED)


def _reached_part(fresh: list[Section], reached: Mapping[int, int]) -> list[Section]:
    """The blocks that can be applied; a replica with a gap of its own sends others as well (W8)."""
    out: list[Section] = []
    for section in fresh:
        blocks = [block for block in section.blocks if block.clock < reached[section.client]]
        if blocks:
            out.append(Section(section.client, section.clock, blocks))
    return out


def _check_runs(fresh: list[Section], deletes: Deletes) -> None:
    """Values of one key stand in one block when Yjs has joined them, and it joins only what is deleted. Of others the
    library would count the earlier ones as deleted or not, depending on when it takes them apart. Stored runs may be
    of any length: the library joins, too."""
    deleted: IdSet | None = None
    for client, _, blocks in fresh:
        for block in blocks:
            if block.length > MAX_RUN:
                raise Refused(f"The update has a block longer than {MAX_RUN}.")
            if block.content != Content.ANY or block.length == 1:
                continue
            if deleted is None:
                deleted = _ids(deletes)
            if not deleted.contains(client, block.clock, block.clock + block.length):
                raise Refused("This room holds maps of plain values; lists and texts do not fit.")


def _ids(deletes: Deletes) -> IdSet:
    ids = IdSet()
    for client, ranges in deletes:
        for clock, length in ranges:
            ids.add(client, clock, clock + length)
    return ids


def _check_originless(fresh: list[Section]) -> None:
    """Each item without origin for one key is compared with all the others: cost grows with the square (G6)."""
    counts: Counter[tuple[object, str | None]] = Counter(
        (block.root or block.parent, block.key)
        for section in fresh
        for block in section.blocks
        if block.origin is None and block.content != Content.GC
    )
    if counts and max(counts.values()) > MAX_ORIGINLESS:
        raise Refused(f"The update sets one key more than {MAX_ORIGINLESS} times.")


def _end(section: Section) -> int:
    last = section.blocks[-1]
    return last.clock + last.length
