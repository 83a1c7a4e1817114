"""Versions, activity, tokens, pictures and room events over REST."""

from __future__ import annotations

import json
import random
import struct
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import httpx
import pytest
from pycrdt import Doc, Map

from sync.api_versions import MAX_NAMED
from sync.app import create_app
from sync.auth import Access, Authority, Role
from sync.memory_store import MemoryStore
from sync.provider import connect
from sync.settings import Settings
from tests.support.server import Server

pytestmark = pytest.mark.anyio
TIMEOUT_S = 30
MERGE = {"content-type": "application/merge-patch+json"}
SECRET = "a secret of thirty-two bytes or more"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server(tmp_path_factory.mktemp("rest") / "data", "--version-every-s", "0") as running:
        yield running
    assert "Traceback" not in running.output, running.output


@pytest.fixture
def room(served: Server) -> str:
    name = httpx.post(f"{served.url}/api/rooms", json={"title": "Plan"}).json()["room"]
    url = f"{served.url}/api/rooms/{name}"
    patch(url, {"shapes": {"a": {"type": "rect", "x": 1, "text": "Login"}, "b": {"type": "note"}}})
    return url


def patch(url: str, change: Any) -> None:
    answer = httpx.patch(f"{url}/doc", json=change, headers=MERGE)
    assert answer.status_code == 200, answer.text


def document(url: str) -> dict[str, Any]:
    found: dict[str, Any] = httpx.get(f"{url}/doc").json()
    return found


def test_v2_a_named_version_shows_the_board_as_it_was(room: str) -> None:
    before = document(room)
    kept = httpx.post(f"{room}/versions", json={"name": "Before lunch"})
    assert kept.status_code == 201
    patch(room, {"shapes": {"a": {"x": 99}}})
    version = httpx.get(f"{room}/versions/{kept.json()['id']}").json()
    assert (version["name"], version["author"], version["is_automatic"]) == ("Before lunch", "api", False)
    assert version["document"] == before
    assert [entry["id"] for entry in httpx.get(f"{room}/versions").json()["versions"]] == [version["id"]]
    assert kept.headers["location"] == room.removeprefix(room.split("/api")[0]) + f"/versions/{version['id']}"


def test_v6_a_version_is_renamed_and_nothing_else_of_it_changes(room: str) -> None:
    kept = httpx.post(f"{room}/versions", json={"name": "Frist"}).json()
    url = f"{room}/versions/{kept['id']}"
    before = httpx.get(url).json()
    renamed = httpx.patch(url, json={"name": "First"})
    assert (renamed.status_code, renamed.json()) == (200, {**kept, "name": "First"})
    for body in ({}, {"name": ""}, {"name": "  "}, {"name": 7}, {"name": "x" * 201}):
        assert httpx.patch(url, json=body).status_code == 422, body
    assert httpx.get(url).json() == {**before, "name": "First"}
    assert httpx.patch(f"{room}/versions/99", json={"name": "x"}).status_code == 404


def test_v4_going_back_restores_fields_keeps_conversations_and_can_be_undone(room: str) -> None:
    first = httpx.post(f"{room}/versions", json={"name": "First"}).json()["id"]
    before = document(room)
    patch(room, {"shapes": {"a": {"x": 99, "dashed": True}, "b": {"deleted": True}, "c": {"type": "ellipse"}}})
    run = httpx.post(f"{room}/prompts", json={"text": "Draw a circle"}).json()["run"]
    second = httpx.post(f"{room}/versions", json={"name": "Second"}).json()["id"]
    changed = document(room)
    restored = httpx.post(f"{room}/versions/{first}/restore")
    assert restored.status_code == 200
    now = document(room)
    assert {key: now["shapes"][key] for key in "ab"} == before["shapes"]
    assert now["shapes"]["c"]["deleted"] is True
    assert run in now["runs"]
    forth = httpx.post(f"{room}/versions/{second}/restore").json()
    assert {key: forth["shapes"][key] for key in "ab"} == {key: changed["shapes"][key] for key in "ab"}
    assert forth["shapes"]["c"] == changed["shapes"]["c"], "and so is going back itself"


async def test_v4_going_back_merges_with_what_a_person_does_meanwhile(room: str) -> None:
    version = httpx.post(f"{room}/versions", json={}).json()["id"]
    patch(room, {"shapes": {"a": {"x": 50}}})
    sync_url = room.replace("http", "ws", 1).replace("/api/rooms/", "/sync/")
    doc: Doc[Any] = Doc(client_id=random.randrange(2**20, 2**32))
    async with connect(sync_url, doc, {"coplayer": "1"}) as ann:
        with anyio.fail_after(TIMEOUT_S):
            await ann.wait_synced()
            doc.get("shapes", type=Map)["b"]["text"] = "typed meanwhile"
            await anyio.to_thread.run_sync(lambda: httpx.post(f"{room}/versions/{version}/restore"))
            doc.get("shapes", type=Map)["a"]["y"] = 7
            await ann.saved()
    shape = document(room)["shapes"]["a"]
    assert (shape["x"], shape["y"]) == (1, 7)


