"""The assistant's face: what is sent, how often, and what it knows of the people."""

from __future__ import annotations

import json
from typing import Any

import anyio
import pytest

from agent.peer import MAX_TEXT, Peer, joined

pytestmark = pytest.mark.anyio


class Wire:
    """Records the states; people are set by the test."""

    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []
        self.at: list[float] = []
        self.peers: dict[int, dict[str, Any]] = {}

    def set_presence(self, state: dict[str, Any] | None) -> None:
        assert state is not None
        self.sent.append(state)
        self.at.append(anyio.current_time())


async def until(wire: Wire, note: str) -> None:
    with anyio.fail_after(5):
        while not any(state["agent"]["note"] == note for state in wire.sent):
            await anyio.sleep(0.01)


async def test_a_thousand_words_are_ten_states_a_second_and_the_last_one_arrives() -> None:
    wire = Wire()
    async with joined(wire, "assistant", "Assistant", "m", False) as peer:
        for n in range(300):
            peer.show("thinking", "r1", text="word " * n)
            await anyio.sleep(0.001)
        peer.show("working", "r1", note="last")
        await until(wire, "last")
    gaps = [later - sooner for sooner, later in zip(wire.at, wire.at[1:], strict=False)]
    assert min(gaps) >= 0.09
    assert len(wire.sent[-2]["agent"]["text"]) <= MAX_TEXT


async def test_an_idle_assistant_is_there_without_a_cursor() -> None:
    wire = Wire()
    async with joined(wire, "assistant", "Demo assistant (no AI)", "demo", True) as peer:
        peer.point(10.4, 20.6)
        peer.show("working", "r1", note="a", targets=("s1",))
        await until(wire, "a")
        peer.show("idle", note="b")
        await until(wire, "b")
    working, idle = wire.sent[-2:]
    assert (working["cursor"], working["selection"]) == ({"x": 10, "y": 21}, ["s1"])
    assert idle["cursor"] is None
    assert idle["user"] == {"id": "assistant", "name": "Demo assistant (no AI)", "color": "#7C3AED", "kind": "agent"}
    assert idle["agent"]["demo"] is True


def test_states_of_others_are_read_however_odd_they_are() -> None:
    wire = Wire()
    wire.peers = {
        1: {"user": {"id": "ann", "name": "Ann", "kind": "human"}, "dragging": ["s1", 5, None]},
        2: {"user": "nobody", "dragging": {"s2": True}},
        3: {"user": {"id": "bot", "name": "Bot", "kind": "agent"}},
        4: {},
        5: {"user": {"id": "x", "name": 7}, "dragging": ["s3"]},
    }
    peer = Peer(wire, "assistant", "Assistant", "m", False)
    assert peer.dragging() == {"s1": "Ann", "s3": "somebody"}
    assert peer.names() == {"ann": "Ann", "bot": "Bot", "x": "7"}
    assert peer.writers()[1] == "Ann"


async def test_a_state_never_outgrows_what_the_server_takes() -> None:
    wire = Wire()
    async with joined(wire, "assistant", "Assistant", "m", False) as peer:
        peer.show(
            "working", "r1", note="🙂" * 500, text="漢🙂" * 5000, targets=tuple("s" * 120 + str(n) for n in range(90))
        )
        await until(wire, "🙂" * 160)
    assert len(json.dumps(wire.sent[-1], ensure_ascii=False).encode()) < 8 * 1024
    assert wire.sent[-1]["agent"]["text"]
