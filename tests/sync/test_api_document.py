"""Documents over REST: patches that merge with people, keys that take effect once, binary states, refusals."""

from __future__ import annotations

import base64
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import anyio.to_thread
import httpx
import pytest
from pycrdt import Array, Doc, Map, Text

from sync.provider import connect
from tests.support.server import Server

pytestmark = pytest.mark.anyio
TIMEOUT_S = 30
JSON_PATCH = {"content-type": "application/json-patch+json"}
MERGE = {"content-type": "application/merge-patch+json"}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server(tmp_path_factory.mktemp("rest") / "data") as running:
        yield running
    assert "Traceback" not in running.output, running.output


@pytest.fixture
def room(served: Server) -> str:
    """The address of a board of this test's own, with one shape."""
    name = httpx.post(f"{served.url}/api/rooms", json={}).json()["room"]
    url = f"{served.url}/api/rooms/{name}"
    merge(url, {"shapes": {"s": {"type": "rect", "x": 1, "y": 2, "fill": "red"}}})
    return url


def person() -> Doc[Any]:
    return Doc(client_id=random.randrange(2**20, 2**32))


def merge(url: str, change: Any, **headers: str) -> httpx.Response:
    body = json.dumps(change).encode()  # httpx itself cannot send half a surrogate pair
    return httpx.patch(f"{url}/doc", content=body, headers={**MERGE, **headers}, timeout=TIMEOUT_S)


def operate(url: str, *operations: Any, **headers: str) -> httpx.Response:
    return httpx.patch(f"{url}/doc", json=operations, headers={**JSON_PATCH, **headers}, timeout=TIMEOUT_S)


def shape(url: str, name: str = "s") -> dict[str, Any]:
    found: dict[str, Any] = httpx.get(f"{url}/doc").json()["shapes"][name]
    return found


async def test_e3_while_a_person_moves_a_shape_a_patch_recolours_it_and_neither_is_lost(room: str) -> None:
    sync_url = room.replace("http", "ws", 1).replace("/api/rooms/", "/sync/")
    rounds = 15
    async with connect(sync_url, person(), {"coplayer": "1"}) as ann:
        with anyio.fail_after(TIMEOUT_S):
            await ann.wait_synced()
            mine: Map[Any] = ann.doc.get("shapes", type=Map)["s"]

            async def recolour() -> None:
                for n in range(rounds):
                    change = {"shapes": {"s": {"font_size": 10 + n, "text": f"t{n}"}, f"new{n}": {"type": "note"}}}
                    answer = await anyio.to_thread.run_sync(merge, room, change)
                    assert answer.status_code == 200, answer.text

            async with anyio.create_task_group() as tasks:
                tasks.start_soon(recolour)
                for n in range(1, rounds + 1):
                    mine["x"] = n
                    await ann.saved()
                    await anyio.lowlevel.checkpoint()
        document = httpx.get(f"{room}/doc").json()
    assert (document["shapes"]["s"]["x"], document["shapes"]["s"]["y"]) == (rounds, 2)
    assert (document["shapes"]["s"]["font_size"], document["shapes"]["s"]["text"]) == (9 + rounds, f"t{rounds - 1}")
    assert len(document["shapes"]) == 1 + rounds


def test_e3_a_patch_writes_only_what_changes(room: str) -> None:
    doc = person()
    doc.apply_update(httpx.get(f"{room}/update").content)
    since = base64.urlsafe_b64encode(doc.get_state()).decode()
    operate(room, {"op": "replace", "path": "/shapes/s", "value": {**shape(room), "x": 50}})
    difference = httpx.get(f"{room}/update", params={"since": since}).content
    assert len(difference) < 45, "one field; the whole shape has 200 bytes"
    assert shape(room)["x"] == 50


