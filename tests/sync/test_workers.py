"""Rooms in processes of their own (docs/spec.md, section I): real servers, real workers, real deaths."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
from anyio.to_thread import run_sync
from pycrdt import Doc, Map

from sync.app import create_app
from sync.hooks import Hooks
from sync.outgoing import framed
from sync.pipe import BINARY, CLOSE, TEXT, Frames
from sync.protocol import CloseCode
from sync.provider import Provider, ProviderClosed, connect
from sync.reading import MAX_ATTEMPTS
from sync.settings import Settings, SettingsError
from tests.support.fragile import POISON
from tests.support.processes import children, wait_for_end
from tests.support.raw_peer import RawPeer
from tests.support.server import Server

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(120)]

LONG_S = 60.0
MERGE = {"content-type": "application/merge-patch+json"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One with one worker, for tests that share it: each has rooms of its own, and may kill the worker."""
    with Server(tmp_path_factory.mktemp("workers"), "--workers", "1", "--worker-timeout-s", "3") as running:
        yield running
    assert "Traceback" not in running.output, running.output


def worker_of(server: Server) -> int:
    """Its process id."""
    (pid,) = children(server.pid)
    return pid


def numbers(doc: Doc[Any]) -> Map[Any]:
    """Where these tests write."""
    found: Map[Any] = doc.get("numbers", type=Map)
    return found


async def write(provider: Provider, first: int, last: int) -> None:
    """Numbers, each confirmed before the next."""
    for number in range(first, last + 1):
        numbers(provider.doc)["n"] = number
        await provider.saved()


async def read(server: Server, room: str) -> int:
    """What somebody finds who comes new."""
    async with connect(f"{server.sync_url}/{room}", Doc[Any]()) as newcomer:
        await newcomer.wait_synced()
        return int(numbers(newcomer.doc)["n"])


async def test_i2_a_worker_that_dies_in_mid_stream_loses_nothing_acked_and_no_other_room_notices(
    server: Server,
) -> None:
    board = await RawPeer.connect(f"{server.sync_url}/board?coplayer=1")
    told = await RawPeer.connect(f"{server.sync_url}/told")
    await told.until(lambda: told.frames)
    async with (
        connect(f"{server.sync_url}/dies", Doc[Any]()) as ann,
        connect(f"{server.sync_url}/board", Doc[Any](), {"coplayer": "1"}) as bob,
    ):
        await write(ann, 1, 5)
        before = worker_of(server)
        with anyio.fail_after(LONG_S):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(write, ann, 6, 40)
                os.kill(before, signal.SIGSEGV)
                for number in range(40):
                    bob.doc.get("meta", type=Map)["title"] = str(number)
                    await bob.saved()
        assert worker_of(server) != before
        assert "ended: SIGSEGV" in server.output
        assert await read(server, "dies") == 40
    await told.until(lambda: told.is_lost)
    assert told.close_code == CloseCode.GOING_AWAY, "stock clients come back by themselves after it"
    assert "process" in told.close_reason
    assert not board.is_lost
    assert board.close_code is None
    board.hang_up()


async def test_i3_a_worker_that_hangs_is_killed_and_its_clients_come_back(server: Server) -> None:
    async with connect(f"{server.sync_url}/hangs", Doc[Any]()) as ann:
        await write(ann, 1, 3)
        os.kill(worker_of(server), signal.SIGSTOP)
        with anyio.fail_after(LONG_S):
            await write(ann, 4, 6)
    assert await read(server, "hangs") == 6
    assert "gives no sign of life" in server.output


async def test_i3_a_worker_that_hangs_and_has_no_parent_ends_by_its_own_alarm() -> None:
    program = "from sync.worker import set_alarm; set_alarm(0.1); print('set', flush=True); 10 ** 10 ** 9"
    done = await run_sync(lambda: subprocess.run([sys.executable, "-c", program], capture_output=True, timeout=LONG_S))
    assert done.stdout == b"set\n", "or it ended while it was still loading"
    assert done.returncode == -signal.SIGALRM, "Python's lock was held: no handler of ours could have run"


