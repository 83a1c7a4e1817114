"""What a busy room gathers, and when it may say it (docs/spec.md W13)."""

from __future__ import annotations

import random
from typing import Any

from pycrdt import Doc, Map

from sync.coalescing import PAUSE_PER_COST, Coalescer, Pacer
from sync.effects import Broadcast
from sync.presence import ConnectionId
from sync.protocol import Awareness, AwarenessEntry, BoardEvent, ClientId, Update

ANN, BEN, CLEO = ConnectionId(1), ConnectionId(2), ConnectionId(3)


def updates(count: int) -> tuple[Doc[Any], list[Update]]:
    """A document and the updates that make it."""
    doc: Doc[Any] = Doc(client_id=2**21)
    out: list[Update] = []
    doc.observe(lambda event: out.append(Update(event.update)))
    shapes: Map[Any] = doc.get("shapes", type=Map)
    for number in range(count):
        shapes[f"s{number % 3}"] = number
    return doc, out


def presence(client: int, clock: int, state: str = "{}") -> AwarenessEntry:
    return AwarenessEntry(ClientId(client), clock, state)


def test_w13_updates_become_one_that_says_the_same() -> None:
    doc, made = updates(10)
    news = Coalescer()
    for update in made:
        news.add(Broadcast(update, (ANN, BEN)))
    (told,) = news.take()
    assert told.to == (ANN, BEN)
    assert isinstance(told.message, Update)
    replica: Doc[Any] = Doc()
    replica.apply_update(told.message.update)
    assert replica.get_state() == doc.get_state()
    assert replica.get("shapes", type=Map).to_py() == doc.get("shapes", type=Map).to_py()


def test_w13_of_presence_the_last_state_of_each_client_goes_out() -> None:
    news = Coalescer()
    for entries in ((presence(1, 1),), (presence(2, 1), presence(1, 2)), (presence(1, 3, "null"),)):
        news.add(Broadcast(Awareness(entries), (ANN, BEN)))
    (told,) = news.take()
    assert told.message == Awareness((presence(1, 3, "null"), presence(2, 1)))


def test_w13_who_was_there_at_the_last_change_is_told() -> None:
    _, made = updates(2)
    news = Coalescer()
    news.add(Broadcast(made[0], (ANN, BEN)))
    news.add(Broadcast(made[1], (BEN, CLEO)))  # Ann has gone, Cleo's step 2 held the first
    news.add(Broadcast(Awareness((presence(1, 1),)), (ANN,)))
    news.add(Broadcast(Awareness((presence(1, 2),)), (CLEO,)))
    assert [told.to for told in news.take()] == [(BEN, CLEO), (CLEO,)]


def test_h6_other_messages_keep_their_number_and_order() -> None:
    news = Coalescer()
    said = [Broadcast(BoardEvent({"n": number}), (ANN,)) for number in range(3)]
    for broadcast in said:
        news.add(broadcast)
    assert news.take() == said


def test_what_was_said_is_not_said_again() -> None:
    _, made = updates(1)
    news = Coalescer()
    assert not news
    news.add(Broadcast(made[0], (ANN,)))
    news.add(Broadcast(Awareness((presence(1, 1),)), (ANN,)))
    assert news
    assert len(news.take()) == 2
    assert not news
    assert news.take() == []


def test_w13_a_quiet_room_speaks_at_once_and_a_busy_one_pauses_by_what_it_cost() -> None:
    pacer = Pacer()
    assert pacer.pause_s(100.0) == 0.0
    pacer.spoke(100.0, cost_s=0.001)
    assert abs(pacer.pause_s(100.0) - PAUSE_PER_COST * 0.001) < 1e-9
    assert pacer.pause_s(100.0 + PAUSE_PER_COST * 0.001) == 0.0


def test_w13_no_pause_is_longer_than_16_ms() -> None:
    rng = random.Random(1)
    pacer, now = Pacer(), 0.0
    for _ in range(1_000):
        now += rng.expovariate(100)
        pacer.spoke(now, cost_s=rng.expovariate(50))
        assert 0.0 <= pacer.pause_s(now) < 0.016 + 1e-9
