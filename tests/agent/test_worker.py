"""The assistant as a process against the real server: found work, killed in mid-run, stopped, restarted under it."""

from __future__ import annotations

import json
import os
import re
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import httpx2
import pytest
from anyio.to_thread import run_sync
from pycrdt import Doc
from pycrdt import Map as YMap

from agent.demo_wire import Reply
from sync.board import ask
from sync.provider import connect
from tests.agent.fault_server import ModelServer, Switch, serving
from tests.support.program import Program, clean_environ
from tests.support.server import Server

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(120)]

PATIENCE_S = 40.0  # for one condition; two cores may be shared with much else
ENDED = ("completed", "failed", "incomplete", "cancelled", "expired")


def draw(n: int) -> tuple[str, dict[str, Any]]:
    return "create", {"shapes": [{"type": "rect", "x": 150 * n, "y": 0, "w": 100, "h": 60}]}


@pytest.fixture
def quick_lease(tmp_path: Path) -> Iterator[Server]:
    """A server on which a dead worker is replaced after two seconds."""
    with Server(tmp_path / "data", environ={"COPLAYER_LEASE_S": "2"}) as running:
        yield running
    assert "Traceback" not in running.output, running.output


@contextmanager
def assistant(server: Server, model_url: str = "", **environ: str) -> Iterator[Program]:
    """The assistant process; killed at the end unless it ended before."""
    model = {"OPENAI_BASE_URL": model_url, "COPLAYER_MODEL": "scripted"} if model_url else {}
    settings = {"COPLAYER_CALL_PAUSE": "0.02", "COPLAYER_DEMO_PACE": "0", **model, **environ}
    program = Program(["-m", "agent", "agent", "--server", server.url], environ=clean_environ(**settings))
    try:
        yield program
    finally:
        program.kill()
        assert "Traceback" not in program.output, program.output


class Client:
    """A script that asks over REST."""

    def __init__(self, http: httpx2.AsyncClient, room: str) -> None:
        self._http = http
        self._at = f"/api/rooms/{room}"

    async def ask(self, text: str) -> str:
        answer = await self._http.post(f"{self._at}/prompts", json={"text": text})
        answer.raise_for_status()
        return str(answer.json()["run"])

    async def run(self, run: str) -> dict[str, Any]:
        return dict((await self._http.get(f"{self._at}/runs/{run}")).json())

    async def stop(self, run: str) -> None:
        (await self._http.post(f"{self._at}/runs/{run}/cancel")).raise_for_status()

    async def answer(self, run: str, text: str) -> int:
        return (await self._http.post(f"{self._at}/runs/{run}/answer", json={"text": text})).status_code

    async def shapes(self) -> dict[str, Any]:
        shapes = (await self._http.get(f"{self._at}/doc")).json()["shapes"]
        return {key: shape for key, shape in shapes.items() if not shape.get("deleted")}

    async def until(self, run: str, *statuses: str) -> dict[str, Any]:
        """The run once it has one of these statuses."""
        with anyio.fail_after(PATIENCE_S):
            while (state := await self.run(run))["status"] not in statuses:
                await anyio.sleep(0.03)
        return state

    async def until_shapes(self, count: int) -> None:
        with anyio.fail_after(PATIENCE_S):
            while len(await self.shapes()) < count:
                await anyio.sleep(0.01)


@asynccontextmanager
async def client(server: Server, room: str = "r1") -> AsyncIterator[Client]:
    async with httpx2.AsyncClient(base_url=server.url, timeout=20) as http:
        (await http.post("/api/rooms", json={"room": room})).raise_for_status()
        yield Client(http, room)


@dataclass
class Office:
    """A server and an assistant for several tests, each in a room of its own: starting both takes seconds."""

    server: Server
    switch: Switch


@pytest.fixture(scope="module")
async def office(anyio_backend: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Office]:
    switch = Switch(ModelServer([]))
    with Server(tmp_path_factory.mktemp("office")) as server:
        async with serving(switch) as url:
            with assistant(server, url, COPLAYER_AGENT_LINGER="0.2"):
                yield Office(server, switch)
    assert "Traceback" not in server.output, server.output


