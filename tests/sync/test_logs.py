"""What is printed: every line with what it was about, none with content, a token or a secret (docs/spec.md, O)."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import random
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

import anyio
import anyio.to_thread
import httpx
import pytest
from pycrdt import Doc, Map
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from websockets.asyncio.client import ClientConnection
from websockets.asyncio.client import connect as open_websocket
from websockets.exceptions import ConnectionClosed

from sync import logs
from sync.app import create_app
from sync.auth import Access, Authority
from sync.protocol import SyncStatus, Update, encode
from sync.provider import connect
from sync.settings import Settings, SettingsError
from sync.store import StoreError
from tests.support.server import Server

pytestmark = pytest.mark.anyio
SECRET = "a-secret-of-the-server-that-nobody-may-read-anywhere"
METRICS_TOKEN = "what-the-scraper-shows"
CONTENT = "Grandmother's recipe"
PERSON = "Ann Example"
TIMEOUT_S = 30


@pytest.fixture
def printed() -> Iterator[io.StringIO]:
    """All of this process's records, as JSON lines; afterwards logging is as it was."""
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    stream = io.StringIO()
    logs.configure("json", "debug", (SECRET,), stream)
    yield stream
    root.handlers[:] = before
    root.setLevel(level)


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


async def say_until_closed(socket: ClientConnection, *frames: bytes) -> None:
    """Without a goodbye of ours: the library's fails when the other end is gone in the middle of it."""
    with suppress(ConnectionClosed):
        for frame in frames:
            await socket.send(frame)
        while True:
            await socket.recv()
    await socket.wait_closed()


async def test_o4_a_busy_server_prints_no_content_no_token_and_no_secret(tmp_path: Path) -> None:
    environ = {
        "COPLAYER_SECRET": SECRET,
        "COPLAYER_METRICS_TOKEN": METRICS_TOKEN,
        "COPLAYER_LOG": "json",
        "COPLAYER_LOG_LEVEL": "debug",
    }
    token = Authority(SECRET).mint(Access("u-17", PERSON, "admin"), time.time(), 600)
    with Server(tmp_path / "data", environ=environ) as server, anyio.fail_after(TIMEOUT_S):
        await anyio.to_thread.run_sync(_ask_much, server, token)
        url = f"{server.sync_url}/plan"
        doc: Doc[Any] = Doc(client_id=random.randrange(2**20, 2**32))
        async with connect(url, doc, {"coplayer": "1", "token": token}) as peer:
            await peer.wait_synced()
            doc.get("shapes", type=Map)[CONTENT] = Map({"text": CONTENT})
            await peer.saved()
        for frame in (
            b"\x00\x09" + CONTENT.encode(),
            encode(Update(CONTENT.encode())),
            encode(SyncStatus(b"x" * 70_000)) * 80,
        ):
            noted = f"{url}?token={token}&note={quote(CONTENT)}"
            await say_until_closed(await open_websocket(noted, additional_headers={"cookie": token}), frame)
        await say_until_closed(await open_websocket(f"{url}?token={token[:-5]}"))
        # and when its store fails under it
        (tmp_path / "data" / "coplayer.db").rename(tmp_path / "elsewhere")
        ready = httpx.get(f"{server.url}/readyz")
        assert ready.status_code == 503
        (tmp_path / "elsewhere").rename(tmp_path / "data" / "coplayer.db")
    out = server.output
    for planted in (SECRET, METRICS_TOKEN, token, token.rpartition(".")[2][:20], CONTENT, "recipe", PERSON):
        assert planted not in out
    told = [json.loads(line) for line in out.splitlines() if line.startswith("{")]
    requests = [line for line in told if line["message"] == "request"]
    assert {"GET", "PUT", "PATCH", "POST"} & {line["method"] for line in requests} >= {"GET", "POST", "PATCH"}
    assert all(line["path"].startswith("/") and "?" not in line["path"] for line in requests)
    assert [line["request_id"] for line in requests].count("from-the-caller.1") == 1
    joined = [line for line in told if line["message"] == "joined"]
    assert {(line["room"], line["user"]) for line in joined} == {("plan", "u-17")}
    left = [line for line in told if line["message"] == "left"]
    assert [line["connection"] for line in left] == [line["connection"] for line in joined]
    assert [line["code"] for line in left][-1] != 0, "the last one was sent away"


def _ask_much(server: Server, token: str) -> None:
    headers = {"authorization": f"Bearer {token}"}
    with httpx.Client(base_url=server.url, headers=headers) as client:
        assert client.post("/api/rooms", json={"room": "plan", "title": CONTENT}).status_code == 201
        assert client.patch("/api/rooms/plan", json={"title": f"{CONTENT} 2"}).status_code == 200
        assert client.post("/api/rooms", content=f'{{"room": "{CONTENT}').status_code == 400
        assert client.get("/api/rooms", params={"token": token, "q": CONTENT}).status_code == 200
        assert (
            client.get("/healthz", headers={"x-request-id": "from-the-caller.1", "cookie": CONTENT}).status_code == 200
        )
        assert client.get("/metrics", headers={"authorization": f"Bearer {METRICS_TOKEN}"}).status_code == 200
        assert client.post("/api/rooms/plan/tokens", json={"access": "read", "name": PERSON}).status_code == 201
        assert client.post("/api/rooms/plan/update", content=CONTENT.encode()).status_code >= 400
        assert client.get(f"/nowhere?token={token}").status_code == 404


