"""Stock clients whose room's process dies: both dialects, and a socket with documents of two processes."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from sync.protocol import CloseCode
from tests.interop.people import People
from tests.interop.yjs_client import NodeProcess, Types
from tests.support.processes import children
from tests.support.server import Server

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(120)]

SHAPES: Types = {"shapes": "map"}
LONG_S = 40.0


async def test_i2_h7_stock_clients_of_both_dialects_come_back_when_the_worker_of_their_room_dies(
    node_process: NodeProcess, tmp_path: Path
) -> None:
    with Server(tmp_path, "--workers", "1", "--profiles", "board*=board") as server:
        people = People(node_process, server, "room")
        ann, eve = await people.join_y(), await people.join_y("board")
        bob = await people.join_h(4, share="one socket")
        side = await people.join_h(4, share="one socket", room="board")
        await ann.set("shapes", (["a"], "x", 1))
        await side.set("shapes", (["s"], "x", 1))
        await bob.until_reads(SHAPES, {"shapes": {"a": {"x": 1}}})
        await eve.until_reads(SHAPES, {"shapes": {"s": {"x": 1}}})
        (worker,) = children(server.pid)
        os.kill(worker, signal.SIGKILL)
        await ann.set("shapes", (["b"], "x", 2))
        await bob.set("shapes", (["c"], "x", 3))
        await side.set("shapes", (["t"], "x", 2))
        whole = {"shapes": {"a": {"x": 1}, "b": {"x": 2}, "c": {"x": 3}}}
        for client in (ann, bob):
            await client.until_reads(SHAPES, whole, LONG_S)
        for client in (side, eve):
            await client.until_reads(SHAPES, {"shapes": {"s": {"x": 1}, "t": {"x": 2}}}, LONG_S)
        await bob.until_saved(LONG_S)
        await side.until_saved(LONG_S)
        assert (await ann.state())["closes"] == [CloseCode.GOING_AWAY]
        assert (await eve.state())["closes"] == [], "the board is in no worker"
        await node_process.end_all()
    assert "Traceback" not in server.output, server.output
