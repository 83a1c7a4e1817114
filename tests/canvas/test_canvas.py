"""Reading what any peer may have written, and staging writes that cannot fail."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pycrdt import Doc
from pycrdt import Map as YMap

from sync.canvas.canvas import Canvas, read_json
from sync.canvas.revision import revision, state_vector
from sync.canvas.schema import SHAPE_FIELDS, Invalid, ShapeId

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)


def board(**shapes: Any) -> Doc[Any]:
    doc: Doc[Any] = Doc(client_id=5)
    target: YMap[Any] = doc.get("shapes", type=YMap)
    with doc.transaction():
        for shape, fields in shapes.items():
            target[shape] = YMap(fields) if isinstance(fields, dict) else fields
    return doc


def write(canvas: Canvas) -> None:
    with canvas.doc.transaction():
        canvas.write()


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from(sorted(SHAPE_FIELDS)), JSON, max_size=6))
def test_d6_any_stored_value_reads_as_itself_or_as_the_default_and_never_raises(fields: dict[str, Any]) -> None:
    shape = Canvas(board(a=fields)).find("a")
    assert shape is not None
    for name in SHAPE_FIELDS:
        shape.field(name)
    assert all(math.isfinite(v) for v in (shape.x, shape.y, shape.w, shape.h, shape.rotation))
    assert shape.w >= 1
    assert shape.h >= 1


def test_d6_what_is_no_shape_at_all_is_passed_over() -> None:
    doc = board(a={"type": "rect"}, number=5, text="x", none=None, list=[1])
    assert [shape.id for shape in Canvas(doc).shapes()] == ["a"]
    assert Canvas(doc).get("number") is None
    assert Canvas(doc).get("") is None
    assert Canvas(doc).get("never") is None


def test_d7_live_shapes_come_in_order_of_z_then_id_without_tombstones() -> None:
    doc = board(c={"z": "a1"}, b={"z": "a1"}, a={"z": "a2"}, d={"z": "Zz"}, gone={"z": "a0", "deleted": True})
    assert [shape.id for shape in Canvas(doc).shapes()] == ["d", "b", "c", "a"]


def test_reads_see_staged_writes_and_the_document_does_not() -> None:
    doc = board(a={"x": 1})
    canvas = Canvas(doc)
    canvas.set("a", "x", 2)
    canvas.create(ShapeId("n"), {"type": "note"})
    canvas.delete("a")
    assert canvas.get("a") is None
    assert [shape.id for shape in canvas.shapes()] == ["n"]
    assert read_json(doc.get("shapes", type=YMap)) == {"a": {"x": 1}}
    write(canvas)
    assert read_json(doc.get("shapes", type=YMap))["a"] == {"x": 2, "deleted": True}


def test_several_values_for_one_field_are_one_write_with_the_first_before() -> None:
    canvas = Canvas(board(a={"x": 1}))
    canvas.set("a", "x", 2)
    canvas.set("a", "x", 3)
    assert canvas.changes == {"a": {"x": [1, 3]}}
    canvas.set("a", "x", 1)
    assert canvas.changes == {}


def test_d2_a_value_that_reads_the_same_is_not_written() -> None:
    doc = board(a={"x": 1})
    before = doc.get_state()
    canvas = Canvas(doc)
    for field, value in (("x", 1.0), ("x", 1.001), ("text", ""), ("locked", False), ("rotation", 360)):
        canvas.set("a", field, value)
    assert not canvas.is_changed
    write(canvas)
    assert doc.get_state() == before


def test_d2_a_changed_field_costs_one_item_and_leaves_the_map_of_the_shape_in_place() -> None:
    doc = board(a={"x": 1, "y": 2, "text": "stays"})
    clock = state_vector(doc)[5]
    canvas = Canvas(doc)
    canvas.set("a", "x", 9)
    write(canvas)
    assert state_vector(doc)[5] == clock + 1


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("x", math.inf), ("x", math.nan), ("x", 1e6 + 1), ("x", "1"), ("x", True), ("x", 2**80), ("w", 0),
        ("w", 0.001), ("fill", "url(#a)"), ("fill", "redd"), ("text", "\ud800"), ("text", "x" * 20_001), ("text", 5),
        ("type", "image"),
        ("opacity", 1.1), ("from", {"id": 5}), ("from", {"x": 1}), ("to", "a"), ("points", [1]),
        ("points", [1, math.nan]),
        ("by", 5), ("at", -1), ("nonsense", 1), ("__proto__", 1),
    ],
)  # fmt: skip
def test_d9_a_bad_value_is_refused_and_stages_nothing(field: str, value: Any) -> None:
    canvas = Canvas(board(a={"x": 1}))
    with pytest.raises(Invalid):
        canvas.set("a", field, value)
    with pytest.raises(Invalid):
        canvas.create(ShapeId("n"), {"type": "rect", field: value})
    assert not canvas.is_changed


@pytest.mark.parametrize(("field", "value"), [("by", "me"), ("at", 1), ("run", "r2"), ("call", None)])
def test_who_made_a_shape_is_written_once(field: str, value: Any) -> None:
    with pytest.raises(Invalid, match="written once"):
        Canvas(board(a={"by": "ann"})).set("a", field, value)


def test_d2_a_shape_that_exists_is_never_created_over_and_one_that_does_not_is_never_set() -> None:
    canvas = Canvas(board(a={"x": 1}, gone={"deleted": True}))
    for taken in ("a", "gone", "", "x" * 129):
        with pytest.raises(Invalid):
            canvas.create(ShapeId(taken), {"type": "rect"})
    with pytest.raises(Invalid):
        canvas.set("never", "x", 1)


def test_new_shapes_lie_on_top_of_everything_that_has_a_key() -> None:
    canvas = Canvas(board(a={"z": "a5"}, strange={"z": "not a key!"}, gone={"z": "b00", "deleted": True}))
    assert [canvas.create(ShapeId(i), {"type": "rect"}).z for i in "xy"] == ["a6", "a7"]


def test_the_log_of_a_created_shape_has_null_before_every_field() -> None:
    canvas = Canvas(board())
    canvas.create(ShapeId("n"), {"type": "rect", "x": 1.239, "text": "hi"})
    canvas.set("n", "x", 5)
    assert canvas.changes == {
        "n": {
            "type": [None, "rect"], "x": [None, 5], "text": [None, "hi"], "fill": [None, "slate"],
            "stroke": [None, "slate"], "z": [None, "a0"],
        }
    }  # fmt: skip
    json.dumps(canvas.changes)


def test_the_revision_is_the_same_in_replicas_with_the_same_edits_and_another_after_one_more() -> None:
    doc = board(a={"x": 1})
    other: Doc[Any] = Doc()
    other.apply_update(doc.get_update())
    assert revision(doc) == revision(other)
    other.get("shapes", type=YMap)["a"]["x"] = 2
    assert revision(doc) != revision(other)
