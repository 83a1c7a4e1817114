"""What waits for one connection, against a link that fills and drains when told (docs/spec.md W6, W11, C1)."""

from __future__ import annotations

import random
from functools import partial

import pytest

from sync.outbox import SIGN_OF_LIFE, Outbox, Rules
from sync.outgoing import Outgoing
from sync.protocol import CloseCode


class Link:
    """Takes `room` messages, then says that it is paused; `drain` takes what it holds."""

    sender = None

    def __init__(self, rules: Rules, room: int = 1_000) -> None:
        self.outbox = Outbox(self, rules)
        self.room = room
        self.held: list[Outgoing] = []
        self.sent: list[Outgoing] = []
        self.goodbyes: list[tuple[int, str]] = []
        self._is_paused = False

    def write(self, item: Outgoing) -> None:
        assert not self._is_paused, "written to while it was full"
        assert not self.goodbyes, "written to after the goodbye"
        self.held.append(item)
        self.sent.append(item)
        if len(self.held) >= self.room:
            self._is_paused = True
            self.outbox.paused()

    def unsent_bytes(self) -> int:
        return sum(item.size_bytes for item in self.held)

    def close(self, code: CloseCode, reason: str) -> None:
        self.goodbyes.append((code, reason))

    def drain(self) -> None:
        self.held.clear()
        if self._is_paused:
            self._is_paused = False
            self.outbox.resumed()

    @property
    def payloads(self) -> list[bytes]:
        return [payload for item in self.sent for payload in item.payloads]


def items(*payloads: bytes) -> list[Outgoing]:
    return [Outgoing(payload) for payload in payloads]


def test_w3_what_waits_keeps_its_order_behind_what_was_sent() -> None:
    link = Link(Rules(1_000), room=2)
    for item in items(*(b"%d" % number for number in range(9))):
        link.outbox.put(item)
    assert link.payloads == [b"0", b"1"]
    while link.held:
        link.drain()
    assert link.payloads == [b"%d" % number for number in range(9)]
    assert link.outbox.size_bytes == 0


def test_c1_who_lets_more_wait_than_is_allowed_is_told_to_go_and_the_rest_is_dropped() -> None:
    link = Link(Rules(max_bytes=10), room=1)
    for item in items(b"a" * 5, b"b" * 10):
        link.outbox.put(item)
    assert not link.goodbyes
    link.outbox.put(Outgoing(b"c"))
    assert [code for code, _ in link.goodbyes] == [CloseCode.SLOW_CONSUMER]
    link.outbox.put(Outgoing(b"d"))
    assert link.outbox.size_bytes == 0
    assert link.payloads == [b"a" * 5]


def test_c1_a_goodbye_goes_out_after_what_was_put_before_and_the_first_reason_stands() -> None:
    link = Link(Rules(1_000), room=1)
    for item in items(b"a", b"b"):
        link.outbox.put(item)
    link.outbox.close(CloseCode.GOING_AWAY, "bye")
    link.outbox.close(CloseCode.REFUSED, "no")
    link.outbox.put(Outgoing(b"c"))
    assert not link.goodbyes
    link.drain()
    assert not link.goodbyes
    link.drain()
    assert link.payloads == [b"a", b"b"]
    assert link.goodbyes == [(CloseCode.GOING_AWAY, "bye")]


def test_w11_who_lags_gets_no_increments_then_one_difference_from_where_it_stood() -> None:
    asked: list[bytes] = []

    def catch_up(reached: bytes) -> list[Outgoing]:
        asked.append(reached)
        return items(b"difference")

    link = Link(Rules(1_000, lag_bytes=3, catch_up=catch_up), room=1)
    for state, payload in enumerate((b"a", b"bb", b"cc", b"dd", b"ee"), 1):
        link.outbox.put_increment(Outgoing(payload), partial(b"%d".__mod__, state))
    link.outbox.put_increment(Outgoing(b"update", b"presence"), lambda: b"x", Outgoing(b"presence"))
    link.outbox.put_increment(Outgoing(b"ff"), lambda: b"x")
    while link.held:
        link.drain()
    assert asked == [b"3"], "it had read up to the third"
    assert link.payloads == [b"a", b"bb", b"cc", b"presence", b"difference"]
    link.outbox.put_increment(Outgoing(b"g"), lambda: b"x")
    assert link.payloads[-1] == b"g", "it has caught up"


