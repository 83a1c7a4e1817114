"""What goes after so many days, and that nothing else does: from the shell, over HTTP and by itself."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
from pycrdt import Doc, Map

from agent.cli import main
from sync.app import create_app
from sync.auth import Access, Authority
from sync.hub import Hub
from sync.memory_store import MemoryStore
from sync.provider import connect
from sync.purge import DAY_MS, Keep, purge
from sync.settings import Settings
from sync.store import Entry
from tests.support.server import Server

pytestmark = pytest.mark.anyio
NOW = 1_795_000_000_000
SECRET = "a secret of thirty-two bytes or more"
TIMEOUT_S = 20


async def filled() -> MemoryStore:
    store = MemoryStore()
    for room, age in (("old-empty", 40), ("new-empty", 1), ("old-drawn", 40), ("old-kept", 40)):
        await store.create(room, "e", "map", NOW - age * DAY_MS)
    await store.append("old-drawn", [Entry(b"\0\0", "ann", NOW - 39 * DAY_MS)])
    await store.add_version("old-kept", "Named", "ann", NOW - 39 * DAY_MS, b"x", auto=False)
    for age in (39, 20, 2):
        await store.add_version("old-drawn", "", "", NOW - age * DAY_MS, b"12345", auto=True)
    return store


def hub_on(store: MemoryStore, **settings: Any) -> Hub:
    hub: Hub = create_app(Settings(**settings), store).state.hub
    return hub


async def names(store: MemoryStore) -> set[str]:
    return {info.room for info in await store.rooms()}


async def test_o6_by_default_everything_is_kept() -> None:
    store = await filled()
    hub = hub_on(store)
    report = await purge(hub.rooms, store, Keep(), NOW, is_trial=False)
    assert (report.rooms, report.versions, report.unused_rooms) == (4, 0, 0)
    assert len(await names(store)) == 4


async def test_o6_a_trial_counts_what_then_goes_and_only_that() -> None:
    store = await filled()
    hub, keep = hub_on(store), Keep(versions_days=30, unused_days=30)
    trial = await purge(hub.rooms, store, keep, NOW, is_trial=True)
    assert (trial.versions, trial.size, trial.unused_rooms) == (1, 5, 1)
    assert len(await names(store)) == 4
    assert await purge(hub.rooms, store, keep, NOW, is_trial=False) == trial
    assert await names(store) == {"new-empty", "old-drawn", "old-kept"}
    assert [version.at for version in await store.versions("old-drawn")] == [NOW - 2 * DAY_MS, NOW - 20 * DAY_MS]
    assert [version.name for version in await store.versions("old-kept")] == ["Named"]


async def test_o6_an_unused_room_in_which_somebody_is_stays() -> None:
    store = await filled()
    hub = hub_on(store)
    async with hub.running(), hub.rooms.using("old-empty"):
        report = await purge(hub.rooms, store, Keep(unused_days=30), NOW, is_trial=False)
    assert report.unused_rooms == 0
    assert "old-empty" in await names(store)


async def test_o6_who_comes_while_an_unused_room_goes_gets_a_new_one_and_loses_nothing() -> None:
    store = await filled()
    hub = hub_on(store)
    async with hub.running():
        async with anyio.create_task_group() as tasks:

            async def go() -> None:
                assert await hub.rooms.delete_unused("old-empty", NOW, is_trial=False)

            tasks.start_soon(go)
            await anyio.lowlevel.checkpoint()  # it has begun
            slot = await hub.rooms.enter("old-empty", "map")
        assert slot.live is not None
        assert slot.live.info.epoch != "e", "the old one is gone, this one is new"
        hub.rooms.leave(slot)
    assert "old-empty" in await names(store)


async def test_o6_only_an_admin_of_all_boards_may_purge_and_must_say_so(tmp_path: Path) -> None:
    store = await filled()
    app = create_app(Settings(data=tmp_path, secret=SECRET), store)
    authority = Authority(SECRET)

    def headers(role: Any, room: str = "*") -> dict[str, str]:
        return {"authorization": f"Bearer {authority.mint(Access('op', None, role, room), time.time(), 600)}"}

    transport = httpx.ASGITransport(app=app)
    async with app.state.hub.running(), httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:

        async def ask(body: Any, **given: Any) -> httpx.Response:
            return await client.post("/api/purge", json=body, **given)

        refused = [(await ask({}, headers=headers(*who))).status_code for who in (("write",), ("admin", "team/*"))]
        assert [(await ask({})).status_code, *refused] == [401, 403, 403]
        for wrong in ({"versions_days": -1}, {"versions_days": "1"}, {"unused_days": True}, {"dry_run": "no"}):
            assert (await ask(wrong, headers=headers("admin"))).status_code == 422
        as_set = await client.get("/api/purge", headers=headers("admin"))
        assert (as_set.json()["dry_run"], as_set.json()["unused_rooms"]) == (True, 0)
        assert (await client.get("/api/purge", headers=headers("admin", "team/*"))).status_code == 403
        answer = (await ask({"unused_days": 1}, headers=headers("admin"))).json()
        assert (answer["dry_run"], answer["unused_rooms"]) == (True, 2)
        assert len(await names(store)) == 4
        answer = (await ask({"unused_days": 1, "dry_run": False}, headers=headers("admin"))).json()
        assert (answer["dry_run"], answer["unused_rooms"]) == (False, 2)
        assert await names(store) == {"old-drawn", "old-kept"}


async def test_o6_a_server_purges_by_itself_when_its_settings_say_so() -> None:
    store = await filled()
    app = create_app(Settings(keep_unused_days=30), store)
    async with app.router.lifespan_context(app):
        with anyio.fail_after(TIMEOUT_S):
            while "old-empty" in await names(store):
                await anyio.sleep(0.01)
    assert {"old-drawn", "old-kept"} < await names(store)


async def test_o6_the_command_asks_the_running_server_and_removes_only_with_yes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with Server(tmp_path / "data") as server:
        doc: Doc[Any] = Doc(client_id=2**21)
        async with connect(f"{server.sync_url}/drawn", doc, {"coplayer": "1"}) as peer:
            await peer.wait_synced()
            doc.get("shapes", type=Map)["a"] = Map({"x": 1})
            await peer.saved()
        httpx.post(f"{server.url}/api/rooms", json={"room": "empty"}).raise_for_status()

        def rooms() -> set[str]:
            return {room["room"] for room in httpx.get(f"{server.url}/api/rooms").json()["rooms"]}

        async def command(*arguments: str) -> tuple[int, str]:
            given = ("purge", *arguments, "--server", server.url)
            status = await anyio.to_thread.run_sync(main, given)
            said = capsys.readouterr()
            return status, said.out + said.err

        assert await command() == (
            1,
            "coplayer: Nothing is set to go: say --versions-days, --damaged-days or --unused-days.\n",
        )
        status, said = await command("--unused-days", "0.0000001")
        assert (status, "1 unused boards would go" in said, "Nothing was removed" in said) == (0, True, True)
        assert rooms() == {"drawn", "empty"}
        status, said = await command("--unused-days", "0.0000001", "--yes")
        assert (status, "1 unused boards removed" in said) == (0, True)
        assert rooms() == {"drawn"}
