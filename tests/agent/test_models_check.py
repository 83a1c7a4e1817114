"""`coplayer models check`: what it says of servers that work, work half, or do not, on both wires."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import AsyncIterator
from typing import Any

import pytest

from agent.demo_app import serve_demo
from agent.demo_model import answer
from agent.demo_wire import Reply
from agent.model import StepRequest
from agent.models_check import Finding, check, is_fine, told
from agent.openai_model import OpenAIModel
from agent.settings import Api, Endpoint
from tests.agent import fault_server as faults
from tests.agent.fault_server import Fault, ModelServer, Switch, serving
from tests.support.program import REPOSITORY, clean_environ

pytestmark = pytest.mark.anyio

WIRES: tuple[Api, Api] = ("responses", "chat")
RED = {"shapes": [{"type": "rect", "x": 0, "y": 0, "fill": "red"}]}


@pytest.fixture(scope="module")
async def switch(anyio_backend: str) -> AsyncIterator[tuple[Switch, str]]:
    switch = Switch(ModelServer([]))
    async with serving(switch) as url:
        yield switch, url


def able(request: StepRequest) -> Reply:
    """A model that can do everything."""
    words = str(request.items[0]["content"])
    if "at once" in words:
        return Reply("", (("look", {"scope": "view"}), ("create", RED)))
    return Reply("Red.") if "picture" in words else Reply("Drawing a red rectangle.", (("create", RED),))


async def tried(url: str, api: Api) -> dict[str, Finding]:
    endpoint = Endpoint("tried", url, "local", api, connect_timeout_s=10.0, read_timeout_s=20.0)
    async with OpenAIModel(endpoint) as model:
        findings = await check(model, endpoint)
    assert told(endpoint, findings).endswith("It can be used." if is_fine(findings) else "like this.")
    return {finding.what: finding for finding in findings}


def states(found: dict[str, Finding]) -> dict[str, str]:
    return {what: finding.state for what, finding in found.items()}


@pytest.mark.parametrize("api", WIRES)
async def test_a_model_that_can_do_everything_is_told_so(switch: tuple[Switch, str], api: Api) -> None:
    switch[0].server = ModelServer([], answer=able)
    found = await tried(switch[1], api)
    assert set(states(found).values()) == {"works"}, found
    assert found["token counts"].words == "11 in, 7 out for one call"
    assert len(switch[0].server.requests) == 3


@pytest.mark.parametrize("api", WIRES)
async def test_a_model_that_answers_in_words_cannot_be_used(switch: tuple[Switch, str], api: Api) -> None:
    switch[0].server = ModelServer([], answer=lambda _: Reply("Of course! Here is a red rectangle."))
    found = await tried(switch[1], api)
    assert (found["tools"].state, found["parallel calls"].state, found["pictures"].state) == (
        "fails", "unknown", "unknown",
    )  # fmt: skip
    assert not is_fine(list(found.values()))


@pytest.mark.parametrize("api", WIRES)
@pytest.mark.parametrize(
    ("call", "words"),
    [
        (("create", {"shapes": [{"type": "banana"}]}), "its arguments do not fit"),
        (("create", {"shapes": [{"type": "ellipse", "x": 0, "y": 0}]}), "it called create("),
    ],
    ids=["wrong", "other"],
)
async def test_a_call_that_does_not_fit_is_told(
    switch: tuple[Switch, str], api: Api, call: tuple[str, dict[str, Any]], words: str
) -> None:
    switch[0].server = ModelServer([], answer=lambda _: Reply("", (call,)))
    found = await tried(switch[1], api)
    assert found["tools"].words.startswith(words)
    assert not is_fine(list(found.values()))


@pytest.mark.parametrize("api", WIRES)
@pytest.mark.parametrize(
    ("fault", "what", "words"),
    [
        (Fault(status=401), "key", "did not accept the key"),
        (Fault(status=429, error={"code": "insufficient_quota"}), "key", "no credit left"),
        (Fault(status=404, error={"message": "no such model"}), "answer", "Check COPLAYER_MODEL. no such model"),
        (Fault(status=400, error={"message": "unknown field"}), "answer", "COPLAYER_MODEL_API="),
        (Fault(status=503), "answer", "failed (503)"),
        (Fault(after=2), "answer", "broke off"),
        (Fault(rewrite=faults.garbage_after(1)), "answer", "unreadable"),
    ],
    ids=["key", "credit", "model", "wire", "busy", "cut", "garbage"],
)
async def test_what_does_not_work_is_said_in_words_and_once(
    switch: tuple[Switch, str], api: Api, fault: Fault, what: str, words: str
) -> None:
    switch[0].server = ModelServer([Reply("x")], faults=[fault])
    found = await tried(switch[1], api)
    assert states(found) == {"reached": "works", what: "fails"}
    assert words in found[what].words
    assert len(switch[0].server.requests) == 1, "nothing more is asked of a server that fails"


@pytest.mark.parametrize("api", WIRES)
async def test_the_demo_model_is_told_for_what_it_is(api: Api) -> None:
    async with serve_demo(answer, 0) as url:
        found = await tried(url, api)
    assert is_fine(list(found.values()))
    assert (found["parallel calls"].state, found["pictures"].state) == ("unknown", "unknown")


def test_the_command_says_that_nobody_answers_and_ends_with_1() -> None:
    environ = clean_environ(OPENAI_BASE_URL="http://127.0.0.1:9/v1", COPLAYER_MODEL="x")
    command = [sys.executable, "-m", "agent", "models", "check"]
    done = subprocess.run(command, cwd=REPOSITORY, env=environ, capture_output=True, text=True, timeout=60, check=False)
    assert "no  reached  The connection to the model at 127.0.0.1 failed" in done.stdout
    assert (done.returncode, done.stderr) == (1, "")