def test_e6_a_shape_that_a_patch_makes_looks_like_a_drawn_one_and_goes_as_a_tombstone(room: str) -> None:
    operate(room, {"op": "add", "path": "/shapes/n", "value": {"type": "note", "text": "Remember"}})
    made = shape(room, "n")
    assert (made["fill"], made["w"], made["h"], made["by"]) == ("yellow", 150, 120, "api")
    assert made["z"] > shape(room)["z"]
    assert operate(room, {"op": "remove", "path": "/shapes/n"}).status_code == 200
    assert shape(room, "n") == {**made, "deleted": True}


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"shapes": {"s": {"x": "left"}}}, 422),
        ({"shapes": {"s": {"x": 10**400}}}, 422),
        ({"shapes": {"s": {"opacity": 3}}}, 422),
        ({"shapes": {"s": {"wings": 2}}}, 422),
        ({"shapes": {"s": {"by": "somebody else"}}}, 422),
        ({"shapes": {"s": 5}}, 422),
        ({"shapes": {"": {"x": 1}}}, 422),
        ({"shapes": 5}, 422),
        ({"others": {"a": 1}}, 422),
        ({"meta": {"title": "half \ud800"}}, 422),
        ({"meta": {"n": 2**60}}, 422),
        ([1], 422),
    ],
)
def test_e6_what_must_not_be_written_is_refused_in_a_sentence_and_changes_nothing(
    room: str, change: Any, status: int
) -> None:
    before = httpx.get(f"{room}/doc")
    answer = merge(room, change)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert answer.json()["detail"].endswith(".")
    assert httpx.get(f"{room}/doc").headers["etag"] == before.headers["etag"]


def test_e3_a_patch_is_all_or_nothing(room: str) -> None:
    before = shape(room)
    set_x = {"op": "replace", "path": "/shapes/s/x", "value": 99}
    for second, status in (
        ({"op": "test", "path": "/shapes/s/y", "value": 3}, 409),
        ({"op": "remove", "path": "/shapes/none"}, 422),
        ({"op": "add", "path": "/shapes/s/fill", "value": "javascript:alert(1)"}, 422),
    ):
        assert operate(room, set_x, second).status_code == status
        assert shape(room) == before


def test_e4_of_two_patches_from_one_state_one_wins(room: str) -> None:
    etag = httpx.get(f"{room}/doc").headers["etag"]
    first = merge(room, {"shapes": {"s": {"x": 10}}}, **{"if-match": etag})
    second = merge(room, {"shapes": {"s": {"x": 20}}}, **{"if-match": etag})
    assert (first.status_code, second.status_code) == (200, 412)
    assert second.json()["etag"] == first.headers["etag"]
    assert shape(room)["x"] == 10
    assert merge(room, {"shapes": {"s": {"x": 20}}}, **{"if-match": first.headers["etag"]}).status_code == 200


async def test_e4_even_when_both_come_at_once(room: str) -> None:
    etag = httpx.get(f"{room}/doc").headers["etag"]
    statuses: list[int] = []

    async def patch(n: int) -> None:
        change = {"shapes": {"s": {"x": n}}}
        answer = await anyio.to_thread.run_sync(lambda: merge(room, change, **{"if-match": etag}))
        statuses.append(answer.status_code)

    async with anyio.create_task_group() as tasks:
        for n in range(10, 18):
            tasks.start_soon(patch, n)
    assert sorted(statuses) == [200] + [412] * 7


def test_e5_a_key_takes_effect_once_and_stands_for_one_patch(room: str) -> None:
    key = {"idempotency-key": "order-1"}
    first = merge(room, {"shapes": {"s": {"x": 10}}}, **key)
    assert "idempotency-replayed" not in first.headers
    merge(room, {"shapes": {"s": {"x": 11}}})
    again = merge(room, {"shapes": {"s": {"x": 10}}}, **key)
    assert (again.status_code, again.headers["idempotency-replayed"]) == (200, "true")
    assert shape(room)["x"] == 11
    assert merge(room, {"shapes": {"s": {"x": 12}}}, **key).status_code == 422
    assert operate(room, **key).status_code == 422
    assert merge(room, {"shapes": {"s": {"x": 12}}}, **{"idempotency-key": "k" * 300}).status_code == 400


async def test_e5_requests_with_one_key_at_the_same_time_take_effect_once(room: str) -> None:
    async def patch() -> None:
        operation = {"op": "add", "path": "/groups/g", "value": {"name": "one"}}
        await anyio.to_thread.run_sync(lambda: operate(room, operation, **{"idempotency-key": "same"}))

    rows = len(httpx.get(f"{room}/activity").json()["rows"])
    async with anyio.create_task_group() as tasks:
        for _ in range(8):
            tasks.start_soon(patch)
    assert len(httpx.get(f"{room}/activity").json()["rows"]) == rows + 1


def test_e5_also_after_a_crash_of_the_server(tmp_path: Path) -> None:
    with Server(tmp_path) as server:
        url = f"{server.url}/api/rooms/r"
        httpx.post(f"{server.url}/api/rooms", json={"room": "r"})
        assert merge(url, {"meta": {"count": 1}}, **{"idempotency-key": "a"}).status_code == 200
        assert merge(url, {"meta": {"count": 2}}, **{"idempotency-key": "b"}).status_code == 200
        server.kill()
        server.start()
        assert merge(url, {"meta": {"count": 1}}, **{"idempotency-key": "a"}).headers["idempotency-replayed"] == "true"
        assert httpx.get(f"{url}/doc").json()["meta"] == {"count": 2}