async def test_i1_rest_about_a_room_goes_to_the_worker_that_has_it(server: Server) -> None:
    room = "rest/of-it"
    async with (
        httpx.AsyncClient(base_url=f"{server.url}/api", timeout=LONG_S) as rest,
        connect(f"{server.sync_url}/{room}", Doc[Any]()) as ann,
    ):
        await write(ann, 1, 1)
        shown = (await rest.get(f"/rooms/{room}")).json()
        assert (shown["profile"], shown["people"]) == ("any", 1)
        listed = {each["room"]: each for each in (await rest.get("/rooms")).json()["rooms"]}
        assert listed[room]["people"] == 1, "the server knows of the people in its workers"
        patched = await rest.patch(f"/rooms/{room}/doc", json={"numbers": {"n": 2}}, headers=MERGE)
        assert (patched.status_code, patched.json()) == (200, {"numbers": {"n": 2}})
        with anyio.fail_after(LONG_S):
            while numbers(ann.doc)["n"] != 2:
                await ann.saved()
        kept = await rest.post(f"/rooms/{room}/versions", json={"name": "two"})
        assert kept.status_code == 201
        shown = (await rest.get(f"/rooms/{room}/versions/{kept.json()['id']}")).json()
        assert shown["document"] == {"numbers": {"n": 2}}
        stale = await rest.patch(
            f"/rooms/{room}/doc", json={"numbers": {"n": 3}}, headers={**MERGE, "if-match": '"of-old"'}
        )
        assert stale.status_code == 412
        assert stale.headers["content-security-policy"]
        assert len(stale.headers.get_list("x-request-id")) == 1
        assert (await rest.get(f"/rooms/{room}/nothing")).status_code == 404
        assert (await rest.delete(f"/rooms/{room}")).status_code == 204
        with anyio.fail_after(LONG_S), pytest.raises(ProviderClosed) as closed:
            await ann.wait_closed()
        assert closed.value.code == CloseCode.NOT_FOUND
        assert (await rest.get(f"/rooms/{room}/doc")).status_code == 404


async def test_i1_events_of_a_room_come_from_its_worker_until_the_reader_leaves(server: Server) -> None:
    async with httpx.AsyncClient(base_url=f"{server.url}/api", timeout=LONG_S) as rest:
        async with connect(f"{server.sync_url}/eventful", Doc[Any]()) as ann:
            await write(ann, 1, 1)
            async with rest.stream("GET", "/rooms/eventful/events") as events:
                lines = events.aiter_lines()
                with anyio.fail_after(LONG_S):
                    assert await anext(lines) == "event: room"
                    assert '"people": 1' in await anext(lines)
                    await write(ann, 2, 2)
                    while "edited_at" not in await anext(lines):
                        pass
        assert (await rest.get("/rooms/eventful/doc")).json() == {"numbers": {"n": 2}}


async def test_i1_a_board_room_stays_in_the_server_and_an_update_in_parts_reaches_a_worker_whole(
    server: Server,
) -> None:
    """A body of many frames, and rooms of both kinds side by side."""
    doc = Doc[Any]()
    numbers(doc)["big"] = "x" * 2**20
    async with (
        httpx.AsyncClient(base_url=f"{server.url}/api", timeout=LONG_S) as rest,
        connect(f"{server.sync_url}/apart", Doc[Any]()) as ann,
    ):
        await write(ann, 1, 1)
        assert (await rest.post("/rooms", json={"room": "home", "title": "Here"})).status_code == 201
        assert (await rest.post("/rooms/apart/update", content=doc.get_update())).status_code == 204
        assert (await rest.get("/rooms/home/doc")).json()["meta"]["title"] == "Here"
        assert (await rest.get("/rooms/apart/doc")).json() == {"numbers": {"big": "x" * 2**20, "n": 1}}
        assert (await rest.get("/rooms/apart")).json()["profile"] == "any"


async def test_o1_readyz_and_metrics_say_how_many_workers_there_are(server: Server) -> None:
    async with (
        httpx.AsyncClient(base_url=server.url, timeout=LONG_S) as rest,
        connect(f"{server.sync_url}/counted", Doc[Any]()) as ann,
    ):
        await ann.wait_synced()
        ready = await rest.get("/readyz")
        assert (ready.status_code, ready.text) == (200, "ok\nroom workers: 1 of 1\n")
        counts = (await rest.get("/metrics")).text.splitlines()
    assert "coplayer_room_workers 1.0" in counts
    assert "coplayer_room_worker_connections 1.0" in counts
    assert any(line.startswith("coplayer_room_worker_starts_total ") for line in counts)


