"""Accepting and rejecting proposals over HTTP; what they write is in tests/canvas/test_vectors.py."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.support.server import Server

GHOST = {"type": "rect", "x": 0, "y": 200, "draft": "r1", "text": "New"}
MERGE = {"content-type": "application/merge-patch+json"}


def patch(room: str, body: dict[str, Any]) -> None:
    httpx.patch(f"{room}/doc", json=body, headers=MERGE).raise_for_status()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server(tmp_path_factory.mktemp("drafts")) as running:
        yield running


@pytest.fixture
def room(server: Server) -> str:
    """A board on which the run `r1` made the ghost `g` and proposes to change `a`."""
    at = f"{server.url}/api/rooms/{httpx.post(f'{server.url}/api/rooms', json={}).json()['room']}"
    patch(at, {"shapes": {"a": {"type": "rect", "x": 0, "y": 0, "fill": "red"}, "g": GHOST}})
    made = {name: [None, value] for name, value in shapes(at)["g"].items() if name != "draft"}
    call = {
        "run": "r1", "seq": 1, "at": 1, "status": "done", "created": ["g"], "proposed": ["a"],
        "changes": {"g": made, "a": {"x": [0, 30], "fill": ["red", "blue"]}},
    }  # fmt: skip
    run = {"agent": "assistant", "status": "completed", "propose": True}
    patch(at, {"runs": {"r1": run}, "calls": {"r1.1": call}})
    return at


def shapes(room: str) -> dict[str, dict[str, Any]]:
    return dict(httpx.get(f"{room}/doc").json()["shapes"])


def test_r15_a_script_accepts_one_shape_and_rejects_the_rest(room: str) -> None:
    patch(room, {"shapes": {"a": {"fill": "green"}}})
    accepted = httpx.post(f"{room}/runs/r1/accept", json={"shapes": ["a"]}).json()
    assert accepted == {"run": "r1", "shapes": ["a"], "kept": [["a", "fill", "changed since"]], "open": ["g"]}
    assert (shapes(room)["a"]["x"], shapes(room)["a"]["fill"]) == (30, "green")
    verdict = httpx.get(f"{room}/doc").json()["drafts"]["r1.1:a"]
    assert (verdict["accepted"], verdict["by"], verdict["call"]) == (True, "api", "r1.1")
    rejected = httpx.post(f"{room}/runs/r1/reject").json()
    assert (rejected["shapes"], rejected["open"]) == (["g"], [])
    assert shapes(room)["g"]["deleted"] is True
    assert httpx.post(f"{room}/runs/r1/undo").json()["restored"] == ["a"]
    assert shapes(room)["a"]["x"] == 0


def test_r15_what_cannot_be_decided_on_is_refused_with_a_sentence(room: str) -> None:
    bodies: tuple[Any, ...] = ([], "a", [1], ["x" * 129], ["a"] * 1_001)
    for named in bodies:
        refused = httpx.post(f"{room}/runs/r1/accept", json={"shapes": named})
        assert refused.status_code == 422
        assert "`shapes`" in refused.json()["detail"]
    assert httpx.post(f"{room}/runs/nobody/reject", json={}).status_code == 404
    assert shapes(room)["a"]["x"] == 0


def test_d11_an_export_leaves_proposals_out(room: str) -> None:
    assert set(httpx.get(f"{room}/export.json").json()["shapes"]) == {"a"}
    assert "New" not in httpx.get(f"{room}/export.svg").text


def test_r14_a_prompt_says_whether_the_assistant_shall_propose(room: str) -> None:
    asked = httpx.post(f"{room}/prompts", json={"text": "tidy up", "propose": True}).json()["run"]
    (message,) = httpx.get(f"{room}/runs/{asked}").json()["messages"]
    assert message["context"] == {"propose": True}
    refused = httpx.post(f"{room}/prompts", json={"text": "tidy up", "propose": "yes"})
    assert (refused.status_code, "`propose`" in refused.json()["detail"]) == (422, True)
