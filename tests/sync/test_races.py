"""Many who come, go and vanish at once, over real sockets and in this process, so that its tasks can be counted.
docs/spec.md, section S. `--races 2000` for more of them."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest
from pycrdt import Doc, Map

from sync.app import create_app
from sync.hub import Hub
from sync.protocol import BoardEvent, SyncStatus, SyncStep1, SyncStep2, Update, decode, encode
from sync.server import Server, configure
from sync.settings import Settings
from tests.support.raw_peer import RawPeer

pytestmark = pytest.mark.anyio

ACK = encode(SyncStatus(b"x"))
JOINS = 500
CRASHERS = 30
SURVIVORS = 5


class Hall:
    """A server in this process."""

    def __init__(self, url: str, hub: Hub) -> None:
        self.url = url.replace("http", "ws", 1) + "/sync/r?coplayer=1"
        self.hub = hub
        self._tasks = len(asyncio.all_tasks())

    async def shapes(self) -> dict[str, Any]:
        return await self.hub.read("r", lambda doc: doc.get("shapes", type=Map).to_py() or {})

    async def until_empty(self) -> None:
        """Everybody has left: the room leaves memory, and every task that served it ends."""
        with anyio.fail_after(20):
            while self.hub.rooms.get("r") is not None or len(asyncio.all_tasks()) > self._tasks:
                await anyio.sleep(0.02)


@asynccontextmanager
async def serving(data: Path) -> AsyncIterator[Hall]:
    settings = Settings(port=0, data=data, unload_after_s=0.0)
    app = create_app(settings)
    address: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    server = Server(configure(app, settings), app.state.hub, address.set_result)
    before = asyncio.all_tasks()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(server.serve)
        yield Hall(await address, app.state.hub)
        server.should_exit = True
    assert asyncio.all_tasks() <= before, "tasks are left over"


def edit(client: int, shape: str) -> bytes:
    doc: Doc[Any] = Doc(client_id=2**21 + client)
    doc.get("shapes", type=Map)[shape] = Map({"x": client})
    return encode(Update(doc.get_update())) + ACK


def epoch(peer: RawPeer) -> object:
    (joined,) = decode(peer.frames[0])
    assert isinstance(joined, BoardEvent)
    return joined.event["epoch"]


def content(peer: RawPeer) -> dict[str, Any]:
    replica: Doc[Any] = Doc()
    for frame in peer.frames:
        for message in decode(frame):
            if isinstance(message, SyncStep2 | Update):
                replica.apply_update(message.update)
    return replica.get("shapes", type=Map).to_py() or {}


async def test_500_first_joins_at_once_share_one_room_and_leave_nothing_behind(tmp_path: Path) -> None:
    async with serving(tmp_path) as hall:
        peers: list[RawPeer] = []

        async def join(number: int) -> None:
            peer = await RawPeer.connect(hall.url)
            peers.append(peer)
            peer.send(encode(SyncStep1({})) + edit(number, f"s{number}"))
            await peer.until(lambda: ACK in peer.frames, timeout_s=60)

        async with anyio.create_task_group() as tasks:
            for number in range(JOINS):
                tasks.start_soon(join, number)
        assert len({epoch(peer) for peer in peers}) == 1
        assert len(await hall.shapes()) == JOINS
        for peer in peers:
            peer.hang_up()
        await hall.until_empty()
        assert len(await hall.shapes()) == JOINS


async def test_joins_and_leaves_race_with_unloading_and_lose_nothing(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    acked: set[str] = set()
    async with serving(tmp_path) as hall:

        async def come_and_go(worker: int) -> None:
            rng = random.Random(worker)
            for turn in range(request.config.getoption("--races") // 20):
                name = f"s{worker}.{turn}"
                peer = await RawPeer.connect(hall.url)
                peer.send(encode(SyncStep1({})) + edit(worker * 10_000 + turn, name))
                if rng.random() < 0.7:
                    await peer.until(lambda peer=peer: ACK in peer.frames)
                    acked.add(name)
                (peer.hang_up if rng.random() < 0.5 else peer.abort)()
                await anyio.sleep(rng.choice((0, 0, 0.01, 0.06, 0.12)))

        async with anyio.create_task_group() as tasks:
            for worker in range(20):
                tasks.start_soon(come_and_go, worker)
        await hall.until_empty()
        assert acked <= set(await hall.shapes())
        await hall.until_empty()


async def test_30_peers_that_vanish_by_rst_while_writing_hurt_nobody(tmp_path: Path) -> None:
    acked: set[str] = set()
    async with serving(tmp_path) as hall:
        survivors = [await RawPeer.connect(hall.url) for _ in range(SURVIVORS)]
        for peer in survivors:
            peer.send(encode(SyncStep1({})))
            await peer.until(lambda peer=peer: len(peer.frames) >= 3)

        async def write_and_vanish(number: int) -> None:
            rng = random.Random(number)
            peer = await RawPeer.connect(hall.url)
            peer.send(encode(SyncStep1({})))
            for turn in range(rng.randrange(5, 40)):
                doc: Doc[Any] = Doc(client_id=2**22 + number * 1_000 + turn)
                doc.get("shapes", type=Map)[f"c{number}.{turn}"] = Map({"x": turn})
                mark = encode(SyncStatus(f"{turn}".encode()))
                peer.send(encode(Update(doc.get_update())) + mark)
                if rng.random() < 0.3:
                    await peer.until(lambda mark=mark: mark in peer.frames)
                    acked.update(f"c{number}.{done}" for done in range(turn + 1))
            peer.abort()

        async with anyio.create_task_group() as tasks:
            for number in range(CRASHERS):
                tasks.start_soon(write_and_vanish, number)
            for number, peer in enumerate(survivors):
                peer.send(edit(number, f"survivor{number}"))
        for peer in survivors:
            await peer.until(lambda peer=peer: ACK in peer.frames)
        shapes = await hall.shapes()
        assert acked <= set(shapes)
        assert {f"survivor{number}" for number in range(SURVIVORS)} <= set(shapes)
        for peer in survivors:
            await peer.until(lambda peer=peer: content(peer).keys() >= shapes.keys())
            assert peer.close_code is None
            peer.hang_up()
        await hall.until_empty()
        assert acked <= set(await hall.shapes())


async def test_c2_goodbyes_in_batches_reach_everybody(tmp_path: Path) -> None:
    async with serving(tmp_path) as hall:
        peers = [await RawPeer.connect(hall.url) for _ in range(160)]
        for peer in peers:
            await peer.until(lambda peer=peer: bool(peer.frames))
        await hall.hub.drain()
        for peer in peers:
            await peer.until(lambda peer=peer: peer.close_code is not None)
            peer.hang_up()
        assert {peer.close_code for peer in peers} == {4503}
