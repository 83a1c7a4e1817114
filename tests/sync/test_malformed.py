"""Frames that break a rule, over real sockets (docs/spec.md W7, C1, G1, G5, G6): the connection that sent one is closed
with a code and a sentence, no other notices, and the process lives."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pycrdt import Array, Doc, Map, Text

from sync.gate import ANY, MAP, Gate, NotReady, Refused
from sync.hocuspocus import read, split
from sync.lib0 import var_bytes, var_string, var_uint
from sync.nesting import MAX_TYPE_DEPTH
from sync.protocol import ProtocolError, SyncStatus, SyncStep1, Update, decode, encode
from tests.support.raw_peer import RawPeer
from tests.support.server import Server

pytestmark = pytest.mark.anyio

MALFORMED, TOO_BIG, REFUSED = 4400, 4413, 4422
FINAL = {MALFORMED, TOO_BIG, REFUSED}


def update(*sections: tuple[int, int, list[bytes]], deletes: bytes = b"\x00") -> bytes:
    """A Yjs update, byte by byte: (client, clock, blocks)."""
    out = var_uint(len(sections))
    for client, clock, blocks in sections:
        out += var_uint(len(blocks)) + var_uint(client) + var_uint(clock) + b"".join(blocks)
    return out + deletes


def value(content: bytes, key: str = "k", root: str = "shapes") -> bytes:
    """A block that sets a key of a root map to one lib0 `any`."""
    return b"\x28\x01" + var_string(root) + var_string(key) + b"\x01" + content


CLIENT = 2**21
ONE = value(b"\x7e")
NESTED = b"\x75\x01" * 12 + b"\x7e"
FRAMES: dict[str, tuple[bytes, int]] = {
    "nothing at all": (b"", MALFORMED),
    "a sync message without its kind": (b"\x00", MALFORMED),
    "a sync message of a kind that does not exist": (b"\x00\x07\x00", MALFORMED),
    "a length beyond the end": (b"\x00\x02\x7f\x00", MALFORMED),
    "a number without an end": (b"\x00\x02" + b"\xff" * 12, MALFORMED),
    "a number of 200 000 bytes": (b"\xff" * 200_000, MALFORMED),
    "a presence count without entries": (b"\x01" + var_bytes(b"\x05"), MALFORMED),
    "presence that is not UTF-8": (b"\x01" + var_bytes(b"\x01\x07\x01\x02\xff\xfe"), MALFORMED),
    "more presence entries than a room has people": (b"\x01" + var_bytes(var_uint(50_000)), MALFORMED),
    "a state vector with bytes after its end": (b"\x00\x00" + var_bytes(b"\x00\x00"), MALFORMED),
    "a state vector of a million entries": (b"\x00\x00" + var_bytes(var_uint(1_000_000)), MALFORMED),
    "more messages than a frame may hold": (b"\x03" * 500, MALFORMED),
    "a sync status of 10 000 bytes": (b"\x66" + var_bytes(bytes(10_000)), MALFORMED),
    "a frame over the limit": (bytes(5 * 2**20), TOO_BIG),
}
UPDATES: dict[str, tuple[bytes, int]] = {
    "no update": (b"", MALFORMED),
    "bytes after its end": (update((CLIENT, 0, [ONE])) + b"\x00", MALFORMED),
    "an end inside a block": (update((CLIENT, 0, [ONE]))[:-4], MALFORMED),
    "a section without blocks": (update((CLIENT, 0, [])), MALFORMED),
    "many sections without blocks": (update(*[(CLIENT + n, 0, []) for n in range(1_000)]), MALFORMED),
    "two sections of one client": (update((CLIENT, 0, [ONE]), (CLIENT, 0, [ONE])), MALFORMED),
    "a value nested too deep": (update((CLIENT, 0, [value(NESTED)])), MALFORMED),
    "a value of a kind that does not exist": (update((CLIENT, 0, [value(b"\x05")])), MALFORMED),
    "a block of content that does not exist": (update((CLIENT, 0, [b"\x2b\x01\x01a\x01k"])), MALFORMED),
    "a block of length 0": (update((CLIENT, 0, [b"\x28\x01\x01a\x01k\x00"])), MALFORMED),
    "a clock beyond 31 bits": (update((CLIENT, 2**31, [ONE])), MALFORMED),
    "a block that builds on itself": (update((CLIENT, 0, [b"\xa8" + var_uint(CLIENT) + b"\x00\x01\x7e"])), MALFORMED),
    "deletions of nothing": (update(deletes=b"\x01" + var_uint(CLIENT) + b"\x01\x00\x00"), MALFORMED),
    "deletions of one client twice": (update(deletes=b"\x02" + (var_uint(CLIENT) + b"\x01\x00\x01") * 2), MALFORMED),
    "a list where the board has maps": (update((CLIENT, 0, [b"\x08\x01\x06shapes\x01\x7e"])), REFUSED),
    "text where the board has maps": (update((CLIENT, 0, [b"\x04\x01\x06shapes\x01a"])), REFUSED),
    "a root that the board does not have": (update((CLIENT, 0, [value(b"\x7e", root="secrets")])), REFUSED),
    "a client id of assistants": (update((7, 0, [ONE])), REFUSED),
    "one key set more often than anybody does": (update((CLIENT, 0, [ONE] * 100)), REFUSED),
    "maps in maps in maps in maps": (
        update(
            (
                CLIENT,
                0,
                [b"\x27\x01\x06shapes\x01k\x01"]
                + [b"\x27\x00" + var_uint(CLIENT) + var_uint(n) + b"\x01k\x01" for n in range(5)],
            )
        ),
        REFUSED,
    ),
}
CORPUS = {**FRAMES, **{name: (encode(Update(data)), code) for name, (data, code) in UPDATES.items()}}


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server(tmp_path_factory.mktemp("malformed")) as server:
        yield server
    assert "Traceback" not in server.output, server.output


@pytest.fixture(scope="module")
async def witness(shared: Server) -> AsyncIterator[RawPeer]:
    """Somebody in the same room, who must not notice anything."""
    peer = await RawPeer.connect(f"{shared.sync_url}/r?coplayer=1")
    peer.send(encode(SyncStep1({})))
    yield peer
    peer.hang_up()


@pytest.mark.parametrize("name", CORPUS)
async def test_c1_it_is_closed_with_a_code_and_a_sentence(shared: Server, witness: RawPeer, name: str) -> None:
    frame, code = CORPUS[name]
    peer = await RawPeer.connect(f"{shared.sync_url}/r?coplayer=1")
    peer.send(frame)
    await peer.until(lambda: peer.close_code is not None)
    assert (peer.close_code, peer.close_reason[-1:]) == (code, ".")
    peer.hang_up()
    await lives(witness)


async def lives(witness: RawPeer) -> None:
    """It can still write, and hears that it is stored."""
    doc: Doc[Any] = Doc(client_id=2**22 + witness.received)  # a new writer each time
    doc.get("shapes", type=Map)["alive"] = witness.received
    mark = encode(SyncStatus(str(witness.received).encode()))
    witness.send(encode(Update(doc.get_update())) + mark)
    await witness.until(lambda: mark in witness.frames)
    assert witness.close_code is None


@pytest.mark.parametrize("name", [name for name in CORPUS if "limit" not in name])
async def test_h7_in_the_other_dialect_it_costs_the_socket_or_the_document(shared: Server, name: str) -> None:
    frame, _ = CORPUS[name]
    key = var_string("r")
    peer = await RawPeer.connect(shared.hocuspocus_url)
    peer.send(key + b"\x02\x00\x00")
    peer.send(key + encode(SyncStep1({})))
    peer.send(key + frame)
    closed = key + b"\x07"
    await peer.until(lambda: peer.close_code is not None or any(frame.startswith(closed) for frame in peer.frames))
    assert peer.close_code in (None, MALFORMED)
    peer.hang_up()


async def test_c1_what_is_announced_as_too_big_is_refused_before_it_is_there(shared: Server) -> None:
    """Else forty such frames that never end would hold a gigabyte."""
    peer = await RawPeer.connect(f"{shared.sync_url}/r?coplayer=1")
    peer.send(encode(SyncStep1({})))
    await peer.until(lambda: peer.frames)
    peer.send_raw(b"\x82\xff" + (5 * 2**20).to_bytes(8, "big") + bytes(4) + b"the beginning")
    await peer.until(lambda: peer.close_code is not None)
    assert (peer.close_code, peer.close_reason[-1:]) == (TOO_BIG, ".")
    peer.hang_up()


async def test_h7_a_socket_that_breaks_two_rules_at_once_ends_quietly(shared: Server) -> None:
    """The goodbye for a message finds that the frame behind it has ended the connection; nobody's fault is logged."""
    peer = await RawPeer.connect(shared.hocuspocus_url)
    await peer.until(lambda: peer.frames)
    malformed, broken = b"\x82\x82" + bytes(4) + b"\xff\xff", b"\x83\x80" + bytes(4)
    peer.send_raw(malformed + broken)
    await peer.until(lambda: peer.close_code is not None)
    assert peer.close_code == 1002
    peer.hang_up()
    assert "Traceback" not in shared.output, shared.output


