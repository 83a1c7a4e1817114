"""What probes are told: alive, ready, or why not (docs/spec.md, O5); and that alerts can be made as the page says."""

from __future__ import annotations

import re
from pathlib import Path

import httpx
import pytest
from prometheus_client import generate_latest

from agent.metrics import Metrics
from sync.app import create_app
from sync.memory_store import MemoryStore
from sync.settings import Settings
from sync.store import StoreError

OPERATE = Path(__file__).resolve().parents[2] / "docs" / "operate.md"
pytestmark = pytest.mark.anyio


async def test_o5_readiness_follows_the_store_and_ends_when_the_server_begins_to_stop() -> None:
    store = MemoryStore()
    app = create_app(Settings(), store)
    hub = app.state.hub
    transport = httpx.ASGITransport(app=app)
    async with hub.running(), httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:

        async def probe() -> tuple[int, int, str]:
            alive, ready = await client.get("/healthz"), await client.get("/readyz")
            return alive.status_code, ready.status_code, ready.text

        assert await probe() == (200, 200, "ok\n")
        store.fault = StoreError("The disk is gone.")
        assert await probe() == (200, 503, "The disk is gone.\n")
        store.fault = None
        assert await probe() == (200, 200, "ok\n")
        async with hub.rooms.using("a", "map") as live:
            live.fault = "Cannot save: disk full"  # reading works, writing does not
            assert await probe() == (200, 503, "Cannot save: disk full\n")
            assert "coplayer_faulty_rooms 1.0" in (await client.get("/metrics")).text
            live.fault = None
        await hub.drain()
        assert await probe() == (200, 503, "stopping\n")
        assert "coplayer_draining 1.0" in (await client.get("/metrics")).text


def test_o1_every_metric_that_the_operators_page_names_is_served() -> None:
    server = create_app(Settings(), MemoryStore())
    page = server.state.metrics.render("")[0].decode() + generate_latest(Metrics().registry).decode()
    served = set(re.findall(r"^# TYPE (coplayer_\w+) ", page, re.MULTILINE))
    served |= {f"{name}{end}" for name in served for end in ("_bucket", "_count", "_total")}
    named = set(re.findall(r"\bcoplayer_\w+", OPERATE.read_text(encoding="utf-8")))
    assert len(named) > 10
    assert named - served == set()