@pytest.mark.parametrize("killed_after", [1, 3])
async def test_r5_r8_a_run_goes_on_after_its_assistant_was_killed_and_no_effect_is_doubled(
    quick_lease: Server, killed_after: int
) -> None:
    replies = [Reply(f"Step {n}.", (draw(n),)) for n in range(5)]
    model = ModelServer([*replies, Reply("All done.")], pace_s=0.01)
    async with serving(model) as url, client(quick_lease) as script:
        with assistant(quick_lease, url) as first:
            run = await script.ask("draw")
            await script.until_shapes(killed_after)
            await run_sync(first.kill)
        assert (await script.run(run))["status"] not in ENDED
        with assistant(quick_lease, url):
            state = await script.until(run, *ENDED)
        assert state["status"] == "completed"
        assert set(await script.shapes()) == {f"{run}.{n}.1" for n in range(1, 6)}
        assert [call["seq"] for call in state["calls"]] == [1, 2, 3, 4, 5]
        said = [message["body"] for message in state["messages"] if message["role"] == "assistant"]
        assert said == [*(f"Step {n}." for n in range(5)), "All done."]
        assert state["epoch"] == 2
        assert model.refused == []


async def test_r7_stop_reaches_a_streaming_model_within_a_second(office: Office) -> None:
    model = office.switch.server = ModelServer([Reply("word " * 2000)], pace_s=0.01)
    async with client(office.server, "stop") as script:
        run = await script.ask("talk")
        await script.until(run, "in_progress")
        with anyio.fail_after(PATIENCE_S):
            while not model.requests:
                await anyio.sleep(0.02)
        await script.stop(run)
        with anyio.fail_after(1):
            await script.until(run, "cancelled")
            await model.hung_up.wait()


async def test_r3_a_second_prompt_waits_and_one_taken_back_never_runs(office: Office) -> None:
    model = office.switch.server = ModelServer([Reply("word " * 100)], pace_s=0.02)
    async with client(office.server, "queue") as script:
        first = await script.ask("one")
        await script.until(first, "in_progress")
        second, third = await script.ask("two"), await script.ask("three")
        assert (await script.run(third))["status"] == "queued"
        await script.stop(second)
        assert "started_at" not in await script.until(second, "cancelled")
        assert (await script.run(first))["status"] == "in_progress", "the queue is swept while a run goes on"
        model.pace_s = 0
        assert (await script.until(third, *ENDED))["status"] == "completed"
        assert len(model.requests) == 2


async def test_a_restart_of_the_server_does_not_end_a_run(server: Server) -> None:
    model = ModelServer(
        [Reply("", (draw(0),)), Reply("", (draw(1),)), Reply("", (draw(2),)), Reply("Done.")], pace_s=0.02
    )
    async with serving(model) as url:
        with assistant(server, url):
            async with client(server) as script:
                run = await script.ask("draw")
                await script.until_shapes(1)
                await run_sync(server.kill)
                await run_sync(server.start)
                state = await script.until(run, *ENDED)
                assert state["status"] == "completed"
                assert set(await script.shapes()) == {f"{run}.{n}.1" for n in range(1, 4)}


async def test_r8_of_two_assistants_one_works_and_the_other_waits_for_the_lease(quick_lease: Server) -> None:
    model = ModelServer([Reply("", (draw(0),)), Reply("Done.")])
    async with serving(model) as url:
        with assistant(quick_lease, url) as one, assistant(quick_lease, url):
            async with client(quick_lease) as script:
                assert (await script.until(await script.ask("draw"), *ENDED))["status"] == "completed"
                assert len(await script.shapes()) == 1
                await run_sync(one.kill)
                assert (await script.until(await script.ask("draw"), *ENDED))["status"] == "completed"
                assert len(await script.shapes()) == 2