def test_a_version_that_is_not_there_is_said_to_be_missing(room: str) -> None:
    for name in ("99", "x", "-1", "1" * 40):
        assert httpx.get(f"{room}/versions/{name}").status_code == 404
        assert httpx.post(f"{room}/versions/{name}/restore").status_code == 404
    assert httpx.get(f"{room}x/versions").status_code == 404


def test_v3_a_room_that_is_worked_on_gets_versions_by_itself(tmp_path: Path) -> None:
    with Server(tmp_path, "--version-every-s", "0.5") as server:
        url = f"{server.url}/api/rooms/r"
        httpx.post(f"{server.url}/api/rooms", json={"room": "r"})
        kept: list[dict[str, Any]] = []
        with httpx.Client() as client:
            started = time.monotonic()
            while len(kept) < 2 and time.monotonic() - started < TIMEOUT_S:
                client.patch(f"{url}/doc", json={"meta": {"n": time.monotonic()}}, headers=MERGE)
                kept = client.get(f"{url}/versions").json()["versions"]
            assert [version["is_automatic"] for version in kept[:2]] == [True, True]
            assert kept[0]["at"] - kept[1]["at"] >= 500
            named = client.patch(f"{url}/versions/{kept[1]['id']}", json={"name": "Worth it"}).json()
            assert named == {**kept[1], "name": "Worth it", "is_automatic": False}
            assert named in client.get(f"{url}/versions").json()["versions"]


async def test_v6_as_many_versions_have_names_as_may_be_kept_and_only_writers_name_them() -> None:
    store = MemoryStore()
    app = create_app(Settings(secret=SECRET), store, pages=False)
    authority = Authority(SECRET)
    transport = httpx.ASGITransport(app=app)
    async with app.state.hub.running(), httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        await store.create("r", "e", "board", 0)
        automatic = await store.add_version("r", "", "", 1, b"", auto=True)
        named = [await store.add_version("r", "x", "ann", 2, b"", auto=False) for _ in range(MAX_NAMED)]

        async def rename(role: Role, number: int) -> int:
            token = authority.mint(Access("u", "U", role), time.time(), 60)
            headers = {"authorization": f"Bearer {token}"}
            url = f"/api/rooms/r/versions/{number}"
            return (await client.patch(url, json={"name": "New"}, headers=headers)).status_code

        assert [await rename(role, named[0].id) for role in ("read", "comment", "write")] == [403, 403, 200]
        assert await rename("write", automatic.id) == 409, "it would be one more that stays"
        assert [version.name for version in await store.versions("r")].count("New") == 1


def test_v1_activity_says_who_changed_what_when_page_by_page(room: str) -> None:
    for n in range(5):
        patch(room, {"meta": {"n": n}})
    first = httpx.get(f"{room}/activity", params={"limit": 4}).json()
    rest = httpx.get(f"{room}/activity", params={"before": first["next"]}).json()
    rows = [*first["rows"], *rest["rows"]]
    assert [row["seq"] for row in rows] == list(range(len(rows), 0, -1))
    assert rest["next"] is None
    assert {row["author"] for row in rows} == {"api"}
    assert all(["meta", "n"] in row["what"] for row in rows[:5])
    assert all(row["size"] > 0 and abs(row["at"] - time.time() * 1000) < 120_000 for row in rows)
    for wrong in ({"limit": "0"}, {"limit": "x"}, {"limit": "1001"}, {"before": "-1"}):
        assert httpx.get(f"{room}/activity", params=wrong).status_code == 400


