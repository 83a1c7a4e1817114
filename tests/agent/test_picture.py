"""The picture tool over the real model wire, and that no tool of the plan is missing."""

from __future__ import annotations

import json
import struct
from base64 import b64decode
from collections.abc import AsyncIterator
from typing import Any

import pytest
from pycrdt import Map as YMap

from agent.demo_wire import Reply
from agent.model import Item
from agent.pictures import MAX_BYTES, drawn
from agent.settings import Api, Settings, SettingsError
from agent.tools import TOOLS
from agent.tools.picture import Picture
from sync.canvas.canvas import Canvas
from sync.canvas.geometry import Box
from sync.canvas.marks import MAX_MARKS, numbered
from tests.agent.board import Board
from tests.agent.fault_server import Fault, ModelServer, Switch, serving
from tests.agent.scene import Scene, Stage

PLANNED = (
    "look find check picture create update set_text delete duplicate draw move resize rotate align distribute arrange "
    "place connect group frame reorder diagram plan point ask undo"
)
SEED = "createShape editExistingShape"
LOOK = ("picture", {"region": None, "marks": True, "max_px": 200})


def test_t1_every_planned_tool_is_there_and_both_of_the_seed() -> None:
    assert sorted(tool.name for tool in TOOLS) == sorted([*PLANNED.split(), *SEED.split()])


@pytest.fixture(scope="module")
async def stage(anyio_backend: str) -> AsyncIterator[Stage]:
    switch = Switch(ModelServer([]))
    async with serving(switch) as url:
        yield Stage(url, switch)


def furnish(scene: Scene) -> None:
    shapes: YMap[Any] = scene.doc.get("shapes", type=YMap)
    shapes["a"] = YMap({"type": "rect", "x": 0, "y": 0, "w": 200, "h": 100, "text": "Login", "z": "a0"})
    shapes["b\nc"] = YMap({"type": "rect", "x": 300, "y": 0, "w": 100, "h": 100, "z": "a1"})


def shown(body: dict[str, Any], api: Api) -> list[tuple[str, bytes]]:
    """(words, PNG) of each picture in a request."""
    found: list[tuple[str, bytes]] = []
    for message in body["input" if api == "responses" else "messages"]:
        parts = message.get("content")
        if isinstance(parts, list):
            words = "".join(part.get("text", "") for part in parts)
            urls = [part["image_url"] for part in parts if part["type"] in ("input_image", "image_url")]
            for url in urls:
                address = url if api == "responses" else url["url"]
                assert address.startswith("data:image/png;base64,")
                found.append((words, b64decode(address.partition(",")[2])))
    return found


def size_of(png: bytes) -> tuple[int, int]:
    width, height = struct.unpack(">II", png[16:24])
    return width, height


@pytest.mark.anyio
@pytest.mark.parametrize("api", ["responses", "chat"])
async def test_t12_a_model_that_sees_gets_the_picture_once_with_its_marks_explained(stage: Stage, api: Api) -> None:
    move = ("update", {"changes": [{"ids": ["a"], "set": {"x": 10}}]})
    server = ModelServer([Reply("", (LOOK,)), Reply("", (move,)), Reply("Done.")])
    async with stage.scene(server, api, model_vision="yes", model="m", base_url="http://127.0.0.1:1/v1") as scene:
        furnish(scene)
        run = scene.prompt("is it tidy?")
        await scene.runner.work(run)
        assert scene.run(run)["status"] == "completed"
        assert server.refused == []
        pictures = [shown(body, api) for body in server.bodies]
        assert [len(found) for found in pictures] == [0, 1, 0], "with the next request, and then no more"
        ((words, png),) = pictures[1]
        assert size_of(png) == (200, 75)
        assert words == (f'The picture of call {run}.1: board px -40,-40 480x180. Marks: 1 = a, 2 = "b\\nc".'), (
            "ids are data and stay on their line"
        )
        assert "base64" not in json.dumps(scene.run(run)) + json.dumps(scene.calls(run)), "nothing of it is kept"


@pytest.mark.anyio
async def test_t12_a_model_that_is_not_known_to_see_is_told_so(stage: Stage) -> None:
    server = ModelServer([Reply("", (LOOK,)), Reply("Done.")])
    async with stage.scene(server) as scene:
        furnish(scene)
        run = scene.prompt("is it tidy?")
        await scene.runner.work(run)
        error = json.loads(scene.calls(run)[0]["output"])["error"]
        assert (error["code"], "COPLAYER_MODEL_VISION" in error["message"]) == ("FORBIDDEN", True)
        assert shown(server.bodies[1], "responses") == []