async def test_w7_frames_of_chance_close_at_most_their_own_connection(shared: Server, witness: RawPeer) -> None:
    """A few hundred mutants of honest frames, a connection each."""
    rng = random.Random(1)
    doc: Doc[Any] = Doc(client_id=CLIENT)
    doc.get("shapes", type=Map)["a"] = Map({"x": 1, "text": "héllo"})
    seeds = [encode(Update(doc.get_update())), encode(SyncStep1({})), *(frame for frame, _ in CORPUS.values())]
    for _ in range(150):
        frame = bytearray(rng.choice(seeds)[:500])
        for _ in range(rng.randrange(1, 4)):
            if frame:
                frame[rng.randrange(len(frame))] = rng.choice((0, 1, 127, 128, 255, rng.randrange(256)))
        peer = await RawPeer.connect(f"{shared.sync_url}/r?coplayer=1")
        peer.send(bytes(frame))
        peer.send(encode(SyncStatus(b"end")))
        await peer.until(lambda peer=peer: peer.close_code is not None or _has_answered(peer))
        assert peer.close_code in {None, *FINAL}
        peer.hang_up()
    await lives(witness)


def _has_answered(peer: RawPeer) -> bool:
    """With the 102, or with a question for what the frame builds on."""
    greeting_and_question = 2
    steps = sum(frame.startswith(b"\x00\x00") for frame in peer.frames)
    return encode(SyncStatus(b"end")) in peer.frames or steps >= greeting_and_question


