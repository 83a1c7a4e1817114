"""Which places an update touched (docs/spec.md, V1)."""

from __future__ import annotations

from typing import Any

from pycrdt import Doc, Map, Text

from sync.places import Places


def log_of(doc: Doc[Any]) -> list[bytes]:
    updates: list[bytes] = []
    doc.observe(lambda event: updates.append(event.update))
    return updates


def test_v1_each_update_names_the_places_it_set_also_where_the_value_was_overwritten_since() -> None:
    doc: Doc[Any] = Doc(client_id=2**21)
    log = log_of(doc)
    shapes: Map[Any] = doc.get("shapes", type=Map)
    shapes["a"] = Map({"x": 1, "y": 2})
    with doc.transaction():
        shapes["a"]["x"] = 5
        shapes["a"]["fill"] = "red"
    shapes["a"]["x"] = 7
    doc.get("meta", type=Map)["title"] = "Plans"
    places = Places(doc.get_update())
    assert [places.touched(update) for update in log] == [
        [("shapes", "a"), ("shapes", "a", "x"), ("shapes", "a", "y")],
        [("shapes", "a", "fill"), ("shapes", "a", "x")],
        [("shapes", "a", "x")],
        [("meta", "title")],
    ]


def test_v1_another_persons_change_of_the_same_field_has_the_same_place() -> None:
    ann: Doc[Any] = Doc(client_id=2**22)
    ann.get("shapes", type=Map)["a"] = Map({"x": 1})
    ben: Doc[Any] = Doc(client_id=2**21)
    ben.apply_update(ann.get_update())
    log = log_of(ben)
    ben.get("shapes", type=Map)["a"]["x"] = 2
    del ben.get("shapes", type=Map)["a"]["x"]
    ann.apply_update(ben.get_update())
    places = Places(ann.get_update())
    assert [places.touched(update) for update in log] == [[("shapes", "a", "x")]] * 2


def test_v1_what_is_written_into_a_text_touches_the_text() -> None:
    doc: Doc[Any] = Doc(client_id=2**21)
    log = log_of(doc)
    text = doc.get("body", type=Text)
    text += "hello"
    text.insert(2, "y")
    assert [Places(doc.get_update()).touched(update) for update in log] == [[("body",)]] * 2


def test_v1_what_was_deleted_with_its_parent_leaves_no_trace_and_no_error() -> None:
    doc: Doc[Any] = Doc(client_id=2**21)
    log = log_of(doc)
    shapes: Map[Any] = doc.get("shapes", type=Map)
    shapes["a"] = Map({"x": 1})
    del shapes["a"]
    assert [Places(doc.get_update()).touched(update) for update in log] == [[("shapes", "a")]] * 2
