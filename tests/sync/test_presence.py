"""The awareness table (docs/spec.md, section P)."""

from __future__ import annotations

import json

import pytest

from sync.presence import MAX_CLOCK, MAX_STATE_BYTES, ConnectionId, Identity, Presence
from sync.protocol import AwarenessEntry, ClientId

ANN, BEN = ConnectionId(1), ConnectionId(2)
NOBODY = Identity()


def entry(client: int, clock: int, state: str = '{"user":{"name":"Ann"}}') -> AwarenessEntry:
    return AwarenessEntry(ClientId(client), clock, state)


def test_a_state_is_relayed_and_told_to_those_who_come_later() -> None:
    presence = Presence()
    assert presence.receive(ANN, [entry(7, 1)], NOBODY) == (entry(7, 1),)
    assert presence.entries() == (entry(7, 1),)


def test_p1_an_echo_is_not_relayed_again() -> None:
    """A stock client sends on what it receives: without this rule cursors multiply."""
    presence = Presence()
    presence.receive(ANN, [entry(7, 3)], NOBODY)
    assert presence.receive(BEN, [entry(7, 3)], NOBODY) == ()
    assert presence.receive(ANN, [entry(7, 3)], NOBODY) == ()


def test_p2_a_connections_clients_leave_when_it_ends() -> None:
    presence = Presence()
    presence.receive(ANN, [entry(7, 3)], NOBODY)
    presence.receive(BEN, [entry(8, 1)], NOBODY)
    assert presence.disconnect(ANN) == (entry(7, 4, "null"),)
    assert presence.entries() == (entry(8, 1),)


def test_p3_who_returns_with_an_old_clock_is_seen_again_at_once() -> None:
    presence = Presence()
    presence.receive(ANN, [entry(7, 9)], NOBODY)
    presence.disconnect(ANN)
    assert presence.receive(BEN, [entry(7, 2)], NOBODY) == (entry(7, 11),)


def test_p2_the_new_connection_of_the_same_person_takes_over_before_the_old_one_is_known_dead() -> None:
    presence = Presence()
    presence.receive(ANN, [entry(7, 1)], NOBODY)
    assert presence.receive(BEN, [entry(7, 2)], NOBODY) == (entry(7, 2),)
    assert presence.disconnect(ANN) == ()
    assert presence.entries() == (entry(7, 2),)


def test_p4_nobody_speaks_for_another_persons_client() -> None:
    presence = Presence()
    presence.receive(ANN, [entry(7, 1)], Identity("ann"))
    assert presence.receive(BEN, [entry(7, 2, "{}")], Identity("ben")) == ()
    assert presence.receive(BEN, [entry(7, 3, "null")], Identity("ben")) == ()
    assert [e.clock for e in presence.entries()] == [1]
    assert presence.refused == 2


def test_p4_the_servers_idea_of_who_it_is_wins() -> None:
    presence = Presence()
    forged = '{"user":{"id":"boss","kind":"agent","name":"Ann"},"cursor":{"x":1}}'
    (relayed,) = presence.receive(ANN, [entry(7, 1, forged)], Identity("ann", "human"))
    assert json.loads(relayed.state) == {
        "user": {"id": "ann", "kind": "human", "name": "Ann"},
        "cursor": {"x": 1},
    }


@pytest.mark.parametrize(
    "state",
    [
        '{"x":NaN}',
        '{"x":Infinity}',
        "[1]",
        "nonsense",
        "{" * 100_000,
        '{"a":' * 17 + "1" + "}" * 17,
        json.dumps({"note": "x" * MAX_STATE_BYTES}),
    ],
)
def test_p5_a_state_that_would_break_a_browser_is_left_out(state: str) -> None:
    presence = Presence()
    assert presence.receive(ANN, [entry(7, 1, state), entry(8, 1)], NOBODY) == (entry(8, 1),)
    assert presence.refused == 1


def test_p5_a_clock_that_could_never_advance_again_is_refused() -> None:
    presence = Presence()
    assert presence.receive(ANN, [entry(7, MAX_CLOCK + 1)], NOBODY) == ()


def test_leaving_is_told_once() -> None:
    presence = Presence()
    presence.receive(ANN, [entry(7, 1)], NOBODY)
    assert presence.receive(ANN, [entry(7, 2, "null")], NOBODY) == (entry(7, 2, "null"),)
    assert presence.receive(ANN, [entry(7, 3, "null")], NOBODY) == ()
    assert presence.disconnect(ANN) == ()


@pytest.mark.parametrize("value", ['"\\ud800"', "1e999", '{"a":[-1e999]}'])
def test_p8_a_state_that_cannot_be_stamped_is_left_out_alone(value: str) -> None:
    """Half a character and infinity have JSON texts; written again they have none, or none that is UTF-8."""
    presence = Presence()
    bad, good = entry(7, 1, f'{{"x":{value}}}'), entry(8, 1)
    relayed = presence.receive(ANN, [bad, good], Identity("ann", "human"))
    assert [one.client for one in relayed] == [8]
    assert presence.refused == 1
    assert all(one.state.encode() for one in presence.entries())
