"""Every fault of a model's server, on both wires, before, in and after the step that changes the board.

The right end, every effect once, and a thread that can be asked again. Each fault is tried at one of the three places,
with `--places 3` at all; `--offsets 500` cuts the streams of a ten-call run at as many random bytes,
and at every event.
"""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Literal
from urllib.parse import urlsplit

import pytest
from pycrdt import Map as YMap

from agent import demo_wire as wire
from agent.demo_wire import Reply, Stamp
from agent.model import Event, Model, StepRequest
from agent.openai_model import OpenAIModel
from agent.settings import Api, Endpoint
from sync.canvas.canvas import read_json
from tests.agent import fault_server as faults
from tests.agent.fault_server import Fault, ModelServer, Switch, serving
from tests.agent.mortal import effect, reply_after, ten_calls
from tests.agent.scene import SETTINGS, Scene, Stage

pytestmark = pytest.mark.anyio

WIRES: tuple[Api, Api] = ("responses", "chat")
BOX = {"type": "rect", "w": 100, "h": 60}
STEPS = [
    Reply("Let me look.", (("look", {"scope": "view"}),)),
    Reply("Drawing.", (("create", {"shapes": [{**BOX, "x": 0, "y": 0}, {**BOX, "x": 200, "y": 0}]}), ("look", {}))),
    Reply("Done."),
]
PLACES = ("before", "during", "after")
SHAPES = 2

Outcome = Literal["understood", "asked again", "never arrived", "cut short"] | str


@dataclass(frozen=True)
class Trouble:
    """A fault and what becomes of the run: `asked again` and `understood` end in `completed`."""

    outcome: Outcome
    fault: Fault | None = None
    wires: tuple[Api, ...] = WIRES
    url: str = ""
    """Instead of a fault: the step is first asked there."""
    cut: Literal["max_output_tokens", "content_filter"] | None = None
    """Instead of a fault: the answer says itself that it was cut short."""


def said(rewrite: Callable[..., Any], outcome: Outcome, api: Api) -> Trouble:
    return Trouble(outcome, Fault(rewrite=rewrite), (api,))


def http(number: int, outcome: Outcome, **error: Any) -> Trouble:
    return Trouble(outcome, Fault(status=number, error=error, headers={"retry-after": "7"} if number == 429 else {}))


TROUBLES: dict[str, Trouble] = {
    "clean end in mid-stream": Trouble("asked again", Fault(after=2)),
    "no event at all": Trouble("asked again", Fault(after=0)),
    "dropped": Trouble("asked again", Fault(after=2, ending="abort")),
    "reset": Trouble("asked again", Fault(after=2, ending="reset")),
    "stalled": Trouble("asked again", Fault(after=2, ending="stall")),
    "stalled from the start": Trouble("asked again", Fault(after=0, ending="stall")),
    "not JSON": Trouble("asked again", Fault(rewrite=faults.garbage_after(2))),
    "not UTF-8": Trouble("asked again", Fault(rewrite=faults.not_utf8_after(2))),
    "no object": Trouble("asked again", Fault(rewrite=faults.scalar_after(2))),
    "CRLF": Trouble("understood", Fault(style="crlf")),
    "comments": Trouble("understood", Fault(style="comments")),
    "one byte at a time": Trouble("understood", Fault(style="one_byte")),
    "no [DONE]": Trouble("understood", Fault(no_done=True)),
    "cut by length": Trouble("cut short", cut="max_output_tokens"),
    "cut by the content filter": Trouble("cut short", cut="content_filter"),
    "failed: server_error": said(faults.failed("server_error"), "asked again", "responses"),
    "failed: rate limit": said(faults.failed("rate_limit_exceeded"), "asked again", "responses"),
    "failed: invalid prompt": said(faults.failed("invalid_prompt"), "bad_request", "responses"),
    "failed: policy": said(faults.failed("image_content_policy_violation"), "content_filter", "responses"),
    "error event, flat": said(faults.error_flat, "asked again", "responses"),
    "error event, nested": said(faults.error_nested, "asked again", "responses"),
    "no response.created": said(faults.no_created, "understood", "responses"),
    "ids that differ": said(faults.other_ids, "understood", "responses"),
    "unknown events": said(faults.unknown_events, "understood", "responses"),
    "an empty end": said(faults.bare_end, "understood", "responses"),
    "error among the chunks": said(faults.bare_error, "asked again", "chat"),
    "error object": said(faults.object_error, "asked again", "chat"),
    "every index 0": said(faults.index_zero, "understood", "chat"),
    "no index": said(faults.no_index, "understood", "chat"),
    "whole calls": said(faults.whole_calls, "understood", "chat"),
    "whole calls without index": said(partial(faults.whole_calls, index=None), "understood", "chat"),
    "arguments as an object": said(partial(faults.whole_calls, as_object=True), "understood", "chat"),
    "no finish_reason": said(faults.no_finish, "understood", "chat"),
    "400": http(400, "bad_request", message="Bad."),
    "400 too long": http(400, "too_long", code="context_length_exceeded"),
    "400 thoughts refused": http(400, "asked again", code="invalid_encrypted_content"),
    "404 thoughts refused": http(404, "asked again", message="Item 'rs_68af' not found."),
    "401": http(401, "auth"),
    "403": http(403, "auth"),
    "404": http(404, "not_found"),
    "408": http(408, "asked again"),
    "409": http(409, "asked again"),
    "413": http(413, "too_long"),
    "422": http(422, "bad_request"),
    "429": http(429, "asked again"),
    "429 no credit": http(429, "quota", code="insufficient_quota"),
    "500": http(500, "asked again"),
    "502": http(502, "asked again"),
    "503": http(503, "asked again"),
    "refused": Trouble("never arrived", url="http://127.0.0.1:9/v1"),
    "no such host": Trouble("never arrived", url="http://no-such-host.invalid/v1"),
    "no TLS": Trouble("never arrived", url="https://{host}/v1"),
}
CASES = [(api, name) for name, trouble in TROUBLES.items() for api in trouble.wires]


