"""The update gate (docs/spec.md, section G): each test states a rule, with bytes made by hand where needed."""

from __future__ import annotations

import random
import struct
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pycrdt import Array, Doc, Map, Text

from sync.gate import ANY, MAX_ORIGINLESS, Gate, NotReady, Refused, board_profile
from sync.lib0 import var_bytes, var_string, var_uint
from sync.nesting import MAX_TYPE_DEPTH
from sync.protocol import ClientId, CloseCode
from sync.room import Room

ANN, BEN = ClientId(2**21), ClientId(2**22)
BOARD = board_profile(("shapes", "meta"))
NULL = var_uint(1) + b"\x7e"
Place = tuple[int, int]


def item(
    content: int,
    payload: bytes,
    *,
    root: str | None = None,
    parent: Place | None = None,
    key: str | None = "k",
    origin: Place | None = None,
    right: Place | None = None,
) -> bytes:
    info = content | (0x80 if origin else 0) | (0x40 if right else 0) | (0x20 if key is not None else 0)
    out = bytes([info])
    for link in (origin, right):
        if link is not None:
            out += var_uint(link[0]) + var_uint(link[1])
    if origin is None and right is None:
        if parent is not None:
            out += var_uint(0) + var_uint(parent[0]) + var_uint(parent[1])
        else:
            out += var_uint(1) + var_string(root or "shapes")
        if key is not None:
            out += var_string(key)
    return out + payload


def value(**place: Any) -> bytes:
    return item(8, NULL, **place)


def nested_map(**place: Any) -> bytes:
    return item(7, var_uint(1), **place)


def update(*sections: tuple[int, int, list[bytes]], deletes: bytes = b"\x00") -> bytes:
    body = b"".join(
        var_uint(len(b)) + var_uint(client) + var_uint(clock) + b"".join(b) for client, clock, b in sections
    )
    return var_uint(len(sections)) + body + deletes


def refusal(data: bytes, gate: Gate | None = None, epoch: int | None = None) -> CloseCode:
    gate = gate or Gate(BOARD)
    known = dict(gate.known)
    with pytest.raises(Refused) as caught:
        gate.admit(data, epoch)
    assert gate.known == known, "a refused update was counted as known"
    return caught.value.code


def session(client: int, edits: int, seed: int = 0) -> tuple[Doc[Any], list[bytes]]:
    """A real board session: nested maps made, fields overwritten, keys deleted."""
    rng = random.Random(seed)
    doc: Doc[Any] = Doc(client_id=client)
    updates: list[bytes] = []
    doc.observe(lambda event: updates.append(event.update))
    shapes: Map[Any] = doc.get("shapes", type=Map)
    for _ in range(edits):
        shape = f"s{rng.randrange(5)}"
        if shape not in shapes:
            shapes[shape] = Map({"x": 1, "to": {"id": "a", "anchor": "top"}, "points": [1, 2, 3]})
        elif rng.random() < 0.1:
            del shapes[shape]
        else:
            shapes[shape][rng.choice("xywh")] = rng.random()
    return doc, updates


def test_g1_what_the_library_writes_is_admitted_as_it_is() -> None:
    _, updates = session(ANN, 200)
    gate = Gate(BOARD)
    for data in updates:
        admitted = gate.admit(data)
        assert admitted.is_new
        assert admitted.update == data


def test_g4_what_the_document_has_is_not_stored_again() -> None:
    doc, updates = session(ANN, 200)
    gate = Gate(BOARD)
    for data in updates:
        gate.admit(data)
    assert not gate.admit(doc.get_update()).is_new, "a step 2 of known things is stored again at every reconnect"
    assert not any(gate.admit(data).is_new for data in updates)


def test_g4_known_parts_are_cut_off_and_the_rest_applies() -> None:
    doc, updates = session(ANN, 60)
    gate = Gate(BOARD)
    replica: Doc[Any] = Doc()
    for data in updates[:30]:
        replica.apply_update(gate.admit(data).update)
    whole = doc.get_update()
    try:
        rest = gate.admit(whole).update
    except NotReady:  # a run that the library merged across our edge: asking for it by state vector cuts it there
        rest = gate.admit(doc.get_update(replica.get_state())).update
    assert len(rest) < len(whole)
    replica.apply_update(rest)
    assert replica.get("shapes", type=Map).to_py() == doc.get("shapes", type=Map).to_py()


