"""Frames over a real socket, as the Autobahn test suite tries them, on the raw transport and over plain ASGI (W14).

RFC 6455: section 5 (frames), 7 (closing). That a message is answered shows that what came before it was read right: 102
is echoed (W9), and a message of unknown type is ignored with the rest of its frame (W5), so it can be of any length.
"""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

from sync.protocol import Awareness, AwarenessEntry, ClientId, CloseCode, SyncStatus, encode
from tests.support.frame_client import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, Frame, FrameClient, frame
from tests.support.server import Server

UNKNOWN = b"\x78"
LIMIT = 200_000


@pytest.fixture(scope="module", params=["raw", "asgi"])
def url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A room of a server that writes to its sockets, or goes through ASGI."""
    flag = "--raw-transport" if request.param == "raw" else "--no-raw-transport"
    with Server(tmp_path_factory.mktemp(request.param), flag, "--max-message-bytes", str(LIMIT)) as server:
        yield f"{server.sync_url}/r?coplayer=1"
    assert "Traceback" not in server.output, server.output


def question(number: int, size: int = 0) -> bytes:
    """A message that is answered with `answer(number)`; of `size` bytes when that is more than it needs."""
    asked = encode(SyncStatus(b"%d" % number))
    return asked if size <= len(asked) else asked + UNKNOWN + bytes(size - len(asked) - 1)


def answer(number: int) -> Frame:
    return Frame(BINARY, encode(SyncStatus(b"%d" % number)))


def hears(client: FrameClient, *numbers: int) -> None:
    """The answers come in this order; greetings may come before."""
    for number in numbers:
        while True:
            found = client.read()
            assert found is not None, "the connection ended"
            assert found.opcode == BINARY, found
            if found.payload[:1] == b"\x66":
                break
        assert found == answer(number)


@pytest.mark.parametrize("size", [0, 125, 126, 127, 128, 65_535, 65_536, LIMIT])
def test_5_2_messages_of_all_lengths_are_read(url: str, size: int) -> None:
    with FrameClient(url) as client:
        for number, mask in enumerate((b"\x00" * 4, b"\x37\xfa\x21\x3d")):
            client.send(frame(BINARY, question(number, size), mask=mask))
        hears(client, 0, 1)


def test_5_2_frames_that_come_byte_by_byte_or_all_at_once_are_read(url: str) -> None:
    frames = [frame(BINARY, question(number, 130)) for number in range(5)]
    with FrameClient(url) as client:
        client.send_bytewise(b"".join(frames[:2]))
        hears(client, 0, 1)
        client.send(b"".join(frames))
        hears(client, *range(5))
        many = b"".join(frame(BINARY, question(number)) for number in range(1_000))
        client.send(many)
        hears(client, *range(1_000))


def test_5_4_fragments_are_one_message_and_control_frames_may_come_between(url: str) -> None:
    message = question(7, 300)
    with FrameClient(url) as client:
        client.send(frame(BINARY, message[:1], final=False))
        client.send(frame(PING, b"one"))
        client.send(frame(CONTINUATION, b"", final=False) + frame(CONTINUATION, message[1:200], final=False))
        client.send_bytewise(frame(PING, b"two"))
        assert client.read_until(PONG) == Frame(PONG, b"one")
        assert client.read_until(PONG) == Frame(PONG, b"two")
        client.send(frame(CONTINUATION, message[200:]))
        hears(client, 7)
        client.send(frame(BINARY, question(8)))
        hears(client, 8)


@pytest.mark.parametrize(
    "wrong",
    [
        frame(CONTINUATION, question(1)),
        frame(CONTINUATION, question(1), final=False),
        frame(BINARY, question(1), final=False) + frame(BINARY, question(1)),
        frame(BINARY, question(1), final=False) + frame(TEXT, b"x", final=False),
        frame(BINARY, question(1), final=False) + frame(CONTINUATION) + frame(CONTINUATION),
        frame(PING, b"x", final=False),
        frame(CLOSE, b"\x03\xe8", final=False),
    ],
    ids=["goes-on-first", "goes-on-first-open", "inside", "text-inside", "goes-on-twice", "ping", "close"],
)
def test_5_4_wrong_fragments_fail_the_connection(url: str, wrong: bytes) -> None:
    with FrameClient(url) as client:
        client.send(wrong)
        assert client.end() == 1002


@pytest.mark.parametrize("reserved", range(1, 8))
@pytest.mark.parametrize("opcode", [BINARY, PING, CLOSE])
def test_5_2_a_reserved_bit_fails_the_connection(url: str, reserved: int, opcode: int) -> None:
    with FrameClient(url) as client:
        client.send(frame(BINARY, question(1)))
        hears(client, 1)
        client.send(frame(opcode, question(2), reserved=reserved) + frame(BINARY, question(3)))
        found = client.read()
        assert found is not None
        assert (found.opcode, found.payload[:2]) == (CLOSE, b"\x03\xea"), "nothing after it is read"


@pytest.mark.parametrize("opcode", [3, 4, 5, 6, 7, 11, 12, 13, 14, 15])
@pytest.mark.parametrize("payload", [b"", b"x"])
def test_5_2_an_unknown_opcode_fails_the_connection(url: str, opcode: int, payload: bytes) -> None:
    with FrameClient(url) as client:
        client.send(frame(opcode, payload))
        assert client.end() == 1002


@pytest.mark.parametrize("opcode", [TEXT, BINARY, PING, PONG, CLOSE])
def test_5_1_an_unmasked_frame_fails_the_connection(url: str, opcode: int) -> None:
    with FrameClient(url) as client:
        client.send(frame(opcode, question(1), mask=None))
        assert client.end() == 1002


@pytest.mark.parametrize(
    "head",
    [
        bytes((0x82, 0x80 | 126)) + (5).to_bytes(2, "big"),
        bytes((0x82, 0x80 | 127)) + (5).to_bytes(8, "big"),
        bytes((0x82, 0x80 | 127)) + (65_535).to_bytes(8, "big"),
        bytes((0x82, 0x80 | 127)) + (2**63 + 5).to_bytes(8, "big"),
        bytes((0x89, 0x80 | 126)) + (126).to_bytes(2, "big"),
        bytes((0x88, 0x80 | 127)) + (2).to_bytes(8, "big"),
    ],
    ids=["two-for-one", "eight-for-one", "eight-for-two", "negative", "long-ping", "long-close"],
)
def test_5_2_a_length_that_is_written_wrong_fails_the_connection(url: str, head: bytes) -> None:
    with FrameClient(url) as client:
        client.send(head + bytes(4) + b"hello")
        assert client.end() == 1002


def test_c1_a_message_over_our_limit_is_told_so_and_one_over_the_transports_is_not_read_at_all(url: str) -> None:
    with FrameClient(url) as client:
        client.send(frame(BINARY, question(1, LIMIT + 1)))
        assert client.read_until(CLOSE) is not None
    for head in (
        bytes((0x82, 0x80 | 127)) + (2**40).to_bytes(8, "big") + bytes(4),
        frame(BINARY, b"x", final=False) + bytes((0x80, 0x80 | 127)) + (2**40).to_bytes(8, "big") + bytes(4),
    ):
        with FrameClient(url) as client:
            client.send(head)
            assert client.end() in (1009, 4413)  # by the transport, or by the room, which a raw one knows


@pytest.mark.parametrize("size", [0, 1, 125])
def test_5_5_2_a_ping_is_answered_with_its_payload(url: str, size: int) -> None:
    with FrameClient(url) as client:
        client.send_bytewise(frame(PING, b"p" * size))
        assert client.read_until(PONG) == Frame(PONG, b"p" * size)
        client.send(b"".join(frame(PING, b"%d" % number) for number in range(10)))
        assert [client.read_until(PONG) for _ in range(10)] == [Frame(PONG, b"%d" % number) for number in range(10)]


def test_5_5_3_a_pong_that_nobody_asked_for_means_nothing(url: str) -> None:
    with FrameClient(url) as client:
        client.send(frame(PONG) + frame(PONG, b"x" * 125) + frame(BINARY, question(1)))
        hears(client, 1)


@pytest.mark.parametrize("text", [b"", "καλημέρα".encode(), b"x" * 500])
def test_w7_text_is_no_message_of_ours(url: str, text: bytes) -> None:
    with FrameClient(url) as client:
        client.send(frame(TEXT, text[:3], final=False) + frame(CONTINUATION, text[3:]))
        assert client.read_until(CLOSE) is not None
        client.send(frame(CLOSE, CloseCode.MALFORMED.to_bytes(2, "big")))
        assert client.read() is None


@pytest.mark.parametrize(
    "text",
    [b"\xff", b"\xc0\xaf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", "κ".encode()[:1], b"ok\x80"],
    ids=["ff", "overlong", "surrogate", "beyond", "half", "stray"],
)
def test_8_1_text_that_is_not_utf_8_fails_the_connection(url: str, text: bytes) -> None:
    with FrameClient(url) as client:
        client.send(frame(TEXT, text[:1], final=False) + frame(CONTINUATION, text[1:]))
        assert client.end() == 1007


@pytest.mark.parametrize("code", [1000, 1001, 1002, 1003, 1007, 1011, 1012, 1014, 3000, 3999, 4000, 4999])
def test_7_1_5_a_close_frame_is_answered_with_its_code_and_the_connection_ends(url: str, code: int) -> None:
    with FrameClient(url) as client:
        client.send_bytewise(frame(CLOSE, code.to_bytes(2, "big") + b"r" * (123 if code == 1000 else 3)))
        assert client.end() == code
        assert client.read() is None


def test_7_1_5_a_close_frame_without_a_code_is_answered_with_one_without(url: str) -> None:
    with FrameClient(url) as client:
        client.send(frame(CLOSE) + frame(CLOSE) + frame(BINARY, question(1)) + frame(PING))
        assert client.end() == 1005
        assert client.read() is None


@pytest.mark.parametrize("code", [0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535])
def test_7_4_a_code_that_may_not_be_sent_fails_the_connection(url: str, code: int) -> None:
    with FrameClient(url) as client:
        client.send(frame(CLOSE, code.to_bytes(2, "big")))
        assert client.end() == 1002


@pytest.mark.parametrize(
    ("payload", "code"), [(b"\x03", 1002), (b"\x03\xe8\xff", 1007), (b"\x03\xe8" + b"r" * 124, 1002)]
)
def test_5_5_1_a_close_frame_that_is_not_well_formed_fails_the_connection(url: str, payload: bytes, code: int) -> None:
    with FrameClient(url) as client:
        client.send(frame(CLOSE, payload))
        assert client.end() == code
        assert client.read() is None


def test_7_1_1_after_its_own_close_frame_the_server_waits_for_the_peers_and_reads_no_message(url: str) -> None:
    with FrameClient(url) as client:
        client.send(frame(BINARY, b"\x00\x09"))
        closing = client.read_until(CLOSE)
        assert closing is not None
        assert closing.payload[:2] == CloseCode.MALFORMED.to_bytes(2, "big")
        client.send(frame(BINARY, question(1)) + frame(CLOSE, closing.payload))
        assert client.read() is None


def test_7_2_1_a_peer_that_vanishes_in_the_middle_of_a_frame_is_gone_for_the_others(url: str) -> None:
    with FrameClient(url) as other:
        with FrameClient(url) as client:
            client.send(frame(BINARY, question(1)))
            hears(client, 1)
            client.send(frame(BINARY, encode(Awareness((AwarenessEntry(ClientId(7), 1, '{"a":1}'),)))))
            client.send(frame(BINARY, question(2, 1_000))[:500])
            seen = other.read_until(BINARY)
            while seen is not None and b'{"a":1}' not in seen.payload:
                seen = other.read_until(BINARY)
        while seen is not None and b"null" not in seen.payload:
            seen = other.read_until(BINARY)
        assert seen is not None


def test_frames_of_all_kinds_cut_anywhere_never_disturb_anybody_else(url: str, pytestconfig: pytest.Config) -> None:
    rng = random.Random(42)
    with FrameClient(url) as witness:
        for number in range(int(pytestconfig.getoption("--frames")) // 100):
            stream = bytearray()
            for _ in range(rng.randint(1, 8)):
                stream += frame(
                    rng.choice((BINARY, BINARY, CONTINUATION, TEXT, PING, PONG, CLOSE, rng.randrange(16))),
                    rng.choice((question(number), rng.randbytes(rng.randrange(300)), b"")),
                    final=rng.random() < 0.8,
                    reserved=rng.choice((0, 0, 0, 0, 0, 0, rng.randrange(8))),
                    mask=rng.randbytes(4) if rng.random() < 0.95 else None,
                )
            if rng.random() < 0.5:
                stream[rng.randrange(len(stream))] = rng.randrange(256)
            with FrameClient(url) as client:
                try:
                    while stream:
                        cut = rng.randint(1, len(stream))
                        client.send(bytes(stream[:cut]))
                        del stream[:cut]
                except (BrokenPipeError, ConnectionResetError):
                    pass  # the server has heard enough
            witness.send(frame(BINARY, question(number)))
            hears(witness, number)
