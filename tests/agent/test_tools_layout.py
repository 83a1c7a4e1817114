"""The tools that do a person's arithmetic: resize, rotate, align, distribute, place, duplicate, reorder, draw."""

from __future__ import annotations

import pytest

from sync.canvas.canvas import Canvas
from tests.agent.board import Board


@pytest.fixture
def board() -> Board:
    board = Board()
    board.put("a", x=0, y=0, w=100, h=60, z="a0")
    board.put("b", x=250, y=13, w=50, h=60, z="a1")
    board.put("c", x=500, y=90, w=200, h=60, z="a2")
    return board


def order(board: Board) -> str:
    return "".join(shape.id for shape in Canvas(board.doc).shapes())


def box(board: Board, shape: str) -> tuple[float, ...]:
    return tuple(board.shape(shape)[field] for field in ("x", "y", "w", "h"))


def test_resize_grows_each_about_its_own_middle(board: Board) -> None:
    result = board.call("resize", ids=["a", "b"], scale_x=2, scale_y=1.5)
    assert result.label == "Resized 2 rectangles"
    assert (box(board, "a"), box(board, "b")) == ((-50, -15, 200, 90), (225, -2, 100, 90))


def test_resize_to_a_width_keeps_the_anchor_and_does_not_write_the_other_axis(board: Board) -> None:
    board.call("resize", ids=["c"], w=100, anchor="right")
    assert box(board, "c") == (600, 90, 100, 60)
    assert set(board.changes("r1.1")["c"]) == {"x", "w"}


def test_resize_of_a_group_scales_the_gaps_too(board: Board) -> None:
    board.call("resize", ids=["a", "c"], w=1400, anchor="top_left", each=False)
    assert (box(board, "a"), box(board, "c")) == ((0, 0, 200, 60), (1000, 90, 400, 60))
    assert board.refusal("resize", ids=["a"])["code"] == "INVALID"


def test_rotate_turns_by_and_to_and_round_a_pivot(board: Board) -> None:
    board.call("rotate", ids=["a"], by=-30)
    board.call("rotate", ids=["a"], by=400)
    assert board.shape("a")["rotation"] == 10
    board.call("rotate", ids=["a"], to=0)
    assert board.shape("a")["rotation"] == 0
    board.call("rotate", ids=["b"], by=90, pivot={"x": 0, "y": 0})
    assert (box(board, "b"), board.shape("b")["rotation"]) == ((-68, 245, 50, 60), 90)
    assert board.refusal("rotate", ids=["a"], by=1, to=2)["code"] == "INVALID"


def test_align_writes_one_axis_of_those_that_are_off(board: Board) -> None:
    board.call("align", ids=["a", "b", "c"], edge="top")
    assert [board.shape(i)["y"] for i in "abc"] == [0, 0, 0]
    assert board.changes("r1.1") == {"b": {"y": [13, 0]}, "c": {"y": [90, 0]}}


def test_align_to_a_shape_leaves_that_one_where_it_is(board: Board) -> None:
    result = board.call("align", ids=["a", "b", "c"], edge="center_x", to="b")
    assert [board.shape(i)["x"] for i in "abc"] == [225, 250, 175]
    assert result.label == "Aligned 3 rectangles with a rectangle"


def test_distribute_makes_the_gaps_equal_between_the_outermost(board: Board) -> None:
    result = board.call("distribute", ids=["c", "a", "b"], axis="x")
    assert [board.shape(i)["x"] for i in "abc"] == [0, 275, 500]
    assert result.output["gap"] == 175
    board.call("distribute", ids=["a", "b"], axis="y", gap=5)
    assert [board.shape(i)["y"] for i in "ab"] == [0, 65]
    assert board.refusal("distribute", ids=["a", "b"], axis="x")["code"] == "INVALID"