async def test_r8_an_assistant_that_slept_through_its_lease_writes_nothing_when_it_wakes(quick_lease: Server) -> None:
    replies = [Reply(f"Step {n}.", (draw(n),)) for n in range(4)]
    model = ModelServer([*replies, Reply("All done.")], pace_s=0.02)
    async with serving(model) as url:
        async with client(quick_lease) as script:
            with assistant(quick_lease, url) as sleeper:
                run = await script.ask("draw")
                await script.until_shapes(1)
                os.kill(sleeper.pid, signal.SIGSTOP)
                with assistant(quick_lease, url):
                    state = await script.until(run, *ENDED)
                    before = await script.shapes()
                    os.kill(sleeper.pid, signal.SIGCONT)
                    # The next run is the newer assistant's, and the sleeper has had its turn to do harm.
                    later = await script.until(await script.ask("again"), *ENDED)
                    assert sleeper.is_running
                    assert (await script.run(run))["calls"] == state["calls"]
        assert (state["status"], state["epoch"]) == ("completed", 2)
        assert set(before) == {f"{run}.{n}.1" for n in range(1, 5)}
        assert later["status"] == "completed"


async def test_people_see_the_face_the_words_and_the_targets_and_it_goes_with_the_process(server: Server) -> None:
    model = ModelServer([Reply("Drawing it now. " * 10, (draw(0),)), Reply("Done.")], pace_s=0.02)
    async with serving(model) as url:
        with assistant(server, url, COPLAYER_CALL_PAUSE="0.5") as program:
            async with client(server) as script:
                doc: Doc[Any] = Doc()
                seen: list[dict[str, Any]] = []
                async with connect(f"{server.sync_url}/r1", doc, {"coplayer": "1"}) as person:
                    await person.wait_synced()
                    person.set_presence({"user": {"id": "ann", "name": "Ann", "color": "#0F766E", "kind": "human"}})
                    person.on_presence(lambda: seen.extend(dict(state) for state in person.peers.values()))
                    with anyio.fail_after(PATIENCE_S):
                        while not seen:
                            await anyio.sleep(0.02)
                    run = await script.ask("draw")
                    assert (await script.until(run, *ENDED))["status"] == "completed"
                    await run_sync(program.kill)
                    with anyio.fail_after(2):
                        while person.peers:
                            await anyio.sleep(0.02)
    agents = [state["agent"] for state in seen if "agent" in state]
    assert all(state["user"]["name"] == "Assistant" and state["user"]["kind"] == "agent" for state in seen)
    assert agents[0]["status"] == "idle"
    assert {agent["status"] for agent in agents} >= {"idle", "thinking", "working"}
    words = [agent["text"] for agent in agents if agent["text"]]
    assert len({len(text) for text in words}) > 3, "the words stream"
    working = [state for state in seen if state["agent"]["status"] == "working"]
    assert working[0]["agent"]["targets"] == [f"{run}.1.1"]
    assert working[0]["cursor"] == {"x": 50, "y": 30}
    assert all(agent["model"] == "scripted" and agent["demo"] is False for agent in agents)


async def test_the_assistant_is_there_while_people_are_and_answers_what_they_write(office: Office) -> None:
    office.switch.server = ModelServer([Reply("Two boxes.", (draw(0), draw(1))), Reply("Done.")])
    doc: Doc[Any] = Doc()
    async with (
        client(office.server, "people"),
        connect(f"{office.server.sync_url}/people", doc, {"coplayer": "1"}) as person,
    ):
        await person.wait_synced()
        person.set_presence({"user": {"id": "ann", "name": "Ann", "color": "#0F766E", "kind": "human"}})
        runs: YMap[Any] = doc.get("runs", type=YMap)
        with anyio.fail_after(PATIENCE_S):
            while not any(state["user"]["kind"] == "agent" for state in person.peers.values()):
                await anyio.sleep(0.02)
        run = ask(
            doc, text="draw", by="ann", by_name="Ann", now_ms=1, thread="main", context={}, agent="assistant"
        )  # fmt: skip
        with anyio.fail_after(PATIENCE_S):
            while runs[run].get("status") not in ENDED:
                await anyio.sleep(0.02)
        assert runs[run]["status"] == "completed"
        assert len(json.loads(str(doc.get("shapes", type=YMap)))) == 2