def test_e2_a_thousand_small_patches_leave_one_client_in_the_document(room: str) -> None:
    before = len(httpx.get(f"{room}/state-vector").content)
    with httpx.Client(headers=MERGE) as client:
        for n in range(50):
            assert client.patch(f"{room}/doc", json={"shapes": {"s": {"x": n}}}).status_code == 200
    assert len(httpx.get(f"{room}/state-vector").content) <= before + 2


def test_e2_a_yjs_client_without_a_socket_reads_changes_and_writes_back(room: str) -> None:
    doc = person()
    doc.apply_update(httpx.get(f"{room}/update").content)
    vector = doc.get_state()
    doc.get("shapes", type=Map)["s"]["text"] = "By hand"
    assert httpx.post(f"{room}/update", content=doc.get_update(vector)).status_code == 204
    assert shape(room)["text"] == "By hand"
    merge(room, {"shapes": {"s": {"x": 5}}})
    since = base64.urlsafe_b64encode(doc.get_state()).decode().rstrip("=")
    difference = httpx.get(f"{room}/update", params={"since": since}).content
    assert len(difference) < len(httpx.get(f"{room}/update").content)
    doc.apply_update(difference)
    assert doc.get("shapes", type=Map)["s"]["x"] == 5
    assert httpx.get(f"{room}/state-vector").content == doc.get_state()


def test_an_update_that_cannot_be_taken_is_told_why(room: str) -> None:
    stranger = person()
    stranger.get("shapes", type=Map)["a"] = Map({"x": 1})
    vector = stranger.get_state()
    stranger.get("shapes", type=Map)["a"]["x"] = 2
    past_a_gap = stranger.get_update(vector)
    texts = person()
    texts.get("words", type=Text).insert(0, "hello")
    for content, status in ((b"", 400), (b"nonsense", 400), (past_a_gap, 409), (texts.get_update(), 422)):
        answer = httpx.post(f"{room}/update", content=content)
        assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert httpx.get(f"{room}/update", params={"since": "???"}).status_code == 400
    assert httpx.get(f"{room}/update", params={"since": "_____w"}).status_code == 400


def test_what_is_no_patch_is_told_so(room: str) -> None:
    assert httpx.patch(f"{room}/doc", json={}).status_code == 415
    assert httpx.patch(f"{room}/doc", content=b"{", headers=MERGE).status_code == 400
    assert httpx.patch(f"{room}/doc", content=b'{"meta": {"n": NaN}}', headers=MERGE).status_code == 400
    assert httpx.patch(f"{room}/doc", content=b'{"meta": {"n": 1e999}}', headers=MERGE).status_code == 422
    assert httpx.patch(f"{room}/doc", content=b"[" * 100_000, headers=MERGE).status_code == 400
    deep = b'{"meta": {"n": ' + b"[" * 40 + b"]" * 40 + b"}}"
    assert httpx.patch(f"{room}/doc", content=deep, headers=MERGE).status_code == 422
    assert merge(f"{room}-none", {"meta": {"a": 1}}).status_code == 404


async def test_e3_in_a_room_of_another_schema_maps_are_patched_and_shared_texts_are_not(served: Server) -> None:
    async with connect(f"{served.sync_url}/todo", person()) as peer:
        with anyio.fail_after(TIMEOUT_S):
            await peer.wait_synced()
            root: Map[Any] = peer.doc.get("todo", type=Map)
            with peer.doc.transaction():
                root["a"] = Map({"done": False, "note": Text("call"), "tags": Array(["x"])})
            await peer.saved()
            url = f"{served.url}/api/rooms/todo"
            answer = await anyio.to_thread.run_sync(
                lambda: merge(url, {"todo": {"a": {"done": True, "by": {"id": 1}}}})
            )
            assert answer.status_code == 200, answer.text
            while root["a"]["done"] is not True:
                await anyio.sleep(0.01)
            assert root["a"]["by"] == {"id": 1}
            assert str(root["a"]["note"]) == "call"
            refused = await anyio.to_thread.run_sync(lambda: merge(url, {"todo": {"a": {"note": "gone"}}}))
            assert (refused.status_code, "/todo/a/note" in refused.json()["detail"]) == (422, True)
