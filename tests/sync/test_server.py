"""The real server as a process: sockets, restarts, kills, tokens, origins and limits."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import httpx
import pytest
from pycrdt import Doc, Map
from websockets.asyncio.client import connect as open_websocket
from websockets.exceptions import ConnectionClosed
from websockets.typing import Origin

from sync.auth import Access, Authority
from sync.protocol import CloseCode, SyncStatus, SyncStep1, Update, decode, encode
from sync.provider import ProviderClosed, connect
from tests.support.server import Server

pytestmark = pytest.mark.anyio
TIMEOUT_S = 15
SECRET = "a secret of thirty-two bytes or more"


def person() -> Doc[Any]:
    return Doc(client_id=random.randrange(2**20, 2**32))


def shapes(doc: Doc[Any]) -> Map[Any]:
    found: Map[Any] = doc.get("shapes", type=Map)
    return found


@contextmanager
def serving(data: Path, *arguments: str, **environ: str) -> Iterator[Server]:
    with Server(data, *arguments, environ=environ) as server:
        yield server
    assert "Traceback" not in server.output, server.output


async def close_code(url: str, *frames: bytes, **options: Any) -> tuple[int, str]:
    with anyio.fail_after(TIMEOUT_S):
        async with open_websocket(url, **options) as websocket:
            try:
                for frame in frames:
                    await websocket.send(frame)
                while True:
                    await websocket.recv()
            except ConnectionClosed as closed:
                assert closed.rcvd is not None
                return closed.rcvd.code, closed.rcvd.reason


async def test_s2_what_was_acknowledged_survives_sigkill(server: Server) -> None:
    for life in range(3):
        async with connect(f"{server.sync_url}/r", person(), {"coplayer": "1"}) as peer:
            with anyio.fail_after(TIMEOUT_S):
                await peer.wait_synced()
                shapes(peer.doc)[f"s{life}"] = Map({"x": life})
                await peer.saved()
            await anyio.to_thread.run_sync(server.kill)
        await anyio.to_thread.run_sync(server.start)
    document = httpx.get(f"{server.url}/api/rooms/r/doc").json()
    assert document["shapes"] == {f"s{life}": {"x": life} for life in range(3)}


async def test_s3_a_restart_keeps_the_document_and_peers_come_back_with_what_they_did_meanwhile(server: Server) -> None:
    url = f"{server.sync_url}/deep/room-1"
    async with connect(url, person(), {"coplayer": "1"}) as ann, connect(url, person(), {"coplayer": "1"}) as ben:
        with anyio.fail_after(TIMEOUT_S):
            await ann.wait_synced()
            await ben.wait_synced()
            shapes(ann.doc)["a"] = Map({"x": 1, "fill": "red"})
            await ann.saved()
            assert await anyio.to_thread.run_sync(server.stop) == 0
            shapes(ann.doc)["b"] = Map({"x": 2})
            shapes(ben.doc)["c"] = Map({"x": 3})
            await anyio.to_thread.run_sync(server.start)
            await ann.saved()
            await ben.saved()
            await ann.wait_synced()
            await ben.wait_synced()
    document = httpx.get(f"{server.url}/api/rooms/deep/room-1/doc").json()
    assert sorted(document["shapes"]) == ["a", "b", "c"]


async def test_s8_sigterm_with_many_connections_ends_at_once_and_with_status_0(server: Server) -> None:
    codes: list[int] = []

    async def visit(number: int) -> None:
        codes.append((await close_code(f"{server.sync_url}/r{number % 7}"))[0])

    async with anyio.create_task_group() as tasks:
        for number in range(40):
            tasks.start_soon(visit, number)
        with anyio.fail_after(TIMEOUT_S):
            while sum(r["people"] for r in httpx.get(f"{server.url}/api/rooms").json()["rooms"]) < 40:
                await anyio.sleep(0.05)
        started = time.monotonic()
        assert await anyio.to_thread.run_sync(server.stop) == 0
        assert time.monotonic() - started < 10
    assert codes == [CloseCode.GOING_AWAY] * 40


@pytest.mark.parametrize("name", ["a..b", "a//b", "a b", "é", "x" * 129, "/"])
async def test_w1_a_room_that_cannot_be_named_so_is_closed_with_4404(server: Server, name: str) -> None:
    url = f"{server.sync_url}/" + httpx.URL("http://x/" + name).raw_path.decode().removeprefix("/")
    assert (await close_code(url))[0] == CloseCode.NOT_FOUND
    assert httpx.get(f"{server.url}/api/rooms/{name}/doc").status_code == 404


async def test_c1_text_frames_and_nonsense_are_closed_with_4400(server: Server) -> None:
    assert (await close_code(f"{server.sync_url}/r", b"\x00\x09"))[0] == CloseCode.MALFORMED
    assert (await close_code(f"{server.sync_url}/r", "text"))[0] == CloseCode.MALFORMED  # type: ignore[arg-type]  # on purpose


async def test_c1_a_message_over_the_limit_is_closed_with_4413_and_not_with_the_transports_1009(tmp_path: Path) -> None:
    with serving(tmp_path, "--max-message-bytes", "10000") as server:
        code, reason = await close_code(f"{server.sync_url}/r?coplayer=1", bytes(10_001))
        assert (code, reason) == (CloseCode.TOO_BIG, "A message may have 10000 bytes.")


async def test_c1_a_full_room_and_a_full_server_are_told_with_4530(tmp_path: Path) -> None:
    with serving(tmp_path, "--max-room-connections", "1", "--max-connections", "2") as server:
        async with connect(f"{server.sync_url}/r", person()) as one, connect(f"{server.sync_url}/q", person()) as two:
            with anyio.fail_after(TIMEOUT_S):
                await one.wait_synced()
                await two.wait_synced()
            for room in ("r", "s"):
                assert (await close_code(f"{server.sync_url}/{room}"))[0] == CloseCode.TOO_MANY_CONNECTIONS


async def test_a_page_of_another_site_is_turned_away_and_a_listed_one_is_not(tmp_path: Path) -> None:
    with serving(tmp_path, COPLAYER_ORIGINS="https://friend.example") as server:
        url = f"{server.sync_url}/r"
        code, _ = await close_code(url, origin="https://evil.example")
        assert code == CloseCode.FORBIDDEN
        for origin in (Origin(server.url), Origin("https://friend.example"), None):
            async with open_websocket(url, origin=origin) as websocket:
                frame = await websocket.recv(decode=False)
                assert isinstance(decode(frame)[0], SyncStep1)
        post = httpx.post(f"{server.url}/api/rooms", headers={"origin": "https://evil.example"})
        assert post.status_code == 403
        assert httpx.post(f"{server.url}/api/rooms", headers={"origin": server.url}).status_code == 201


async def test_a_with_a_secret_everybody_needs_a_token_for_that_room(tmp_path: Path) -> None:
    authority = Authority(SECRET)
    now = time.time()
    writer = authority.mint(Access("ann", "Ann", "write", "team/*"), now, 60)
    reader = authority.mint(Access("ben", "Ben", "read", "team/a"), now, 60)
    old = authority.mint(Access("ann", "Ann", "write"), now - 3600, 60)
    forged = Authority("x" * 32).mint(Access("ann", "Ann", "admin"), now, 60)
    with serving(tmp_path, COPLAYER_SECRET=SECRET) as server:
        url = f"{server.sync_url}/team/a"
        for token in ("", "nonsense", old, forged):
            assert (await close_code(f"{url}?token={token}"))[0] == CloseCode.UNAUTHORIZED
            answer = httpx.get(f"{server.url}/api/rooms", params={"token": token})
            assert answer.status_code == 401
        assert (await close_code(f"{server.sync_url}/other?token={writer}"))[0] == CloseCode.FORBIDDEN
        params = {"coplayer": "1"}
        async with (
            connect(f"{url}?token={writer}", person(), params) as ann,
            connect(f"{url}?token={reader}", person(), params) as ben,
        ):
            with anyio.fail_after(TIMEOUT_S):
                await ann.wait_synced()
                await ben.wait_synced()
                shapes(ben.doc)["forbidden"] = Map({"x": 1})
                shapes(ann.doc)["a"] = Map({"x": 1})
                ann.set_presence({"user": {"id": "boss", "name": "Ann"}})
                await ann.saved()
                while not ben.peers:
                    await anyio.sleep(0.01)
            assert next(iter(ben.peers.values()))["user"] == {"id": "ann", "kind": "human", "name": "Ann"}
        headers = {"authorization": f"Bearer {writer}"}
        assert httpx.get(f"{server.url}/api/rooms/team/a/doc", headers=headers).json()["shapes"] == {"a": {"x": 1}}
        assert [r["room"] for r in httpx.get(f"{server.url}/api/rooms", headers=headers).json()["rooms"]] == ["team/a"]
        refused = httpx.delete(f"{server.url}/api/rooms/team/a", headers={"authorization": f"Bearer {reader}"})
        assert refused.status_code == 403


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--host", "0.0.0.0"), "COPLAYER_SECRET"),
        (("--port", "99999"), "COPLAYER_PORT"),
        (("--store", "mysql://x"), "COPLAYER_STORE"),
        (("--secret", "short"), "32 bytes"),
        (("--profiles", "a=texts"), "COPLAYER_PROFILES"),
    ],
)
async def test_a_setting_that_cannot_be_used_is_said_in_one_sentence(
    tmp_path: Path, arguments: tuple[str, ...], sentence: str
) -> None:
    from tests.support.program import Program, ProgramError

    program = Program(["-m", "sync", "--data", str(tmp_path), *arguments])
    with pytest.raises(ProgramError, match=sentence):
        program.wait_for_line("coplayer: http")
    assert program.stop() == 2
    assert program.output.count("\n") <= 1


async def test_g7_an_assistant_needs_a_living_lease(server: Server) -> None:
    httpx.post(f"{server.url}/api/rooms", json={"room": "r"}).raise_for_status()
    url = f"{server.sync_url}/r"
    for query in (
        "agent=assistant&epoch=1",
        "agent=assistant&epoch=-1",
        "epoch=1",
        "agent=assistant&epoch=" + "9" * 30,
    ):
        code, _ = await close_code(f"{url}?{query}")
        assert code in (CloseCode.SUPERSEDED, CloseCode.FORBIDDEN)
    lease = httpx.post(f"{server.url}/api/rooms/r/lease", json={"agent": "assistant", "holder": "one"}).json()
    taken = httpx.post(f"{server.url}/api/rooms/r/lease", json={"agent": "assistant", "holder": "two"})
    assert taken.status_code == 409
    assert taken.json()["retry_in_s"] > 0
    doc: Doc[Any] = Doc(client_id=lease["epoch"])
    async with connect(url, doc, {"agent": "assistant", "epoch": str(lease["epoch"])}) as assistant:
        with anyio.fail_after(TIMEOUT_S):
            await assistant.wait_synced()
            shapes(doc)["a"] = Map({"x": 1})
            await assistant.saved()
    person_with_that_id: Doc[Any] = Doc(client_id=lease["epoch"])
    async with connect(url, person_with_that_id) as impostor:
        with anyio.fail_after(TIMEOUT_S):
            await impostor.wait_synced()
            shapes(person_with_that_id)["b"] = Map({"x": 1})
            with pytest.raises(ProviderClosed) as closed:
                await impostor.saved()
    assert closed.value.code == CloseCode.REFUSED


async def test_w3_a_frame_may_hold_several_messages(server: Server) -> None:
    doc = person()
    shapes(doc)["a"] = Map({"x": 1})
    async with open_websocket(f"{server.sync_url}/r?coplayer=1") as websocket:
        await websocket.send(encode(SyncStep1({})) + encode(Update(doc.get_update())) + encode(SyncStatus(b"7")))
        with anyio.fail_after(TIMEOUT_S):
            while True:
                frame = await websocket.recv()
                assert isinstance(frame, bytes)
                (message,) = decode(frame)
                if isinstance(message, SyncStatus):
                    break
    assert message.content == b"7"


async def test_the_rest_of_the_rooms_surface(server: Server) -> None:
    async with httpx.AsyncClient(base_url=server.url) as api:
        room = (await api.post("/api/rooms", json={"title": "Plans"})).json()["room"]
        assert (await api.get(f"/api/rooms/{room}")).json()["title"] == "Plans"
        renamed = await api.patch(f"/api/rooms/{room}", json={"title": "Better plans"})
        assert renamed.json()["title"] == "Better plans"
        assert (await api.post("/api/rooms", json={"room": room})).status_code == 409
        document = await api.get(f"/api/rooms/{room}/doc")
        assert document.json()["meta"] == {"title": "Better plans"}
        again = await api.get(f"/api/rooms/{room}/doc", headers={"if-none-match": document.headers["etag"]})
        assert again.status_code == 304
        for body, status in ((b"{", 400), (b"[]", 400), (b'{"title": 5}', 422), (b'{"title": "\\ud800"}', 422)):
            refused = await api.patch(f"/api/rooms/{room}", content=body)
            assert refused.status_code == status
            assert refused.headers["content-type"] == "application/problem+json"
            assert refused.json()["detail"].endswith(".")
        assert (await api.delete(f"/api/rooms/{room}")).status_code == 204
        assert (await api.get(f"/api/rooms/{room}/doc")).status_code == 404
        assert (await api.get("/healthz")).text == "ok\n"
        assert (await api.get("/readyz")).text == "ok\n"


async def test_a_prompt_over_rest_is_written_as_a_browser_would_write_it(server: Server) -> None:
    async with httpx.AsyncClient(base_url=server.url) as api:
        await api.post("/api/rooms", json={"room": "r"})
        prompt = {"text": " three circles ", "selection": ["a"], "view": {"x": 0, "y": 0, "w": 800, "h": 600}}
        answer = await api.post("/api/rooms/r/prompts", json=prompt)
        assert answer.status_code == 202
        run = answer.json()["run"]
        state = (await api.get(f"/api/rooms/r/runs/{run}")).json()
        assert (state["status"], state["agent"], state["calls"]) == ("queued", "assistant", [])
        assert state["messages"][0]["body"] == "three circles"
        assert state["messages"][0]["context"]["selection"] == ["a"]
        assert (await api.post(f"/api/rooms/r/runs/{run}/cancel")).json()["status"] == "queued"
        assert (await api.get("/api/rooms/r/doc")).json()["runs"][run]["cancel"]["by"] == "api"
        assert (await api.post(f"/api/rooms/r/runs/{run}/undo")).json()["kept"] == []
        assert (await api.get("/api/rooms/r/runs/none")).status_code == 404
        assert (await api.post("/api/rooms/new/prompts", json={"text": "x", "view": {}})).status_code == 422
        assert (await api.get("/api/rooms/new/doc")).status_code == 404
        assert (await api.post("/api/rooms/new/prompts", json={"text": "x"})).status_code == 202, (
            "asking makes the board"
        )
        for bad in (
            {},
            {"text": " "},
            {"text": "x" * 8_001},
            {"text": "x", "view": {"x": 1}},
            {"text": "x", "selection": [1]},
        ):
            assert (await api.post("/api/rooms/r/prompts", json=bad)).status_code == 422
        async with api.stream("GET", "/api/rooms/events") as events:
            with anyio.fail_after(TIMEOUT_S):
                async for line in events.aiter_lines():
                    if line.startswith("data:"):
                        assert '"wanted": true' in line
                        break


async def test_g2_an_operator_says_what_new_rooms_hold(tmp_path: Path) -> None:
    with serving(tmp_path, COPLAYER_PROFILES="notes/*=any,strict=map") as server:
        for room in ("notes/a", "strict", "other"):
            async with connect(f"{server.sync_url}/{room}", person(), {"coplayer": "1"}) as peer:
                with anyio.fail_after(TIMEOUT_S):
                    await peer.wait_synced()
        rooms = httpx.get(f"{server.url}/api/rooms").json()["rooms"]
        assert {r["room"]: r["profile"] for r in rooms} == {"notes/a": "any", "strict": "map", "other": "board"}


async def test_a_port_that_is_taken_is_said_in_one_sentence(server: Server, tmp_path: Path) -> None:
    from tests.support.program import Program, ProgramError

    port = server.url.rpartition(":")[2]
    program = Program(["-m", "sync", "--data", str(tmp_path / "other"), "--port", port])
    with pytest.raises(ProgramError, match=f"Cannot listen on 127.0.0.1:{port}"):
        program.wait_for_line("coplayer: http")
    assert program.stop() == 2
    assert program.output.count("\n") == 0


async def test_a_client_that_goes_away_in_the_middle_of_a_body_leaves_no_traceback(tmp_path: Path) -> None:
    with serving(tmp_path) as server:  # looks at what the server printed, at the end
        host, port = server.url.removeprefix("http://").split(":")
        for _ in range(3):
            async with await anyio.connect_tcp(host, int(port)) as stream:
                await stream.send(b"POST /api/rooms HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
        async with httpx.AsyncClient(base_url=server.url) as client:
            assert (await client.get("/api/rooms")).status_code == 200
