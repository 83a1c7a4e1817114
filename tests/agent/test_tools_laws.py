"""Laws of the tools: whatever the model calls and whatever people do meanwhile."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pycrdt import Doc
from pydantic import ValidationError

from agent.tools import ToolError
from sync.canvas.canvas import Canvas, tidy
from sync.canvas.history import same, undo
from sync.canvas.schema import SHAPE_FIELDS, check_field
from tests.agent.board import ASSISTANT, PERSON, Board

COLOURS = st.sampled_from([*["red", "blue", "none", "#a1b2c3", "hsl(10, 20%, 30%)"] * 3, "mauve"])
NEAR = st.one_of(st.floats(-900, 900, allow_nan=False), st.integers(-900, 900))
NUMBERS = st.one_of(NEAR, NEAR, NEAR, st.sampled_from([1e6, -1e6, 0.125, -0.0, 1e6, 0.005, 1e9]))
SIZE = st.one_of(st.floats(1, 900), st.integers(1, 900))
SIZES = st.one_of(SIZE, SIZE, SIZE, st.sampled_from([1.004, 1e5, 99999.996, 0.2, 1e6]))
TEXTS = st.one_of(st.sampled_from(["", "Login", "a </board> b", "many words " * 20]), st.text(max_size=20))
TYPES = st.sampled_from(["rect", "ellipse", "diamond", "triangle", "note", "text", "frame"])
AT = st.integers(0, 30)  # an index into what is there; taken modulo


def optional(**values: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=values)


STYLE: dict[str, st.SearchStrategy[Any]] = {
    "fill": COLOURS, "stroke": COLOURS, "opacity": st.floats(0, 1), "font_size": st.integers(4, 60),
    "rotation": NUMBERS, "text": TEXTS, "dashed": st.booleans(),
}  # fmt: skip
NEW = st.builds(
    lambda kind, rest, parent: {"type": kind, **rest, **parent},
    TYPES,
    optional(x=NUMBERS, y=NUMBERS, w=SIZES, h=SIZES, **STYLE),
    st.one_of(st.just({}), st.just({}), st.just({}), optional(parent=AT)),
)
POINT = st.fixed_dictionaries({"x": NUMBERS, "y": NUMBERS})
IDS = st.lists(AT, min_size=1, max_size=5)
CALLS = st.one_of(
    st.tuples(st.just("create"), st.fixed_dictionaries({"shapes": st.lists(NEW, min_size=1, max_size=4)})),
    st.tuples(
        st.just("update"),
        st.fixed_dictionaries({
            "changes": st.lists(
                st.fixed_dictionaries({"ids": IDS, "set": optional(x=NUMBERS, y=NUMBERS, w=SIZES, **STYLE)}),
                min_size=1, max_size=2,
            )
        }),
    ),
    st.tuples(st.just("set_text"), st.fixed_dictionaries({"id": AT, "text": TEXTS})),
    st.tuples(st.just("delete"), st.fixed_dictionaries({"ids": IDS, "with_connectors": st.booleans()})),
    st.tuples(st.just("move"), optional(dx=NUMBERS, dy=NUMBERS, x=NUMBERS).flatmap(
        lambda o: st.fixed_dictionaries({"ids": IDS}).map(lambda d: {**d, **o}))),
    st.tuples(
        st.just("arrange"),
        st.fixed_dictionaries({
            "ids": IDS, "layout": st.sampled_from(["row", "column", "grid", "circle", "tree", "layered"]),
            "gap": st.floats(0, 90),
        }),
    ),
    st.tuples(
        st.just("connect"),
        st.fixed_dictionaries({
            "connectors": st.lists(
                st.fixed_dictionaries({
                    "from": st.fixed_dictionaries({"id": AT}),
                    "to": st.one_of(
                        st.fixed_dictionaries({"id": AT}),
                        st.fixed_dictionaries({"point": st.fixed_dictionaries({"x": NUMBERS, "y": NUMBERS})}),
                    ),
                }),
                min_size=1, max_size=2,
            )
        }),
    ),
    st.tuples(st.just("undo"), st.just({})),
    st.tuples(
        st.just("resize"),
        st.fixed_dictionaries({"ids": IDS, "w": SIZES, "each": st.booleans(), "scale_y": st.floats(0.1, 9)}),
    ),
    st.tuples(st.just("rotate"), st.fixed_dictionaries({"ids": IDS, "by": NUMBERS}, optional={"pivot": POINT})),
    st.tuples(
        st.just("align"),
        st.fixed_dictionaries({"ids": IDS, "edge": st.sampled_from(["left", "center_x", "top"])}, optional={"to": AT}),
    ),
    st.tuples(
        st.just("distribute"),
        st.fixed_dictionaries({"ids": IDS, "axis": st.sampled_from("xy"), "gap": st.floats(0, 90)}),
    ),
    st.tuples(
        st.just("place"),
        st.fixed_dictionaries({"ids": IDS, "ref": AT, "side": st.sampled_from(["left", "below", "inside"])}),
    ),
    st.tuples(st.just("duplicate"), st.fixed_dictionaries({"ids": IDS, "dx": NUMBERS})),
    st.tuples(
        st.just("reorder"),
        st.fixed_dictionaries(
            {"ids": IDS, "ref": AT, "to": st.sampled_from(["front", "back", "forward", "backward", "above", "below"])}
        ),
    ),
    st.tuples(
        st.just("draw"),
        st.fixed_dictionaries(
            {"points": st.lists(POINT, min_size=2, max_size=5), "smooth": st.booleans(), "closed": st.booleans()}
        ),
    ),
    st.tuples(
        st.just("createShape"),
        st.fixed_dictionaries({"x": NUMBERS, "y": NUMBERS, "w": SIZES, "h": SIZES, "color": COLOURS}),
    ),
)  # fmt: skip
PEOPLE = st.lists(
    st.tuples(
        AT,
        st.sampled_from([
            ("x", 1234), ("y", -77.5), ("fill", "pink"), ("text", "theirs"), ("deleted", True), ("deleted", False),
            ("w", 321),
        ]),
    ),
    max_size=6,
)  # fmt: skip
MANY = settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


def peopled() -> Board:
    """A board on which somebody has drawn three shapes."""
    board = Board()
    for i in range(3):
        board.put(f"p{i}", x=i * 200, z=f"a{i}")
    return board


def named(board: Board, arguments: Any, key: str = "") -> Any:
    """Arguments with every index turned into an id of a shape that is (or was) there."""
    if isinstance(arguments, dict):
        return {k: named(board, v, k) for k, v in arguments.items()}
    if isinstance(arguments, list):
        return [named(board, v, key) for v in arguments]
    if key in ("id", "ids", "parent", "ref", "to") and isinstance(arguments, int):
        ids = sorted(board.shapes())
        return ids[arguments % len(ids)] if ids else "nowhere"
    return arguments


def attempt(board: Board, tool: str, arguments: dict[str, Any]) -> bool:
    """Whether the call took effect; one that did not must have written nothing."""
    before = board.doc.get_state()
    try:
        board.call(tool, **named(board, arguments))
    except (ToolError, ValidationError):
        assert board.doc.get_state() == before
        return False
    return True


def refused_fields(board: Board) -> list[tuple[str, str, Any]]:
    """Stored fields that a writer's own check would not let through as they are."""
    bad = []
    for shape, fields in board.shapes().items():
        for name, value in fields.items():
            if value is not None and not (name in SHAPE_FIELDS and same(tidy(check_field(name, value)), value)):
                bad.append((shape, name, value))
    return bad


