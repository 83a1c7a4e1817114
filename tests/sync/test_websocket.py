"""The frame reader without a socket: any stream, cut anywhere, reads as the `websockets` library reads it."""

from __future__ import annotations

import random

import pytest
from websockets.exceptions import PayloadTooBig, ProtocolError
from websockets.frames import Frame, Opcode
from websockets.protocol import CLIENT, State
from websockets.server import ServerProtocol

from sync.outgoing import Outgoing
from sync.websocket import (
    BINARY,
    CLOSE,
    CONTINUATION,
    INVALID_DATA,
    PING,
    PONG,
    TEXT,
    TOO_BIG,
    Broken,
    Reader,
    close_code,
    close_payload,
)
from tests.support.frame_client import frame

MAX_SIZE = 5_000


def read_by_us(stream: bytes, cuts: list[int]) -> tuple[list[tuple[int, bytes]], int | None]:
    """Messages and control frames until the first that fails, and with which code it does."""
    reader, out = Reader(MAX_SIZE), list[tuple[int, bytes]]()
    try:
        for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
            reader.feed(stream[start:end])
            while (found := reader.next()) is not None:
                if found[0] == CONTINUATION:
                    continue
                if found[0] == CLOSE:
                    close_code(found[1])
                    return [*out, found], None
                out.append(found)
    except Broken as broken:
        return out, broken.code
    return out, None


def read_by_websockets(stream: bytes) -> tuple[list[tuple[int, bytes]], int | None]:
    """The same by a reader that others have proved. It leaves UTF-8 of text and the width of a length unchecked."""
    protocol, out = ServerProtocol(state=State.OPEN, max_size=MAX_SIZE), list[tuple[int, bytes]]()
    protocol.receive_data(stream)
    opcode, parts = 0, list[bytes]()
    for event in protocol.events_received():
        assert isinstance(event, Frame)
        if event.opcode in (Opcode.CLOSE, Opcode.PING, Opcode.PONG):
            out.append((int(event.opcode), bytes(event.data)))
            continue
        if event.opcode != Opcode.CONT:
            opcode, parts = int(event.opcode), []
        parts.append(bytes(event.data))
        if event.fin:
            out.append((opcode, b"".join(parts)))
            if opcode == TEXT:
                try:
                    out[-1][1].decode()
                except UnicodeDecodeError:
                    return out[:-1], INVALID_DATA
    if isinstance(protocol.parser_exc, PayloadTooBig):
        return out, TOO_BIG
    if isinstance(protocol.parser_exc, ProtocolError | UnicodeDecodeError):
        if isinstance(protocol.parser_exc, UnicodeDecodeError):
            return out, INVALID_DATA
        return out, 1002
    return out, None


def a_stream(rng: random.Random) -> bytes:
    """Frames of a client that mostly keeps to the rules."""
    stream = b""
    is_open = False
    for _ in range(rng.randint(1, 12)):
        payload = rng.choice((b"", rng.randbytes(rng.randrange(140)), "né".encode() * rng.randrange(40)))
        kind = rng.random()
        if kind < 0.2:
            stream += frame(rng.choice((PING, PONG)), payload[:125], mask=rng.randbytes(4))
        elif kind < 0.23 and not is_open:  # the library takes no close frame inside a message
            stream += frame(CLOSE, rng.choice((b"", b"\x03\xe8bye", b"\x03", b"\x03\xed", b"\x0f\xa1\xff")))
        else:
            final = rng.random() < 0.6
            opcode = CONTINUATION if is_open else rng.choice((BINARY, BINARY, TEXT))
            stream += frame(opcode, payload, final=final, mask=rng.randbytes(4))
            is_open = not final
        if rng.random() < 0.02:
            stream += rng.choice(
                (
                    frame(rng.choice((0, 1, 2, 3, 7, 9, 10, 11, 15)), payload[:100], reserved=rng.randrange(8)),
                    frame(BINARY, b"x", mask=None),
                    bytes((0x80 if is_open else 0x82, 0xFF))
                    + rng.choice((2**62, MAX_SIZE + 70_000)).to_bytes(8, "big"),
                )
            )
    return stream


def test_any_stream_cut_anywhere_reads_as_the_websockets_library_reads_it(pytestconfig: pytest.Config) -> None:
    broken = 0
    for seed in range(int(pytestconfig.getoption("--frames"))):
        rng = random.Random(seed)
        stream = a_stream(rng)
        cuts = sorted(rng.randrange(len(stream) + 1) for _ in range(rng.randrange(6)))
        expected = read_by_websockets(stream)
        assert read_by_us(stream, cuts) == expected, f"seed {seed}"
        assert read_by_us(stream, list(range(len(stream)))) == expected, f"seed {seed}, byte by byte"
        broken += expected[1] is not None
    assert 0 < broken < int(pytestconfig.getoption("--frames")) // 2


def test_bytes_that_are_no_frames_are_refused_and_nothing_else_is_raised(pytestconfig: pytest.Config) -> None:
    for seed in range(int(pytestconfig.getoption("--frames"))):
        rng = random.Random(seed)
        stream = bytearray(a_stream(rng))
        for _ in range(rng.randint(1, 4)):
            stream[rng.randrange(len(stream))] = rng.randrange(256)
        read_by_us(bytes(stream), sorted(rng.randrange(len(stream) + 1) for _ in range(4)))


def test_a_message_and_its_fragments_together_stay_below_the_limit() -> None:
    half = bytes(MAX_SIZE // 2)
    fits = frame(BINARY, half, final=False) + frame(PING, b"x") + frame(CONTINUATION, half)
    assert [opcode for opcode, _ in read_by_us(fits, [])[0]] == [PING, BINARY]
    too_long = frame(BINARY, half, final=False) + frame(CONTINUATION, half + b"x")
    assert read_by_us(too_long, []) == ([], TOO_BIG)
    assert read_by_us(frame(BINARY, bytes(MAX_SIZE + 1))[:8], []) == ([], TOO_BIG), "refused before it is there"


def test_each_fragment_is_a_step_of_its_own_so_that_a_flood_of_them_leaves_others_their_turn() -> None:
    reader = Reader(MAX_SIZE)
    reader.feed(
        frame(BINARY, b"a", final=False) + frame(CONTINUATION, b"", final=False) * 3 + frame(CONTINUATION, b"b")
    )
    assert [reader.next() for _ in range(6)] == [*[(CONTINUATION, b"")] * 4, (BINARY, b"ab"), None]


def test_a_big_message_in_many_pieces_is_put_together() -> None:
    payload = random.Random(1).randbytes(2**20)
    reader = Reader(2**24)
    stream = frame(BINARY, payload) + frame(PING, b"x")
    heard: list[tuple[int, bytes]] = []
    for start in range(0, len(stream), 1_000):
        reader.feed(stream[start : start + 1_000])
        while (found := reader.next()) is not None:
            heard.append(found)
    assert heard == [(BINARY, payload), (PING, b"x")]


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65_535, 65_536, 70_000])
def test_what_goes_out_is_what_the_websockets_library_writes(size: int) -> None:
    payload = bytes(size)
    library = ServerProtocol(state=State.OPEN)
    assert library.side is not CLIENT
    library.send_binary(payload)
    library.send_binary(b"and another")
    assert Outgoing(payload, b"and another").wire == b"".join(library.data_to_send())


def test_a_reason_that_does_not_fit_is_cut_between_characters() -> None:
    payload = close_payload(4400, "é" * 100)
    assert len(payload) <= 125
    assert close_code(payload) == (4400, "é" * 61)
