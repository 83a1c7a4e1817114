"""The codec (docs/spec.md W1 to W4): inverse of itself, bounded, and nothing but ProtocolError from any bytes."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.lib0 import MAX_VAR_UINT, DecodeError, Decoder, var_bytes, var_string, var_uint
from sync.protocol import (
    KEEP_ALIVE,
    MAX_MESSAGES_PER_FRAME,
    AuthDenied,
    Awareness,
    AwarenessEntry,
    BoardEvent,
    ClientId,
    CloseCode,
    Message,
    ProtocolError,
    QueryAwareness,
    SyncStatus,
    SyncStep1,
    SyncStep2,
    Unknown,
    Update,
    decode,
    encode,
)

numbers = st.integers(0, MAX_VAR_UINT)
clients = numbers.map(ClientId)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
messages: st.SearchStrategy[Message] = st.one_of(
    st.dictionaries(clients, numbers, max_size=5).map(SyncStep1),
    st.binary(max_size=60).map(SyncStep2),
    st.binary(max_size=60).map(Update),
    st.lists(st.builds(AwarenessEntry, clients, numbers, texts), max_size=4).map(lambda e: Awareness(tuple(e))),
    texts.map(AuthDenied),
    st.just(QueryAwareness()),
    st.binary(max_size=60).map(SyncStatus),
    st.dictionaries(texts, texts, max_size=3).map(BoardEvent),
)


@given(st.lists(messages, min_size=1, max_size=6))
def test_w2_several_messages_in_one_frame_read_back_as_they_were_written(batch: list[Message]) -> None:
    assert decode(b"".join(map(encode, batch))) == batch


@given(st.binary(max_size=300))
def test_any_bytes_decode_or_raise_a_protocol_error(data: bytes) -> None:
    with suppress(ProtocolError):
        decode(data)


@pytest.mark.parametrize("size", [0, 1, 2, 125, 126, 127, 128, 129, 16_382, 16_383, 16_384, 16_385, 70_000])
@pytest.mark.parametrize("behind", [b"", b"\x03", b"\x00"])
def test_w2_a_message_of_any_length_is_read_alone_or_with_another_behind_it(size: int, behind: bytes) -> None:
    """The lengths around which a number grows by a byte: there the short way gives up or begins."""
    head = b"\x00\x02" + var_uint(size)
    if behind == b"\x00":
        with pytest.raises(ProtocolError):
            decode(head + bytes(size) + behind)
    else:
        also = [QueryAwareness()] if behind else []
        assert decode(head + bytes(size) + behind) == [Update(bytes(size)), *also]
    if size:
        with pytest.raises(ProtocolError):
            decode(head + bytes(size - 1))


@given(st.one_of(st.binary(max_size=300), messages.map(encode)), st.sampled_from([b"\x00\x02", b"\x01", b""]))
def test_the_short_way_of_reading_says_what_the_long_one_says(data: bytes, start: bytes) -> None:
    def told() -> list[Message] | tuple[int, str]:
        try:
            return decode(start + data)
        except ProtocolError as error:
            return error.code, error.reason

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sync.protocol._only_value", lambda frame, at: None)
        long = told()
    assert told() == long


@given(numbers)
def test_numbers_read_back_as_written(value: int) -> None:
    decoder = Decoder(var_uint(value))
    assert decoder.var_uint() == value
    assert decoder.is_done


@pytest.mark.parametrize("data", [b"\xff" * 8 + b"\x01", b"\xff" * 100_000, b"\x80" * 7 + b"\x7f", b"\x80"])
def test_a_number_above_2_53_or_without_an_end_is_refused(data: bytes) -> None:
    with pytest.raises(DecodeError):
        Decoder(data).var_uint()


def test_w1_strings_are_counted_in_bytes_not_in_characters() -> None:
    assert var_string("é") == b"\x02\xc3\xa9"


def test_w2_a_keep_alive_is_an_awareness_message_without_entries() -> None:
    assert KEEP_ALIVE.hex() == "010100"


def test_an_empty_document_is_answered_with_an_empty_update() -> None:
    assert encode(SyncStep2(b"\x00\x00")).hex() == "0001020000"


def test_an_unknown_type_takes_the_rest_of_its_frame_and_is_no_error() -> None:
    assert decode(encode(QueryAwareness()) + b"\x2a\xff\xff") == [QueryAwareness(), Unknown(42)]


@pytest.mark.parametrize(
    "frame",
    [
        b"",
        b"\x00\x07\x00",  # sync type 7
        b"\x00\x02\x05\x00",  # an update that ends too early
        b"\x01" + var_bytes(b"\x01\x01\x01\x02{}!"),  # bytes after the entries
        b"\x01" + var_bytes(b"\xff\xff\x7f"),  # more entries than any room has
        b"\x00\x00" + var_bytes(b"\xff\xff\xff\x7f"),  # a state vector of 2**28 entries
        b"\x66" + var_bytes(b"x" * 257),
        b"\x67" + var_string("[1]"),
        b"\x67" + var_string("nonsense"),
        b"\x67" + var_bytes(b"\xff\xfe"),
        encode(QueryAwareness()) * (MAX_MESSAGES_PER_FRAME + 1),
    ],
)
def test_c1_a_malformed_frame_is_told_with_4400(frame: bytes) -> None:
    with pytest.raises(ProtocolError) as caught:
        decode(frame)
    assert caught.value.code is CloseCode.MALFORMED
