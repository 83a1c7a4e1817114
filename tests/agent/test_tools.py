"""Each tool's effect on a real document, as one call of the run loop has it."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from pydantic import ValidationError

from agent.tools import TOOLS, openai_schema
from sync.canvas.canvas import Canvas
from sync.canvas.geometry import Box
from sync.canvas.lint import lint
from sync.canvas.text import fit
from tests.agent.board import BY_NAME, Board


@pytest.fixture
def board() -> Board:
    return Board()


def boxes(board: Board, ids: tuple[str, ...]) -> list[Box]:
    shapes = [board.shape(i) for i in ids]
    return [Box(s["x"], s["y"], s["w"], s["h"]) for s in shapes]


def test_three_circles_appear_in_a_row_in_the_middle_of_the_view_and_the_card_says_so(board: Board) -> None:
    result = board.call("create", shapes=[{"type": "ellipse", "fill": "red", "w": 80, "h": 80}] * 3)
    assert result.label == "Created 3 circles"
    assert [(b.x, b.y) for b in boxes(board, result.targets)] == [(-160, -40), (-40, -40), (80, -40)]
    assert {board.shape(i)["fill"] for i in result.targets} == {"red"}
    assert {board.shape(i)["stroke"] for i in result.targets} == {"red"}
    assert "lints" not in result.output


def test_r5_ids_of_created_shapes_are_derived_from_the_call_so_that_a_replay_makes_no_twins(board: Board) -> None:
    result = board.call("create", shapes=[{"type": "rect", "x": 0, "y": 0}, {"type": "note", "x": 300, "y": 0}])
    assert result.targets == ("r1.1.1", "r1.1.2")
    made = board.shape("r1.1.1")
    assert (made["by"], made["run"], made["call"], made["at"]) == ("assistant", "r1", "r1.1", 1_795_000_000_001)


def test_t6_a_shape_created_without_a_size_fits_its_text(board: Board) -> None:
    text = "A label that is a good deal longer than the default rectangle is wide, so that it has to wrap"
    for kind in ("rect", "ellipse", "diamond", "triangle", "note", "text"):
        made = board.call("create", shapes=[{"type": kind, "x": 0, "y": 0, "text": text}])
        row = made.output["shapes"][0]
        assert (row["w"], row["h"]) == fit(kind, text, 14 if kind == "note" else 15)
        assert "text_overflow" not in json.dumps([p.as_json() for p in lint(Canvas(board.doc), made.targets)])


def test_numbers_are_written_as_ints_or_with_two_decimals(board: Board) -> None:
    board.call("create", shapes=[{"type": "rect", "x": 1.0, "y": 2.34567, "w": 10, "h": 99.999}])
    made = board.shape("r1.1.1")
    assert [(v, type(v)) for v in (made["x"], made["y"], made["w"], made["h"])] == [
        (1, int), (2.35, float), (10, int), (100, int),
    ]  # fmt: skip


def test_a_key_names_a_shape_in_its_own_call_and_in_later_calls_of_the_run(board: Board) -> None:
    beside = {"type": "rect", "text": "B", "place": {"ref": "a", "side": "right", "gap": 50}}
    board.call(
        "create", shapes=[{"type": "rect", "key": "a", "x": 0, "y": 0, "w": 100, "h": 76}, {**beside, "key": "b"}]
    )
    assert board.shape("r1.1.2")["x"] == 150
    assert board.shape("r1.1.2")["y"] == 0
    result = board.call("connect", connectors=[{"from": {"id": "a"}, "to": {"id": "b"}}])
    assert board.shape(result.targets[0])["from"] == {"id": "r1.1.1"}
    assert result.label == "Connected a rectangle to B"


def test_t3_create_is_all_or_nothing(board: Board) -> None:
    good = {"type": "rect", "x": 0, "y": 0}
    assert board.refusal("create", shapes=[good, {**good, "parent": "nowhere"}])["code"] == "NOT_FOUND"
    assert board.refusal("create", shapes=[{**good, "key": "k"}, {**good, "key": "k"}])["code"] == "INVALID"
    assert board.refusal("create", shapes=[{**good, "fill": "javascript:alert(1)"}])["code"] == "INVALID"
    assert board.shapes() == {}


def test_d2_update_writes_only_the_fields_that_change(board: Board) -> None:
    a = board.put("a", x=10, fill="blue", stroke="blue")
    board.call("update", changes=[{"ids": [a], "set": {"x": 10, "y": 5, "fill": "red"}}])
    assert board.changes("r1.1") == {"a": {"y": [0, 5], "fill": ["blue", "red"], "stroke": ["blue", "red"]}}


def test_an_outline_that_differs_from_the_fill_stays_when_the_fill_changes(board: Board) -> None:
    a = board.put("a", fill="blue", stroke="black")
    assert board.call("update", changes=[{"ids": [a], "set": {"fill": "red"}}]).label == "Recoloured a rectangle"
    assert board.shape(a)["stroke"] == "black"


def test_update_with_an_expectation_that_no_longer_holds_is_refused_with_the_present_value(board: Board) -> None:
    a = board.put("a", x=140)
    refused = board.refusal("update", changes=[{"ids": [a], "set": {"x": 0}, "expect": {"x": 100}}])
    assert (refused["code"], refused["field"], refused["expected"], refused["now"]) == ("STALE", "x", 100, 140)


def test_set_text_replaces_a_part_and_refits_a_text_that_fitted(board: Board) -> None:
    made = board.call("create", shapes=[{"type": "text", "text": "Hello", "x": 0, "y": 0}])
    before = board.shape(made.targets[0])["w"]
    result = board.call("set_text", id=made.targets[0], find="Hello", text="Hello, everybody")
    assert result.label == "Relabelled Hello: Hello, everybody"
    assert board.shape(made.targets[0])["w"] > before
    assert board.refusal("set_text", id=made.targets[0], find="absent", text="x")["code"] == "INVALID"
    wide = board.shape(made.targets[0])["w"]
    board.call("update", changes=[{"ids": [made.targets[0]], "set": {"font_size": 30}}])
    assert board.shape(made.targets[0])["w"] > 1.9 * wide


def test_a_text_that_people_gave_another_size_keeps_it(board: Board) -> None:
    board.put("t", type="text", text="Hello", w=333, h=44)
    board.call("set_text", id="t", text="Hello, everybody")
    assert (board.shape("t")["w"], board.shape("t")["h"]) == (333, 44)


def test_d3_delete_sets_tombstones_takes_bound_connectors_along_and_nothing_else(board: Board) -> None:
    board.put("a")
    board.put("b", x=300)
    board.put("c", type="connector", **{"from": {"id": "a"}, "to": {"id": "b"}})
    result = board.call("delete", ids=["a"])
    assert result.label == "Deleted a rectangle and 1 connector"
    assert {k: v.get("deleted") for k, v in board.shapes().items()} == {"a": True, "b": None, "c": True}
    assert board.shape("a")["x"] == 0


def test_delete_can_leave_connectors_and_says_which_are_loose(board: Board) -> None:
    board.put("a")
    board.put("c", type="connector", **{"from": {"id": "a"}, "to": {"x": 1, "y": 1}})
    result = board.call("delete", ids=["a"], with_connectors=False)
    assert result.output["loose_connectors"] == ["c"]
    assert [p["lint"] for p in board.call("check", ids=["c"]).output["lints"]] == ["dangling_connector"]


def test_move_shifts_a_group_to_an_anchor_and_leaves_a_null_axis_alone(board: Board) -> None:
    board.put("a", x=0, y=0)
    board.put("b", x=200, y=100)
    board.call("move", ids=["a", "b"], x=1000, anchor="right")
    assert (board.shape("a")["x"], board.shape("b")["x"]) == (700, 900)
    assert board.changes("r1.1") == {"a": {"x": [0, 700]}, "b": {"x": [200, 900]}}


def test_a_frame_takes_what_is_inside_along_and_a_connector_moves_only_its_free_end(board: Board) -> None:
    board.put("f", type="frame", w=400, h=300)
    board.put("in", parent="f", x=20, y=30)
    board.put("c", type="connector", **{"from": {"id": "in"}, "to": {"x": 5, "y": 6}})
    board.call("move", ids=["f", "c"], dx=10, dy=1)
    assert (board.shape("in")["x"], board.shape("in")["y"]) == (30, 31)
    assert board.shape("c")["to"] == {"x": 15, "y": 7}
    assert board.shape("c")["from"] == {"id": "in"}


@pytest.mark.parametrize("layout", ["row", "column", "grid", "circle", "tree", "layered"])
def test_no_layout_overlaps_and_the_groups_corner_stays(board: Board, layout: str) -> None:
    ids = [board.put(f"s{i}", x=100 + i, y=200 - i, w=60 + 37 * (i % 4), h=40 + 23 * (i % 3)) for i in range(9)]
    for i in range(1, 9):
        board.put(f"c{i}", type="connector", **{"from": {"id": f"s{(i - 1) // 2}"}, "to": {"id": f"s{i}"}})
    board.put("cycle", type="connector", **{"from": {"id": "s8"}, "to": {"id": "s0"}})
    result = board.call("arrange", ids=ids, layout=layout, gap=30)
    placed = boxes(board, tuple(ids))
    assert all(a.overlap(b) == 0 for i, a in enumerate(placed) for b in placed[i + 1 :])
    assert (min(b.x for b in placed), min(b.y for b in placed)) == (100, 192)
    assert result.label.startswith("Arranged 9 rectangles in ")


@pytest.mark.parametrize(
    ("direction", "axis", "sign"), [("down", 1, 1), ("up", 1, -1), ("right", 0, 1), ("left", 0, -1)]
)
def test_layers_follow_the_connectors_in_the_direction_asked_for(
    board: Board, direction: str, axis: int, sign: int
) -> None:
    for name in "abc":
        board.put(name)
    for start, end in ("ab", "bc"):
        board.put(start + end, type="connector", **{"from": {"id": start}, "to": {"id": end}})
    board.call("arrange", ids=["c", "a", "b"], layout="layered", direction=direction)
    along = [b.centre[axis] * sign for b in boxes(board, ("a", "b", "c"))]
    assert along == sorted(along)
    assert len(set(along)) == 3


def test_r9_undo_without_names_takes_back_this_run_else_the_agents_last_one(board: Board) -> None:
    a = board.put("a")
    board.call("move", ids=[a], dx=5)
    board.call("create", shapes=[{"type": "rect", "x": 500, "y": 500}])
    later = Board(board.doc, run="r2")
    result = later.call("undo", request="take that back")
    assert result.label == "Took back 2 steps"
    assert later.shape(a)["x"] == 0
    assert later.shape("r1.2.1")["deleted"] is True
    assert later.call("undo").label == "Nothing to take back"


def test_undo_refuses_what_is_not_the_assistants_own(board: Board) -> None:
    other = Board(board.doc, run="r9", agent="another")
    other.call("create", shapes=[{"type": "rect", "x": 0, "y": 0}])
    assert board.refusal("undo", calls=["r9.1"])["code"] == "FORBIDDEN"
    assert board.refusal("undo", calls=["r1.77"])["code"] == "NOT_FOUND"
    assert board.call("undo").label == "Nothing to take back"


def test_the_seeds_vocabulary_works(board: Board) -> None:
    made = board.call("createShape", x=10, y=20, w=30, h=30, color="red")
    assert made.label == "Created a red square"
    board.call("editExistingShape", id=made.output["id"], x=11, color="blue", text="hi")
    shape = board.shape(made.output["id"])
    assert [shape[f] for f in ("x", "y", "w", "h", "fill", "text")] == [11, 20, 30, 30, "blue", "hi"]
    assert board.refusal("editExistingShape", id=made.output["id"])["code"] == "INVALID"


def test_look_and_find_read_what_was_asked_for(board: Board) -> None:
    board.put("a", text="Login", fill="blue", z="a0")
    board.put("b", x=5000, text="Far", z="a1")
    assert board.call("look").output["lines"] == ['a rect 0,0 100x60 blue "Login" by=Ann z=0']
    assert board.call("look", scope="all").output["matching"] == 2
    assert board.call("look", scope="selection", selection=("b",)).output["lines"][0].startswith("b rect 5000,0")
    assert board.call("look", scope="region", region={"x": 4900, "y": 0, "w": 200, "h": 10}).output["matching"] == 1
    assert board.call("look", scope="ids", ids=["a"], detail="full").output["shapes"][0]["text"] == "Login"
    assert board.call("look", scope="all", limit=1).output["clusters"] == ['1 shape at 5000,0 100x60: 1 rect; "Far"']
    assert board.call("find", text="LOG").output["matching"] == 1
    assert board.call("find", fill="blue", by="Ann").output["matching"] == 1
    assert board.call("find", type="note").output["matching"] == 0


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [
        ("move", {"ids": ["x"], "dx": 1}),
        ("update", {"changes": [{"ids": ["x"], "set": {"fill": "red"}}]}),
        ("set_text", {"id": "x", "text": "t"}),
        ("delete", {"ids": ["x"]}),
        ("arrange", {"ids": ["x"], "layout": "row"}),
        ("editExistingShape", {"id": "x", "x": 1}),
    ],
)
def test_t5_every_writing_tool_refuses_what_it_must_not_touch(
    board: Board, tool: str, arguments: dict[str, Any]
) -> None:
    assert board.refusal(tool, **arguments)["code"] == "NOT_FOUND"
    board.put("x", text="Login", x=7)
    refused = board.refusal(tool, **arguments, dragging={"x": "Ben"})
    assert (refused["code"], refused["by"]) == ("BEING_DRAGGED", "Ben")
    board.edit("x", locked=True)
    assert board.refusal(tool, **arguments)["code"] == "LOCKED"
    board.edit("x", locked=False, deleted=True)
    assert board.refusal(tool, **arguments)["code"] == "DELETED"


def test_t5_what_would_move_along_is_not_taken_out_of_a_persons_hand_either(board: Board) -> None:
    board.put("f", type="frame", w=400, h=300)
    board.put("in", parent="f", x=20)
    board.put("c", type="connector", **{"from": {"id": "in"}, "to": {"x": 5, "y": 6}})
    refused = board.refusal("move", ids=["f"], dx=10, dragging={"in": "Ben"})
    assert (refused["code"], refused["id"]) == ("BEING_DRAGGED", "in")
    kept = board.call("delete", ids=["in"], dragging={"c": "Ben"})
    assert kept.output["loose_connectors"] == ["c"]
    assert board.refusal("undo", dragging={"in": "Ben"})["code"] == "BEING_DRAGGED"


def test_t3_not_found_names_what_is_near(board: Board) -> None:
    board.put("abc123", text="Payment service")
    assert board.refusal("move", ids=["abc124"], dx=1)["near"] == [
        'abc123 rect 0,0 100x60 slate "Payment service" by=ann'
    ]
    assert "abc123" in board.refusal("move", ids=["payment"], dx=1)["near"][0]


def test_t4_limits_of_one_call_are_told_and_nothing_is_written(board: Board) -> None:
    for i in range(201):
        board.put(f"s{i}", parent="f", z=f"b{i:02d}V" if i < 100 else f"c{i}V")
    board.put("f", type="frame")
    refused = board.refusal("move", ids=["f"], dx=5)
    assert (refused["code"], refused["limit"]) == ("LIMIT", 200)
    with pytest.raises(ValidationError):
        BY_NAME["create"].model_validate({"shapes": [{"type": "rect"}] * 51})


def test_t4_a_call_whose_effect_would_not_fit_one_update_is_refused(board: Board) -> None:
    for i in range(30):
        board.put(f"s{i}", text="x" * 19_000)
    ids = [f"s{i}" for i in range(30)]
    refused = board.refusal("update", changes=[{"ids": ids, "set": {"text": "y"}}])
    assert (refused["code"], refused["limit_bytes"]) == ("LIMIT", 262_144)
    board.call("update", changes=[{"ids": ids[:10], "set": {"text": "y"}}])


@pytest.mark.parametrize("bad", [math.inf, math.nan, 1e7, "1e400", [1], None])
def test_d9_numbers_that_must_not_reach_the_document_are_refused_as_arguments(bad: object) -> None:
    with pytest.raises(ValidationError):
        BY_NAME["createShape"].model_validate({"x": bad, "y": 0, "w": 1, "h": 1})


def test_d9_text_with_half_a_surrogate_is_refused_before_anything_is_written(board: Board) -> None:
    a = board.put("a")
    with pytest.raises(ValidationError):
        BY_NAME["set_text"].model_validate({"id": a, "text": "\ud800"})
    canvas = Canvas(board.doc)
    with pytest.raises(ValueError, match="surrogate"):
        canvas.set(a, "text", "\ud800")
    assert not canvas.is_changed


@pytest.mark.parametrize("tool", TOOLS, ids=lambda tool: tool.name)
def test_t1_a_schema_is_one_the_api_accepts(tool: Any) -> None:
    schema = openai_schema(tool)
    assert schema == openai_schema(tool)
    assert schema["description"]
    assert len(json.dumps(schema)) < 6000
    _walk(schema["parameters"], schema["strict"])


def _walk(node: dict[str, Any], strict: bool) -> None:
    assert "$ref" not in node
    if node.get("type") == "object" or "properties" in node:
        assert node["additionalProperties"] is False
        assert set(node["required"]) <= set(node["properties"])
        if strict:
            assert node["required"] == list(node["properties"])
    for child in [
        *node.get("properties", {}).values(),
        *node.get("anyOf", []),
        *([node["items"]] if "items" in node else []),
    ]:
        assert child.get("type") or child.get("anyOf"), "every value says its type"
        _walk(child, strict)