def test_g3_an_update_past_a_gap_is_not_ready_and_changes_nothing() -> None:
    _, updates = session(ANN, 20)
    gate = Gate(BOARD)
    with pytest.raises(NotReady):
        gate.admit(updates[5])
    assert gate.known == {}
    for data in updates:
        gate.admit(data)


@pytest.mark.parametrize(
    "data",
    [
        update((ANN, 0, [value(origin=(BEN, 3))])),
        update((ANN, 0, [value(parent=(BEN, 0))])),
        update(deletes=var_uint(1) + var_uint(BEN) + var_uint(1) + var_uint(0) + var_uint(1)),
        update((ANN, 0, [b"\x0a" + var_uint(2), value(root="shapes")])),
    ],
    ids=["origin", "parent", "deletion", "skip"],
)
def test_g3_links_to_what_is_not_there_are_not_ready(data: bytes) -> None:
    with pytest.raises(NotReady):
        Gate(BOARD).admit(data)


@pytest.mark.parametrize(
    "data",
    [
        update((ANN, 0, [])),
        update((ANN, 0, [value()]), (ANN, 1, [value()])),
        update((ANN, 0, [value()])) + b"\x00",
        update((ANN, 0, [value()]))[:-3],
        update((ANN, 0, [value(origin=(ANN, 0))])),
        update((ANN, 0, [value(origin=(ANN, 9))])),
        update((ANN, 2**31 - 1, [value()])),
        update((ANN, 0, [item(8, var_uint(1) + bytes([117, 1]) * 9 + b"\x7e")])),
        update((ANN, 0, [item(8, var_uint(1) + b"\x75" + var_uint(2**40))])),
        update((ANN, 0, [item(8, var_uint(1) + b"\x77" + var_bytes(b"\xff\xfe"))])),
        update((ANN, 0, [value(key="k" * 513)])),
        update((ANN, 0, [item(11, b"")])),
        update((ANN, 0, [item(8, var_uint(0))])),
        update((ANN, 0, [value()]), deletes=var_uint(1) + var_uint(ANN) + var_uint(0)),
        update((ANN, 0, [value()]), deletes=var_uint(1) + var_uint(ANN) + var_uint(1) + b"\x00\x00"),
        b"",
        b"\xff" * 20,
    ],
    ids=range(17),
)
def test_g1_an_update_not_in_the_form_that_yjs_writes_is_malformed(data: bytes) -> None:
    assert refusal(data) is CloseCode.MALFORMED


@pytest.mark.parametrize(
    "data",
    [
        update((ANN, 0, [value(key=None)])),
        update((ANN, 0, [value(), value(right=(ANN, 0))])),
        update((ANN, 0, [item(4, var_string("text"), key=None)])),
        update((ANN, 0, [item(7, var_uint(0))])),
        update((ANN, 0, [item(7, var_uint(2))])),
        update((ANN, 0, [item(3, var_bytes(b"bytes"))])),
        update((ANN, 0, [value(root="secrets")])),
        update((ANN, 0, [b"\x00" + var_uint(2**20 + 1)])),
    ],
    ids=["list", "right origin", "string", "array", "text", "binary", "root", "long filler"],
)
def test_g5_a_board_holds_maps_of_plain_values_under_its_own_roots(data: bytes) -> None:
    assert refusal(data) is CloseCode.REFUSED


def test_g5_maps_nest_so_deep_and_not_deeper_in_one_update_or_in_many() -> None:
    last = MAX_TYPE_DEPTH - 1
    chain = [nested_map(root="shapes"), *(nested_map(parent=(ANN, n)) for n in range(last))]
    gate = Gate(BOARD)
    for clock, block in enumerate(chain):
        gate.admit(update((ANN, clock, [block])))
    below = nested_map(parent=(ANN, last))
    assert refusal(update((ANN, last + 1, [below])), gate) is CloseCode.REFUSED
    assert refusal(update((ANN, 0, [*chain, below]))) is CloseCode.REFUSED


