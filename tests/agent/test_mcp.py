"""MCP clients as players: the official client, over both transports and both eras of the protocol, in a real room."""

from __future__ import annotations

import sys
from base64 import b64decode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import httpx2
import mcp_types as types
import pytest
from mcp import Client
from mcp.client.stdio import StdioServerParameters, stdio_client
from mcp.client.streamable_http import streamable_http_client
from pycrdt import Doc

from agent.mcp_service import over_http
from agent.settings import Settings
from agent.tools import TOOLS
from sync.provider import Provider, connect
from tests.agent.test_worker import PATIENCE_S
from tests.support.program import REPOSITORY, clean_environ
from tests.support.server import Server

pytestmark = pytest.mark.anyio

MODES = ("auto", "legacy")  # requests that stand alone (2026-07-28), and sessions
RECT = {"type": "rect", "x": 0, "y": 0, "w": 100, "h": 60}


@pytest.fixture(scope="module")
def board(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with Server(tmp_path_factory.mktemp("mcp")) as running:
        yield running
    assert "Traceback" not in running.output, running.output


class Room:
    """A room with an MCP server before it, as people and scripts see it."""

    def __init__(self, http: httpx2.AsyncClient, name: str, url: str, person: Provider) -> None:
        self.url = url
        self._http = http
        self._at = f"/api/rooms/{name}"
        self._person = person

    async def doc(self) -> dict[str, Any]:
        return dict((await self._http.get(f"{self._at}/doc")).json())

    async def shapes(self) -> dict[str, Any]:
        return {key: shape for key, shape in (await self.doc())["shapes"].items() if not shape.get("deleted")}

    async def runs(self) -> list[dict[str, Any]]:
        """Oldest first."""
        runs = [{"id": key, **run} for key, run in (await self.doc()).get("runs", {}).items()]
        return sorted(runs, key=lambda run: (run["at"], run["id"]))

    async def said(self, role: str) -> list[str]:
        messages = sorted((await self.doc())["messages"].values(), key=lambda message: message["at"])
        return [message["body"] for message in messages if message["role"] == role]

    async def post(self, where: str, **body: Any) -> dict[str, Any]:
        answer = await self._http.post(f"{self._at}/{where}", json=body)
        answer.raise_for_status()
        return dict(answer.json())

    async def put(self, **roots: Any) -> None:
        """What a person writes."""
        merge = {"content-type": "application/merge-patch+json"}
        (await self._http.patch(f"{self._at}/doc", json=roots, headers=merge)).raise_for_status()

    def faces(self) -> dict[str, dict[str, Any]]:
        """Name -> presence of those who are no people."""
        return {state["user"]["name"]: state for state in self._person.peers.values() if "agent" in state}

    async def until_faces(self, *names: str) -> None:
        with anyio.fail_after(PATIENCE_S):
            while set(self.faces()) != set(names):
                await anyio.sleep(0.02)

    async def until_run(self, status: str) -> dict[str, Any]:
        """The newest run once it has this status."""
        with anyio.fail_after(PATIENCE_S):
            while not (runs := await self.runs()) or runs[-1]["status"] != status:
                await anyio.sleep(0.02)
        return runs[-1]


@asynccontextmanager
async def room(board: Server, name: str, **changes: Any) -> AsyncIterator[Room]:
    settings = Settings(server=board.url, slot="mcp", call_pause_s=0.0, **changes)
    async with (
        httpx2.AsyncClient(base_url=board.url, timeout=20) as http,
        connect(f"{board.sync_url}/{name}", Doc(), {"coplayer": "1"}) as person,
        anyio.create_task_group() as tasks,
    ):
        await person.wait_synced()
        person.set_presence({"user": {"id": "ann", "name": "Ann", "color": "#0F766E", "kind": "human"}})
        ready = anyio.Event()
        urls: list[str] = []

        def on_ready(url: str) -> None:
            urls.append(url)
            ready.set()

        tasks.start_soon(over_http, settings, TOOLS, name, "", 0, on_ready)
        with anyio.fail_after(PATIENCE_S):
            await ready.wait()
        yield Room(http, name, urls[0], person)
        tasks.cancel_scope.cancel()


@asynccontextmanager
async def robot(url: str, **options: Any) -> AsyncIterator[Client]:
    """The official client. Its HTTP client is ours: its own one may leave its sockets to the garbage collector."""
    async with (
        httpx2.AsyncClient(timeout=60) as http,
        Client(streamable_http_client(url, http_client=http), **options) as client,
    ):
        yield client


async def call(client: Client, tool: str, **arguments: Any) -> dict[str, Any]:
    result = await client.call_tool(tool, arguments)
    output = dict(result.structured_content)
    assert result.is_error is not output["ok"]
    return output


def code(output: dict[str, Any]) -> str:
    return str(output["error"]["code"])


@pytest.mark.parametrize("mode", MODES)
async def test_m1_a_client_is_a_player_with_a_name_a_run_and_an_undo(board: Server, mode: str) -> None:
    async with room(board, f"player-{mode}") as there:
        async with robot(f"{there.url}?name=Robot", mode=mode) as client:
            names = [tool.name for tool in (await client.list_tools()).tools]
            assert names == ["begin", *(tool.name for tool in TOOLS), "done"]
            begun = await call(client, "begin", request="Draw a login box")
            await there.until_faces("Robot")
            user = there.faces()["Robot"]["user"]
            assert (user["kind"], user["id"], user["color"] != "#7C3AED") == ("agent", "mcp", True)
            made = await call(client, "create", shapes=[{**RECT, "text": "Login"}])
            (shape,) = (await there.shapes()).values()
            assert (shape["by"], shape["run"], shape["text"]) == ("mcp", begun["run"], "Login")
            assert made["shapes"][0]["id"] == f"{begun['run']}.1.1"
            assert (await there.runs())[0]["status"] == "in_progress"
            assert code(await call(client, "no_such_tool")) == "INVALID"
            assert (await call(client, "done", summary="Drew it."))["ok"]
        await there.until_faces()
        (run,) = await there.runs()
        assert (run["status"], run["summary"], run["model"]) == ("completed", "Drew it.", "Robot over MCP")
        assert (await there.said("user"), await there.said("assistant")) == (["Draw a login box"], ["Drew it."])
        calls = [(call["tool"], call["status"]) for call in (await there.doc())["calls"].values()]
        assert sorted(calls) == [("create", "done"), ("no_such_tool", "error")]
        assert (await there.post(f"runs/{run['id']}/undo"))["restored"] == [f"{run['id']}.1.1"]
        assert await there.shapes() == {}


async def test_m2_stop_on_the_board_ends_it_until_somebody_asks_anew(board: Server) -> None:
    async with room(board, "stopped") as there, robot(there.url) as client:
        assert (await call(client, "create", shapes=[RECT]))["ok"]
        (run,) = await there.runs()
        await there.post(f"runs/{run['id']}/cancel")
        await there.until_run("cancelled")
        for _ in range(2):
            assert code(await call(client, "create", shapes=[RECT])) == "CANCELLED"
        assert len(await there.shapes()) == 1
        assert (await call(client, "begin", request="One more, please"))["ok"]
        assert (await call(client, "create", shapes=[RECT]))["ok"]
        assert [run["status"] for run in await there.runs()] == ["cancelled", "in_progress"]
        assert len(await there.shapes()) == 2


async def test_m3_a_bulk_deletion_asks_on_the_board_and_waits_for_the_answer(board: Server) -> None:
    async with room(board, "asked", answer_patience_s=0.1) as there, robot(there.url) as client:
        await there.put(shapes={f"s{n}": {**RECT, "x": 200 * n} for n in range(25)})
        ids = [f"s{n}" for n in range(25)]
        assert (await call(client, "begin", request="delete everything, I agree to all of it"))["ok"]
        assert code(await call(client, "delete", ids=ids)) == "NEEDS_CONFIRMATION"
        run = await there.until_run("requires_user")
        assert (run["question"]["text"], run["question"]["options"]) == (
            "Delete 25 shapes, 25 of them made by others?", ["Delete", "Keep"],
        )  # fmt: skip
        assert len(await there.shapes()) == 25
        await there.post(f"runs/{run['id']}/answer", text="Delete")
        # Another call would drop the question; the same one goes on with the answer.
        assert (await call(client, "delete", ids=ids))["confirmed"] is True
        assert await there.shapes() == {}


@pytest.mark.parametrize("mode", MODES)
async def test_m3_a_client_that_can_ask_its_person_does(board: Server, mode: str) -> None:
    asked: list[str] = []
    answers = ["Keep", "", "Delete"]

    async def person(context: Any, params: Any) -> types.ElicitResult:
        asked.append(params.message)
        said = answers.pop(0)
        if not said:
            return types.ElicitResult(action="decline")
        return types.ElicitResult(action="accept", content={"answer": said})

    async with room(board, f"elicited-{mode}") as there:
        await there.put(shapes={"a": RECT})
        async with robot(there.url, mode=mode, elicitation_callback=person) as client:
            for _ in range(2):  # "Keep", and no answer at all
                assert code(await call(client, "delete", ids=["a"])) == "FORBIDDEN"
            assert set(await there.shapes()) == {"a"}
            assert (await call(client, "delete", ids=["a"]))["ok"]
            assert await there.shapes() == {}
            assert asked == ["Delete 1 shape, 1 of them made by others?"] * 3


async def test_m4_two_clients_have_a_place_each_and_the_rooms_policy_holds_for_them(board: Server) -> None:
    async with (
        room(board, "two") as there,
        robot(f"{there.url}?name=One") as one,
        robot(f"{there.url}?name=Two") as two,
    ):
        for client in (one, two):
            assert (await call(client, "create", shapes=[RECT]))["ok"]
        await there.until_faces("One", "Two")
        assert {state["user"]["id"] for state in there.faces().values()} == {"mcp", "mcp-2"}
        assert {run["agent"] for run in await there.runs()} == {"mcp", "mcp-2"}
        await there.put(policy={"max_calls": 1})
        assert code(await call(one, "create", shapes=[RECT])) == "BUDGET"
        await there.put(policy={"agent_enabled": False})
        assert code(await call(two, "begin", request="more")) == "FORBIDDEN"
        assert len(await there.shapes()) == 2


async def test_m5_over_stdio_it_leaves_with_its_client(board: Server) -> None:
    command = ["-m", "agent", "mcp", "piped", "--server", board.url, "--call-pause", "0"]
    start = StdioServerParameters(
        command=sys.executable, args=command, cwd=str(REPOSITORY), env=clean_environ(COPLAYER_AGENT_NAME="Piper")
    )
    async with (
        httpx2.AsyncClient(base_url=board.url, timeout=20) as http,
        connect(f"{board.sync_url}/piped", Doc(), {"coplayer": "1"}) as person,
    ):
        there = Room(http, "piped", "", person)
        async with Client(stdio_client(start)) as client:
            assert (await call(client, "create", shapes=[RECT]))["ok"]
            await there.until_faces("Piper")
        await there.until_faces()
        assert [(run["status"], run["agent"]) for run in await there.runs()] == [("completed", "mcp")]
        assert len(await there.shapes()) == 1


async def test_t12_m1_a_client_gets_the_picture_as_mcp_has_it(board: Server) -> None:
    async with room(board, "picture") as there, robot(there.url) as client:
        assert (await call(client, "create", shapes=[{**RECT, "text": "Login"}]))["ok"]
        result = await client.call_tool("picture", {"region": None, "marks": True, "max_px": 200})
        (run,) = await there.runs()
        text, told, image = result.content
        assert isinstance(told, types.TextContent)
        assert told.text.endswith(f"Marks: 1 = {run['id']}.1.1.")
        assert isinstance(image, types.ImageContent)
        assert (image.mime_type, b64decode(image.data)[1:4]) == ("image/png", b"PNG")
        assert isinstance(text, types.TextContent)
        assert image.data[:40] not in text.text + str(result.structured_content), "once is enough"
        assert code(await call(client, "picture", region=None, marks=False, max_px=9)) == "INVALID"
