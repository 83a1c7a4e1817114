"""Laws of proposing: whatever a run proposes, and whatever people do and decide meanwhile."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pycrdt import Doc

from sync.canvas.canvas import Canvas
from sync.canvas.drafts import accept, draft_of, open_shapes, reject
from sync.canvas.history import same, undo_run
from sync.canvas.schema import SHAPE_FIELDS
from tests.agent.board import PERSON, Board
from tests.agent.test_tools_laws import CALLS, PEOPLE, attempt, concurrent

SOME = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
UNTOLD = {"draft"}
Calls = list[tuple[str, dict[str, Any]]]


def furnished() -> Board:
    board = Board(proposes=True)
    board.put("f", type="frame", x=-50, y=-50, w=500, h=300, z="Zz")
    for n in range(3):
        board.put(f"p{n}", x=n * 200, text=f"Box {n}", z=f"a{n}", parent="f" if n == 1 else None)
    board.put("l", type="connector", **{"from": {"id": "p0"}, "to": {"id": "p1"}}, z="a5")
    return board


def propose(board: Board, calls: Calls) -> None:
    for tool, arguments in calls:
        attempt(board, tool, arguments)


def everybodys(board: Board) -> dict[str, Any]:
    return {shape: fields for shape, fields in board.shapes().items() if draft_of(fields) is None}


def reads(canvas: Canvas) -> dict[str, dict[str, Any]]:
    return {s.id: {name: s.field(name) for name in SHAPE_FIELDS if name not in UNTOLD} for s in canvas.shapes()}


@SOME
@given(st.lists(CALLS, min_size=1, max_size=8))
def test_r14_r15_what_the_run_sees_is_what_accepting_makes_and_undo_takes_all_of_it_back(calls: Calls) -> None:
    board = furnished()
    before, shared = reads(Canvas(board.doc)), board.shapes()
    propose(board, calls)
    assert everybodys(board) == shared, "nothing shared has changed"
    seen = reads(board.canvas())
    assert accept(board.doc, "r1", None, "ann", 5).kept == []
    assert reads(Canvas(board.doc)) == seen
    assert open_shapes(board.doc, "r1") == []
    assert undo_run(board.doc, "r1", "ben", 6).kept == []
    assert reads(Canvas(board.doc)) == before


@SOME
@given(st.lists(CALLS, min_size=1, max_size=8), st.booleans())
def test_r15_r16_rejecting_or_undoing_a_proposal_leaves_the_board_as_it_was(calls: Calls, is_undo: bool) -> None:
    board = furnished()
    before = reads(Canvas(board.doc))
    propose(board, calls)
    kept = (undo_run if is_undo else reject_run)(board.doc, "r1", "ann", 5).kept
    assert kept == []
    assert reads(Canvas(board.doc)) == before
    assert open_shapes(board.doc, "r1") == []


def reject_run(doc: Doc[Any], run: str, by: str, at: int) -> Any:
    return reject(doc, run, None, by, at)


@SOME
@given(st.lists(CALLS, min_size=1, max_size=6), PEOPLE, st.integers(0, 2**16))
def test_r15_accepting_shape_by_shape_keeps_what_people_wrote_and_both_replicas_agree(
    calls: Calls, edits: Any, order: int
) -> None:
    board, person = furnished(), Board(Doc(client_id=PERSON), run="unused")
    person.doc.apply_update(board.doc.get_update())
    start = person.shapes()
    propose(board, calls)
    theirs = concurrent(person, start, edits)  # while the run is at work, without knowing of it
    person.doc.apply_update(board.doc.get_update(person.doc.get_state()))
    proposed = person.shapes()
    waiting = open_shapes(person.doc, "r1")
    while waiting:
        decide = accept if order % 2 else reject
        shape = waiting[order % len(waiting)]
        decision = decide(person.doc, "r1", [shape], "ann", 5)
        order //= 2
        assert shape not in open_shapes(person.doc, "r1") or decision.kept, "everything can be decided on"
        waiting.remove(shape)
    now = person.shapes()
    changed = {(shape, field) for shape, field in theirs if not same(start[shape].get(field), theirs[shape, field])}
    for shape, field in changed:
        assert same(now[shape].get(field), theirs[shape, field]), "a person's value stays whatever is accepted"
    assert set(now) == set(proposed), "deciding makes no shapes"
    board.doc.apply_update(person.doc.get_update(board.doc.get_state()))
    assert board.shapes() == now


def test_the_laws_meet_proposals_that_take_effect() -> None:
    """Guards the generators."""
    met = {"ghosts": 0, "changes": 0, "deletions": 0}

    @settings(max_examples=60, deadline=None, database=None, derandomize=True)
    @given(st.lists(CALLS, min_size=3, max_size=8))
    def run(calls: Calls) -> None:
        board = furnished()
        propose(board, calls)
        waiting = open_shapes(board.doc, "r1")
        met["ghosts"] += any(shape not in ("f", "p0", "p1", "p2", "l") for shape in waiting)
        met["changes"] += any(shape in ("f", "p0", "p1", "p2", "l") for shape in waiting)
        met["deletions"] += len(board.canvas().shapes()) < len(Canvas(board.doc).shapes())

    run()
    assert min(met.values()) > 2, met
