"""The mirror: whatever two peers write, it reads as the document itself does, and so do view and lints."""

from __future__ import annotations

import gc
import weakref
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from pycrdt import Doc
from pycrdt import Map as YMap

from agent.changes import snapshot
from agent.view import Asker, Since, describe
from sync.canvas.canvas import Canvas
from sync.canvas.lint import lint
from sync.canvas.mirror import MANY, Mirror
from sync.canvas.place import placed

IDS = st.sampled_from([f"s{i}" for i in range(8)])
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "x": st.integers(-900, 900), "w": st.integers(1, 300), "z": st.sampled_from(["a0", "a1", "a1V", "b", "", "a2"]),
    "text": st.sampled_from(["", "Login", "Sign up"]), "deleted": st.booleans(), "fill": st.sampled_from(["red", "x"]),
    "parent": st.sampled_from([None, "s0", "s1"]),
    "type": st.sampled_from(["rect", "connector", "frame", "text", 5]),
    "from": st.builds(lambda i: {"id": i}, IDS), "to": st.one_of(st.builds(lambda i: {"id": i}, IDS), st.just(7)),
}  # fmt: skip
FIELD = st.sampled_from(sorted(VALUES)).flatmap(lambda name: st.tuples(st.just(name), VALUES[name]))
EDIT = st.one_of(
    st.tuples(st.just("set"), IDS, FIELD),
    st.tuples(st.just("set"), IDS, FIELD),
    st.tuples(st.just("put"), IDS, st.fixed_dictionaries({}, optional=VALUES)),
    st.tuples(st.just("junk"), IDS, st.sampled_from([None, 5, "x", {"type": "rect", "z": "a3"}])),
    st.tuples(st.just("remove"), IDS, st.none()),
)
ROUND = st.tuples(st.lists(EDIT, max_size=5), st.lists(EDIT, max_size=5), st.booleans())
ASKER = Asker("Ann", ("s3",), {"x": -300, "y": -200, "w": 600, "h": 400})


def write(doc: Doc[Any], edits: list[tuple[str, str, Any]]) -> None:
    shapes: YMap[Any] = doc.get("shapes", type=YMap)
    with doc.transaction():
        for verb, shape, what in edits:
            entry = shapes.get(shape)
            if verb == "set" and isinstance(entry, YMap):
                entry[what[0]] = what[1]
            elif verb == "put":
                shapes[shape] = YMap({"type": "rect", "x": 0, "y": 0, "w": 90, "h": 60, "by": "ann", **what})
            elif verb == "junk":
                shapes[shape] = what
            elif verb == "remove" and entry is not None:
                del shapes[shape]


def exchange(a: Doc[Any], b: Doc[Any]) -> None:
    for source, target in ((a, b), (b, a)):
        target.apply_update(source.get_update(target.get_state()))


def assert_same(doc: Doc[Any], mirror: Mirror) -> None:
    plain, mirrored = Canvas(doc), Canvas(doc, mirror)
    assert mirrored.shapes() == plain.shapes()
    assert placed(mirrored) == placed(plain)
    assert mirrored.connectors() == plain.connectors()
    assert lint(mirrored) == lint(plain)
    assert mirror.stored() == snapshot(doc).shapes
    assert mirrored.top_z() == plain.top_z()


@settings(max_examples=150, deadline=None)
@given(st.lists(ROUND, min_size=1, max_size=6))
def test_d10_a_mirror_equals_a_full_read_after_any_edits_of_two_peers(
    rounds: list[tuple[list[Any], list[Any], bool]],
) -> None:
    mine: Doc[Any] = Doc(client_id=3)
    theirs: Doc[Any] = Doc(client_id=4_000_000_000)
    write(mine, [("put", f"s{i}", {"z": f"a{i}"}) for i in range(3)])
    exchange(mine, theirs)
    mirror = Mirror(mine)
    seen, seen_plain = snapshot(mine, mirror), snapshot(mine)
    for own, foreign, is_read in rounds:
        write(theirs, foreign)
        write(mine, own)
        exchange(mine, theirs)
        if is_read:
            assert_same(mine, mirror)
            view = describe(mine, ASKER, agent="a", since=Since(seen), mirror=mirror)
            assert view == describe(mine, ASKER, agent="a", since=Since(seen_plain))
            seen, seen_plain = snapshot(mine, mirror), snapshot(mine)
    assert_same(mine, mirror)
    mirror.close()


@settings(max_examples=60, deadline=None)
@given(st.lists(EDIT, max_size=8), st.lists(st.tuples(IDS, st.integers(-500, 500)), max_size=4), st.booleans())
def test_d10_what_is_staged_lies_over_a_mirror_as_over_the_document(
    edits: list[Any], moves: list[tuple[str, int]], deletes: bool
) -> None:
    doc: Doc[Any] = Doc(client_id=3)
    write(doc, [("put", f"s{i}", {"z": f"a{i}"}) for i in range(4)])
    mirror = Mirror(doc)
    mirror.shapes()
    write(doc, [edit for edit in edits if edit[0] != "junk"])
    plain, mirrored = Canvas(doc), Canvas(doc, mirror)
    for canvas in (plain, mirrored):
        for shape, x in moves:
            if canvas.get(shape) is not None:
                canvas.set(shape, "x", x)
                canvas.delete(shape) if deletes else None
        canvas.create("new", {"type": "rect", "x": 5, "y": 5})  # type: ignore[arg-type] # an id
    assert mirrored.shapes() == plain.shapes()
    assert placed(mirrored) == placed(plain)
    assert mirrored.changes == plain.changes
    assert lint(mirrored) == lint(plain)


def test_d10_many_edits_at_once_are_read_anew_and_what_nobody_touched_stays_the_same_object() -> None:
    doc: Doc[Any] = Doc(client_id=3)
    write(doc, [("put", f"s{i}", {"z": f"a{i % 10}"}) for i in range(MANY * 2)])
    mirror = Mirror(doc)
    first = mirror.stored()
    write(doc, [("set", f"s{i}", ("x", i)) for i in range(MANY + 1)])
    assert_same(doc, mirror)
    assert mirror.stored()[f"s{MANY + 5}"] is first[f"s{MANY + 5}"]
    assert mirror.stored()["s1"] is not first["s1"]


def test_a_document_leaves_memory_when_its_mirror_is_closed() -> None:
    doc: Doc[Any] = Doc()
    write(doc, [("put", "s1", {"type": "rect"})])
    mirror = Mirror(doc)
    assert len(mirror.shapes()) == 1
    mirror.close()
    found = weakref.ref(doc)
    del doc, mirror
    gc.collect()
    assert found() is None