HONEST: Doc[Any] = Doc(client_id=CLIENT)
HONEST.get("shapes", type=Map)["a"] = Map({"x": 1, "text": "héllo 🌍", "list": [1, {"a": None}]})
HONEST.get("note", type=Text).insert(0, "words")
HONEST.get("list", type=Array).append(1)
BEGINNINGS = [HONEST.get_update()[:end] for end in range(0, len(HONEST.get_update()), 3)]


@settings(max_examples=300, deadline=None)
@given(
    st.one_of(st.binary(max_size=200), st.builds(bytes.__add__, st.sampled_from(BEGINNINGS), st.binary(max_size=40)))
)
def test_w7_the_codecs_and_the_gate_raise_only_protocol_errors(data: bytes) -> None:
    for use in (decode, split, read, lambda frame: decode(encode(Update(frame)))):
        try:
            use(data)
        except ProtocolError as error:
            assert error.reason.endswith(".")
    gate = Gate(MAP)
    try:
        gate.admit(data)
        gate.admit(data, is_partial=True)
    except NotReady:
        gate.admit(data, is_partial=True)  # what is left fits, or is nothing
    except Refused as error:
        assert error.code in FINAL


def test_g4_a_second_content_of_an_id_is_not_looked_at() -> None:
    """What the document has is cut off: two peers cannot make it hold two things under one id."""
    gate = Gate(MAP)
    assert gate.admit(update((CLIENT, 0, [ONE]))).is_new
    assert not gate.admit(update((CLIENT, 0, [value(b"\x79")]))).is_new
    with pytest.raises(NotReady):
        gate.admit(update((CLIENT, 3, [value(b"\x79")])))
    assert not gate.admit(update((CLIENT, 3, [value(b"\x79")])), is_partial=True).is_new
    assert gate.known == {CLIENT: 1}


