"""The adapter against each fault of real servers, on both wires, over real HTTP."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import anyio
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent.demo_wire import Reply
from agent.model import CallDelta, Event, StepDone, StepFailed, StepRequest, TextDelta
from agent.openai_model import OpenAIModel
from agent.settings import Api, Endpoint
from tests.agent import fault_server as faults
from tests.agent.fault_server import Fault, ModelServer, Switch, serving

pytestmark = pytest.mark.anyio

TWO_CALLS = Reply(
    "Drawing now.", (("create", {"shapes": [{"type": "rect", "text": "é ✓ 🙂"}]}), ("look", {"scope": "view"}))
)
ASK = StepRequest(
    "Be useful.",
    [{"type": "function", "name": "create", "description": "d", "parameters": {"type": "object"}, "strict": False}],
    [{"role": "user", "content": "draw"}],
)
WIRES: tuple[Api, Api] = ("responses", "chat")


def endpoint(url: str, api: Api, **changes: Any) -> Endpoint:
    return Endpoint("scripted", url, "local", api, **{"connect_timeout_s": 10.0, "read_timeout_s": 20.0, **changes})


@dataclass
class Asker:
    """One HTTP server for all tests of this module: starting one takes 0.4 s."""

    url: str
    switch: Switch

    async def __call__(self, api: Api, server: ModelServer, request: StepRequest = ASK, **changes: Any) -> list[Event]:
        self.switch.server = server
        async with OpenAIModel(endpoint(self.url, api, **changes)) as model, model.step(request) as events:
            return [event async for event in events]


@pytest.fixture(scope="module")
async def ask(anyio_backend: str) -> AsyncIterator[Asker]:
    switch = Switch(ModelServer([]))
    async with serving(switch) as url:
        yield Asker(url, switch)


def calls(done: StepDone) -> list[tuple[str, Any]]:
    return [(i["name"], json.loads(i["arguments"])) for i in done.items if i["type"] == "function_call"]


def words(events: list[Event]) -> str:
    return "".join(event.text for event in events if isinstance(event, TextDelta))


def assert_whole(events: list[Event]) -> None:
    done = events[-1]
    assert isinstance(done, StepDone), done
    assert done.incomplete is None
    assert calls(done) == [(name, dict(arguments)) for name, arguments in TWO_CALLS.calls]
    assert len({i["call_id"] for i in done.items if i["type"] == "function_call"}) == 2
    assert [type(e) for e in events].count(StepDone) == 1


@pytest.mark.parametrize("api", WIRES)
async def test_words_and_calls_stream_and_the_last_event_holds_the_whole_step(ask: Asker, api: Api) -> None:
    events = await ask(api, ModelServer([TWO_CALLS]))
    assert_whole(events)
    assert words(events) == "Drawing now."
    partial_calls = [event for event in events if isinstance(event, CallDelta)]
    assert partial_calls[-1].name == "look"
    assert {event.name for event in partial_calls} == {"create", "look"}
    done = events[-1]
    assert isinstance(done, StepDone)
    assert (done.usage.input_tokens, done.usage.output_tokens) == (11, 7)


@pytest.mark.parametrize("api", WIRES)
@pytest.mark.parametrize("style", ["crlf", "comments", "one_byte"])
async def test_the_framing_of_events_does_not_matter(ask: Asker, api: Api, style: Any) -> None:
    assert_whole(await ask(api, ModelServer([TWO_CALLS], [Fault(style=style)])))


@pytest.mark.parametrize(
    "rewrite", [faults.no_created, faults.other_ids, faults.unknown_events, faults.bare_end], ids=lambda f: f.__name__
)
async def test_a_responses_server_with_its_own_habits_is_understood(ask: Asker, rewrite: Callable[..., Any]) -> None:
    assert_whole(await ask("responses", ModelServer([TWO_CALLS], [Fault(rewrite=rewrite)])))


@pytest.mark.parametrize(
    "rewrite",
    [
        faults.index_zero,
        faults.no_index,
        faults.whole_calls,
        partial(faults.whole_calls, index=None),
        partial(faults.whole_calls, as_object=True),
        faults.no_finish,
    ],
    ids=["index_zero", "no_index", "whole_calls", "whole_calls_no_index", "arguments_as_object", "no_finish"],
)
async def test_a_chat_server_with_its_own_habits_is_understood(ask: Asker, rewrite: Callable[..., Any]) -> None:
    assert_whole(await ask("chat", ModelServer([TWO_CALLS], [Fault(rewrite=rewrite)])))


async def test_a_chat_stream_without_done_line_is_whole_when_it_has_a_finish_reason(ask: Asker) -> None:
    assert_whole(await ask("chat", ModelServer([TWO_CALLS], [Fault(no_done=True)])))


BROKEN = {
    "clean end in mid-stream": (Fault(after=6), "truncated"),
    "no event at all": (Fault(after=0), "truncated"),
    "connection dropped": (Fault(after=6, ending="abort"), "connection"),
    "connection reset": (Fault(after=6, ending="reset"), "connection"),
    "silence": (Fault(after=6, ending="stall"), "timeout"),
    "silence from the start": (Fault(after=0, ending="stall"), "timeout"),
    "not JSON": (Fault(rewrite=faults.garbage_after(3)), "garbage"),
    "not UTF-8": (Fault(rewrite=faults.not_utf8_after(3)), "garbage"),
    "no object": (Fault(rewrite=faults.scalar_after(3)), "garbage"),
}


@pytest.mark.parametrize("api", WIRES)
@pytest.mark.parametrize("name", BROKEN)
async def test_a_broken_stream_is_one_retryable_failure(ask: Asker, api: Api, name: str) -> None:
    fault, code = BROKEN[name]
    read_timeout_s = 0.5 if code == "timeout" else 20.0
    failure = (await ask(api, ModelServer([TWO_CALLS], [fault]), read_timeout_s=read_timeout_s))[-1]
    assert isinstance(failure, StepFailed), failure
    assert (failure.code, failure.retryable) == (code, True)


SAID: dict[str, tuple[Api, Callable[..., Any], str, bool]] = {
    "response.failed by the server": ("responses", faults.failed("server_error"), "server_error", True),
    "response.failed by a rate limit": ("responses", faults.failed("rate_limit_exceeded"), "rate_limit", True),
    "response.failed by the prompt": ("responses", faults.failed("invalid_prompt"), "bad_request", False),
    "response.failed by policy": (
        "responses",
        faults.failed("image_content_policy_violation"),
        "content_filter",
        False,
    ),
    "error event, flat": ("responses", faults.error_flat, "server_error", True),
    "error event, nested": ("responses", faults.error_nested, "server_error", True),
    "error among the chunks": ("chat", faults.bare_error, "server_error", True),
    "error object of vLLM": ("chat", faults.object_error, "server_error", True),
}


@pytest.mark.parametrize("name", SAID)
async def test_an_error_inside_the_stream_is_not_taken_for_an_answer(ask: Asker, name: str) -> None:
    api, rewrite, code, retryable = SAID[name]
    failure = (await ask(api, ModelServer([TWO_CALLS], [Fault(rewrite=rewrite)])))[-1]
    assert isinstance(failure, StepFailed), failure
    assert (failure.code, failure.retryable) == (code, retryable)


STATUS = [
    (400, {"message": "Bad tool schema."}, "bad_request", False),
    (400, {"code": "context_length_exceeded", "message": "Too long."}, "too_long", False),
    (400, {"code": "invalid_encrypted_content", "message": "no"}, "reasoning_refused", False),
    (401, {"message": "Incorrect API key provided: sk-proj-abcdefgh1234."}, "auth", False),
    (403, {"message": "No."}, "auth", False),
    (404, {"message": "No such model."}, "not_found", False),
    (404, {"message": "Item 'rs_68af' not found."}, "reasoning_refused", False),
    (408, {}, "server_error", True),
    (409, {}, "server_error", True),
    (413, {}, "too_long", False),
    (422, {"message": "Unprocessable."}, "bad_request", False),
    (429, {"code": "rate_limit_exceeded"}, "rate_limit", True),
    (429, {"code": "insufficient_quota"}, "quota", False),
    (500, {}, "server_error", True),
    (502, {}, "server_error", True),
    (503, {}, "server_error", True),
]


@pytest.mark.parametrize("api", WIRES)
@pytest.mark.parametrize(("status", "error", "code", "retryable"), STATUS)
async def test_an_http_error_says_whether_asking_again_helps(
    ask: Asker, api: Api, status: int, error: dict[str, Any], code: str, retryable: bool
) -> None:
    fault = Fault(status=status, error=error, headers={"retry-after": "7"})
    server = ModelServer([TWO_CALLS], [fault])
    replayed = {"type": "reasoning", "id": "rs_1", "summary": []}
    (failure,) = await ask(api, server, request=replace(ASK, items=[replayed, *ASK.items]))
    assert isinstance(failure, StepFailed)
    assert (failure.code, failure.retryable) == (code, retryable)
    assert "sk-proj" not in failure.message
    assert len(server.requests) == 1, "the SDK must not retry by itself"
    if status == 429 and retryable:
        assert failure.retry_after_s == 7


@pytest.mark.parametrize("api", WIRES)
@pytest.mark.parametrize("cut", ["max_output_tokens", "content_filter"])
async def test_an_answer_cut_short_says_so(ask: Asker, api: Api, cut: Any) -> None:
    done = (await ask(api, ModelServer([Reply("Half a", TWO_CALLS.calls, cut=cut)])))[-1]
    assert isinstance(done, StepDone)
    assert done.incomplete == cut


@pytest.mark.parametrize("api", WIRES)
async def test_a_server_that_is_not_there_is_a_retryable_failure(api: Api) -> None:
    async with OpenAIModel(endpoint("http://127.0.0.1:9/v1", api)) as model, model.step(ASK) as events:
        (failure,) = [event async for event in events]
    assert isinstance(failure, StepFailed)
    assert (failure.code, failure.retryable) == ("connection", True)


@pytest.mark.parametrize("api", WIRES)
async def test_leaving_a_step_closes_the_stream_at_the_server(ask: Asker, api: Api) -> None:
    server = ask.switch.server = ModelServer([Reply("word " * 400)], pace_s=0.01)
    async with OpenAIModel(endpoint(ask.url, api)) as model:
        async with model.step(ASK) as events:
            async for event in events:
                if isinstance(event, TextDelta):
                    break
        with anyio.fail_after(1):
            await server.hung_up.wait()


@pytest.mark.parametrize("api", WIRES)
async def test_a_cancelled_step_closes_the_stream_at_the_server(ask: Asker, api: Api) -> None:
    server = ask.switch.server = ModelServer([Reply("word " * 400)], pace_s=0.01)
    async with OpenAIModel(endpoint(ask.url, api)) as model:
        with anyio.CancelScope() as scope:
            async with model.step(ASK) as events:
                async for event in events:
                    if isinstance(event, TextDelta):
                        scope.cancel()
        with anyio.fail_after(1):
            await server.hung_up.wait()


async def test_a_model_that_does_not_reason_is_asked_without_reasoning(ask: Asker) -> None:
    refusal = Fault(status=400, error={"message": "Encrypted content is not supported with this model."})
    server = ModelServer([TWO_CALLS], [refusal])
    assert_whole(await ask("responses", server))
    assert [body["include"] for body in server.bodies] == [["reasoning.encrypted_content"], []]


async def test_no_key_from_the_environment_goes_to_another_server(ask: Asker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-real-1")
    monkeypatch.setenv("OPENAI_ADMIN_KEY", "sk-real-2")
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", "Authorization: Bearer sk-real-3")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    server = ModelServer([TWO_CALLS])
    assert_whole(await ask("chat", server))
    assert server.headers[0]["authorization"] == "Bearer local"
    assert "sk-real" not in str(server.headers)


@pytest.mark.parametrize("api", WIRES)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(at=st.integers(0, 4000), ending=st.sampled_from(["clean", "abort"]))
async def test_a_stream_cut_at_any_byte_is_either_whole_or_a_failure(
    ask: Asker, api: Api, at: int, ending: Any
) -> None:
    fault = Fault(after_bytes=at, ending=ending)
    last = (await ask(api, ModelServer([TWO_CALLS], [fault])))[-1]
    if isinstance(last, StepDone):
        assert calls(last) == [(name, dict(arguments)) for name, arguments in TWO_CALLS.calls]
    else:
        assert isinstance(last, StepFailed)
        assert last.retryable
