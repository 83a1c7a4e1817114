"""One client that stops reading, over real sockets: it costs the others nothing and the server little (W11, C1, S8)."""

from __future__ import annotations

import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest
from anyio.to_thread import run_sync
from pycrdt import Doc, Map

from sync.protocol import SyncStatus, SyncStep1, SyncStep2, Update, decode, decode_state_vector, encode
from tests.support.raw_peer import SMALL_BUFFER, RawPeer
from tests.support.server import Server

pytestmark = pytest.mark.anyio

VALUE_BYTES = 50_000
STEPS = 200  # 10 MB past each peer
PAST_THE_KERNEL = 130  # Linux buffers up to 4 MB of a connection before the server feels anything
READERS = 8
BOTH_PATHS = pytest.mark.parametrize("path", ["--raw-transport", "--no-raw-transport"])


def rss_bytes(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def open_sockets(pid: int) -> int:
    links = (link for link in Path(f"/proc/{pid}/fd").iterdir())
    return sum(os.readlink(link).startswith("socket:") for link in links if link.is_symlink())


def document(peer: RawPeer) -> Doc[Any]:
    doc: Doc[Any] = Doc()
    for frame in peer.frames:
        for message in decode(frame):
            if isinstance(message, SyncStep2 | Update):
                doc.apply_update(message.update)
    return doc


def has_heard(peer: RawPeer, number: int) -> bool:
    marker = f"{number:06d}xxx".encode()
    return any(marker in frame for frame in peer.frames[-5:])


def ends_with(peer: RawPeer, number: int) -> bool:
    return bool(document(peer).get("big", type=Map)["n"].startswith(f"{number:06d}"))


class Writer:
    """Overwrites one big value, and waits until each step is stored."""

    def __init__(self, peer: RawPeer) -> None:
        self.doc: Doc[Any] = Doc(client_id=2**21)
        self._peer = peer
        self._acks = 0
        self.doc.observe(lambda event: peer.send(encode(Update(event.update)) + encode(SyncStatus(b"x"))))

    async def write(self, number: int) -> None:
        big: Map[Any] = self.doc.get("big", type=Map)
        big["n"] = f"{number:06d}" + "x" * VALUE_BYTES
        ack = encode(SyncStatus(b"x"))
        await self._peer.until(lambda: ack in self._peer.frames)
        self._peer.frames.clear()


@asynccontextmanager
async def party(server: Server) -> AsyncIterator[tuple[RawPeer, RawPeer, list[RawPeer]]]:
    """A writer, one that will be paused, and readers."""
    url = f"{server.sync_url}/r"
    writer, paused = await RawPeer.connect(url), await RawPeer.connect(url, receive_buffer=SMALL_BUFFER)
    readers = [await RawPeer.connect(url) for _ in range(READERS)]
    everybody = (writer, paused, *readers)
    for peer in everybody:
        peer.send(encode(SyncStep1({})))
        await peer.until(lambda peer=peer: len(peer.frames) >= 2)
    try:
        yield writer, paused, readers
    finally:
        for peer in everybody:
            peer.hang_up()


@BOTH_PATHS
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="reads /proc")
async def test_w11_a_paused_peer_costs_no_memory_and_nobodys_time_and_has_it_all_when_it_wakes(
    tmp_path: Path, path: str
) -> None:
    with Server(tmp_path, "--slow-after-s", "60", path) as server:
        async with party(server) as (writer, paused, readers):
            hand = Writer(writer)
            for number in range(20):  # what the server needs in any case
                await hand.write(number)
            before = rss_bytes(server.pid)
            paused.pause()
            for number in range(STEPS):
                await hand.write(number)
            assert rss_bytes(server.pid) - before < 24 * 2**20
            for reader in readers:
                await reader.until(lambda reader=reader: has_heard(reader, STEPS - 1))
                assert ends_with(reader, STEPS - 1)
                assert reader.close_code is None
            assert paused.received < STEPS * VALUE_BYTES / 2, "it was not paused"
            paused.resume()
            await paused.until(lambda: has_heard(paused, STEPS - 1))
            assert ends_with(paused, STEPS - 1)
            assert paused.close_code is None
            assert paused.received < STEPS * VALUE_BYTES * 0.8, "it was sent every step instead of one difference"


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="reads /proc")
async def test_h7_a_paused_socket_of_the_other_dialect_is_let_go_and_holds_nobody_up(tmp_path: Path) -> None:
    with Server(tmp_path, "--slow-after-s", "0.3") as server:
        async with party(server) as (writer, _, readers):
            paused = await RawPeer.connect(server.hocuspocus_url, receive_buffer=SMALL_BUFFER)
            speaker = await RawPeer.connect(server.hocuspocus_url)
            for peer in (paused, speaker):
                peer.send(b"\x01r\x02\x00\x00")
                peer.send(b"\x01r" + encode(SyncStep1({})))
                await peer.until(lambda peer=peer: len(peer.frames) >= 3)
            sockets = open_sockets(server.pid)
            hand = Writer(writer)
            paused.pause()
            for number in range(PAST_THE_KERNEL):
                await hand.write(number)
                speaker.send(b"\x01r\x05\x02hi")
            with anyio.fail_after(20):
                while open_sockets(server.pid) >= sockets:
                    await anyio.sleep(0.1)
            await hand.write(1_000)
            for peer in (speaker, *readers):
                await peer.until(lambda peer=peer: has_heard(peer, 1_000))
            paused.hang_up()
            speaker.hang_up()


@BOTH_PATHS
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="reads /proc")
async def test_c1_the_socket_of_a_peer_that_stays_paused_is_let_go(tmp_path: Path, path: str) -> None:
    with Server(tmp_path, "--slow-after-s", "0.3", path) as server:
        async with party(server) as (writer, paused, readers):
            hand = Writer(writer)
            sockets = open_sockets(server.pid)
            paused.pause()
            for number in range(PAST_THE_KERNEL):
                await hand.write(number)
            with anyio.fail_after(20):
                while open_sockets(server.pid) >= sockets:
                    await anyio.sleep(0.1)
            await hand.write(1_000)
            for reader in readers:
                await reader.until(lambda reader=reader: has_heard(reader, 1_000))
            again = await RawPeer.connect(f"{server.sync_url}/r")
            again.send(encode(SyncStep1(decode_state_vector(document(paused).get_state()))))
            await again.until(lambda: has_heard(again, 1_000))
            again.hang_up()


async def test_s8_a_stopping_server_does_not_wait_for_a_peer_that_does_not_read(tmp_path: Path) -> None:
    with Server(tmp_path) as server:
        async with party(server) as (writer, paused, _):
            hand = Writer(writer)
            paused.pause()
            for number in range(PAST_THE_KERNEL):
                await hand.write(number)
            started = time.monotonic()
            assert await run_sync(server.stop) == 0
            assert time.monotonic() - started < 10
            assert "Traceback" not in server.output
