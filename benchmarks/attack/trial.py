"""One room, a few dozen inputs, and then the question whether everything that was kept says the same.

What came through the gate into the document must be what the log gives when it is read anew, what the snapshot gives,
and what those see who were sent every change.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, cast

from pycrdt import Doc

from benchmarks.attack.grammar import Grammar
from benchmarks.attack.journal import Journal
from benchmarks.attack.mutation import mutated
from benchmarks.attack.recordings import Recording
from sync.blocks import parse
from sync.board import PROFILES
from sync.effects import Append, Broadcast, Close, Effect, Send
from sync.fields import Document, read_document
from sync.gate import ProfileName
from sync.members import Member
from sync.presence import ConnectionId
from sync.protocol import StateVector, SyncStep1, SyncStep2, Update, decode_state_vector, encode
from sync.room import Room
from sync.snapshots import flaw_of

ROOTS = {"board": ("shapes", "meta"), "map": ("shapes", "meta"), "any": ("shapes", "meta", "note", "list", "page")}
HOSTILE, WATCHER = ConnectionId(1), ConnectionId(2)
EPOCH = 5
"""The lease of the hostile connection, so that some of its reserved client ids are its own."""


class Difference(AssertionError):
    """Two things that must say the same do not."""


def inputs(
    dice: random.Random, profile: ProfileName, recording: Recording, count: int, known: Callable[[], StateVector]
) -> Iterator[tuple[bytes, bool]]:
    """Honest updates in order, between them broken ones and hostile ones: (update, is it a step 2?)."""
    grammar = Grammar(dice, ROOTS[profile], is_map=profile != "any")
    waiting = list(recording.updates)
    for _ in range(count):
        what = dice.random()
        if what < 0.2 and waiting:
            data = waiting.pop(0)
        elif what < 0.65:
            data = mutated(
                dice,
                waiting[0] if waiting and dice.random() < 0.5 else dice.choice(recording.updates),
                recording.updates,
            )
        else:
            data = grammar.update(cast(Mapping[int, int], known()))
            if what > 0.9:
                data = mutated(dice, data, recording.updates)
        yield data, dice.random() < 0.15


class Trial:
    """Of one seed: the same one gives the same inputs."""

    def __init__(
        self, seed: int, recordings: Sequence[Recording], journal: Journal, profiles: Sequence[ProfileName]
    ) -> None:
        self._dice = random.Random(seed)
        self._journal = journal
        self.profile: ProfileName = self._dice.choice(profiles)
        fitting = [one for one in recordings if one.profile == ("any" if self.profile == "any" else "map")]
        self._recording = self._dice.choice(fitting)
        self.log: list[bytes] = []
        self._room = Room(PROFILES[self.profile], "epoch")
        self._room.connect(HOSTILE, Member(epoch=EPOCH))
        self._room.connect(WATCHER, Member())
        self._replica: Doc[Any] = Doc()
        self._perform(self._room.receive(WATCHER, encode(SyncStep1({}))))
        self._waiting = 0

    def run(self) -> None:
        """Raises Difference, and whatever room and library raise that they should not."""
        dice = self._dice
        count = 1_500 if dice.random() < 0.01 else dice.randrange(10, 90)
        for data, is_step2 in inputs(dice, self.profile, self._recording, count, lambda: self._room.gate.known):
            self.give(data, is_step2=is_step2)
            if self._waiting and dice.random() < 0.7:
                self._commit(dice.randint(1, self._waiting))
        if self._waiting:
            self._commit(self._waiting)
        self.compare()
        self._room.close()

    def give(self, data: bytes, *, is_step2: bool) -> None:
        """One input, as a message of a client."""
        self._journal.note((b"\x01" if is_step2 else b"\x02") + data)
        self._perform(self._room.receive(HOSTILE, encode(SyncStep2(data) if is_step2 else Update(data))))

    def _commit(self, count: int) -> None:
        self._waiting -= count
        self._perform(self._room.committed(count))

    def _perform(self, effects: list[Effect]) -> None:
        counts = self._journal.counts
        for effect in effects:
            match effect:
                case Append(update, _):
                    counts.admitted += 1
                    self.log.append(update)
                    self._waiting += 1
                case Broadcast(Update(update), to) if WATCHER in to:
                    self._replica.apply_update(update)
                case Close():
                    counts.refused += 1
                case Send(connection, SyncStep1()) if connection == HOSTILE:
                    counts.asked += 1
                case _:
                    pass

    def compare(self) -> None:
        """All that was kept, each read anew."""
        self._journal.save()
        doc, profile = self._room.doc, PROFILES[self.profile]
        now, state = content(doc), doc.get_state()
        if self._room.gate.known != now[0]:
            raise Difference(f"the gate knows {self._room.gate.known}, the document has {now[0]}")
        same("the document", now, "what a listener has", content(self._replica))
        self._journal.save()
        anew = Room(profile, "epoch", self.log)
        if anew.skipped:
            raise Difference(f"{anew.skipped} rows of the log cannot be read")
        same("the document", now, "the log", content(anew.doc))
        self._journal.save()
        snapshot = doc.get_update()
        if (flaw := flaw_of(snapshot, state, profile)) is not None:
            raise Difference(f"the snapshot may not take the log's place: {flaw}")
        begun = Room(profile, "epoch", snapshot=snapshot)
        same("the document", now, "the snapshot", content(begun.doc))
        if begun.gate.known != anew.gate.known:
            raise Difference("rooms that begin with the log and with the snapshot know other ids")
        anew.close()
        begun.close()


Content = tuple[StateVector, Document, dict[int, list[tuple[int, int]]]]


def content(doc: Doc[Any]) -> Content:
    """Which ids it has, how it reads, and which ids are deleted."""
    state = doc.get_state()
    return decode_state_vector(state), read_document(doc), _joined(parse(doc.get_update(state)).deletes)


def _joined(deletes: Sequence[tuple[int, Sequence[tuple[int, int]]]]) -> dict[int, list[tuple[int, int]]]:
    """(start, end) of each client, as few as there can be."""
    out: dict[int, list[tuple[int, int]]] = {}
    for client, ranges in deletes:
        joined = out.setdefault(client, [])
        for clock, length in sorted(ranges):
            if joined and joined[-1][1] >= clock:
                joined[-1] = joined[-1][0], max(joined[-1][1], clock + length)
            else:
                joined.append((clock, clock + length))
    return out


def same(one: str, left: Content, other: str, right: Content) -> None:
    """Raises Difference."""
    for what, a, b in zip(("ids", "values", "deletions"), left, right, strict=True):
        if repr(a) != repr(b) and a != b:  # NaN is not itself, but reads the same
            raise Difference(f"{one} and {other} differ in {what}: {a!r:.600} and {b!r:.600}")