def test_w11_a_peer_that_reads_nothing_is_given_up_and_one_that_reads_slowly_is_not() -> None:
    link = Link(Rules(1_000, slow_after_s=10.0), room=3)
    for item in items(b"a", b"b", b"c", b"d"):
        link.outbox.put(item)
    for _ in range(2):
        for _ in range(9):
            link.outbox.beat(1.0)
        assert not link.goodbyes
        link.held.pop()  # it has read something
        link.outbox.beat(1.0)
    for _ in range(10):
        link.outbox.beat(1.0)
    assert [code for code, _ in link.goodbyes] == [CloseCode.SLOW_CONSUMER]


def test_w11_a_goodbye_that_cannot_go_out_is_given_up_with_its_own_reason() -> None:
    link = Link(Rules(1_000, slow_after_s=2.0), room=1)
    link.outbox.put(Outgoing(b"a"))
    link.outbox.close(CloseCode.REFUSED, "no")
    for _ in range(2):
        link.outbox.beat(1.0)
    assert link.goodbyes == [(CloseCode.REFUSED, "no")]


def test_w6_a_quiet_link_gets_a_sign_of_life_and_a_busy_or_a_closing_one_none() -> None:
    link = Link(Rules(1_000, keep_alive_s=3.0))
    for _ in range(10):
        link.outbox.put(Outgoing(b"x"))
        link.outbox.beat(1.0)
        link.outbox.beat(1.0)
    assert link.sent.count(SIGN_OF_LIFE) == 0
    for _ in range(4):
        link.outbox.beat(1.0)
    assert link.sent.count(SIGN_OF_LIFE) == 1
    link.outbox.close(CloseCode.GOING_AWAY, "bye")
    for _ in range(9):
        link.outbox.beat(1.0)
    assert link.sent.count(SIGN_OF_LIFE) == 1


@pytest.mark.parametrize("seed", range(20))
def test_w3_w11_in_any_order_of_events_nothing_is_reordered_and_memory_is_bounded(seed: int) -> None:
    rng = random.Random(seed)
    link = Link(Rules(max_bytes=40, lag_bytes=20, catch_up=lambda _: items(b"%04d" % number)), room=rng.randint(1, 4))
    number = 0
    for _ in range(300):
        if rng.random() < 0.6:
            number += 1
            link.outbox.put_increment(Outgoing(b"%04d" % number), bytes)
        else:
            link.drain()
        assert link.outbox.size_bytes <= 40
    while link.held:
        link.drain()
    heard = [int(payload) for payload in link.payloads]
    assert heard == sorted(heard)
    assert link.goodbyes or heard[-1] == number, "the last state has not arrived"
    assert not link.goodbyes, "increments stop long before a connection is given up"


class RawLink(Link):
    """Takes framed bytes, too."""

    def sender(self, wire: bytes) -> None:  # type: ignore[override]  # a method is a callable, once bound
        self.write(Outgoing(wire[2:]))  # small frames have a head of two bytes


def tell(outbox: Outbox, item: Outgoing) -> None:
    """As a room does."""
    if outbox.express is not None:
        outbox.has_written = True
        outbox.express(item.wire)
    else:
        outbox.put_increment(item, lambda: b"state")


@pytest.mark.parametrize("seed", range(20))
def test_w3_w11_the_short_way_is_open_only_while_nothing_waits_before_it(seed: int) -> None:
    dice = random.Random(seed)
    link = RawLink(Rules(10_000, lag_bytes=9_000), room=3)
    said: list[bytes] = []
    for number in range(200):
        match dice.randrange(8):
            case 0:
                link.drain()
            case 1:
                link.outbox.put(Outgoing(b"%d" % number))
                said.append(b"%d" % number)
            case _:
                tell(link.outbox, Outgoing(b"%d" % number))
                said.append(b"%d" % number)
    for _ in said:
        link.drain()
    assert link.payloads == said
    link.outbox.close(CloseCode.GOING_AWAY, "bye")
    tell(link.outbox, Outgoing(b"late"))
    assert link.payloads == said


def test_a_link_that_is_near_its_end_is_not_written_to_any_more() -> None:
    link = RawLink(Rules(10_000), room=1)
    tell(link.outbox, Outgoing(b"1"))
    link.outbox.muted()
    link.drain()
    assert link.outbox.express is None


def test_w6_what_went_the_short_way_is_a_sign_of_life() -> None:
    link = RawLink(Rules(10_000, keep_alive_s=15.0))
    for _ in range(4):
        link.outbox.beat(10.0)
        tell(link.outbox, Outgoing(b"x"))
    assert link.payloads == [b"x"] * 4