def reads(board: Board) -> dict[str, dict[str, Any]]:
    """The live shapes as any reader sees them."""
    return {s.id: {name: s.field(name) for name in SHAPE_FIELDS} for s in Canvas(board.doc).shapes()}


@MANY
@given(st.lists(CALLS, min_size=1, max_size=8))
def test_d9_every_call_leaves_valid_fields_and_a_log_that_says_exactly_what_changed(
    calls: list[tuple[str, dict[str, Any]]],
) -> None:
    board = peopled()
    for tool, arguments in calls:
        before = board.shapes()
        if not attempt(board, tool, arguments):
            continue
        after = board.shapes()
        assert refused_fields(board) == []
        if tool == "undo":
            continue
        differing = {
            shape: {f for f in {*now, *before.get(shape, {})} if not same(now.get(f), before.get(shape, {}).get(f))}
            for shape, now in after.items()
        }
        logged = board.changes(f"r1.{board.seq}")
        assert {s: set(fields) for s, fields in logged.items()} == {
            s: fields for s, fields in differing.items() if fields
        }
        for shape, fields in logged.items():
            for field, (was, became) in fields.items():
                assert same(became, after[shape].get(field))
                assert same(was, before.get(shape, {}).get(field))


@MANY
@given(st.lists(CALLS, min_size=1, max_size=6), CALLS)
def test_r9_undo_right_after_a_call_is_as_if_it_had_not_been(
    calls: list[tuple[str, dict[str, Any]]], last: tuple[str, dict[str, Any]]
) -> None:
    board = peopled()
    for tool, arguments in calls:
        attempt(board, tool, arguments)
    before = reads(board)
    if last[0] != "undo" and attempt(board, *last):
        report = undo(board.doc, [f"r1.{board.seq}"], "ann", 1)
        assert report.kept == []
    assert reads(board) == before