class Site(Stage):
    """A stage whose address is known."""

    def __init__(self, url: str, switch: Switch) -> None:
        super().__init__(url, switch)
        self.host = urlsplit(url).netloc


@pytest.fixture(scope="module")
async def stage(anyio_backend: str) -> AsyncIterator[Site]:
    switch = Switch(ModelServer([]))
    async with serving(switch) as url:
        yield Site(url, switch)


class Elsewhere:
    """Asks the n-th request of a run at another address first: what a network does, not the server."""

    name, is_demo = "scripted", False

    def __init__(self, model: Model, other: Model, nth: int) -> None:
        self._model, self._other, self._left = model, other, nth

    @asynccontextmanager
    async def step(self, request: StepRequest) -> AsyncIterator[AsyncIterator[Event]]:
        model = self._other if self._left == 0 else self._model
        self._left -= 1
        async with model.step(request) as events:
            yield events


@pytest.mark.parametrize(("api", "name"), CASES, ids=[f"{api} {name}" for api, name in CASES])
async def test_r10_a_run_meets_a_fault(stage: Site, request: pytest.FixtureRequest, api: Api, name: str) -> None:
    first = CASES.index((api, name))
    for n in range(request.config.getoption("--places")):
        await meet(stage, api, name, (first + n) % len(PLACES))


async def meet(stage: Site, api: Api, name: str, at: int) -> None:
    trouble = TROUBLES[name]
    server = ModelServer(list(STEPS))
    if trouble.cut is not None:
        server.replies[at] = replace(STEPS[at], cut=trouble.cut)
    elif trouble.fault is not None:
        server.faults = [Fault()] * at + [trouble.fault]
    stalls = trouble.fault is not None and trouble.fault.ending == "stall"
    async with stage.model(server, api) as model, AsyncExitStack() as stack:
        other = model
        if trouble.url:
            end = Endpoint("scripted", trouble.url.format(host=stage.host), "local", api)
            other = await stack.enter_async_context(OpenAIModel(end))
        asked = Elsewhere(model, other, at if trouble.url else -1)
        # A machine that is busy may be silent for as long as one that stalls: patience, then.
        patience = {"event_timeout_s": 0.5, "max_tries": 50} if stalls else {}
        scene = Scene(asked, settings=SETTINGS.with_(**patience))
        where = f"{name} on {api} {PLACES[at]} the tool step"
        run = scene.prompt("draw")
        await scene.runner.work(run)
        judge(scene, server, run, trouble, at, where)
        server.replies, server.faults = [Reply("Fine.")], []
        again = await scene.ask("again")
        assert again["status"] == "completed", f"{where}: the thread cannot be asked again: {again}"
    assert server.refused == [], where
    for sent in server.requests:
        calls = [item["call_id"] for item in sent.items if item.get("type") == "function_call"]
        outputs = [item["call_id"] for item in sent.items if item.get("type") == "function_call_output"]
        assert sorted(calls) == sorted(outputs), where
    if name == "429":
        assert 7 in scene.sleeps, "what the server asks to wait"


