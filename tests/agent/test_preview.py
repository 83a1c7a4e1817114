"""What people see of a call while it is written: the shapes that will be, and nothing of it in the document."""

from __future__ import annotations

import itertools
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.calls import Staged, ToolBox
from agent.demo_wire import Reply
from agent.model import Item
from agent.partial import Growing, with_last_words
from agent.peer import MAX_STATE_BYTES, Peer
from agent.preview import MAX_BYTES, MAX_SHAPES, Preview, bounded
from agent.records import RunState
from agent.settings import Api
from agent.tools import TOOLS, ToolContext, ToolError, openai_schema
from sync.canvas.conversation import AgentPreview, RunId
from sync.canvas.schema import ShapeId
from tests.agent.board import Board
from tests.agent.fault_server import Fault, ModelServer, Switch, serving
from tests.agent.scene import Face, Stage

TOOLBOX = ToolBox(TOOLS, openai_schema)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-99, 99) | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@given(value=st.dictionaries(st.text(max_size=3), VALUES, max_size=4), data=st.data())
def test_r17_whatever_is_cut_off_what_is_whole_is_json_and_what_will_be_there(value: dict[str, Any], data: Any) -> None:
    text = json.dumps(value, ensure_ascii=data.draw(st.booleans()))
    cut = data.draw(st.integers(0, len(text)))
    growing = Growing()
    for piece in (text[: cut // 2], text[cut // 2 : cut]):
        growing.feed(piece)
    if growing.whole:
        for name, found in json.loads(growing.whole).items():
            assert found == value[name] or found == value[name][: len(found)]
    growing.feed(text[cut:])
    assert json.loads(growing.whole) == value


def test_r17_an_element_counts_when_it_is_closed() -> None:
    growing = Growing()
    for text, whole in (
        ('{"a": 1, "shapes": [{"t": "x}', ""),
        ('\\""', ""),
        ("}", '{"a": 1, "shapes": [{"t": "x}\\""}]}'),
        (', {"u": [1', '{"a": 1, "shapes": [{"t": "x}\\""}]}'),
        ("]}]", '{"a": 1, "shapes": [{"t": "x}\\""}, {"u": [1]}]}'),
    ):
        growing.feed(text)
        assert growing.whole == whole
    assert with_last_words('{"id": "a", "text": "Sign i') == {"id": "a", "text": "Sign i"}
    assert with_last_words("nonsense") == with_last_words("[1") == {}


class Desk:
    """A board and a preview of the calls of one step on it, each try a second after the other."""

    def __init__(self) -> None:
        self.board = Board()
        self.board.put("a", text="Login")
        self.face = Face()
        self.now = 0.0
        state = RunState(RunId("r1"), "main", "p", "ann", 1, "in_progress", 0, (), {}, False, False)
        self.preview = Preview(self.face, state, self.stage, lambda: self.now)

    def stage(self, seq: int, item: Item) -> Staged | ToolError:
        numbers = itertools.count(1)
        context = ToolContext("r1", f"r1.{seq}", "assistant", 1, "ann", lambda: ShapeId(f"r1.{seq}.{next(numbers)}"))
        try:
            return TOOLBOX.stage(TOOLBOX.parse(item), self.board.doc, context)
        except ToolError as refusal:
            return refusal

    def write(self, name: str, arguments: Any, position: int = 0, step: int = 7) -> None:
        text = json.dumps(arguments)
        for end in range(step, len(text) + step, step):
            self.now += 1
            self.preview.write(position, name, text[:end])


def boxes(count: int, **fields: Any) -> dict[str, Any]:
    return {"shapes": [{"type": "rect", "x": 200 * n, "y": 0, "w": 100, "h": 60, **fields} for n in range(count)]}


def test_r17_shapes_appear_one_by_one_where_they_will_stand_and_the_document_stays() -> None:
    desk = Desk()
    before = desk.board.doc.get_state()
    desk.write("create", boxes(3, text="Box"))
    shown = [preview for preview in desk.face.previews if preview is not None]
    assert [list(preview["shapes"]) for preview in shown] == [[f"r1.1.{n + 1}" for n in range(k)] for k in (1, 2, 3)]
    assert shown[-1]["shapes"]["r1.1.3"].items() >= {"type": "rect", "x": 400, "w": 100, "text": "Box"}.items()
    assert desk.face.points[-1] == (450, 30), "the cursor is where it draws"
    assert desk.board.doc.get_state() == before


def test_r17_at_most_ten_times_a_second_is_tried() -> None:
    desk = Desk()
    text = json.dumps(boxes(50))
    for end in range(len(text)):
        desk.now = end / 1000
        desk.preview.write(0, "create", text[:end])
    assert 10 < len(desk.face.previews) <= len(text) / 100 + 1


def test_r17_a_label_shows_as_far_as_it_is_written() -> None:
    desk = Desk()
    desk.write("set_text", {"id": "a", "find": None, "text": "Sign in with a key"})
    labels = [preview["shapes"]["a"]["text"] for preview in desk.face.previews if preview and preview["shapes"]]
    assert len(labels) > 1
    assert labels[-1] == "Sign in with a key"
    assert all("Sign in with a key".startswith(label) for label in labels)


def test_r17_calls_of_one_step_show_together_and_each_goes_when_it_has_been_carried_out() -> None:
    desk = Desk()
    desk.write("create", boxes(1))
    desk.write("create", boxes(1, y=300), position=1)
    both = desk.face.previews[-1]
    assert both is not None
    assert (both["call"], list(both["shapes"])) == ("r1.2", ["r1.1.1", "r1.2.1"])
    desk.preview.done(1)
    rest = desk.face.previews[-1]
    assert rest is not None
    assert list(rest["shapes"]) == ["r1.2.1"]
    desk.preview.done(2)
    assert desk.face.previews[-1] is None


def test_r17_what_cannot_be_done_or_read_shows_nothing() -> None:
    desk = Desk()
    desk.write("create", {"shapes": [{"type": "rect", "x": "left"}]})
    desk.write("create", {"shapes": [{"type": "rect", "parent": "nobody"}]}, position=1)
    desk.write("set_text", {"id": "a", "find": "Login", "text": "x"}, position=2)
    desk.write("set_text", {"id": "nobody", "find": None, "text": "x"}, position=2)
    desk.preview.write(3, "create", '{"shapes": [}]}{{]')
    desk.preview.write(4, "paint_it", '{"a": [{}]}')
    assert desk.face.previews == []


def test_r17_a_preview_is_bounded_and_gives_way_before_presence_grows_too_big() -> None:
    many = {f"r1.1.{n}": {"type": "rect", "x": n, "text": "word " * 20} for n in range(500)}
    kept = bounded(many)
    assert list(kept) == list(many)[: len(kept)]
    assert 0 < len(json.dumps(kept)) <= MAX_BYTES + 2 * len(kept)
    assert len(bounded({str(n): {} for n in range(500)})) == MAX_SHAPES
    sent: list[dict[str, Any]] = []
    peer = Peer(Wire(sent), "assistant", "Assistant", "m", is_demo=False)
    peer.show("thinking", "r1", text="\U0001f600" * 1000)
    peer.preview(AgentPreview(call="r1.1", shapes=kept))
    state = peer.state()
    assert state["agent"]["preview"] is None
    assert len(json.dumps(state, ensure_ascii=False).encode()) <= MAX_STATE_BYTES
    peer.show("thinking", "r1", text="short")
    assert peer.state()["agent"]["preview"]["shapes"] == kept
    peer.show("idle")
    assert peer.state()["agent"]["preview"] is None


class Wire:
    """Presence that goes nowhere."""

    def __init__(self, sent: list[dict[str, Any]]) -> None:
        self.peers: dict[int, dict[str, Any]] = {}
        self._sent = sent

    def set_presence(self, state: dict[str, Any] | None) -> None:
        self._sent.append(state or {})


@pytest.fixture(scope="module")
async def stage(anyio_backend: str) -> AsyncIterator[Stage]:
    switch = Switch(ModelServer([]))
    async with serving(switch) as url:
        yield Stage(url, switch)


@pytest.mark.anyio
@pytest.mark.parametrize("api", ["responses", "chat"])
async def test_r4_r17_a_step_that_is_cut_shows_and_writes_nothing_and_the_next_try_is_shown(
    stage: Stage, api: Api
) -> None:
    steps = [Reply("Drawing.", (("create", boxes(6, text="Box")),)), Reply("Done.")]
    async with stage.scene(ModelServer(steps, [Fault(after_bytes=2500, ending="abort")]), api) as scene:
        run = scene.prompt("draw")
        await scene.runner.work(run)
        assert scene.run(run)["status"] == "completed"
        shown = [preview for preview in scene.face.previews if preview is not None]
        final = {shape.id: shape for shape in scene.shapes()}
        assert shown
        assert {shape for preview in shown for shape in preview["shapes"]} <= set(final)
        for shape, fields in shown[-1]["shapes"].items():
            assert (fields["x"], fields["text"]) == (final[ShapeId(shape)].x, "Box")
        assert scene.face.previews[-1] is None


@pytest.mark.anyio
async def test_r4_r17_nothing_that_is_previewed_is_in_the_document_before_the_step_has_ended(stage: Stage) -> None:
    steps = [Reply("", (("create", boxes(6)),)), Reply("Done.")]
    async with stage.scene(ModelServer(steps)) as scene:
        counts: list[int] = []
        scene.face.on_preview = lambda shapes: counts.append(len(scene.shapes())) if shapes else None
        await scene.ask("draw")
        assert counts
        assert set(counts) == {0}
        assert len(scene.shapes()) == 6
