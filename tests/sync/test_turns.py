"""A flood gets a small part of each turn of the loop, however many send it (docs/spec.md, W15)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

import anyio
import anyio.lowlevel
import pytest

from benchmarks.attack.frames import frame
from sync import connections, transport, turns
from sync import websocket as ws
from sync.connection import Connection
from sync.presence import ConnectionId
from sync.protocol import SyncStep1
from sync.transport import WebSocket
from sync.turns import Turns, turns_of
from tests.support.party import party


class Loop:
    """Calls back when told."""

    def __init__(self) -> None:
        self.due: list[Callable[[], None]] = []

    def call_soon(self, callback: Callable[[], None]) -> None:
        self.due.append(callback)

    def turn(self) -> None:
        due, self.due = self.due, []
        for callback in due:
            callback()


class Wire:
    """The transport of a flood: is it read?"""

    def __init__(self) -> None:
        self.is_read = True
        self.written = 0

    def pause_reading(self) -> None:
        self.is_read = False

    def resume_reading(self) -> None:
        self.is_read = True

    def is_closing(self) -> bool:
        return False

    def write(self, data: bytes) -> None:
        self.written += 1


def flooded(loop: Loop, pings: int) -> tuple[WebSocket, Wire]:
    """A connection on which so many came at once."""
    connection, wire = WebSocket.__new__(WebSocket), Wire()
    connection.loop = cast(asyncio.AbstractEventLoop, loop)
    connection.transport = cast(Any, wire)
    connection.reader = ws.Reader(2**20)
    connection.read_paused = False
    connection.writable = cast(Any, SimpleNamespace(is_set=lambda: True))
    connection.data_received(frame(ws.PING, b"") * pings)
    return connection, wire


def test_w15_those_who_wait_are_served_by_turns_until_their_time_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "SHARE_S", 0.0)
    loop, served = Loop(), list[str]()
    waiting = Turns(loop.call_soon)

    def flood(name: str) -> None:
        served.append(name)
        waiting.wait(lambda: flood(name))

    for name in "abc":
        waiting.wait(lambda name=name: flood(name))  # type: ignore[misc]
    for _ in range(7):
        assert len(loop.due) == 1, "one call a turn of the loop, however many wait"
        loop.turn()
    assert "".join(served) == "abcabca"


def test_w15_all_are_served_in_one_turn_when_there_is_time_and_then_nothing_is_due(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(turns, "SHARE_S", 1e9)
    loop, served = Loop(), list[int]()
    waiting = Turns(loop.call_soon)
    for number in range(5):
        waiting.wait(lambda number=number: served.append(number))  # type: ignore[misc]
    loop.turn()
    assert served == [0, 1, 2, 3, 4]
    assert loop.due == []


def test_w15_a_flood_is_not_read_on_before_what_has_come_is_handled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "TURN_S", 0.0)
    monkeypatch.setattr(turns, "SHARE_S", 0.0)
    loop = Loop()
    connections = [flooded(loop, 100) for _ in range(3)]
    handled = [wire.written for _, wire in connections]
    assert max(handled) < 10, "each has begun, and others have their turn"
    most = max(handled)
    while loop.due:
        before = sum(wire.written for _, wire in connections)
        for connection, wire in connections:
            assert wire.is_read == (not connection.is_queued)
        loop.turn()
        assert sum(wire.written for _, wire in connections) - before <= most, "all floods together get one share"
    assert [wire.written for _, wire in connections] == [100, 100, 100]
    assert all(wire.is_read for _, wire in connections)


def test_w15_what_comes_while_it_waits_is_kept_for_its_turn_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "TURN_S", 0.0)
    loop = Loop()
    connection, wire = flooded(loop, 50)
    begun = wire.written
    connection.data_received(frame(ws.PING, b"") * 7)
    assert wire.written == begun
    assert not wire.is_read
    assert len(loop.due) == 1
    while loop.due:
        loop.turn()
    assert wire.written == 57


def test_w15_big_messages_of_many_are_read_one_in_a_turn_of_the_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "SHARE_S", 0.0)
    loop, got = Loop(), list[int]()
    connections = [flooded(loop, 0)[0] for _ in range(3)]
    receiver = SimpleNamespace(received=lambda data: got.append(len(data)))
    for connection in connections:
        connection.close_sent = False
        connection.receiver = cast(Any, receiver)
        connection.data_received(frame(ws.BINARY, bytes(100_000)))
    for count in range(4):
        assert got == [100_000] * count
        loop.turn()
    assert got == [100_000] * 3
    assert loop.due == []


def test_w15_one_that_is_held_is_read_on_only_when_it_may_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "TURN_S", 0.0)
    loop = Loop()
    connection, wire = flooded(loop, 50)
    connection.hold()
    begun = wire.written
    while loop.due:
        loop.turn()
    assert wire.written == begun
    assert not wire.is_read
    connection.go_on()
    while loop.due:
        loop.turn()
    assert wire.written == 50
    assert wire.is_read


def test_w15_each_loop_has_turns_of_its_own() -> None:
    one, other = asyncio.new_event_loop(), asyncio.new_event_loop()
    try:
        assert turns_of(one) is turns_of(one) is not turns_of(other)
    finally:
        one.close()
        other.close()


@pytest.mark.anyio
async def test_w15_others_have_their_turn_while_many_connections_are_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "BEATS_AT_ONCE", 2)
    looked_at: list[ConnectionId] = []
    monkeypatch.setattr(Connection, "beat", lambda self, passed_s, full: looked_at.append(self.id))
    async with party() as guests:
        for _ in range(6):
            await guests.join().hear(SyncStep1)
        looked_at.clear()
        beat = guests.hub.connections.beat(1.0).__await__()
        seen = [len(looked_at) for _ in beat]
        assert seen == [2, 4, 6]
        assert len(set(looked_at)) == 6


@pytest.mark.anyio
async def test_w15_one_that_left_meanwhile_is_not_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "BEATS_AT_ONCE", 1)
    looked_at: list[ConnectionId] = []
    monkeypatch.setattr(Connection, "beat", lambda self, passed_s, full: looked_at.append(self.id))
    async with party() as guests:
        for _ in range(2):
            await guests.join().hear(SyncStep1)
        looked_at.clear()
        beat = guests.hub.connections.beat(1.0).__await__()
        next(beat)
        for socket in guests.sockets:
            socket.hang_up()
        with anyio.fail_after(5):
            while guests.hub.people("r"):
                await anyio.lowlevel.checkpoint()
        assert list(beat)
        assert len(looked_at) == 1
