"""Simulated clients and links for the pure Room: FIFO links that can be cut, and a log that commits when told."""

from __future__ import annotations

import random
from collections import deque
from typing import Any

from pycrdt import Doc, Map, TransactionEvent

from sync.coalescing import Coalescer
from sync.effects import Append, Batch, Broadcast, Close, Effect, Send
from sync.gate import MAP
from sync.members import Member
from sync.presence import ConnectionId
from sync.protocol import (
    EMPTY_UPDATE,
    StateVector,
    SyncStatus,
    SyncStep1,
    SyncStep2,
    Update,
    decode,
    decode_state_vector,
    encode,
    encode_state_vector,
)
from sync.room import Room


class Client:
    """What a stock client does: step 1 on connecting, step 2 as an answer, updates as they happen."""

    def __init__(self, client_id: int) -> None:
        self.doc: Doc[Any] = Doc(client_id=client_id)
        self.link: Link | None = None
        self.has_answered = False
        self.acked: list[bytes] = []
        self._is_applying = False
        self.doc.observe(self._on_change)

    def _on_change(self, event: TransactionEvent) -> None:
        if self.link is not None and not self._is_applying:
            self.link.up.append(encode(Update(event.update)))

    def hello(self, link: Link) -> None:
        self.link = link
        self.has_answered = False
        link.up.append(encode(SyncStep1(decode_state_vector(self.doc.get_state()))))

    def ask(self) -> None:
        """Step 1 again."""
        assert self.link is not None
        self.link.up.append(encode(SyncStep1(self.known())))

    def known(self) -> StateVector:
        return decode_state_vector(self.doc.get_state())

    def receive(self, frame: bytes) -> None:
        assert self.link is not None
        for message in decode(frame):
            match message:
                case SyncStep1(vector):
                    self.link.up.append(encode(SyncStep2(self.doc.get_update(encode_state_vector(vector)))))
                    self.has_answered = True
                case SyncStep2(update) | Update(update):
                    if update != EMPTY_UPDATE:
                        self._is_applying = True
                        self.doc.apply_update(update)
                        self._is_applying = False
                case SyncStatus(content):
                    self.acked.append(content)
                case _:
                    pass

    def edit(self, rng: random.Random) -> None:
        shapes: Map[Any] = self.doc.get("shapes", type=Map)
        shape = f"s{rng.randrange(4)}"
        with self.doc.transaction():
            if not isinstance(shapes.get(shape), Map) or rng.random() < 0.1:
                shapes[shape] = Map({"x": rng.randrange(100)})
            elif rng.random() < 0.1:
                del shapes[shape]
            else:
                for _ in range(rng.randrange(1, 4)):
                    shapes[shape][rng.choice("xywh")] = rng.randrange(1000)


class Link:
    def __init__(self, connection: ConnectionId) -> None:
        self.connection = connection
        self.up: deque[bytes] = deque()
        self.down: deque[bytes] = deque()


class World:
    """One room, its log, and clients whose links deliver in order but at any time."""

    def __init__(self, clients: list[Client], log: list[bytes] | None = None) -> None:
        self.clients = clients
        self.log: list[bytes] = log if log is not None else []
        self.room = Room(MAP, "epoch", self.log)
        self.news = Coalescer()
        self.pending: list[bytes] = []
        self.links: dict[ConnectionId, tuple[Link, Client]] = {}
        self.closed: list[Close] = []
        self._next = 0

    def join(self, client: Client) -> None:
        self._next += 1
        link = Link(ConnectionId(self._next))
        self.links[link.connection] = (link, client)
        self.perform(self.room.connect(link.connection, Member()))
        client.hello(link)

    def cut(self, client: Client) -> None:
        link, client.link = client.link, None
        if link is not None:
            del self.links[link.connection]
            self.perform(self.room.disconnect(link.connection))

    def perform(self, effects: list[Effect]) -> None:
        for effect in effects:
            match effect:
                case Append(update, _):
                    self.pending.append(update)
                case Send(connection, message):
                    self._down(connection, encode(message))
                case Broadcast():
                    self.news.add(effect)
                case Close():
                    self.closed.append(effect)
                case Batch():
                    pass  # what it used is not limited here

    def _down(self, connection: ConnectionId, frame: bytes) -> None:
        if connection in self.links:
            self.links[connection][0].down.append(frame)

    def speak(self) -> None:
        """Everybody hears what has gathered (W13)."""
        for news in self.news.take():
            for connection in news.to:
                self._down(connection, encode(news.message))

    def commit(self, count: int) -> None:
        self.log += self.pending[:count]
        del self.pending[:count]
        self.perform(self.room.committed(count))

    def step(self, rng: random.Random) -> bool:
        """Deliver one frame or commit something; False when nothing is under way."""
        moves = [(link, client, way) for link, client in self.links.values() for way in ("up", "down")]
        moves = [move for move in moves if getattr(move[0], move[2])]
        if self.news and (not moves or rng.random() < 0.2):
            self.speak()
            return True
        if self.pending and (not moves or rng.random() < 0.3):
            self.commit(rng.randint(1, len(self.pending)))
            return True
        if not moves:
            return False
        link, client, way = rng.choice(moves)
        frame = getattr(link, way).popleft()
        if way == "up":
            self.perform(self.room.receive(link.connection, frame))
        else:
            client.receive(frame)
        return True

    def settle(self, rng: random.Random) -> None:
        for client in self.clients:
            if client.link is None:
                self.join(client)
        while self.step(rng):
            pass


def content(doc: Doc[Any]) -> Any:
    return doc.get("shapes", type=Map).to_py()
