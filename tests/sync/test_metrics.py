"""`/metrics` of a real server, read by Prometheus' own parser: the figures are what was done (docs/spec.md, O)."""

from __future__ import annotations

import random
import time
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import httpx
import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse
from pycrdt import Doc, Map
from websockets.asyncio.client import ClientConnection
from websockets.asyncio.client import connect as open_websocket
from websockets.exceptions import ConnectionClosed

from sync.app import create_app
from sync.auth import Access, Authority
from sync.protocol import KEEP_ALIVE, ClientId, CloseCode, SyncStatus, SyncStep1, Update, decode, encode
from sync.settings import Settings
from tests.support.server import Server

pytestmark = pytest.mark.anyio
TIMEOUT_S = 30
SECRET = "a secret of thirty-two bytes or more"
Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def samples(text: str) -> Samples:
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in parse(text)
        for sample in family.samples
    }


def scrape(url: str, **headers: str) -> Samples:
    answer = httpx.get(f"{url}/metrics", headers=headers)
    assert answer.status_code == 200, answer.text
    return samples(answer.text)


class Client:
    """A connection that counts what goes either way."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.doc: Doc[Any] = Doc(client_id=random.randrange(2**20, 2**32))
        self.shapes: Map[Any] = self.doc.get("shapes", type=Map)
        self.sent = self.sent_bytes = self.got_bytes = self.acks = 0

    async def send(self, *messages: Any) -> None:
        frame = b"".join(encode(message) for message in messages)
        self.sent, self.sent_bytes = self.sent + 1, self.sent_bytes + len(frame)
        await self.socket.send(frame)

    async def read_until_ack(self, content: bytes) -> None:
        while True:
            frame = await self.socket.recv()
            assert isinstance(frame, bytes)
            if frame == KEEP_ALIVE:
                continue
            self.got_bytes += len(frame)
            for message in decode(frame):
                if isinstance(message, SyncStatus):
                    self.acks += 1
                    if message.content == content:
                        return

    async def draw(self, number: int) -> int:
        before = self.doc.get_state()
        self.shapes[f"s{number}"] = Map({"x": number})
        update = self.doc.get_update(before)
        await self.send(Update(update), SyncStatus(b"%d" % number))
        await self.read_until_ack(b"%d" % number)
        return len(update)


async def ended_with(url: str, *frames: bytes) -> int:
    async with open_websocket(url) as socket:
        try:
            for frame in frames:
                await socket.send(frame)
            while True:
                await socket.recv()
        except ConnectionClosed as closed:
            assert closed.rcvd is not None
            return closed.rcvd.code


async def test_o1_the_figures_are_what_was_done(server: Server) -> None:
    with anyio.fail_after(TIMEOUT_S):
        before = scrape(server.url)
        assert before["coplayer_updates_total", ()] == before["coplayer_joins_total", ()] == 0
        async with open_websocket(f"{server.sync_url}/a") as one, open_websocket(f"{server.sync_url}/b") as other:
            clients = [Client(one), Client(other)]
            stored = 0
            for client in clients:
                await client.send(SyncStep1({}))
                for number in range(20):
                    stored += await client.draw(number)
            assert await ended_with(f"{server.sync_url}/a", b"\xff\xff") == CloseCode.MALFORMED
            assert await ended_with(f"{server.sync_url}/a..b") == CloseCode.NOT_FOUND
            async with open_websocket(f"{server.sync_url}/a") as rude:
                await rude.recv()
                rude.transport.write(b"\xf2\x80\0\0\0\0")  # reserved bits are set
                await rude.wait_closed()
                assert rude.close_code == 1002
            last = SyncStatus(b"last")
            for client in clients:  # an answer is the last thing that comes
                await client.send(last)
                await client.read_until_ack(b"last")
            found = await anyio.to_thread.run_sync(scrape, server.url)
    assert found["coplayer_joins_total", ()] == 4
    assert found["coplayer_connections", (("kind", "people"),)] == 2
    assert found["coplayer_connections", (("kind", "assistants"),)] == 0
    assert found["coplayer_rooms", ()] == 2
    assert found["coplayer_updates_total", ()] == 40
    assert found["coplayer_stored_bytes_total", ()] == stored
    assert found["coplayer_acks_total", ()] == sum(client.acks for client in clients) == 42
    assert found["coplayer_received_messages_total", ()] == sum(client.sent for client in clients) + 1
    assert found["coplayer_received_bytes_total", ()] == sum(client.sent_bytes for client in clients) + 2
    greetings = found["coplayer_sent_bytes_total", ()] - sum(client.got_bytes for client in clients)
    nonsense = len(encode(SyncStep1({ClientId(clients[0].doc.client_id): 40})))
    assert greetings == 2 * nonsense, "two who said nonsense were greeted, too"
    assert found["coplayer_closed_total", (("code", "1002"), ("reason", "frames"))] == 1
    assert found["coplayer_closed_total", (("code", "4400"), ("reason", "malformed"))] == 1
    assert found["coplayer_rejected_total", (("code", "4404"), ("reason", "not_found"))] == 1
    commits = found["coplayer_commit_seconds_count", ()]
    assert commits == found["coplayer_commit_seconds_bucket", (("le", "+Inf"),)] == 40, "each was waited for"
    assert found["coplayer_commit_seconds_sum", ()] > 0
    assert found["coplayer_flush_seconds_count", ()] == 40
    assert found["coplayer_store_errors_total", ()] == found["coplayer_faulty_rooms", ()] == 0
    assert found["coplayer_outbox_bytes", ()] == found["coplayer_pending_bytes", ()] == 0
    assert found["process_resident_memory_bytes", ()] > 2**20


async def test_o1_who_left_is_counted_and_counts_stay_when_a_room_leaves_memory(tmp_path: Path) -> None:
    with Server(tmp_path / "data", environ={"COPLAYER_UNLOAD_AFTER_S": "0.1"}) as server, anyio.fail_after(TIMEOUT_S):
        async with open_websocket(f"{server.sync_url}/a") as socket:
            client = Client(socket)
            await client.send(SyncStep1({}))
            await client.draw(1)
        while (found := await anyio.to_thread.run_sync(scrape, server.url))["coplayer_rooms", ()]:
            await anyio.sleep(0.05)
        assert found["coplayer_closed_total", (("code", "0"), ("reason", "left"))] == 1
        assert found["coplayer_updates_total", ()] == 1
        assert found["coplayer_connections", (("kind", "people"),)] == 0


async def test_o1_openmetrics_is_written_for_who_asks_for_it(server: Server) -> None:
    answer = httpx.get(f"{server.url}/metrics", headers={"accept": "application/openmetrics-text; version=1.0.0"})
    assert answer.headers["content-type"].startswith("application/openmetrics-text")
    parsed = parse_openmetrics(answer.text)  # type: ignore[no-untyped-call]
    families = {family.name: family.type for family in parsed}
    assert families["coplayer_commit_seconds"] == "histogram"
    assert families["coplayer_build"] == "info"


def token(role: Any, room: str = "*") -> dict[str, str]:
    minted = Authority(SECRET).mint(Access("op", None, role, room), time.time(), 600)
    return {"authorization": f"Bearer {minted}"}


async def test_o2_metrics_are_for_admins_of_everything_or_for_who_has_their_own_token(tmp_path: Path) -> None:
    transport = httpx.ASGITransport(app=create_app(Settings(data=tmp_path, secret=SECRET)))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        statuses = [
            (await client.get("/metrics", headers=headers)).status_code
            for headers in ({}, token("write"), token("agent"), token("admin", "team/*"), token("admin"))
        ]
    assert statuses == [401, 403, 403, 403, 200]
    own = Settings(data=tmp_path, secret=SECRET, metrics_token="scrape me")
    transport = httpx.ASGITransport(app=create_app(own))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        statuses = [
            (await client.get("/metrics", headers=headers)).status_code
            for headers in (
                {},
                token("admin"),
                {"authorization": "Bearer scrape m"},
                {"authorization": "Bearer scrape me"},
            )
        ]
    assert statuses == [401, 401, 401, 200]


def test_o1_two_applications_in_one_process_count_apart(tmp_path: Path) -> None:
    one, other = create_app(Settings(data=tmp_path / "1")), create_app(Settings(data=tmp_path / "2"))
    one.state.hub.tally.updates += 5
    one.state.hub.tally.observe_commit(0.2)
    found = [samples(app.state.metrics.render("")[0].decode()) for app in (one, other)]
    assert [page["coplayer_updates_total", ()] for page in found] == [5, 0]
    assert [page["coplayer_commit_seconds_count", ()] for page in found] == [1, 0]