async def test_i4_workers_end_with_the_server_whether_it_is_killed_or_asked_to_stop(tmp_path: Path) -> None:
    with Server(tmp_path, "--workers", "1") as server:
        async with connect(f"{server.sync_url}/a", Doc[Any]()) as ann:
            await write(ann, 1, 5)
        worker = worker_of(server)
        os.kill(server.pid, signal.SIGKILL)
        await run_sync(wait_for_end, worker)
        await run_sync(server.kill)
        await run_sync(server.start)
        assert await read(server, "a") == 5
        peers = [await RawPeer.connect(f"{server.sync_url}/{name}") for name in ("a", "b", "board?coplayer=1")]
        for peer in peers:
            await peer.until(lambda peer=peer: peer.frames)
        worker = worker_of(server)
        assert await run_sync(server.stop) == 0
        for peer in peers:
            await peer.until(lambda peer=peer: peer.is_lost)
            assert peer.close_code == CloseCode.GOING_AWAY
        with pytest.raises(ProcessLookupError):
            os.kill(worker, 0)
    assert "Traceback" not in server.output, server.output
    assert os.listdir(tmp_path) == ["coplayer.db"], "all that was said is in the file, and no log is left beside it"


async def turned_away(url: str) -> int | None:
    """With which code."""
    peer = await RawPeer.connect(url)
    await peer.until(lambda: peer.is_lost)
    return peer.close_code


class FragileServer(Server):
    """Its workers end without a word on an update with POISON in it."""

    program = "tests.support.fragile_server"


async def test_i3_s15_a_room_that_ends_its_worker_whenever_it_is_read_is_left_alone_and_the_others_go_on(
    tmp_path: Path,
) -> None:
    with FragileServer(tmp_path, "--workers", "1") as server:
        async with (
            connect(f"{server.sync_url}/fine", Doc[Any]()) as ann,
            connect(f"{server.sync_url}/poisoned", Doc[Any]()) as mallory,
        ):
            await write(ann, 1, 3)
            await write(mallory, 1, 3)
            numbers(mallory.doc)[POISON.decode()] = 1
            with anyio.fail_after(LONG_S):
                while (code := await turned_away(f"{server.sync_url}/poisoned")) != CloseCode.STORAGE_UNAVAILABLE:
                    assert code == CloseCode.GOING_AWAY
                await write(ann, 4, 6)
        assert await read(server, "fine") == 6
        assert server.output.count("ended: SIGKILL") == 1 + MAX_ATTEMPTS
    assert "Traceback" not in server.output, server.output


async def test_i3_a_worker_that_takes_too_much_memory_is_killed_and_boards_are_served_all_the_same(
    tmp_path: Path,
) -> None:
    with Server(tmp_path, "--workers", "1", "--worker-memory-bytes", str(2**20)) as server:
        await run_sync(server.wait_for_line, "takes more memory than it may")
        async with connect(f"{server.sync_url}/board", Doc[Any](), {"coplayer": "1"}) as ann:
            ann.doc.get("meta", type=Map)["title"] = "Here"
            await ann.saved()
        assert await run_sync(server.stop) == 0
    assert "Traceback" not in server.output, server.output


def test_i1_workers_take_no_store_and_no_hooks_of_another_program(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="COPLAYER_WORKERS"):
        create_app(Settings(workers=1, data=tmp_path), hooks=Hooks())


def test_frames_between_processes_read_as_they_were_written_however_they_are_cut() -> None:
    sizes = (0, 1, 125, 126, 127, 65_535, 65_536, 70_000)
    sent = [(opcode, os.urandom(size)) for size in sizes for opcode in (BINARY, TEXT, CLOSE)]
    stream = b"".join(framed(payload, opcode) for opcode, payload in sent)
    for step in (1, 7, 4096, len(stream)):
        if step < 7:
            sent, stream = sent[:12], stream[: sum(len(framed(p, o)) for o, p in sent[:12])]
        frames, found = Frames(), []
        for start in range(0, len(stream), step):
            frames.feed(stream[start : start + step])
            while (frame := frames.next()) is not None:
                found.append(frame)
        assert found == sent