def test_a_token_is_made_by_an_admin_for_that_room_only(tmp_path: Path) -> None:
    authority = Authority(SECRET)
    admin = authority.mint(Access("ann", "Ann", "admin"), time.time(), 60)
    writer = authority.mint(Access("ben", "Ben", "write"), time.time(), 60)
    with Server(tmp_path, environ={"COPLAYER_SECRET": SECRET}) as server:
        headers = {"authorization": f"Bearer {admin}"}
        for name in ("r", "other"):
            assert httpx.post(f"{server.url}/api/rooms", json={"room": name}, headers=headers).status_code == 201
        url = f"{server.url}/api/rooms/r/tokens"
        ask = {"access": "read", "user": "ben", "name": "Ben", "expires_in_s": 60}
        assert httpx.post(url, json=ask).status_code == 401
        assert httpx.post(url, json=ask, headers={"authorization": f"Bearer {writer}"}).status_code == 403
        made = httpx.post(url, json=ask, headers=headers)
        assert made.status_code == 201
        reader = {"authorization": f"Bearer {made.json()['token']}"}
        assert httpx.get(f"{server.url}/api/rooms/r/doc", headers=reader).status_code == 200
        assert httpx.get(f"{server.url}/api/rooms/other/doc", headers=reader).status_code == 403
        merged = httpx.patch(f"{server.url}/api/rooms/r/doc", json={"meta": {"n": 1}}, headers={**reader, **MERGE})
        assert merged.status_code == 403
        read = {"access": "read"}
        for wrong in ({"access": "king"}, {}, {**read, "expires_in_s": 0}, {**read, "expires_in_s": True}):
            assert httpx.post(url, json=wrong, headers=headers).status_code == 422


def test_an_open_server_makes_no_tokens(room: str) -> None:
    assert httpx.post(f"{room}/tokens", json={"access": "read"}).status_code == 409


async def test_room_events_tell_of_people_titles_and_edits(served: Server, room: str) -> None:
    heard: list[dict[str, Any]] = []
    sync_url = room.replace("http", "ws", 1).replace("/api/rooms/", "/sync/")

    async def listen() -> None:
        async with httpx.AsyncClient(timeout=TIMEOUT_S) as client, client.stream("GET", f"{room}/events") as stream:
            async for line in stream.aiter_lines():
                if line.startswith("data:"):
                    heard.append(json.loads(line.removeprefix("data:")))

    async def until(is_told: Any) -> None:
        while not (heard and is_told(heard[-1])):
            await anyio.sleep(0.02)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(listen)
        with anyio.fail_after(TIMEOUT_S):
            await until(lambda now: now["people"] == 0 and now["title"] == "Plan")
            async with connect(sync_url, Doc(client_id=random.randrange(2**20, 2**32))) as ann:
                await ann.wait_synced()
                await until(lambda now: now["people"] == 1)
                edited = heard[-1]["edited_at"]
                ann.doc.get("meta", type=Map)["title"] = "Better plan"
                await until(lambda now: now["title"] == "Better plan" and now["edited_at"] > edited)
            await until(lambda now: now["people"] == 0)
        tasks.cancel_scope.cancel()
    assert httpx.get(f"{room}x/events").status_code == 404


def test_a_board_comes_as_svg_png_and_json(room: str) -> None:
    svg = httpx.get(f"{room}/export.svg", params={"theme": "dark"})
    assert (svg.status_code, svg.headers["content-type"]) == (200, "image/svg+xml")
    assert "Login" in svg.text
    assert "#131316" in svg.text
    png = httpx.get(f"{room}/export.png", params={"scale": 2})
    assert png.headers["content-type"] == "image/png"
    width, height = struct.unpack(">II", png.content[16:24])
    once = struct.unpack(">II", httpx.get(f"{room}/export.png").content[16:24])
    assert (width, height) == (once[0] * 2, once[1] * 2)
    for wrong in ({"scale": "0"}, {"scale": "nan"}, {"scale": "x"}, {"theme": "pink"}, {"background": "maybe"}):
        assert httpx.get(f"{room}/export.png", params=wrong).status_code == 400


def test_an_exported_board_can_be_laid_into_another_room(served: Server, room: str) -> None:
    board = httpx.get(f"{room}/export.json").json()
    assert sorted(board) == ["format", "groups", "meta", "schema", "shapes"]
    other = f"{served.url}/api/rooms/{httpx.post(f'{served.url}/api/rooms', json={}).json()['room']}"
    patch(other, {"shapes": {"mine": {"type": "rect"}}})
    board["shapes"]["a"]["wings"] = 2
    done = httpx.post(f"{other}/import", json=board).json()
    assert done["left_out"] == ["/shapes/a/wings: is not a field of a shape."]
    there = document(other)
    assert sorted(there["shapes"]) == ["a", "b", "mine"]
    assert {key: there["shapes"][key] for key in "ab"} == document(room)["shapes"]
    assert there["meta"]["title"] == "Plan"
    assert httpx.post(f"{other}/import", json=board).json()["written"] == 0, "the same again changes nothing"
    bad: tuple[dict[str, Any], ...] = ({}, {"shapes": []}, {"shapes": {"a": 5}}, {"shapes": {}, "meta": 1})
    for wrong in bad:
        assert httpx.post(f"{other}/import", json=wrong).status_code == 422