def test_g5_a_map_that_replaces_a_plain_value_does_not_count_as_higher_up() -> None:
    """Each level: a value in the map, then a map in the value's place. Its parent is not in the bytes."""
    gate = Gate(BOARD)
    gate.admit(update((ANN, 0, [nested_map(root="shapes")])))
    clock, parent = 1, (int(ANN), 0)
    for _ in range(MAX_TYPE_DEPTH - 1):
        gate.admit(update((ANN, clock, [value(parent=parent)])))
        gate.admit(update((ANN, clock + 1, [nested_map(origin=(ANN, clock), key=None)])))
        parent, clock = (int(ANN), clock + 1), clock + 2
    gate.admit(update((ANN, clock, [value(parent=parent)])))
    assert refusal(update((ANN, clock + 1, [nested_map(origin=(ANN, clock), key=None)])), gate) is CloseCode.REFUSED


def test_g6_one_key_is_not_set_again_and_again_without_origin() -> None:
    many = [value(root="shapes") for _ in range(MAX_ORIGINLESS + 1)]
    assert refusal(update((ANN, 0, many))) is CloseCode.REFUSED
    Gate(BOARD).admit(update((ANN, 0, many[:-1])))


def test_g7_an_assistants_client_id_is_for_the_holder_of_that_lease() -> None:
    data = update((5, 0, [value()]))
    assert refusal(data) is CloseCode.REFUSED
    assert refusal(data, epoch=4) is CloseCode.REFUSED
    gate = Gate(BOARD)
    gate.admit(data, 5)
    assert not gate.admit(data).is_new, "people pass on what the assistant wrote and the document has"


def test_too_big_is_told_with_4413() -> None:
    assert refusal(b"\x00" * (4 * 2**20 + 1)) is CloseCode.TOO_BIG


def test_g9_any_rooms_take_texts_lists_and_files() -> None:
    doc: Doc[Any] = Doc(client_id=ANN)
    updates: list[bytes] = []
    doc.observe(lambda event: updates.append(event.update))
    text, array = doc.get("t", type=Text), doc.get("a", type=Array)
    text += "Grüße 😀"
    text.insert(2, "x")
    array.append({"a": [1, None, True, 2.5]})
    array.append(b"file")
    del array[0]
    gate = Gate(ANY)
    assert all(gate.admit(data).is_new for data in updates)
    assert not gate.admit(doc.get_update()).is_new
    assert refusal(updates[0]) is CloseCode.REFUSED


@settings(max_examples=300)
@given(st.data())
def test_mutated_updates_raise_what_they_may_and_what_passes_does_not_break_the_library(data: st.DataObject) -> None:
    _, updates = session(ANN, 30, seed=data.draw(st.integers(0, 50)))
    broken = bytearray(data.draw(st.sampled_from(updates)))
    for _ in range(data.draw(st.integers(1, 4))):
        broken[data.draw(st.integers(0, len(broken) - 1))] = data.draw(st.integers(0, 255))
    gate = Gate(BOARD)
    doc: Doc[Any] = Doc()
    for good in updates:
        doc.apply_update(gate.admit(good).update)
    try:
        doc.apply_update(gate.admit(bytes(broken)).update)
    except (Refused, NotReady):
        return
    assert dict(gate.known) == _clocks(doc), "the gate counts other ids than the document has"


def _clocks(doc: Doc[Any]) -> dict[ClientId, int]:
    from sync.protocol import decode_state_vector

    return decode_state_vector(doc.get_state())


def test_numbers_of_every_width_pass() -> None:
    wide = b"".join([b"\x7d\xbf\xff\xff\xff\x0f", b"\x7c" + struct.pack(">f", 1.5), b"\x7b" + struct.pack(">d", 1e300)])
    Gate(BOARD).admit(update((ANN, 0, [item(8, var_uint(1) + b"\x75" + var_uint(3) + wide)])))


