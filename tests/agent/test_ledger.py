"""Runs as the document holds them: bounded, tolerant of what peers write, told to the model in words afterwards."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pycrdt import Doc
from pycrdt import Map as YMap

from agent.ledger import Ledger
from agent.model import Usage
from agent.records import INTERRUPTED, MAX_ITEMS, Step, read_steps
from agent.thread import earlier_items
from sync.board import ask
from sync.canvas.conversation import RunId


def room() -> tuple[Doc[Any], Ledger]:
    doc: Doc[Any] = Doc(client_id=1)
    return doc, Ledger(doc, "assistant")


def prompt(doc: Doc[Any], text: str, at: int = 1, thread: str = "main") -> RunId:
    run = ask(doc, text=text, by="ann", by_name="Ann", now_ms=at, thread=thread, context={}, agent="assistant")
    return RunId(run)


def call(n: int) -> dict[str, Any]:
    return {"type": "function_call", "call_id": f"c{n}", "name": "look", "arguments": "{}"}


def test_a_long_run_forgets_its_oldest_steps_whole_and_numbers_its_calls_on() -> None:
    doc, ledger = room()
    state = ledger.state(prompt(doc, "go"))
    assert state is not None
    for n in range(1, 31):
        thought = {"type": "reasoning", "encrypted_content": "x" * 20_000}
        state = ledger.commit_step(state, [thought, call(n)], "", Usage(1, 1, 0), n)
    read = ledger.state(state.id)
    assert read is not None
    assert len(dict(json.loads(str(doc.get("runs", type=YMap))))[state.id]["items"]) <= MAX_ITEMS
    assert read.steps[-1].calls[0][0] == 30
    assert read.next_seq == 31
    items = ledger.outputs(read)
    calls = [item["call_id"] for item in items if item["type"] == "function_call"]
    assert calls == [item["call_id"] for item in items if item["type"] == "function_call_output"]
    assert all(item["output"] == INTERRUPTED for item in items if item["type"] == "function_call_output")


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"agent": "assistant", "at": "soon", "status": 5, "items": "{"},
        {"agent": "assistant", "items": '[{"seq":"1","items":[]},5,{"seq":1,"items":[7,{"type":"function_call"}]}]'},
        {"agent": "assistant", "usage": [1], "cancel": "x", "turn": None},
        {"agent": ["assistant"]},
    ],
)
def test_a_run_of_any_shape_can_be_read(fields: dict[str, Any]) -> None:
    doc, ledger = room()
    doc.get("runs", type=YMap)["odd"] = YMap(fields)
    doc.get("runs", type=YMap)["flat"] = 5
    for state in ledger.unfinished():
        ledger.prompt(state)
        ledger.outputs(state)


def test_steps_that_cannot_be_read_are_none() -> None:
    assert read_steps("not json") == ()
    assert read_steps(None) == ()
    assert read_steps('[{"seq":1,"items":[{"a":1}]}]') == (Step(1, ({"a": 1},)),)


def test_only_ended_runs_of_the_same_thread_and_before_are_told() -> None:
    doc, ledger = room()
    first, other = prompt(doc, "first", 1), prompt(doc, "other", 2, thread="aside")
    asked, later = prompt(doc, "now", 3), prompt(doc, "later", 4)
    for run in (first, other, later):
        state = ledger.state(run)
        assert state is not None
        ledger.commit_step(state, [{"role": "assistant", "content": "Fine."}], "Fine.", Usage(), 5)
        ledger.end(run, "cancelled" if run == first else "completed", 6, "", None)
    state = ledger.state(asked)
    assert state is not None
    assert earlier_items(ledger, state) == [
        {"role": "user", "content": "Ann asks:\nfirst"},
        {"role": "assistant", "content": "Fine.\n[cancelled]"},
    ]