def judge(scene: Scene, server: ModelServer, run: str, trouble: Trouble, at: int, where: str) -> None:
    """The end that this fault must have."""
    state = scene.run(run)
    code = (state.get("error") or {}).get("code")
    ends_well = trouble.outcome in ("understood", "asked again", "never arrived")
    if ends_well:
        assert (state["status"], code) == ("completed", None), f"{where}: {state}"
        more = trouble.outcome == "asked again"
        assert len(server.requests) >= len(STEPS) + more, where
        if trouble.fault is None or trouble.fault.ending != "stall":
            assert len(server.requests) == len(STEPS) + more, where
    elif trouble.outcome == "cut short":
        assert (state["status"], code) == ("incomplete", trouble.cut), f"{where}: {state}"
    else:
        assert (state["status"], code) == ("failed", trouble.outcome), f"{where}: {state}"
    assert len(scene.shapes()) == (SHAPES if ends_well or at == 2 else 0), where
    done = [call["seq"] for call in scene.calls(run)]
    assert done == list(range(1, 1 + (3 if ends_well or at == 2 else at))), where


CUTS_A_STEP = 12
LONG = 100  # offsets from which on every event is cut at, too


@pytest.mark.parametrize("api", WIRES)
async def test_r4_streams_cut_anywhere_leave_the_board_of_a_run_without_faults(
    stage: Site, request: pytest.FixtureRequest, api: Api
) -> None:
    calm, _ = await ten(stage, api, [])
    sizes = [[len(frame) for frame in frames] for frames in streams(api)]
    count = request.config.getoption("--offsets")
    stride = 1 if count >= LONG else 3
    events = [[Fault(after=k) for k in range(0, len(frames), stride)] for frames in sizes]
    rng = random.Random(7)
    offsets: list[list[Fault]] = [[] for _ in sizes]
    for n in range(count):
        step = n % len(sizes)
        ending: Any = rng.choice(["clean", "abort"])
        offsets[step].append(Fault(after_bytes=rng.randrange(sum(sizes[step])), ending=ending))
    cuts = 0
    for kind in (events, offsets):
        while any(kind):
            script = [fault for step in kind for fault in [*step[:CUTS_A_STEP], Fault()]]
            for left in kind:
                del left[:CUTS_A_STEP]
            found, met = await ten(stage, api, script)
            assert found == calm
            cuts += met
    total = sum(len(range(0, len(frames), stride)) for frames in sizes)
    print(f"{api}: cut at {total} events and at {count} bytes, {cuts} requests, the same board")  # noqa: T201


def streams(api: Api) -> list[list[bytes]]:
    """The frames of each answer of the ten-call run."""
    stamp = Stamp("1", "scripted", 1_790_000_000, usage=(11, 7))
    made = wire.chat_chunks if api == "chat" else wire.response_events
    return [[wire.frame(event) for event in made(reply, stamp)] for reply in ten_calls("0" * 12)]


async def ten(stage: Site, api: Api, script: list[Fault]) -> tuple[dict[str, Any], int]:
    """What a ten-call run over these faults leaves, and how many of them it met."""
    server = ModelServer([], list(script))
    async with stage.scene(server, api, max_tries=CUTS_A_STEP + 1) as scene:
        run = scene.prompt("draw")
        server.answer = lambda request: reply_after(ten_calls(run), request)
        await scene.runner.work(run)
        assert scene.run(run)["status"] == "completed", scene.run(run)
        assert server.refused == []
        roots = {root: read_json(scene.doc.get(root, type=YMap)) for root in ("shapes", "calls", "messages", "runs")}
        return effect(roots, run), len(script) - len(server.faults)