def test_g5_a_map_does_not_count_as_higher_up_because_its_parent_comes_later_in_the_update() -> None:
    """Sections stand in any order; what a block lies in is known only after the blocks it builds on."""
    last = MAX_TYPE_DEPTH - 1
    deep = [nested_map(root="shapes"), *(nested_map(parent=(ANN, n)) for n in range(last))]
    below = nested_map(parent=(ANN, last))
    assert refusal(update((BEN, 0, [below]), (ANN, 0, deep))) is CloseCode.REFUSED
    Gate(BOARD).admit(update((BEN, 0, [value(parent=(ANN, last))]), (ANN, 0, deep)))


def test_g3_blocks_that_wait_for_each_other_are_malformed() -> None:
    circle = update((ANN, 0, [value(origin=(BEN, 0))]), (BEN, 0, [value(origin=(ANN, 0))]))
    assert refusal(circle) is CloseCode.MALFORMED


def test_g3_clients_that_build_on_each_other_in_turn_are_admitted_whatever_their_order() -> None:
    ann = [value(), *(value(origin=(BEN, n)) for n in range(50))]
    ben = [value(origin=(ANN, n)) for n in range(51)]
    for sections in (((ANN, 0, ann), (BEN, 0, ben)), ((BEN, 0, ben), (ANN, 0, ann))):
        gate = Gate(BOARD)
        assert gate.admit(update(*sections)).is_new
        assert gate.known == {ANN: 51, BEN: 51}


def test_w8_of_a_step_2_with_a_gap_the_part_before_the_gap_is_taken() -> None:
    gate = Gate(BOARD)
    gap = b"\x0a" + var_uint(3)
    data = update(
        (BEN, 0, [value(root="meta"), gap, value(root="meta", key="late")]),
        (ANN, 0, [value(), value(origin=(BEN, 4))]),
        deletes=var_uint(2) + var_uint(BEN) + b"\x02\x00\x01\x04\x01" + var_uint(ANN) + b"\x01\x00\x01",
    )
    with pytest.raises(NotReady):
        gate.admit(data)
    admitted = gate.admit(data, is_partial=True)
    assert gate.known == {BEN: 1, ANN: 1}
    doc: Doc[Any] = Doc()
    doc.apply_update(admitted.update)
    assert _clocks(doc) == gate.known


def test_a_long_chain_over_many_clients_costs_about_one_look_a_block() -> None:
    """Each section waits for the next one: a check that begins anew each time would take hours."""
    count = 20_000
    first = 2**21
    chain = [(first + n, 0, [value(origin=(first + n + 1, 0))]) for n in range(count)]
    gate = Gate(BOARD)
    gate.admit(update(*chain, (first + count, 0, [value()])))
    assert len(gate.known) == count + 1


def test_g11_what_lies_in_something_lies_in_a_type() -> None:
    """The library fails on a block below a plain value, and would fail again at each load: the room would be lost."""
    gate = Gate(BOARD)
    gate.admit(update((ANN, 0, [value(key="plain"), nested_map(key="map")])))
    below_value, below_map = value(parent=(ANN, 0), key="x"), value(parent=(ANN, 1), key="x")
    gate.admit(update((ANN, 2, [below_map])))
    for block in (below_value, nested_map(parent=(ANN, 0), key="y")):
        assert refusal(update((ANN, 3, [block])), gate) is CloseCode.REFUSED
        assert refusal(update((ANN, 3, [value(key="z"), value(parent=(ANN, 3), key="x")])), gate) is CloseCode.REFUSED
    assert refusal(update((BEN, 0, [below_value]), (ANN, 3, [value()])), gate) is CloseCode.REFUSED


def test_g11_what_was_gone_before_it_came_may_have_been_a_type() -> None:
    """Somebody wrote into a map offline; meanwhile it was deleted, and its content forgotten."""
    for gone in (b"\x00\x03", item(1, b"\x03")):
        gate = Gate(BOARD)
        gate.admit(update((ANN, 0, [gone])))
        assert gate.admit(update((BEN, 0, [value(parent=(ANN, 1), key="x")]))).is_new


