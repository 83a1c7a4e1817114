"""The test and demo servers speak the real wires: their events pass the SDK's own types (the SDK does not check)."""

from __future__ import annotations

import json
from typing import Any

import pytest
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from openai.types.responses import Response, ResponseStreamEvent
from pydantic import TypeAdapter

from agent import demo_wire as wire
from agent.chat_wire import request_body as chat_body
from agent.demo_wire import Reply, Stamp
from agent.model import StepRequest
from agent.responses_wire import request_body as responses_body
from tests.agent import fault_server as faults

STAMP = Stamp("1", "scripted", 1_790_000_000, usage=(3, 4))
REPLIES = [
    Reply("Hello there, é 🙂."),
    Reply("", (("look", {"scope": "view"}),)),
    Reply("Drawing.", (("create", {"shapes": [{"type": "rect"}] * 9}), ("connect", {"connectors": []}))),
    Reply("Half", cut="max_output_tokens"),
    Reply("Half", cut="content_filter"),
]
EVENT: TypeAdapter[Any] = TypeAdapter(ResponseStreamEvent)


@pytest.mark.parametrize("reply", REPLIES)
def test_responses_events_have_the_types_of_the_sdk(reply: Reply) -> None:
    events = list(wire.response_events(reply, STAMP))
    for event in events:
        assert EVENT.validate_python(event).type == event["type"]
    assert [event["sequence_number"] for event in events] == list(range(len(events)))


@pytest.mark.parametrize("rewrite", [faults.failed("server_error"), faults.error_flat, faults.no_created])
def test_rewritten_responses_events_still_have_the_types_of_the_sdk(rewrite: Any) -> None:
    for event in rewrite(list(wire.response_events(REPLIES[2], STAMP))):
        EVENT.validate_python(event)


@pytest.mark.parametrize("reply", REPLIES)
def test_chat_chunks_have_the_types_of_the_sdk(reply: Reply) -> None:
    for chunk in wire.chat_chunks(reply, STAMP):
        ChatCompletionChunk.model_validate(chunk)


@pytest.mark.parametrize("reply", REPLIES)
def test_answers_without_streaming_have_the_types_of_the_sdk(reply: Reply) -> None:
    ChatCompletion.model_validate(wire.chat_completion(reply, STAMP))
    Response.model_validate(wire.response_object(reply, STAMP, "completed", wire.output_items(reply, "1")))


@pytest.mark.parametrize("text", ["", "one", "a  b\nc ", " lead", "tail \n"])
def test_streamed_pieces_add_up_to_the_text(text: str) -> None:
    assert "".join(wire.pieces(text)) == text


def test_a_call_without_an_output_is_refused_like_by_a_real_server() -> None:
    call = {"type": "function_call", "call_id": "a", "name": "look", "arguments": "{}"}
    output = {"type": "function_call_output", "call_id": "a", "output": "{}"}
    assert wire.unanswered([call, output]) is None
    assert "No tool output" in (wire.unanswered([call]) or "")
    assert "No tool call" in (wire.unanswered([output, call]) or "")


def test_both_wires_ask_the_same() -> None:
    items = [
        {"role": "user", "content": "draw"},
        {"type": "function_call", "call_id": "a", "name": "look", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "a", "output": '{"ok":true}'},
    ]
    tool = {"type": "function", "name": "look", "description": "d", "parameters": {"type": "object"}, "strict": True}
    request = StepRequest("Be useful.", [tool], items)
    a = wire.responses_request(json.loads(json.dumps(responses_body(request, "m"))))
    b = wire.chat_request(json.loads(json.dumps(chat_body(request, "m"))))
    assert a.instructions == b.instructions == "Be useful."
    assert [tool["name"] for tool in a.tools] == [tool["name"] for tool in b.tools] == ["look"]
    assert [item.get("type", "message") for item in a.items] == [item.get("type", "message") for item in b.items]
