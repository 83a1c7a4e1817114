"""The quick reader (docs/spec.md, section G): what it passes is exactly what the gate's long way admits.

`--mutations 200000` for more of them.
"""

from __future__ import annotations

import copy
import random
from typing import Any

import pytest
from pycrdt import Doc, Map

from sync.gate import Admitted, Gate, NotReady, Refused, board_profile
from sync.idset import IdSet
from sync.room import Room

BOARD = board_profile(("shapes", "meta"))
VALUES = (0, -3, 70_000, 2**40, 1.5, 0.1, True, False, None, "", "text", "größer → ☃", "x" * 300, [1, 2], {"id": "a"})


class Board:
    """Two people who draw on one board, mostly in touch; `log` is what came to the server, in order."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.log: list[bytes] = []
        self.docs: list[Doc[Any]] = [
            Doc({"shapes": Map(), "meta": Map()}, client_id=2**31 + seed * 2 + i) for i in (0, 1)
        ]
        self.outs: list[list[bytes]] = [[], []]
        self.subscriptions = [
            doc.observe(lambda event, out=out: out.append(event.update))
            for doc, out in zip(self.docs, self.outs, strict=True)
        ]

    def act(self) -> None:
        """One gesture of one person."""
        who = self.random.randrange(2)
        doc = self.docs[who]
        shapes, meta = doc.get("shapes", type=Map), doc.get("meta", type=Map)
        ids = list(shapes.keys())
        with doc.transaction():
            match self.random.randrange(8):
                case 0 | 1:
                    for _ in range(self.random.choice((1, 1, 3))):
                        fields = {f"k{i}": self.random.choice(VALUES) for i in range(self.random.randrange(6))}
                        shapes[f"s{self.random.getrandbits(60)}"] = Map(fields)
                case 2:
                    meta["title"] = self.random.choice(VALUES)
                case 3 if ids:
                    del shapes[self.random.choice(ids)]
                case _ if ids:
                    shape = shapes[self.random.choice(ids)]
                    for _ in range(self.random.choice((1, 2, 4))):
                        shape[f"k{self.random.randrange(8)}"] = self.random.choice(VALUES)
                case _:
                    meta["version"] = self.random.random()

    def bring(self, who: int) -> None:
        """What one person did since comes to the server, and what the server has to that person."""
        brought, self.outs[who][:] = list(self.outs[who]), []
        self.log += brought
        mine = list(self.outs[1 - who])
        for update in brought:
            self.docs[1 - who].apply_update(update)
        self.outs[1 - who][:] = mine  # without what applying has told

    def play(self, gestures: int) -> list[bytes]:
        for _ in range(gestures):
            self.act()
            if self.random.random() < 0.7:
                self.bring(self.random.randrange(2))
        self.bring(0)
        self.bring(1)
        return self.log


def ids(of: IdSet) -> object:
    return {c: list(zip(s, of._ends[c], strict=True)) for c, s in of._starts.items()}


def state(gate: Gate) -> object:
    return gate.known, ids(gate._deleted), gate._nesting.types, [ids(deep) for deep in gate._nesting._deep]


def everything(gate: Gate) -> object:
    """With what may be a parent, which a gate that begins with a snapshot does not know yet."""
    parents = gate._parents
    return state(gate), {c: list(clocks) for c, clocks in parents._types.items()}, ids(parents._gone)


def long_way(gate: Gate) -> Gate:
    """The same gate without the quick reader."""
    slow = copy.deepcopy(gate)
    slow._rules = slow._stored_rules = None
    return slow


def outcome(gate: Gate, update: bytes, *, is_stored: bool) -> Admitted | str:
    try:
        return gate.admit(update, is_stored=is_stored)
    except Refused as refused:
        return f"refused {refused.code}"
    except NotReady as not_ready:
        return f"waits for {not_ready.missing}"


@pytest.mark.parametrize("seed", range(12))
def test_the_quick_reader_and_the_long_way_admit_the_same_and_know_the_same(seed: int) -> None:
    gate = Gate(BOARD)
    slow = long_way(gate)
    for update in Board(seed).play(40):
        assert outcome(gate, update, is_stored=False) == outcome(slow, update, is_stored=False)
        assert everything(gate) == everything(slow)


def test_what_people_do_all_day_is_read_quickly() -> None:
    """Else the fast lane has rotted and nobody notices."""
    gate = Gate(BOARD)
    log = Board(1).play(300)
    quick = 0
    for update in log:
        quick += gate._read_plain(update, None, is_stored=False) is not None
        gate.admit(update)
    assert quick > 0.9 * len(log)


@pytest.mark.timeout(0)  # as long as the option says
def test_mutated_updates_pass_quickly_only_where_the_long_way_admits_them(request: pytest.FixtureRequest) -> None:
    """Every prefix of a session is a document; the next update is broken in some way."""
    mutations = request.config.getoption("--mutations")
    dice = random.Random(7)
    passed = done = 0
    while done < mutations:
        gate = Gate(BOARD)
        log = Board(dice.getrandbits(16)).play(12)
        for update in log:
            for _ in range(12):
                broken = mutated(dice, update, log)
                is_stored = dice.random() < 0.5
                rules = gate._stored_rules if is_stored else gate._rules
                assert rules is not None
                done += 1
                if gate._read_plain(broken, None, is_stored) is None:
                    continue
                passed += 1
                fast, slow = copy.deepcopy(gate), long_way(gate)
                assert outcome(fast, broken, is_stored=is_stored) == outcome(slow, broken, is_stored=is_stored), broken
                assert everything(fast) == everything(slow), broken
            gate.admit(update)
    assert passed > done / 100  # some breaks only change a value


def mutated(dice: random.Random, update: bytes, log: list[bytes]) -> bytes:
    data = bytearray(update)
    for _ in range(dice.choice((1, 1, 1, 2, 5))):
        at = dice.randrange(len(data) + 1)
        match dice.randrange(6):
            case 0 if at < len(data):
                data[at] = dice.randrange(256)
            case 1 if at < len(data):
                data[at] ^= 1 << dice.randrange(8)
            case 2:
                data[at:at] = bytes(dice.randrange(256) for _ in range(dice.randrange(1, 4)))
            case 3:
                del data[at : at + dice.randrange(1, 6)]
            case 4:
                other = dice.choice(log)
                start = dice.randrange(len(other))
                data[at:at] = other[start : start + dice.randrange(1, 20)]
            case _ if at < len(data):
                data[at] = dice.choice((0, 1, 7, 8, 10, 0x21, 0x27, 0x28, 0x80, 0xA1, 0xA7, 0xA8, 0xFF))
    return bytes(data)


def test_a_document_of_several_clients_is_read_quickly_and_the_same_broken_or_not() -> None:
    """They build on each other in turn, so the order of the blocks is not that of the sections."""
    dice = random.Random(3)
    passed = 0
    for seed in range(12):
        board = Board(seed)
        log = board.play(30)
        whole = board.docs[0].get_update()
        assert Gate(BOARD)._read_plain(whole, None, is_stored=True) is not None
        for update in (whole, *(mutated(dice, whole, log) for _ in range(30))):
            gate = Gate(BOARD)
            slow = long_way(gate)
            passed += gate._read_plain(update, None, is_stored=True) is not None
            assert outcome(gate, update, is_stored=True) == outcome(slow, update, is_stored=True)
            assert everything(gate) == everything(slow)
            if update is whole:
                assert not gate.admit(whole, is_stored=True).is_new
    assert passed > 30


@pytest.mark.parametrize("seed", range(12))
def test_a_room_that_begins_with_a_snapshot_knows_what_one_that_read_it_all_knows(seed: int) -> None:
    """G3, G4: what is missing, known or deleted is judged alike, so the same updates get the same answer."""
    board = Board(seed)
    snapshot = merged(board.play(30))
    before = len(board.log)
    more = board.play(20)[before:]
    read_whole, begun = Room(BOARD, "epoch", [snapshot]), Room(BOARD, "epoch", snapshot=snapshot)
    assert state(begun.gate) == state(read_whole.gate)
    for update in (snapshot, *more):
        assert outcome(begun.gate, update, is_stored=False) == outcome(read_whole.gate, update, is_stored=False)
    assert state(begun.gate) == state(read_whole.gate)


def merged(log: list[bytes]) -> bytes:
    doc: Doc[Any] = Doc()
    for update in log:
        doc.apply_update(update)
    return doc.get_update()