def test_g11_a_room_that_begins_with_a_snapshot_knows_its_types() -> None:
    """Also what was a plain value in the snapshot and was deleted since: the log is read in one go."""
    doc: Doc[Any] = Doc(client_id=ANN)
    shapes: Map[Any] = doc.get("shapes", type=Map)
    shapes["map"] = Map({"x": 1})  # 0, 1
    shapes["plain"] = 1  # 2
    shapes["gone"] = Map()  # 3
    del shapes["gone"]
    room = Room(BOARD, "epoch", snapshot=doc.get_update())
    room.gate.admit(update(deletes=var_uint(1) + var_uint(ANN) + b"\x01\x02\x01"))
    assert refusal(update((BEN, 0, [value(parent=(ANN, 2), key="x")])), room.gate) is CloseCode.REFUSED
    assert refusal(update((BEN, 0, [value(parent=(ANN, 1), key="x")])), room.gate) is CloseCode.REFUSED
    for parent in (0, 3):
        assert room.gate.admit(
            update((BEN, room.gate.known.get(BEN, 0), [value(parent=(ANN, parent), key="x")]))
        ).is_new


def test_g12_what_the_library_cannot_read_is_malformed_in_rooms_of_any_schema() -> None:
    for block in (
        item(7, b"\x05" + var_string("hook")),
        item(2, b"\x01" + var_string("1")),
        *(item(5, var_string(text)) for text in ("", "{", "NaN", "1e999", '"\\ud800"', "[" * 50 + "]" * 50)),
        item(6, var_string("bold") + var_string("undefined")),
    ):
        assert refusal(update((ANN, 0, [block])), Gate(ANY)) is CloseCode.MALFORMED
    Gate(ANY).admit(update((ANN, 0, [item(5, var_string('{"a": [1, null, -2.5e3, "é"]}'), root="note", key=None)])))


def test_g6_runs_of_what_is_gone_grow_together_in_a_snapshot_and_are_still_read() -> None:
    gate = Gate(BOARD)
    for clock in (0, 2**20):
        gate.admit(update((ANN, clock, [b"\x00" + var_uint(2**20)])))
    joined = update((ANN, 0, [b"\x00" + var_uint(2**21)]))
    assert refusal(joined) is CloseCode.REFUSED
    for with_longer_way in (b"", value(origin=(ANN, 0))):
        blocks = [b"\x00" + var_uint(2**21), *([with_longer_way] if with_longer_way else [])]
        assert Gate(BOARD).admit(update((ANN, 0, blocks)), is_stored=True).is_new


def test_g5_three_deep_is_admitted_also_in_the_place_of_something_that_is_gone() -> None:
    """Somebody pastes over a shape: what lay there is gone, and nothing tells any more that it lay in the root map."""
    for first in (nested_map(root="shapes"), value(root="shapes"), item(1, b"\x01", root="shapes")):
        gate = Gate(BOARD)
        gate.admit(update((ANN, 0, [first])))
        again = nested_map(origin=(ANN, 0), key=None)
        gate.admit(update((ANN, 1, [again, *(nested_map(parent=(ANN, n)) for n in (1, 2)), value(parent=(ANN, 3))])))


def test_g5_values_of_one_key_that_yjs_has_joined_are_admitted_when_they_are_deleted() -> None:
    """A client that keeps what was deleted (`gc: false`) sends a key's earlier values as one block."""
    gate, doc = Gate(BOARD), Doc[Any]()
    joined, last = item(8, b"\x02\x7e\x77\x01a", root="shapes", key="k"), value(origin=(ANN, 1))
    deleted = var_uint(1) + var_uint(ANN) + b"\x02\x00\x01\x01\x01"
    doc.apply_update(gate.admit(update((ANN, 0, [joined, last]), deletes=deleted)).update)
    assert _clocks(doc) == gate.known
    assert doc.get("shapes", type=Map).to_py() == {"k": None}
    assert refusal(update((BEN, 0, [joined]))) is CloseCode.REFUSED
    half = var_uint(1) + var_uint(BEN) + b"\x01\x00\x01"
    assert refusal(update((BEN, 0, [joined]), deletes=half)) is CloseCode.REFUSED