@pytest.mark.parametrize(
    ("given", "is_kept"),
    [
        ("a1b2-c3.d4_E", True),
        ("x" * 128, True),
        ("x" * 129, False),
        ("a b", False),
        ("é", False),
        ("", False),
        ("-a", False),
    ],
)
async def test_o3_a_sane_request_id_comes_back_and_any_other_is_made_anew(
    tmp_path: Path, given: str, is_kept: bool
) -> None:
    transport = httpx.ASGITransport(app=create_app(Settings(data=tmp_path)))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        answer = await client.get("/healthz", headers=[(b"x-request-id", given.encode())])
        other = await client.get("/healthz")
    assert (answer.headers["x-request-id"] == given) == is_kept
    assert answer.headers["x-request-id"] != other.headers["x-request-id"]
    assert logs.request_id(answer.headers["x-request-id"]) == answer.headers["x-request-id"]


async def test_o3_a_websocket_has_a_request_id_too(server: Server) -> None:
    given = {"x-request-id": "mine-7"}
    async with open_websocket(f"{server.sync_url}/r", additional_headers=given) as socket:
        assert socket.response is not None
        assert socket.response.headers["x-request-id"] == "mine-7"
    async with open_websocket(server.hocuspocus_url) as socket:
        assert socket.response is not None
        assert len(socket.response.headers["x-request-id"]) == 32


async def test_o3_a_fault_of_ours_is_answered_with_the_id_under_which_the_log_has_it(
    tmp_path: Path, printed: io.StringIO
) -> None:
    async def fails(request: Request) -> Response:
        raise KeyError(CONTENT)

    app = create_app(Settings(data=tmp_path), extra_routes=[Route("/fails", fails)])
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://localhost") as client:
        answer = await client.get("/fails", params={"token": SECRET})
    assert answer.status_code == 500
    assert answer.json()["request_id"] == answer.headers["x-request-id"]
    (line,) = [line for line in lines(printed.getvalue()) if line["level"] == "error"]
    assert (line["request_id"], line["exception"]) == (answer.headers["x-request-id"], "KeyError")
    assert "in fails" in line["traceback"], "it says where"
    assert CONTENT not in printed.getvalue()
    assert SECRET not in printed.getvalue()
    assert app.state.hub.tally.requests == {("GET", 500): 1}


async def test_o4_what_a_library_says_of_content_in_an_exception_is_left_out(printed: io.StringIO) -> None:
    try:
        try:
            f"{CONTENT} é".encode("ascii")
        except UnicodeEncodeError as error:
            raise StoreError("The store says a sentence of ours.") from error
    except StoreError:
        logging.getLogger("x").exception("it failed")

    said = ValueError(CONTENT)
    context = {"message": "Task exception was never retrieved", "exception": said, "future": repr(said)}
    asyncio.get_running_loop().default_exception_handler(context)
    first, second = lines(printed.getvalue())[-2:]
    assert "The store says a sentence of ours." in first["traceback"]
    assert "UnicodeEncodeError" in first["traceback"]
    assert (second["logger"], second["exception"]) == ("asyncio", "ValueError")
    assert "recipe" not in printed.getvalue()
    assert "é" not in printed.getvalue()


@pytest.mark.parametrize(
    "text",
    [
        f"GET /sync/r?token={'x' * 30}&q=1",
        "wss://host/sync/r?token=abcdef",
        "eyJhbGciOiJIUzI1NiJ9.eyJyb29tIjoiKiJ9.c2lnbmF0dXJl",
        "Authorization: Bearer abcdefgh.ijk",
        "postgresql://coplayer:abcdef@host/db",
        "the key sk-abcdefghijklmnop is wrong",
        'body {"password": "abcdef"}',
    ],
)
def test_o4_what_looks_like_a_secret_is_scrubbed(text: str) -> None:
    scrubbed = logs.Scrubber()(text)
    assert logs.HIDDEN in scrubbed
    for secret in ("x" * 30, "abcdef", "eyJhb", "c2lnbmF"):
        assert secret not in scrubbed


def test_o4_plain_sentences_are_left_as_they_are() -> None:
    sentence = "room team/plan: Cannot save? The database did not take it: disk I/O error. See https://x.example/a?"
    assert logs.Scrubber()(sentence) == sentence


def test_o4_nobody_writes_lines_of_their_own_into_the_log() -> None:
    stream = io.StringIO()
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    try:
        logs.configure("text", "info", (), stream)
        with logs.bound(room="a", user="x\n2026 ERROR fake: \x1b[31mred"):
            logging.getLogger("x").info("one\ntwo %s", "\r\nthree")
    finally:
        root.handlers[:] = before
        root.setLevel(level)
    (line,) = stream.getvalue().splitlines()
    assert "\x1b" not in line
    assert "room=a" in line


@pytest.mark.parametrize("setting", [{"log": "xml"}, {"log_level": "loud"}, {"trusted_proxies": ("proxy.example",)}])
def test_a_log_setting_that_cannot_be_used_is_refused(setting: dict[str, Any]) -> None:
    with pytest.raises(SettingsError, match="COPLAYER_"):
        Settings.from_env({}, **setting)