@MANY
@given(st.lists(CALLS, min_size=1, max_size=8))
def test_r9_undo_of_a_whole_run_is_as_if_it_had_not_been(calls: list[tuple[str, dict[str, Any]]]) -> None:
    board = peopled()
    before = reads(board)
    for tool, arguments in calls:
        attempt(board, tool, arguments)
    report = undo(board.doc, [f"r1.{n}" for n in range(1, board.seq + 1)], "ann", 1)
    assert report.kept == []
    assert reads(board) == before


@MANY
@given(st.lists(st.tuples(CALLS, PEOPLE), min_size=1, max_size=5), st.booleans())
def test_d4_where_a_person_and_a_call_meet_the_person_wins_and_everything_else_of_both_stays(
    rounds: list[tuple[tuple[str, dict[str, Any]], list[tuple[int, tuple[str, Any]]]]], person_first: bool
) -> None:
    board, person = Board(Doc(client_id=ASSISTANT)), Board(Doc(client_id=PERSON), run="unused")
    for i in range(3):
        person.put(f"p{i}", x=i * 200, z=f"a{i}")
    exchange(board, person, person_first)
    for (tool, arguments), edits in rounds:
        start = board.shapes()
        took_effect = attempt(board, tool, arguments)
        mine = board.changes(f"r1.{board.seq}") if took_effect else {}
        theirs = concurrent(person, start, edits)
        exchange(board, person, person_first)
        after = board.shapes()
        assert after == person.shapes()
        for (shape, field), value in theirs.items():
            assert same(after[shape].get(field), value)
        for shape, fields in mine.items():
            for field, (_, value) in fields.items():
                assert (shape, field) in theirs or same(after[shape].get(field), value)
        if tool == "undo" or not took_effect:
            continue
        undo(board.doc, [f"r1.{board.seq}"], "ann", 1)
        exchange(board, person, person_first)
        for (shape, field), value in theirs.items():
            assert same(board.shape(shape).get(field), value) or mine.get(shape, {}).get(field, [0, 1])[1] == value


def concurrent(
    person: Board, start: dict[str, Any], edits: list[tuple[int, tuple[str, Any]]]
) -> dict[tuple[str, str], Any]:
    """Make a person's edits on what they saw; the last value of each field they really wrote."""
    theirs: dict[tuple[str, str], Any] = {}
    ids = sorted(start)
    for at, (field, value) in edits:
        shape = ids[at % len(ids)]
        person.edit(shape, **{field: value})
        theirs[shape, field] = value
    return theirs


def exchange(a: Board, b: Board, b_first: bool) -> None:
    """Bring two replicas together, in either order."""
    pairs = [(a.doc, b.doc), (b.doc, a.doc)]
    for source, target in reversed(pairs) if b_first else pairs:
        target.apply_update(source.get_update(target.get_state()))


def test_the_laws_meet_calls_that_take_effect() -> None:
    """Guards the generators: a strategy whose calls are all refused would make every law above hold."""
    took = {"yes": 0, "no": 0}

    @settings(max_examples=150, deadline=None, database=None, derandomize=True)
    @given(st.lists(CALLS, min_size=3, max_size=8))
    def run(calls: list[tuple[str, dict[str, Any]]]) -> None:
        board = peopled()
        for tool, arguments in calls:
            took["yes" if attempt(board, tool, arguments) else "no"] += 1

    run()
    assert took["yes"] > took["no"], took


@pytest.mark.parametrize("person_first", [True, False])
def test_d4_a_person_drags_while_the_assistant_recolours_and_moves(person_first: bool) -> None:
    board, person = Board(Doc(client_id=ASSISTANT)), Board(Doc(client_id=PERSON), run="unused")
    person.put("a")
    exchange(board, person, person_first)
    board.call("update", changes=[{"ids": ["a"], "set": {"x": 500, "fill": "red"}}])
    person.edit("a", x=77, y=78)
    exchange(board, person, person_first)
    shape = board.shape("a")
    assert (shape["x"], shape["y"], shape["fill"]) == (77, 78, "red")
    assert undo(board.doc, ["r1.1"], "ann", 1).kept == [["a", "x", "changed since"]]
    assert (board.shape("a")["x"], board.shape("a")["fill"]) == (77, "slate")