def test_place_puts_a_group_beside_a_shape(board: Board) -> None:
    result = board.call("place", ids=["b", "c"], ref="a", side="below", gap=20, align="start")
    assert (box(board, "b")[:2], box(board, "c")[:2]) == ((0, 80), (250, 157))
    assert result.label == "Placed 2 rectangles below a rectangle"
    assert board.refusal("place", ids=["a"], ref="a", side="left")["code"] == "INVALID"


def test_duplicate_copies_looks_connectors_between_and_frames_with_what_is_inside(board: Board) -> None:
    board.put("f", type="frame", x=0, y=300, w=300, h=200)
    board.put("in", parent="f", x=20, y=320, text="Login", fill="red", locked=True)
    board.put("l", type="connector", **{"from": {"id": "in"}, "to": {"id": "a", "anchor": "top"}})
    result = board.call("duplicate", ids=["f", "a"], dx=400, dy=0)
    made = {row["copy_of"]: board.shape(row["id"]) for row in result.output["shapes"]}
    ids = {row["copy_of"]: row["id"] for row in result.output["shapes"]}
    assert set(made) == {"f", "a", "in", "l"}
    assert (made["in"]["x"], made["in"]["text"], made["in"]["fill"], made["in"]["parent"]) == (
        420,
        "Login",
        "red",
        ids["f"],
    )
    assert made["l"]["from"] == {"id": ids["in"]}
    assert made["l"]["to"] == {"id": ids["a"], "anchor": "top"}
    assert made["in"]["by"] == "assistant"
    assert "locked" not in made["in"]
    assert board.refusal("duplicate", ids=["f", "a"], count=20)["code"] == "LIMIT"


@pytest.mark.parametrize(
    ("ids", "to", "ref", "expected"),
    [
        ("a", "front", None, "bca"),
        ("c", "back", None, "cab"),
        ("a", "forward", None, "bac"),
        ("c", "backward", None, "acb"),
        ("ba", "front", None, "cab"),
        ("a", "above", "b", "bac"),
        ("c", "below", "b", "acb"),
        ("c", "forward", None, "abc"),
        ("a", "backward", None, "abc"),
    ],
)
def test_reorder_changes_only_the_keys_of_what_moves(
    board: Board, ids: str, to: str, ref: str | None, expected: str
) -> None:
    board.call("reorder", ids=list(ids), to=to, ref=ref)
    assert order(board) == expected
    assert all(set(fields) == {"z"} for fields in board.changes("r1.1").values())
    assert set(board.changes("r1.1")) <= set(ids)


def test_reorder_between_equal_and_malformed_keys_still_finds_a_place(board: Board) -> None:
    board.edit("a", z="a1")
    board.edit("c", z="~odd")
    board.put("d", z="a5")
    board.call("reorder", ids=["d"], to="above", ref="a")
    assert order(board).index("d") > order(board).index("a")
    assert board.refusal("reorder", ids=["d"], to="above", ref="d")["code"] == "INVALID"


def test_draw_stores_points_relative_to_their_box(board: Board) -> None:
    points = [{"x": -10.4, "y": 5}, {"x": 90, "y": 105.2}, {"x": 40, "y": 20}]
    made = board.shape(board.call("draw", points=points).targets[0])
    assert (made["x"], made["y"], made["w"], made["h"]) == (-11, 5, 101, 100)
    assert made["points"] == [1, 0, 101, 100, 51, 15]


def test_a_smooth_closed_line_goes_through_its_points_and_ends_where_it_began(board: Board) -> None:
    points = [{"x": 0, "y": 0}, {"x": 100, "y": 0}, {"x": 100, "y": 100}, {"x": 0, "y": 100}]
    made = board.shape(board.call("draw", points=points, smooth=True, closed=True).targets[0])
    flat = made["points"]
    drawn = {(x + made["x"], y + made["y"]) for x, y in zip(flat[0::2], flat[1::2], strict=True)}
    assert {(p["x"], p["y"]) for p in points} <= drawn
    assert flat[:2] == flat[-2:]
    assert 20 < len(drawn) < 100
