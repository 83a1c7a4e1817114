"""Seeded convergence of the pure Room (docs/spec.md W3, W4, G3): links cut and healed, order shuffled, crashes."""

from __future__ import annotations

import random

import pytest

from sync.gate import MAP
from sync.protocol import ClientId, StateVector, SyncStatus, decode_state_vector, encode
from sync.room import Room
from tests.sync.peers import Client, World, content

SEEDS = 200


@pytest.mark.parametrize("seed", range(SEEDS))
def test_all_replicas_and_the_log_end_equal(seed: int) -> None:
    rng = random.Random(seed)
    clients = [Client(2**21 + index) for index in range(3)]
    world = World(clients)
    for _ in range(150):
        client = rng.choice(clients)
        match rng.random():
            case chance if chance < 0.35:
                client.edit(rng)
            case chance if chance < 0.42:
                world.cut(client)
            case chance if chance < 0.50 and client.link is None:
                world.join(client)
            case _:
                world.step(rng)
    world.settle(rng)

    expected = content(world.room.doc)
    assert [content(client.doc) for client in clients] == [expected] * 3
    assert not world.closed, "an honest client was turned away"
    assert content(Room(MAP, "epoch", world.log).doc) == expected, "the log says something else than the room"
    snapshot = world.room.doc.get_update()
    assert content(Room(MAP, "epoch", [snapshot]).doc) == expected, "the gate does not let our own snapshot in"


@pytest.mark.parametrize("seed", range(50))
def test_what_was_acknowledged_is_in_the_log_after_a_crash(seed: int) -> None:
    """S2: the server dies with updates received, written and half written; nothing that was acked is gone."""
    rng = random.Random(seed)
    clients = [Client(2**21 + index) for index in range(3)]
    world = World(clients)
    marks: dict[bytes, StateVector] = {}
    for life in range(4):
        for client in clients:
            world.join(client)
        for number in range(60):
            client = rng.choice(clients)
            if rng.random() < 0.4 and client.link is not None:
                client.edit(rng)
                mark = f"{life}.{number}.{clients.index(client)}".encode()
                if not client.has_answered:
                    continue  # 102 speaks of what was sent; offline edits are sent with the first step 2
                client.link.up.append(encode(SyncStatus(mark)))
                own = ClientId(client.doc.client_id)
                marks[mark] = {own: decode_state_vector(client.doc.get_state()).get(own, 0)}
            else:
                world.step(rng)
        acked = {mark for client in clients for mark in client.acked}
        survivor = Room(MAP, "epoch", world.log)
        for mark in acked:
            for client_id, clock in marks[mark].items():
                assert survivor.gate.known.get(client_id, 0) >= clock, f"{mark!r} was acked and is lost"
        for client in clients:
            client.link = None
        world = World(clients, world.log)
    world.settle(rng)
    expected = content(world.room.doc)
    assert [content(client.doc) for client in clients] == [expected] * 3