@pytest.mark.anyio
@pytest.mark.parametrize("api", ["responses", "chat"])
async def test_t12_a_server_that_refuses_pictures_is_asked_without(stage: Stage, api: Api) -> None:
    refusal = Fault(status=400, error={"message": "image_url is not supported by this model"})
    server = ModelServer([Reply("", (LOOK,)), Reply("Done.")], [Fault(), refusal])
    async with stage.scene(server, api, model_vision="yes", model="m", base_url="http://127.0.0.1:1/v1") as scene:
        furnish(scene)
        assert (await scene.ask("is it tidy?"))["status"] == "completed"
        assert [len(shown(body, api)) for body in server.bodies] == [0, 1, 0]
        assert "refuses pictures" in json.dumps(server.bodies[2])


class Died(Exception):
    """The process is gone."""


@pytest.mark.anyio
async def test_r8_t12_whoever_goes_on_with_the_run_draws_the_picture_anew(stage: Stage) -> None:
    server = ModelServer([Reply("", (LOOK,)), Reply("Done.")])
    sees = Settings(call_pause_s=0.0, model_vision="yes", model="m", base_url="http://127.0.0.1:1/v1")
    async with stage.model(server) as model:
        first = Scene(model, settings=sees)
        furnish(first)
        run = first.prompt("is it tidy?")

        async def die() -> None:
            raise Died

        first.on_saved = die
        with pytest.raises(Died):
            await first.runner.work(run)
        second = Scene(model, first.doc, sees)
        await second.runner.work(run)
        assert second.run(run)["status"] == "completed"
        assert [len(shown(body, "responses")) for body in server.bodies] == [0, 1]


def parts(message: Item) -> tuple[str, bytes]:
    return message["content"][0]["text"], b64decode(message["content"][1]["image_url"].partition(",")[2])


@pytest.mark.anyio
async def test_t12_a_region_is_cut_out_and_a_small_one_is_not_blown_up_without_end() -> None:
    board = Board()
    board.put("a", x=0, y=0)
    board.put("far", x=5000, y=0)
    wanted = Picture(region={"x": -10, "y": -10, "w": 120, "h": 80}, marks=True)  # type: ignore[arg-type] # pydantic reads it
    words, png = parts(await drawn(board.doc, wanted, "r1.1", None))
    assert words == "The picture of call r1.1: board px -10,-10 120x80. Marks: 1 = a."
    assert size_of(png) == (480, 320)


@pytest.mark.anyio
async def test_t12_a_picture_of_too_many_bytes_is_drawn_smaller() -> None:
    board = Board()
    for n in range(60):
        board.put(f"s{n}", x=n % 10 * 50, y=n // 10 * 30, w=90, h=50, rotation=n * 7, text=f"{n * 7919} {n}")
    _, large = parts(await drawn(board.doc, Picture(max_px=800), "r1.1", None))
    _, small = parts(await drawn(board.doc, Picture(max_px=800), "r1.1", None, max_bytes=len(large) - 1))
    assert (max(size_of(large)), max(size_of(small))) == (800, 400)
    assert len(large) < MAX_BYTES


def test_t12_marks_number_the_largest_shapes_by_rows() -> None:
    board = Board()
    for n in range(MAX_MARKS + 20):
        board.put(f"s{n:03}", x=n % 10 * 100, y=n // 10 * 100, w=10 + n, h=10)
    canvas = Canvas(board.doc)
    numbers = numbered(canvas.shapes(), canvas)
    assert list(numbers) == [f"s{n:03}" for n in range(20, MAX_MARKS + 20)]
    assert [number for number, _ in numbers.values()] == list(range(1, MAX_MARKS + 1))
    assert list(numbered(canvas.shapes(), canvas, Box(0, 0, 250, 50))) == ["s000", "s001", "s002"]


def test_which_models_see_is_a_setting_and_certain_only_for_openais_own() -> None:
    assert Settings(openai_key="k").sees
    assert not Settings(openai_key="k", model_vision="no").sees
    assert not Settings(base_url="http://127.0.0.1:11434/v1").sees
    assert Settings(base_url="http://127.0.0.1:11434/v1", model_vision="yes").sees
    assert not Settings(model_vision="yes").sees, "the demo assistant does not"
    with pytest.raises(SettingsError, match="COPLAYER_MODEL_VISION"):
        Settings.from_env({"COPLAYER_MODEL_VISION": "maybe"})
