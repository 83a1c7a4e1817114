"""Presence that lies (docs/spec.md P4 to P8), over real sockets in both dialects: the stock clients in the same room
log no error, and at the end they see each other as each says it is."""

from __future__ import annotations

import pytest

from frontend.build import Node
from sync.lib0 import var_bytes, var_string, var_uint
from sync.presence import MAX_CLOCK
from sync.protocol import SyncStatus, SyncStep1, encode
from tests.interop.people import People
from tests.interop.yjs_client import NodeProcess
from tests.support.raw_peer import RawPeer
from tests.support.server import Server

pytestmark = pytest.mark.anyio

MALLORY = '{"user":{"name":"mallory"}}'
STRANGER = 2**22
STATES = {
    "nothing": "",
    "no JSON": "{",
    "NaN": '{"x":NaN}',
    "Infinity": '{"x":[-Infinity]}',
    "a number that is none": '{"x":1e999}',
    "a list": "[1]",
    "a number": "1e999",
    "a text": '"words"',
    "true": "true",
    "a half of a pair": '{"x":"\\ud800"}',
    "a prototype": '{"__proto__":{"toString":1},"constructor":null}',
    "one key twice": '{"user":1,"user":{"id":"ann"}}',
    "9 KB": '{"x":"' + "x" * 9_000 + '"}',
    "17 deep": '{"a":' * 17 + "1" + "}" * 17,
    "4 000 lists deep": '{"a":' + "[" * 4_000 + "]" * 4_000 + "}",
    "30 000 lists deep": "[" * 30_000,
    "many digits": '{"x":' + "9" * 5_000 + "}",
}
CLOCKS = (0, 1, 2, 1_000, 2**31, 2**32, MAX_CLOCK, MAX_CLOCK + 1, 2**53 - 1)


def said(*entries: tuple[int, int, str]) -> bytes:
    """One awareness message."""
    body = b"".join(var_uint(client) + var_uint(clock) + var_string(state) for client, clock, state in entries)
    return b"\x01" + var_bytes(var_uint(len(entries)) + body)


def attacks(victims: list[int]) -> list[bytes]:
    """Messages, each of which may cost the connection that sends it."""
    taking_over = [
        said((victim, clock, state)) for victim in victims for clock in CLOCKS for state in (MALLORY, "null")
    ]
    return [
        *taking_over,
        *(said((STRANGER, number + 1, state)) for number, state in enumerate(STATES.values())),
        *(said((STRANGER + 1, clock, MALLORY)) for clock in reversed(CLOCKS)),
        *(said((client, 1, MALLORY)) for client in (0, 1, 2**32, 2**53 - 1)),
        said(*((STRANGER, 100 + clock, MALLORY) for clock in range(900))),
        said(*((2**23 + n, 1, "null") for n in range(50_000))),
        said(*((2**23 + n, 1, MALLORY) for n in range(50_000))),
        said((STRANGER, 5_000, '{"x":"' + "x" * 8 * 2**20 + '"}')),
        b"\x01" + var_bytes(var_uint(2**40) + b"\x01\x01"),
        b"\x01" + var_bytes(b"\x01" + b"\xff" * 8 + b"\x7f" + b"\x01" + var_string(MALLORY)),
        b"\x01" + var_bytes(b"\x01" + var_uint(STRANGER) + var_uint(9_000) + var_bytes(b"\xff\xfe")),
        b"\x01" + var_bytes(said((STRANGER, 9_001, MALLORY))[3:] + b"\x00"),
        b"\x01" + b"\xff" * 200_000,
    ]


async def send_all(url: str, messages: list[bytes], key: bytes = b"", opening: tuple[bytes, ...] = ()) -> int:
    """Each is read by the server before this returns; how many connections that took."""
    connections = 0
    peer: RawPeer | None = None
    for number, message in enumerate(messages):
        if peer is None or peer.close_code is not None or peer.is_lost:
            peer = await RawPeer.connect(url)
            connections += 1
            for frame in opening:
                peer.send(key + frame)
        mark = encode(SyncStatus(var_uint(number)))
        peer.send(key + message)
        peer.send(mark if not key else b"\x09")
        answer = mark if not key else b"\x00\x09"
        seen = len(peer.frames)
        await peer.until(lambda peer=peer, seen=seen, answer=answer: answer in peer.frames[seen:] or peer.is_lost)
    assert peer is not None
    peer.hang_up()
    return connections


async def test_p4_to_p8_stock_clients_beside_a_liar_log_no_error_and_see_right_states(
    node: Node, guarded_server: Server
) -> None:
    async with NodeProcess.start(node) as process:
        people = People(process, guarded_server, "team/liar")
        ann = await people.join_y(params={"token": people.token(user="ann")})
        ben = await people.join_h(4, people.token(user="ben"))
        names = {"ann": ann, "ben": ben}
        for name, one in names.items():
            await one.say_presence({"user": {"name": name, "id": name}, "at": 0})
        for one in names.values():
            await one.until_presence(lambda states: len(states) == 2)
        token = people.token(user="mallory")
        messages = attacks(list(await ann.presence()))
        first = await send_all(
            f"{guarded_server.sync_url}/{people.room}?token={token}", messages, opening=(encode(SyncStep1({})),)
        )
        opening = (b"\x02\x00" + var_string(token), encode(SyncStep1({})))
        second = await send_all(guarded_server.hocuspocus_url, messages, var_string(people.room), opening)
        assert min(first, second) > 1, "nothing was bad enough to be closed for"
        for name, one in names.items():
            await one.say_presence({"user": {"name": name, "id": name}, "at": 1})
        for one in names.values():
            await one.until_presence(
                lambda states: (
                    len(states) == 2
                    and {(state.get("user", {}).get("id"), state.get("at")) for state in states.values()}
                    == {("ann", 1), ("ben", 1)}
                ),
                30.0,
            )
        assert await process.ask(0, "complaints") == []
    assert "Traceback" not in guarded_server.output
