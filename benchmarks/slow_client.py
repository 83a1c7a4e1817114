"""One client among many stops reading: what it costs the server in memory and the others in time.

`python benchmarks/slow_client.py --megabytes 100 --clients 100`. A writer overwrites one value at a steady pace; 98
clients hear every update, five of them are timed from the writer's send to their receipt. Once with everybody reading,
once with one more client that has stopped. Prints the growth of the server's resident memory, the others' p99 of
both runs and whether the stopped client ends with the same document after it wakes. Exit status 1 when a bound of
docs/spec.md W11 is broken: 64 MB, a factor of 1.5.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

if not __package__:  # run as a program: the tree is not on the path yet
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import uvloop
from pycrdt import Doc, Map

from sync.protocol import SyncStep1, SyncStep2, Update, decode, decode_state_vector, encode
from tests.support.raw_peer import SMALL_BUFFER, RawPeer
from tests.support.server import Server

MAX_GROWTH_MB = 64
MAX_RATIO = 1.5
TIMED = 5
WARM_UP = 50  # updates before anything is counted: what the server needs in any case
MARK = b"#mark "


@dataclass(frozen=True, slots=True)
class Result:
    """Of one run."""

    growth_mb: float
    p50_ms: float
    p99_ms: float
    seconds: float
    woke_whole: bool | None


class Timed(RawPeer):
    """Notes when each update came."""

    def __init__(self, *, keeps: bool = False) -> None:
        super().__init__(keeps=keeps)
        self.came: dict[int, float] = {}
        self._tail = b""

    def data_received(self, data: bytes) -> None:
        """asyncio."""
        now, text = time.perf_counter(), self._tail + data
        at = text.find(MARK)
        while at >= 0 and at + len(MARK) + 8 <= len(text):
            self.came.setdefault(int(text[at + len(MARK) : at + len(MARK) + 8]), now)
            at = text.find(MARK, at + 1)
        self._tail = data[-32:]
        super().data_received(data)


def rss_mb(pid: int) -> float:
    """Resident memory."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


async def run(options: argparse.Namespace, *, is_one_paused: bool) -> Result:
    """A server of its own."""
    with (
        tempfile.TemporaryDirectory() as folder,
        Server(
            Path(folder), "--slow-after-s", "3600"
        ) as server,  # not closed for being paused, unless it misses a ping
    ):
        url = f"{server.sync_url}/r"
        writer = await RawPeer.connect(url, keeps=False)
        timed = [await Timed.connect(url, keeps=False) for _ in range(TIMED)]
        others = [await RawPeer.connect(url, keeps=False) for _ in range(options.clients - TIMED - 2)]
        last = await RawPeer.connect(url, keeps=is_one_paused, receive_buffer=SMALL_BUFFER if is_one_paused else None)
        everybody = (writer, *timed, *others, last)
        for peer in everybody:
            peer.send(encode(SyncStep1({})))
        await asyncio.sleep(1)

        doc: Doc[Any] = Doc(client_id=2**21)
        big: Map[Any] = doc.get("big", type=Map)
        sent: dict[int, float] = {}
        filling = "x" * (options.update_bytes - 40)

        def note(event: Any) -> None:
            writer.send(encode(Update(event.update)))

        subscription = doc.observe(note)
        steps = options.megabytes * 1_000_000 // options.update_bytes
        before = peak = 0.0
        started = time.perf_counter()
        for number in range(WARM_UP + steps):
            if number == WARM_UP:
                if is_one_paused:
                    last.pause()
                before = peak = rss_mb(server.pid)
                started = time.perf_counter()
            due = started + (number - WARM_UP) * options.pause_ms / 1_000 if number >= WARM_UP else 0.0
            await asyncio.sleep(max(0.002, due - time.perf_counter()))
            sent[number] = time.perf_counter()
            big["n"] = f"{MARK.decode()}{number:08d}{filling}"
            if number % 50 == 0:
                peak = max(peak, rss_mb(server.pid))
        end = WARM_UP + steps - 1
        for peer in timed:
            await peer.until(lambda peer=peer: end in peer.came, timeout_s=300)
        seconds = time.perf_counter() - started
        peak = max(peak, rss_mb(server.pid))
        woke_whole = await wakes_whole(last, end, url) if is_one_paused else None
        doc.unobserve(subscription)
        for peer in everybody:
            peer.hang_up()
    delays = sorted(
        (when - sent[number]) * 1_000 for peer in timed for number, when in peer.came.items() if number >= WARM_UP
    )
    return Result(peak - before, delays[len(delays) // 2], delays[len(delays) * 99 // 100], seconds, woke_whole)


async def wakes_whole(peer: RawPeer, end: int, url: str) -> bool:
    """Does it read on, or come back after a missed ping, and end with the last value?"""
    marker = MARK + f"{end:08d}".encode()
    peer.resume()
    await peer.until(lambda: _has(peer, marker) or peer.is_lost, timeout_s=60)
    replica: Doc[Any] = Doc()
    _read(peer, replica)
    if peer.is_lost:
        again = await RawPeer.connect(url)
        again.send(encode(SyncStep1(decode_state_vector(replica.get_state()))))
        await again.until(lambda: _has(again, marker), timeout_s=60)
        _read(again, replica)
        again.hang_up()
    return bool(replica.get("big", type=Map)["n"].encode().startswith(marker))


def _has(peer: RawPeer, marker: bytes) -> bool:
    return any(marker in frame for frame in peer.frames[-5:])


def _read(peer: RawPeer, replica: Doc[Any]) -> None:
    for frame in peer.frames:
        for message in decode(frame):
            if isinstance(message, SyncStep2 | Update):
                replica.apply_update(message.update)


def main() -> int:
    """Both runs; the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--megabytes", type=int, default=100, help="updates that pass each client")
    parser.add_argument("--clients", type=int, default=100, help="the paused one and the writer included")
    parser.add_argument("--update-bytes", type=int, default=10_000, help="size of one update")
    parser.add_argument("--pause-ms", type=float, default=10.0, help="between two updates")
    options = parser.parse_args()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        all_read = runner.run(run(options, is_one_paused=False))
        one_paused = runner.run(run(options, is_one_paused=True))
    ratio = one_paused.p99_ms / all_read.p99_ms
    for name, result in (("all read", all_read), ("one paused", one_paused)):
        print(
            f"{name:>10}: memory +{result.growth_mb:.1f} MB, p50 {result.p50_ms:.1f} ms, p99 {result.p99_ms:.1f} ms,"
            f" {options.megabytes} MB past each of {options.clients} clients in {result.seconds:.1f} s"
        )
    print(f"p99 with one paused: x{ratio:.2f}, at most {MAX_RATIO}")
    print(f"it woke with the same document: {one_paused.woke_whole}")
    is_good = one_paused.growth_mb < MAX_GROWTH_MB and ratio < MAX_RATIO and one_paused.woke_whole
    return 0 if is_good else 1


if __name__ == "__main__":
    sys.exit(main())
