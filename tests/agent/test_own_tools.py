"""A tool of one's own: the README's example as it stands, given in Python or found as an entry point."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from typing import Any, ClassVar

import httpx2
import pytest
from anyio.to_thread import run_sync

from agent import Agent, Result, Tool
from agent.demo_wire import Reply
from agent.own import with_tools
from agent.settings import Settings, SettingsError
from agent.tools import TOOLS, openai_schema
from sync.canvas.history import undo
from tests.agent.board import BY_NAME, Board
from tests.agent.fault_server import ModelServer, serving
from tests.agent.test_worker import Client, client
from tests.support.program import REPOSITORY, Program, clean_environ
from tests.support.server import Server

EXAMPLE = REPOSITORY / "examples" / "own_tool" / "number.py"


@pytest.fixture
def number() -> type[Tool]:
    spec = importlib.util.spec_from_file_location("number_example", EXAMPLE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["number_example"] = module
    spec.loader.exec_module(module)
    tool: type[Tool] = module.Number
    return tool


def test_t1_the_example_is_a_dozen_lines_and_works_with_log_undo_and_schema(
    number: type[Tool], monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = EXAMPLE.read_text(encoding="utf-8").split("class Number")[1].split("if __name__")[0]
    assert len([line for line in lines.splitlines() if line.strip()]) <= 12
    monkeypatch.setitem(BY_NAME, "number", number)
    board = Board()
    board.put("a", text="Login")
    board.put("b", text="Mail", x=300)
    assert board.call("number", ids=["b", "a"]).label == "Numbered 2 rectangles"
    assert (board.shape("a")["text"], board.shape("b")["text"]) == ("2. Login", "1. Mail")
    assert undo(board.doc, ["r1.1"], "ann", 1).kept == []
    assert board.shape("a")["text"] == "Login"
    assert openai_schema(number)["parameters"]["required"] == ["ids"]


@pytest.mark.anyio
async def test_t10_the_example_as_a_program_joins_a_room_and_its_tool_is_called(tmp_path: Path) -> None:
    calls = (("create", {"shapes": [{"type": "rect", "x": 0, "y": 0, "text": "Login", "key": "a"}]}),)
    model = ModelServer([Reply("", calls), Reply("", (("number", {"ids": ["a"]}),)), Reply("Done.")])
    with Server(tmp_path / "data") as server:
        async with serving(model) as url, client(server) as script:
            environ = {"OPENAI_BASE_URL": url, "COPLAYER_MODEL": "scripted", "COPLAYER_CALL_PAUSE": "0"}
            program = Program([str(EXAMPLE)], environ=clean_environ(COPLAYER_SERVER=server.url, **environ))
            try:
                run = await script.ask("number them")
                state = await script.until(run, "completed", "failed")
                assert state["status"] == "completed", (state, program.output)
                assert [call["label"] for call in state["calls"]] == ["Created Login", "Numbered Login"]
                assert [shape["text"] for shape in (await script.shapes()).values()] == ["1. Login"]
                assert "number" in json.dumps([tool["name"] for tool in model.requests[0].tools])
            finally:
                program.kill()


def install(where: Path, code: str, entries: str, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """A package beside ours, as pip would leave it."""
    (where / f"{name}.py").write_text(code, encoding="utf-8")
    info = where / f"{name}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n", encoding="utf-8")
    (info / "entry_points.txt").write_text(f"[coplayer.tools]\n{entries}\n", encoding="utf-8")
    monkeypatch.syspath_prepend(str(where))


def test_t10_a_tool_of_an_installed_package_is_found_by_its_entry_point(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert with_tools() == TOOLS
    code = EXAMPLE.read_text(encoding="utf-8") + "\nTOOLS = [Number]\n"
    install(tmp_path, code, "one = number_one:Number\nall = number_one:TOOLS", monkeypatch, "number_one")
    names = [tool.name for tool in with_tools()]
    assert names == [*(tool.name for tool in TOOLS), "number"], "once, after the board's own"


BROKEN = {
    "raises": ("raise RuntimeError('no luck')", "It does not load: no luck"),
    "exits": ("raise SystemExit(3)", "It does not load: 3"),
    "misses": ("", "It does not load: module 'misses_tool' has no attribute 'X'"),
    "is_none": ("X = 5", "5 is no tool: make it a subclass of agent.Tool."),
    "clashes": (
        "from agent import Tool\nclass X(Tool):\n    'Moves.'\n    name = 'move'\n",
        "There are two tools with the name move; rename yours.",
    ),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_t10_an_installed_tool_that_cannot_be_used_is_named_and_takes_nothing_else_down(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    code, why = BROKEN[kind]
    install(tmp_path, code.replace("name = ", "name: __import__('typing').ClassVar[str] = "), f"x = {kind}_tool:X",
            monkeypatch, f"{kind}_tool")  # fmt: skip
    assert with_tools() == TOOLS
    assert [record.getMessage() for record in caplog.records] == [f"The tool {kind}_tool:X is left out. {why}"]


@pytest.mark.anyio
async def test_t10_up_says_which_tool_is_broken_in_one_sentence_and_works_without_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(tmp_path, "raise RuntimeError('no luck')", "x = sad_tool:X", monkeypatch, "sad_tool")
    environ = clean_environ(COPLAYER_DEMO_PACE="0", PYTHONPATH=str(tmp_path))
    program = Program(["-m", "agent", "up", "--port", "0", "--data", str(tmp_path / "data"), "--no-open"], environ)
    try:
        url = (await run_sync(program.wait_for_line, r"^coplayer: (http://127\.0\.0\.1:\d+)$"))[1]
        async with httpx2.AsyncClient(base_url=url, timeout=20) as http:
            await http.post("/api/rooms", json={"room": "r1"})
            script = Client(http, "r1")
            assert (await script.until(await script.ask("draw a circle"), "completed", "failed"))[
                "status"
            ] == "completed"
    finally:
        await run_sync(program.stop)
    told = [line for line in program.output.splitlines() if "sad_tool" in line]
    assert len(told) == 1, told
    assert told[0].endswith(" WARNING coplayer.agent: The tool sad_tool:X is left out. It does not load: no luck")
    assert "Traceback" not in program.output


class Nameless(Tool):
    """Does nothing."""


class Twice(Tool):
    """Has a name that is taken."""

    name: ClassVar[str] = "move"


class Odd(Tool):
    """Has a name no model takes."""

    name: ClassVar[str] = "move it"


@pytest.mark.parametrize("bad", [Nameless, Twice, Odd, Result, "move"])
def test_t10_a_tool_that_cannot_be_used_is_refused_with_a_sentence(bad: Any) -> None:
    with pytest.raises(SettingsError, match=r"\.$"):
        Agent(tools=[bad], settings=Settings())


def test_t10_an_agent_takes_settings_by_name(number: type[Tool]) -> None:
    agent = Agent(tools=[number, number], settings=Settings(), slot="helper")
    assert (agent.settings.slot, agent.tools[-1], len(agent.tools)) == ("helper", number, len(TOOLS) + 1)
