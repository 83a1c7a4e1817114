"""group, frame, diagram, point, plan, ask, look scope=changes: what they leave on the board and say."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pycrdt import Map as YMap

from sync.canvas.canvas import Canvas, read_json
from sync.canvas.geometry import Box
from sync.canvas.history import undo
from sync.canvas.lint import lint
from sync.canvas.place import bounds
from sync.canvas.text import fit
from tests.agent.board import Board


@pytest.fixture
def board() -> Board:
    board = Board()
    board.put("a", x=0, y=0, text="Login", z="a1")
    board.put("b", x=200, y=100, text="Mail", z="a3")
    board.put("under", x=-500, y=0, z="a0")
    return board


def box(board: Board, shape: str) -> Box:
    fields = board.shape(shape)
    return Box(fields["x"], fields["y"], fields["w"], fields["h"])


def flowchart(**options: Any) -> dict[str, Any]:
    nodes = [
        {"key": "start", "text": "Start", "type": "ellipse", "fill": "green"},
        {"key": "work", "text": "Do the work", "group": "inner"},
        {"key": "ok", "text": "Is it good?", "type": "diamond", "group": "inner"},
        {"key": "end", "text": "Ship it"},
    ]
    edges = [
        {"from": "start", "to": "work"},
        {"from": "work", "to": "ok"},
        {"from": "ok", "to": "work", "label": "no"},
        {"from": "ok", "to": "end", "label": "yes, at last"},
        {"from": "start", "to": "end", "dashed": True},
    ]
    return {"nodes": nodes, "edges": edges, "groups": [{"key": "inner", "title": "Again and again"}], **options}


def test_a_group_has_one_id_and_a_name_and_any_member_takes_it_apart(board: Board) -> None:
    made = board.call("group", ids=["a", "b"], action="group", name="Pair")
    assert board.shape("a")["group"] == board.shape("b")["group"] == made.output["group"]
    assert read_json(board.doc.get("groups", type=YMap))[made.output["group"]] == {"name": "Pair", "by": "assistant"}
    assert made.label == "Grouped 2 rectangles"
    assert board.call("group", ids=["b"], action="ungroup").output["ungrouped"] == ["a", "b"]
    assert board.shape("a").get("group") is None
    assert board.refusal("group", ids=["a"], action="group")["code"] == "INVALID"


def test_a_frame_goes_round_its_shapes_below_them_and_holds_them(board: Board) -> None:
    made = board.call("frame", ids=["a", "b"], title="Sign in", padding=20)
    frame = board.shape(made.targets[0])
    assert (frame["type"], frame["text"], box(board, made.targets[0])) == ("frame", "Sign in", Box(-20, -20, 340, 200))
    assert board.shape("a")["parent"] == board.shape("b")["parent"] == made.targets[0]
    assert [s.id for s in Canvas(board.doc).shapes()] == ["under", made.targets[0], "a", "b"]
    assert made.output["children"] == ["a", "b"]
    board.call("move", ids=[made.targets[0]], dx=100)
    assert board.shape("a")["x"] == 100


def test_a_frame_in_a_frame_keeps_its_children_and_takes_the_outer_parent(board: Board) -> None:
    outer = board.call("frame", ids=["a", "b"], title="Outer").targets[0]
    inner = board.call("frame", ids=["a"], title="Inner").targets[0]
    assert (board.shape("a")["parent"], board.shape(inner)["parent"]) == (inner, outer)
    around = board.call("frame", ids=[inner, "a"], title="Round both").targets[0]
    assert (board.shape("a")["parent"], board.shape(inner)["parent"]) == (inner, around)


@pytest.mark.parametrize("direction", ["down", "up", "right", "left"])
def test_a_diagram_is_measured_layered_framed_and_bound(direction: str) -> None:
    board = Board()
    made = board.call("diagram", **flowchart(direction=direction))
    ids = {row["key"]: row["id"] for row in made.output["shapes"]}
    assert made.label == "Drew a diagram of 4 boxes"
    boxes = {key: box(board, shape) for key, shape in ids.items()}
    towards = {"down": (0, 1), "up": (0, -1), "right": (1, 0), "left": (-1, 0)}[direction]
    order = [boxes[key].centre[0] * towards[0] + boxes[key].centre[1] * towards[1] for key in ids]
    assert order == sorted(order)
    for key, kind in (("start", "ellipse"), ("work", "rect"), ("ok", "diamond")):
        text = board.shape(ids[key])["text"]
        assert boxes[key].h == fit(kind, text, 15, boxes[key].w)[1]
    frame = made.output["frames"][0]
    assert box(board, frame["id"]).contains(boxes["work"])
    assert box(board, frame["id"]).contains(boxes["ok"])
    assert not box(board, frame["id"]).overlap(boxes["end"])
    assert board.shape(ids["work"])["parent"] == frame["id"]
    lines = [board.shape(line) for line in made.output["connectors"]]
    assert (lines[0]["from"]["id"], lines[0]["to"]["id"]) == (ids["start"], ids["work"])
    assert [c.get("text") for c in lines] == [None, None, "no", "yes, at last", None]
    assert lines[4]["dashed"] is True
    assert lines[1]["from"] != lines[2]["to"], "there and back do not lie on each other"
    assert "lints" not in made.output
    assert undo(board.doc, ["r1.1"], "ann", 1).kept == []


def test_a_diagram_stands_in_free_space_or_where_it_is_told(board: Board) -> None:
    made = board.call("diagram", **flowchart())
    standing = [bounds(s, Canvas(board.doc)) for s in Canvas(board.doc).shapes() if s.id in made.targets]
    assert not any(box(board, shape).overlap(other) for shape in ("a", "b") for other in standing[:5])
    told = board.call("diagram", **flowchart(at={"x": 5000, "y": 300}))
    rows = [*told.output["shapes"], *told.output["frames"]]
    assert (min(row["x"] for row in rows), min(row["y"] for row in rows)) == (5000, 300)


def test_t3_a_diagram_with_a_wrong_key_says_which_and_what_is_near(board: Board) -> None:
    wrong = flowchart()
    wrong["edges"][0]["to"] = "wrok"
    refused = board.refusal("diagram", **wrong)
    assert (refused["code"], refused["path"], refused["near"]) == ("NOT_FOUND", "edges.0.to", ["work", "ok"])
    twice = flowchart()
    twice["nodes"][1]["key"] = "start"
    assert board.refusal("diagram", **twice)["path"] == "nodes.1.key"
    assert board.refusal("diagram", **{**flowchart(), "groups": []})["path"] == "nodes.1.group"


GRAPHS = st.integers(1, 14).flatmap(
    lambda n: st.tuples(
        st.just(n),
        st.lists(st.tuples(st.integers(0, n - 1), st.integers(0, n - 1)).filter(lambda e: e[0] != e[1]), max_size=20),
        st.lists(st.sampled_from([None, "g0", "g1", "g2"]), min_size=n, max_size=n),
    )
)


@settings(max_examples=60, deadline=None)
@given(GRAPHS, st.sampled_from(["down", "up", "right", "left"]))
def test_t6_no_box_of_a_diagram_lies_on_another_nor_in_a_frame_that_is_not_its_own(
    graph: tuple[int, list[tuple[int, int]], list[str | None]], direction: str
) -> None:
    count, edges, groups = graph
    board = Board()
    used = sorted({group for group in groups if group})
    made = board.call(
        "diagram",
        nodes=[{"key": str(i), "text": f"Node {i}", "group": groups[i]} for i in range(count)],
        edges=[{"from": str(a), "to": str(b)} for a, b in edges],
        groups=[{"key": key, "title": key} for key in used],
        direction=direction,
    )
    boxes = [box(board, row["id"]) for row in made.output["shapes"]]
    assert not any(a.overlap(b) for a, b in combinations(boxes, 2))
    for frame in made.output.get("frames", ()):
        outline = box(board, frame["id"])
        for node, group in zip(boxes, groups, strict=True):
            assert outline.contains(node) if group == frame["key"] else not outline.overlap(node)
    frames = [box(board, frame["id"]) for frame in made.output.get("frames", ())]
    assert not any(a.overlap(b) for a, b in combinations(frames, 2))


def test_pointing_changes_nothing_and_says_where_the_cursor_goes(board: Board) -> None:
    before = board.shapes()
    at_shape = board.call("point", id="a", note="this\none")
    assert (at_shape.point, at_shape.note, at_shape.targets) == ((50, 30), "this one", ("a",))
    assert board.call("point", point={"x": 5, "y": 6}).point == (5, 6)
    assert board.refusal("point")["code"] == "INVALID"
    assert board.shapes() == before


def test_a_plan_is_the_whole_list_each_time(board: Board) -> None:
    steps = [{"text": "Draw", "state": "done"}, {"text": "Colour\n\u202eit", "state": "todo"}]
    made = board.call("plan", steps=steps)
    assert made.plan == ({"text": "Draw", "state": "done"}, {"text": "Colour it", "state": "todo"})
    assert made.label == "Plan: 1 of 2 done"


def test_a_question_has_clean_words_and_each_option_once(board: Board) -> None:
    asked = board.call("ask", question=" Which\u202e one? ", options=["Left", "Left", " ", "Right "]).question
    assert asked is not None
    assert (asked.text, asked.options) == ("Which one?", ("Left", "Right"))
    assert board.refusal("ask", question=" \u200b ")["code"] == "INVALID"


def test_look_at_changes_lists_what_people_changed(board: Board) -> None:
    assert board.call("look", scope="changes").output["changed"] == 0
    lines = ["s1 by Ann: x 1->2", "s2 by Ann: deleted"]
    looked = board.call("look", scope="changes", limit=1, people_changes=lambda _canvas: lines)
    assert (looked.output["changed"], looked.output["lines"]) == (2, lines[:1])


def test_words_that_cannot_be_read_on_what_is_behind_them_are_a_problem(board: Board) -> None:
    board.put("dark", x=1000, y=0, w=400, h=300, fill="#101010", z="b0")
    board.put("faint", type="text", x=1040, y=40, w=100, h=20, fill="none", stroke="none", text="Can you?", z="b1")
    board.put("pale", x=2000, y=0, text="Barely there", opacity=0.2, z="b2")
    board.put("fine", x=3000, y=0, fill="#101010", text="White on black", z="b3")
    found = {p.shapes for p in lint(Canvas(board.doc)) if p.name == "low_contrast"}
    assert found == {("faint",), ("pale",)}


@pytest.mark.parametrize("fill", ["none", "red", "white", "black", "yellow", "#777777", "hsl(200, 50%, 50%)"])
def test_any_fill_of_a_shape_leaves_its_own_words_legible(board: Board, fill: str) -> None:
    board.put("s", x=1000, fill=fill, text="Read me")
    assert [p for p in lint(Canvas(board.doc), ["s"]) if p.name == "low_contrast"] == []


def test_t8_more_than_twenty_deleted_in_one_run_waits_for_a_yes(board: Board) -> None:
    for i in range(45):
        board.put(f"s{i}", x=i * 200, y=900)
    refused = board.refusal("delete", ids=[f"s{i}" for i in range(21)])
    assert (refused["code"], refused["question"]) == ("NEEDS_CONFIRMATION", "Delete 21 shapes?")
    assert refused["options"] == ["Delete", "Keep"]
    board.call("delete", ids=[f"s{i}" for i in range(20)])
    assert board.refusal("delete", ids=["s20"])["question"] == "Delete 1 shape more, after 20?"
    board.call("delete", ids=[f"s{i}" for i in range(20, 45)], is_confirmed=True)
    mine = board.call("create", shapes=[{"type": "rect", "x": i * 200, "y": 0} for i in range(30)]).targets
    board.call("delete", ids=list(mine))


def test_t8_what_others_made_and_nobody_spoke_of_waits_for_a_yes(board: Board) -> None:
    board.put("c", by="ben", text="Budget", x=900)
    board.put("d", by="ben", x=1200)
    board.put("line", by="ben", type="connector", **{"from": {"id": "a"}, "to": {"id": "c"}})
    refused = board.refusal("delete", ids=["c", "d"], request="make it nicer")
    assert refused["question"] == "Delete 3 shapes, 2 of them made by others?"
    assert "question" not in board.call("delete", ids=["a"], request="make it nicer").output
    board.call("delete", ids=["d"], selection=("d",), request="not this")
    board.call("delete", ids=["c"], request="I do not need the budget any more")


@pytest.mark.parametrize("words", ["Delete all of it", "bitte alles löschen", "удали это", "全部削除して"])
def test_t8_who_speaks_of_deleting_is_not_asked_again(board: Board, words: str) -> None:
    board.put("c", by="ben")
    board.call("delete", ids=["c"], request=words)


def test_t11_a_part_of_a_label_is_replaced_in_what_stands_now_and_the_rest_is_whoever_wrote_it(board: Board) -> None:
    board.edit("a", text="Login with passkeys")
    merged = board.call("set_text", id="a", find="Login", text="Sign in", expect="Login")
    assert board.shape("a")["text"] == "Sign in with passkeys"
    assert merged.output["merged_with"] == "Ann, who wrote a.text"
    assert "merged_with" not in board.call("set_text", id="a", find="Sign", text="Log").output


def test_t11_a_label_that_changed_is_not_written_over_and_the_error_says_by_whom(board: Board) -> None:
    board.edit("a", text="Passkeys")
    refused = board.refusal("set_text", id="a", text="Sign in", expect="Login")
    assert (refused["code"], refused["now"], refused["by"]) == ("STALE", "Passkeys", "Ann, who wrote a.text")
    assert board.refusal("set_text", id="a", find="Login", text="x", expect="Login")["code"] == "STALE"
    assert board.refusal("set_text", id="a", find="Login", text="x")["code"] == "INVALID"
    board.call("set_text", id="a", text="Mine")
    assert board.refusal("set_text", id="a", text="x", expect="Passkeys")["by"] == "the assistant in r1.4"
    refused = board.refusal("update", changes=[{"ids": ["b"], "set": {"x": 1}, "expect": {"x": 5}}])
    assert (refused["code"], refused["field"], refused["by"]) == ("STALE", "x", "Ann, who wrote b.x")