async def test_the_command_starts_everything_tells_where_and_stops_cleanly(tmp_path: Path) -> None:
    # With such a lease the second start has an assistant only if the first one gave its lease back.
    environ = clean_environ(COPLAYER_DEMO_PACE="0", COPLAYER_LEASE_S="600")
    for how in (signal.SIGINT, signal.SIGTERM):
        program = Program(["-m", "agent", "up", "--port", "0", "--data", str(tmp_path / "data"), "--no-open"], environ)
        try:
            url = (await run_sync(program.wait_for_line, r"^coplayer: (http://127\.0\.0\.1:\d+)$"))[1]
            async with httpx2.AsyncClient(base_url=url, timeout=20) as http:
                await http.post("/api/rooms", json={"room": "r1"})
                script = Client(http, "r1")
                state = await script.until(await script.ask("draw three red circles in a row and connect them"), *ENDED)
                assert (state["status"], state["model"]) == ("completed", "Demo assistant (no AI)")
                assert [call["label"] for call in state["calls"]] == ["Created 3 circles", "Drew 2 connectors"]
                answer = await http.post("/demo/v1/responses", json={"model": "demo", "input": "hello", "tools": []})
                assert answer.json()["object"] == "response"
            assert f"data   {tmp_path / 'data'}" in program.output
            assert "Demo assistant (no AI)" in program.output
        finally:
            status = await run_sync(program.stop, how)
        assert status == 0
        assert not re.search("Traceback|Fatal|ended", program.output), program.output


async def test_r12_an_answer_over_rest_brings_the_assistant_back_to_a_run_that_waits(office: Office) -> None:
    question = ("ask", {"question": "Which one?", "options": ["Left"]})
    office.switch.server = ModelServer([Reply("", (question,)), Reply("", (draw(1),)), Reply("Done.")])
    async with client(office.server, "asked") as script:
        run = await script.ask("draw")
        state = await script.until(run, "requires_user", *ENDED)
        assert (state["status"], state["question"]["text"]) == ("requires_user", "Which one?")
        # Nobody is in the room and nothing can be done: the assistant leaves, and must be called.
        await anyio.sleep(1.0)
        assert await script.answer(run, "  ") == 422
        assert await script.answer(run, "Left") == 200
        state = await script.until(run, *ENDED)
        assert state["status"] == "completed"
        assert json.loads(state["calls"][0]["output"])["answer"] == "Left"
        assert len(await script.shapes()) == 1
        assert await script.answer(run, "Right") == 409
        office.switch.server.replies = [Reply("", (question,))]
        other = await script.ask("draw")
        await script.until(other, "requires_user", *ENDED)
        await anyio.sleep(1.0)
        await script.stop(other)
        assert (await script.until(other, *ENDED))["status"] == "cancelled"


async def test_r12_a_question_outlives_the_assistant_and_can_be_stopped(quick_lease: Server) -> None:
    question = ("ask", {"question": "Which one?", "options": ["Left"]})
    model = ModelServer([Reply("", (question,)), Reply("Done.")])
    async with serving(model) as url, client(quick_lease) as script:
        with assistant(quick_lease, url):
            first = await script.ask("draw")
            second = await script.ask("draw again")
            for run in (first, second):
                await script.until(run, "requires_user", *ENDED)
        with assistant(quick_lease, url):
            assert await script.answer(second, "Left") == 200
            assert (await script.until(second, *ENDED))["status"] == "completed"
            assert (await script.run(first))["status"] == "requires_user"
            await script.stop(first)
            assert (await script.until(first, *ENDED))["status"] == "cancelled"
