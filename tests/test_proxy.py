"""Behind nginx with the shipped configuration: TLS, WebSockets, quiet boards, origins, addresses (docs/operate.md)."""

from __future__ import annotations

import json
import os
import random
import ssl
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import anyio
import anyio.to_thread
import httpx
import pytest
from pycrdt import Doc, Map
from websockets.asyncio.client import connect as open_websocket
from websockets.exceptions import ConnectionClosed
from websockets.typing import Origin

from sync.auth import Access, Authority
from sync.protocol import KEEP_ALIVE, CloseCode, SyncStep1, encode
from sync.provider import connect
from tests.support.nginx import NoNginx, Proxy, running_nginx
from tests.support.server import Server

pytestmark = pytest.mark.anyio
SECRET = "a secret of thirty-two bytes or more"
TIMEOUT_S = 60


@dataclass
class Site:
    server: Server
    proxy: Proxy
    silence_s: float
    token: str
    context: ssl.SSLContext

    @property
    def sync_url(self) -> str:
        return self.proxy.url.replace("https", "wss") + "/sync"

    def client(self) -> httpx.Client:
        headers = {"authorization": f"Bearer {self.token}"}
        return httpx.Client(base_url=self.proxy.url, verify=self.context, headers=headers, timeout=20)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config) -> Iterator[Site]:
    """nginx's patience as shipped for `--silence 25`; the short form has all times cut to a thirtieth."""
    folder = tmp_path_factory.mktemp("site")
    silence_s = float(pytestconfig.getoption("--silence"))
    environ = {"COPLAYER_SECRET": SECRET, "COPLAYER_LOG": "json", "COPLAYER_LOG_LEVEL": "info"}
    changes: list[tuple[str, str]] = []
    if silence_s < 25:
        environ["COPLAYER_KEEP_ALIVE_S"] = "0.5"
        changes.append(("proxy_read_timeout 75s;", "proxy_read_timeout 2s;"))
    with Server(folder / "data", environ=environ) as server:
        port = urlsplit(server.url).port
        assert port is not None
        try:
            with running_nginx(folder / "nginx", port, *changes) as proxy:
                token = Authority(SECRET).mint(Access("ann", "Ann", "admin"), time.time(), 3600)
                context = ssl.create_default_context(cafile=str(proxy.authority))
                yield Site(server, proxy, silence_s, token, context)
        except NoNginx as missing:
            if os.environ.get("CI") == "true":
                pytest.fail(str(missing))
            pytest.skip(str(missing))


async def test_two_peers_work_together_over_tls_and_through_a_silence(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(site.proxy.authority))  # what the provider's TLS goes by
    docs: list[Doc[Any]] = [Doc(client_id=random.randrange(2**20, 2**32)) for _ in range(2)]
    shapes = [doc.get("shapes", type=Map) for doc in docs]
    params = {"coplayer": "1", "token": site.token}
    with anyio.fail_after(TIMEOUT_S + site.silence_s):
        async with (
            connect(f"{site.sync_url}/team/plan", docs[0], params) as ann,
            connect(f"{site.sync_url}/team/plan", docs[1], params) as ben,
            open_websocket(f"{site.sync_url}/team/plan?token={site.token}", ssl=site.context) as stock,
        ):
            await ann.wait_synced()
            await ben.wait_synced()
            await stock.send(encode(SyncStep1({})))
            began, signs = time.monotonic(), 0
            while time.monotonic() - began < site.silence_s or signs < 2:
                signs += await stock.recv() == KEEP_ALIVE
            shapes[0]["a"] = Map({"x": 1})
            await ann.saved()
            while "a" not in shapes[1]:
                await anyio.sleep(0.01)
            metrics = await anyio.to_thread.run_sync(_metrics, site)
    assert "coplayer_joins_total 3.0" in metrics, "nobody had to come again"


def _metrics(site: Site) -> str:
    return httpx.get(f"{site.server.url}/metrics", headers={"authorization": f"Bearer {site.token}"}).text


@pytest.mark.parametrize("origin", ["https://evil.example", "https://localhost", "https://localhost:1", "null"])
async def test_a4_a_page_of_another_site_is_turned_away_behind_tls_too(site: Site, origin: str) -> None:
    async with open_websocket(
        f"{site.sync_url}/r?token={site.token}", ssl=site.context, origin=Origin(origin)
    ) as socket:
        with pytest.raises(ConnectionClosed) as closed:
            await socket.recv()
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == CloseCode.FORBIDDEN
    with site.client() as client:
        assert client.post("/api/rooms", json={}, headers={"origin": origin}).status_code == 403


async def test_a4_a_page_of_this_site_comes_in_by_the_address_that_the_proxy_has(site: Site) -> None:
    async with open_websocket(
        f"{site.sync_url}/r?token={site.token}", ssl=site.context, origin=Origin(site.proxy.url)
    ) as socket:
        assert await socket.recv()
    with site.client() as client:
        assert client.post("/api/rooms", json={}, headers={"origin": site.proxy.url}).status_code == 201


async def test_o3_a_clients_address_is_believed_of_trusted_proxies_only(site: Site, tmp_path: Path) -> None:
    lie = {"x-forwarded-for": "203.0.113.9"}
    with site.client() as client:
        through = client.get("/healthz", headers=lie).headers["x-request-id"]
    trusted = httpx.get(f"{site.server.url}/healthz", headers=lie).headers["x-request-id"]
    environ = {"COPLAYER_TRUSTED_PROXIES": "10.0.0.0/8", "COPLAYER_LOG": "json", "COPLAYER_LOG_LEVEL": "info"}
    with Server(tmp_path / "data", environ=environ) as strict:
        stranger = httpx.get(f"{strict.url}/healthz", headers=lie).headers["x-request-id"]
    clients = {
        line["request_id"]: line["client"]
        for server in (site.server, strict)
        for line in map(json.loads, (text for text in server.output.splitlines() if text.startswith("{")))
        if line["message"] == "request"
    }
    assert clients[through] == "127.0.0.1", "nginx says who came, whatever they say themselves"
    assert clients[trusted] == "203.0.113.9"
    assert clients[stranger] == "127.0.0.1"


async def test_event_streams_are_not_held_back_and_the_operators_pages_are_not_shown(site: Site) -> None:
    with site.client() as client:
        room = client.post("/api/rooms", json={}).json()["room"]
        with client.stream("GET", f"/api/rooms/{room}/events") as stream:
            assert next(stream.iter_lines()).startswith("event: room")
        assert client.get("/metrics").status_code == 404
        answer = httpx.get(f"http://127.0.0.1:{site.proxy.plain_port}/r/a", headers={"host": "localhost"})
        assert (answer.status_code, answer.headers["location"]) == (301, "https://localhost/r/a")


async def test_o4_no_token_is_in_any_log_of_the_proxy_or_the_server(site: Site) -> None:
    async with open_websocket(f"{site.sync_url}/last?token={site.token}", ssl=site.context) as socket:
        await socket.recv()
    with site.client() as client:
        assert client.get(f"/api/rooms?token={site.token}").status_code == 200
    with anyio.fail_after(TIMEOUT_S):
        while "/sync/last" not in (log := site.proxy.log.read_text(encoding="utf-8")):
            await anyio.sleep(0.02)
    assert site.token not in log + site.server.output
    assert "token" not in log