def test_g5_maps_are_not_nested_deeper_by_many_small_updates() -> None:
    gate = Gate(MAP)
    gate.admit(update((CLIENT, 0, [b"\x27\x01\x06shapes\x01k\x01"])))
    for depth in range(1, 10):
        inner = b"\x27\x00" + var_uint(CLIENT) + var_uint(depth - 1) + b"\x01k\x01"
        if depth < MAX_TYPE_DEPTH:
            gate.admit(update((CLIENT, depth, [inner])))
            continue
        with pytest.raises(Refused) as refused:
            gate.admit(update((CLIENT, depth, [inner])))
        assert refused.value.code == REFUSED
        break


@pytest.mark.parametrize("state", ['{"x":NaN}', "[]", "{" * 40, '{"a":' * 40 + "1" + "}" * 40, '"' + "x" * 9_000 + '"'])
async def test_p4_a_presence_state_that_breaks_a_rule_reaches_nobody(
    shared: Server, witness: RawPeer, state: str
) -> None:
    peer = await RawPeer.connect(f"{shared.sync_url}/r?coplayer=1")
    peer.send(encode(SyncStep1({})))
    peer.send(b"\x01" + var_bytes(b"\x01" + var_uint(77) + b"\x01" + var_string(state)))
    peer.send(encode(SyncStatus(b"heard")))
    await peer.until(lambda: encode(SyncStatus(b"heard")) in peer.frames)
    await lives(witness)
    assert not any(frame[:1] == b"\x01" and var_uint(77) in frame for frame in witness.frames)
    assert peer.close_code is None
    peer.hang_up()


STRING, FORMAT = b"\x01a", b"\x04bold\x04true"


@pytest.mark.parametrize(
    ("kind", "fits"), [(0, False), (1, False), (2, True), (6, True)], ids=["array", "map", "text", "xml"]
)
@pytest.mark.parametrize(("content", "body"), [(4, STRING), (6, FORMAT)], ids=["string", "format"])
def test_g10_text_stands_in_texts_only(kind: int, fits: bool, content: int, body: bytes) -> None:
    nested = b"\x27\x01\x06shapes\x01a" + var_uint(kind)
    item = b"\x08\x00" + var_uint(CLIENT) + b"\x00\x01\x7e"
    first = bytes([content]) + b"\x00" + var_uint(CLIENT) + b"\x00" + body
    after = bytes([0x80 | content]) + var_uint(CLIENT) + b"\x01" + body
    before = bytes([0x40 | content]) + var_uint(CLIENT) + b"\x01" + body
    together = Gate(ANY)
    if fits:
        assert together.admit(update((CLIENT, 0, [nested, first]))).is_new
        return
    with pytest.raises(Refused):
        together.admit(update((CLIENT, 0, [nested, first])))
    for block in (after, before):
        gate = Gate(ANY)
        gate.admit(update((CLIENT, 0, [nested, item])))
        with pytest.raises(Refused) as refused:
            gate.admit(update((CLIENT, 2, [block])))
        assert refused.value.code == REFUSED
