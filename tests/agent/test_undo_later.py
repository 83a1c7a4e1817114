"""R9 long after: people, other runs and a restart came in between. What nobody touched goes back, the rest is named."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pycrdt import Doc

from agent.tools import ToolError
from sync.canvas.history import CHANGED, same, undo, undo_run
from tests.agent.board import ASSISTANT, Board

RUN, OTHER_RUN = "r1", "r2"
AT = st.integers(0, 30)  # which shape; taken modulo what is there
FIELDS = st.sampled_from(["x", "y", "w", "opacity", "text"])
ACT = st.one_of(
    st.tuples(st.sampled_from([RUN, RUN, OTHER_RUN]), st.sampled_from(["create", "delete"]), AT, st.just("x")),
    st.tuples(st.sampled_from([RUN, RUN, RUN, OTHER_RUN, "ann", "ann"]), st.just("set"), AT, FIELDS),
    st.tuples(st.just("ann"), st.sampled_from(["delete", "create"]), AT, st.just("x")),
    st.tuples(st.just("restart"), st.just(""), AT, st.just("x")),
)


Writes = list[tuple[str, Any]]
"""(call or person, value), oldest first."""


@dataclass
class Story:
    """A board, and of every field who wrote what in which order. No value is written twice."""

    board: Board
    written: dict[tuple[str, str], Writes] = field(default_factory=dict)
    """By shape and field."""
    made_by: dict[str, str] = field(default_factory=dict)
    """Shape -> the call that made it, for those of the assistant."""
    epoch: int = ASSISTANT
    seqs: dict[str, int] = field(default_factory=dict)
    count: int = 0

    def act(self, who: str, verb: str, at: int, name: str) -> None:
        self.count += 1
        if who == "restart":
            self.restart()
            return
        before = self.board.shapes()
        live = sorted(shape for shape, fields in before.items() if not fields.get("deleted"))
        target = live[at % len(live)] if live else ""
        if not target and verb != "create":
            return
        edit = {"deleted": True} if verb == "delete" else {name: self._value(name)}
        if who == "ann":
            if verb == "create":
                self.board.put(f"p{self.count}", x=self.count)
            else:
                self.board.edit(target, **edit)
            self.note(before, "ann")
            return
        self.board.run, self.board.seq = who, self.seqs.get(who, 0)
        try:
            if verb == "create":
                self.board.call("createShape", x=self.count, y=0, w=50, h=50)
            elif verb == "delete":
                self.board.call("delete", ids=[target], is_confirmed=True)
            else:
                self.board.call("update", changes=[{"ids": [target], "set": edit}])
        except ToolError as refusal:
            raise AssertionError(refusal) from refusal
        self.seqs[who] = self.board.seq
        self.note(before, f"{who}.{self.board.seq}")

    def calls(self, run: str) -> list[str]:
        return [f"{run}.{n}" for n in range(1, self.seqs.get(run, 0) + 1)]

    def restart(self) -> None:
        """The process is gone; the next one has the document and another epoch."""
        self.epoch += 1
        doc: Doc[Any] = Doc(client_id=self.epoch)
        doc.apply_update(self.board.doc.get_update())
        self.board = Board(doc)

    def _value(self, name: str) -> Any:
        return {"opacity": round(self.count / 100, 2), "text": f"t{self.count}"}.get(name, 1000 + self.count)

    def note(self, before: dict[str, Any], who: str) -> None:
        for shape, fields in self.board.shapes().items():
            if shape not in before and who != "ann":
                self.made_by[shape] = who
            for name, value in fields.items():
                if not same(before.get(shape, {}).get(name), value):
                    self.written.setdefault((shape, name), []).append((who, value))


def told(writes: Writes, calls: set[str]) -> bool:
    """Whether somebody else wrote after one of the calls did: the report must name the field."""
    first = next((n for n, (who, _) in enumerate(writes) if who in calls), len(writes))
    return any(who not in calls for who, _ in writes[first:])


def taken_back(writes: Writes, calls: set[str], maker: str | None) -> Any:
    """What stands in a field after the calls were taken back: the newest value of somebody else, if they wrote last.

    The call that made a shape which stays (`maker`) counts as somebody else.
    """
    if writes[-1][0] not in calls or writes[-1][0] == maker:
        return writes[-1][1]
    return next((value for who, value in reversed(writes) if who not in calls or who == maker), None)


def expected(story: Story, calls: set[str]) -> tuple[dict[str, dict[str, Any]], dict[str, set[str]]]:
    """From who wrote what alone: the live shapes after the undo, and by shape the fields somebody wrote since."""
    board: dict[str, dict[str, Any]] = {}
    since: dict[str, set[str]] = {}
    for shape in story.board.shapes():
        own = {name: writes for (of, name), writes in story.written.items() if of == shape}
        since[shape] = {name for name, writes in own.items() if told(writes, calls)}
        maker = story.made_by.get(shape) if story.made_by.get(shape) in calls else None
        if maker and all(who in calls for writes in own.values() for who, _ in writes):
            continue
        if maker:
            since[shape] = {n for n, writes in own.items() if any(who not in calls for who, _ in writes)}
        fields = {name: taken_back(writes, calls, maker) for name, writes in own.items()}
        if not fields.get("deleted"):
            board[shape] = fields
    return board, since


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(st.lists(ACT, min_size=4, max_size=25), st.booleans(), st.randoms(use_true_random=False))
def test_r9_undo_reverts_exactly_what_nobody_wrote_since_and_names_the_rest(
    acts: list[tuple[str, str, int, str]], is_whole_run: bool, random: Random
) -> None:
    story = Story(Board())
    for n in range(3):
        story.board.put(f"s{n}", x=n * 200, opacity=1, text=f"start {n}")
    story.note({}, "ann")
    for who, verb, at, name in acts:
        story.act(who, verb, at, name)
    story.restart()
    run = story.calls(RUN)
    calls = set(run if is_whole_run else random.sample(run, len(run) // 2))
    board, since = expected(story, calls)
    report = undo_run(story.board.doc, RUN, "bob", 9) if is_whole_run else undo(story.board.doc, calls, "bob", 9)
    now = {shape: fields for shape, fields in story.board.shapes().items() if not fields.get("deleted")}
    assert without_none(now) == without_none(board)
    assert set(report.calls) == calls
    named: dict[str, set[str]] = {}
    for shape, name, why in report.kept:
        assert why == CHANGED
        named.setdefault(shape, set()).add(name)
    for shape, fields in since.items():
        if story.made_by.get(shape) in calls:  # kept whole: one field that differs is enough
            assert named.get(shape, set()) <= fields
            assert bool(named.get(shape)) == bool(fields) or shape not in now
        else:
            assert named.get(shape, set()) == fields
    again = undo_run(story.board.doc, RUN, "bob", 10) if is_whole_run else undo(story.board.doc, calls, "bob", 10)
    assert again.calls == (), "what was taken back is not taken back twice"


def without_none(board: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """An absent field reads as None does."""
    return {shape: {n: v for n, v in fields.items() if v is not None} for shape, fields in board.items()}
