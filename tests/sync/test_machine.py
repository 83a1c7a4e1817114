"""A state machine over Room, log and links (docs/spec.md W3, W4, W8, S1-S5, G3): hypothesis looks for an order of
joins, edits, deliveries, commits, cuts, crashes and compactions after which replicas differ, or something that was
acknowledged is gone. `--hypothesis-profile=long` for many more."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import hypothesis.strategies as st
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from pycrdt import Map

from sync.gate import MAP
from sync.protocol import SyncStatus, encode
from sync.room import Room
from sync.snapshots import flaw_of
from tests.sync.peers import Client, World, content

CLIENTS = 3
KEYS = st.sampled_from("xyw")
SHAPES = st.sampled_from(("a", "b", "c"))
NUMBERS = st.integers(0, CLIENTS - 1)


class Board(RuleBasedStateMachine):
    """The log is what is on disk. A mark is sent after each edit and names all that its client had written by then."""

    def __init__(self) -> None:
        super().__init__()
        self.clients: list[Client] = []
        self.world = World([])
        self.marks: dict[bytes, tuple[int, int]] = {}
        self.count = 0

    @initialize()
    def begin(self) -> None:
        self.clients = [Client(2**21 + number) for number in range(CLIENTS)]
        self.world = World(self.clients)
        for client in self.clients:
            self.world.join(client)
        self.world.settle(random.Random(0))  # the interesting orders begin where everybody is in

    @rule(number=NUMBERS, shape=SHAPES, key=KEYS, value=st.integers(0, 99))
    def edit(self, number: int, shape: str, key: str, value: int) -> None:
        def change(shapes: Map[Any]) -> None:
            if isinstance(shapes.get(shape), Map):
                shapes[shape][key] = value
            else:
                shapes[shape] = Map({key: value})

        self._write(number, change)

    @rule(number=NUMBERS, shape=SHAPES)
    def delete(self, number: int, shape: str) -> None:
        self._write(number, lambda shapes: shapes.pop(shape, None))

    def _write(self, number: int, change: Callable[[Map[Any]], object]) -> None:
        client = self.clients[number]
        shapes: Map[Any] = client.doc.get("shapes", type=Map)
        with client.doc.transaction():
            change(shapes)
        if client.link is not None and client.has_answered:  # 102 speaks of what was sent
            self.count += 1
            mark = str(self.count).encode()
            client.link.up.append(encode(SyncStatus(mark)))
            self.marks[mark] = (number, _clock(client))

    @precondition(lambda self: any(link.up for link, _ in self.world.links.values()))
    @rule(data=st.data(), count=st.integers(1, 6))
    def server_hears(self, data: st.DataObject, count: int) -> None:
        link, _ = data.draw(st.sampled_from([pair for pair in self.world.links.values() if pair[0].up]))
        for _ in range(min(count, len(link.up))):
            self.world.perform(self.world.room.receive(link.connection, link.up.popleft()))

    @precondition(lambda self: any(link.down for link, _ in self.world.links.values()))
    @rule(data=st.data(), count=st.integers(1, 6))
    def client_hears(self, data: st.DataObject, count: int) -> None:
        link, client = data.draw(st.sampled_from([pair for pair in self.world.links.values() if pair[0].down]))
        for _ in range(min(count, len(link.down))):
            client.receive(link.down.popleft())

    @precondition(lambda self: bool(self.world.pending))
    @rule(part=st.integers(1, 8))
    def commit(self, part: int) -> None:
        self.world.commit(min(part, len(self.world.pending)))

    @rule(number=NUMBERS)
    def cut(self, number: int) -> None:
        self.world.cut(self.clients[number])

    @rule(number=NUMBERS)
    def join(self, number: int) -> None:
        if self.clients[number].link is None:
            self.world.join(self.clients[number])

    @rule()
    def settle(self) -> None:
        self.world.settle(random.Random(0))

    @rule(number=NUMBERS)
    def ask_again(self, number: int) -> None:
        """A stock client with a resync interval does."""
        client = self.clients[number]
        if client.link is not None:
            client.ask()

    @rule()
    def crash(self) -> None:
        """What was received and not committed is gone; the next life reads the log."""
        for client in self.clients:
            client.link = None
        self.world = World(self.clients, self.world.log)

    @rule()
    def compact(self) -> None:
        """The log becomes one snapshot of what it says, as Rooms writes it; the next crash reads that."""
        stored = Room(MAP, "epoch", self.world.log).doc
        snapshot = stored.get_update()
        assert flaw_of(snapshot, stored.get_state(), MAP) is None
        self.world.log[:] = [snapshot]

    @invariant()
    def nobody_was_turned_away(self) -> None:
        assert not self.world.closed

    @invariant()
    def what_was_acknowledged_is_stored(self) -> None:
        acked = [mark for client in self.clients for mark in client.acked]
        for client in self.clients:
            client.acked.clear()
        if acked:
            stored = Room(MAP, "epoch", self.world.log).gate.known
            for number, clock in (self.marks[mark] for mark in acked):
                assert stored.get(_id(self.clients[number]), 0) >= clock

    @invariant()
    def nobody_sees_what_is_not_stored(self) -> None:
        stored = Room(MAP, "epoch", self.world.log).gate.known
        for client in self.clients:
            for author, clock in client.known().items():
                if author != _id(client):
                    assert clock <= stored.get(author, 0)

    def teardown(self) -> None:
        if not self.clients:
            return
        self.world.settle(random.Random(0))
        expected = content(self.world.room.doc)
        assert [content(client.doc) for client in self.clients] == [expected] * CLIENTS
        restarted = Room(MAP, "epoch", self.world.log)
        assert (restarted.skipped, content(restarted.doc)) == (0, expected)
        self.what_was_acknowledged_is_stored()
        self.nobody_was_turned_away()


def _id(client: Client) -> Any:
    return client.doc.client_id


def _clock(client: Client) -> int:
    return client.known().get(_id(client), 0)


assert settings.default is not None
Board.TestCase.settings = settings(
    max_examples=settings.default.max_examples // 2,
    stateful_step_count=60,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
TestBoard = Board.TestCase
