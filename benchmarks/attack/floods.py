"""Attacks on a server's patience, sockets and memory, each in a process of its own.

`python -m benchmarks.attack.floods CASE URL SECONDS SCALE`, URL as `ws://host:port`. It prints `begun` when the attack
stands, and at its end one line of JSON with what came of it.
"""

from __future__ import annotations

import asyncio
import json
import resource
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

import uvloop
from pycrdt import Doc, Map

from benchmarks.attack.frames import frame
from sync.protocol import ClientId, QueryAwareness, SyncStatus, SyncStep1, Update, encode
from tests.support.raw_peer import SMALL_BUFFER, RawPeer

STEP1 = encode(SyncStep1({}))
STEP1S = b"".join(encode(SyncStep1({ClientId(number): 1})) for number in range(100))
MEGABYTE = 2**20
BIG_UPDATE = 250_000  # bytes
ROOM_OF = 100  # idle connections
Facts = dict[str, float]


def begun() -> None:
    """From now on the good clients are timed."""
    print("begun", flush=True)


async def half_open(url: str, seconds: float, scale: float) -> Facts:
    """Connections that say nothing, or half a handshake; how long the last one stood."""
    parts = urlsplit(url)
    assert parts.hostname is not None
    assert parts.port is not None
    count, started = int(1_000 * scale), time.monotonic()
    ends: list[float] = []

    class Half(asyncio.Protocol):
        def connection_lost(self, exc: Exception | None) -> None:
            ends.append(time.monotonic() - started)

    loop = asyncio.get_running_loop()
    for number in range(count):
        transport, _ = await loop.create_connection(Half, parts.hostname, parts.port)
        if number % 2:
            transport.write(b"GET /sync/half HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nX-Drip: ")
    begun()
    opened = time.monotonic() - started
    await asyncio.sleep(seconds)
    return {"opened": count, "still_open": count - len(ends), "opening_s": opened, "last_gone_s": max(ends, default=0)}


async def idle(url: str, seconds: float, scale: float) -> Facts:
    """As many as there may be that joined and do nothing."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    peers: list[RawPeer] = []
    failed = 0
    for start in range(0, int(10_000 * scale), 50):
        joining = (RawPeer.connect(f"{url}/sync/idle{n // ROOM_OF}", keeps=False) for n in range(start, start + 50))
        for peer in await asyncio.gather(*joining, return_exceptions=True):
            if isinstance(peer, RawPeer):
                peer.send(STEP1)
                peers.append(peer)
            else:
                failed += 1
    begun()
    await asyncio.sleep(seconds)
    return {"joined": len(peers), "failed": failed, "still_there": sum(not peer.is_lost for peer in peers)}


async def connects(url: str, seconds: float, scale: float) -> Facts:
    """200 new connections a second that join and go."""
    total: Counter[str] = Counter()

    async def one(number: int) -> None:
        try:
            peer = await RawPeer.connect(f"{url}/sync/visited{number % 20}")
            peer.send(STEP1)
            await peer.until(lambda: any(got.startswith(b"\x00\x01") for got in peer.frames) or peer.is_lost, 20)
            total["refused" if peer.is_lost or peer.close_code else "joined"] += 1
            peer.hang_up()
        except (OSError, AssertionError, TimeoutError):
            total["failed"] += 1

    begun()
    end, tasks = time.monotonic() + seconds, set()
    due, number = time.monotonic(), 0
    while time.monotonic() < end:
        tasks.add(asyncio.create_task(one(number)))
        number, due = number + 1, due + 1 / (200 * scale)
        await asyncio.sleep(max(0.0, due - time.monotonic()))
    await asyncio.gather(*tasks)
    return {"begun_a_second": number / seconds, **total}


async def never_reads(url: str, seconds: float, scale: float) -> Facts:
    """Updates of 250 KB pass one that has stopped reading, until 1 GB has."""
    stuck = await RawPeer.connect(f"{url}/sync/big", keeps=False, receive_buffer=SMALL_BUFFER)
    writer = await RawPeer.connect(f"{url}/sync/big")
    for peer in (stuck, writer):
        peer.send(STEP1)
    await writer.until(lambda: writer.frames)
    stuck.pause()
    doc: Doc[Any] = Doc(client_id=2**21)
    values: Map[Any] = doc.get("shapes", type=Map)
    held = doc.observe(lambda event: writer.send(encode(Update(event.update))))
    begun()
    passed, started = 0, time.monotonic()
    while passed < 1_000_000_000 * scale and not writer.is_lost:
        values["big"] = "x" * BIG_UPDATE
        mark = encode(SyncStatus(str(passed).encode()))
        writer.send(mark)
        await writer.until(lambda mark=mark: mark in writer.frames or writer.is_lost, 60)
        writer.frames.clear()
        passed += BIG_UPDATE
    doc.unobserve(held)
    spent = time.monotonic() - started
    stuck.resume()
    with suppress(TimeoutError):
        await stuck.until(lambda: stuck.is_lost, 10)
    return {
        "passed_mb": passed / 1e6,
        "in_s": spent,
        "it_was_closed_with": stuck.close_code or 0,
        "lost": stuck.is_lost,
    }


async def _many(url: str, count: int, room: str) -> list[RawPeer]:
    peers = [await RawPeer.connect(f"{url}/sync/{room}", keeps=False) for _ in range(count)]
    for peer in peers:
        peer.send(STEP1)
    return peers


def _big_document() -> bytes:
    """An update of a megabyte."""
    doc: Doc[Any] = Doc(client_id=2**21)
    values: Map[Any] = doc.get("shapes", type=Map)
    values["big"] = "x" * MEGABYTE
    return doc.get_update()


async def slow_loris(url: str, seconds: float, scale: float) -> Facts:
    """Frames of a megabyte that come byte by byte."""
    peers = await _many(url, int(200 * scale), "loris")
    for peer in peers:
        peer.send_raw(frame(2, bytes(MEGABYTE))[:14])
    begun()
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for peer in peers:
            if not peer.is_lost:
                peer.send_raw(b"x")
        await asyncio.sleep(0.05)
    return {"connections": len(peers), "still_there": sum(not peer.is_lost for peer in peers)}


async def half_frames(url: str, seconds: float, scale: float) -> Facts:
    """Frames that are announced with 30 MB and come but for the last byte: how much is kept of them?"""
    peers = await _many(url, int(40 * scale), "hoard")
    begun()
    for peer in peers:
        data = frame(2, bytes(30 * MEGABYTE))[:-1]
        for start in range(0, len(data), MEGABYTE):
            if not peer.is_lost:
                peer.send_raw(data[start : start + MEGABYTE])
                await asyncio.sleep(0)
    await asyncio.sleep(seconds)
    return {"connections": len(peers), "still_there": sum(not peer.is_lost and not peer.close_code for peer in peers)}


def flooding(data: bytes, first: bytes = b"", connections: int = 4) -> Callable[[str, float, float], Awaitable[Facts]]:
    """The same bytes as fast as the server takes them; who is closed comes again."""

    async def flood(url: str, seconds: float, scale: float) -> Facts:
        total: Counter[str] = Counter()
        end = time.monotonic() + seconds

        async def one() -> None:
            while time.monotonic() < end:
                peer = await RawPeer.connect(f"{url}/sync/flood", keeps=False)
                total["connections"] += 1
                peer.send(STEP1)
                peer.send_raw(first)
                while not peer.is_lost and not peer.close_code and time.monotonic() < end:
                    peer.send_raw(data)
                    total["megabytes"] += len(data)
                    await peer.drained()
                if peer.close_code:
                    total[f"closed_with_{peer.close_code}"] += 1
                if not peer.is_lost:
                    peer.abort()

        begun()
        await asyncio.gather(*(one() for _ in range(max(1, int(connections * scale)))))
        return {**total, "megabytes": total["megabytes"] / 1e6}

    return flood


CASES: dict[str, Callable[[str, float, float], Awaitable[Facts]]] = {
    "half-open": half_open,
    "idle": idle,
    "connects": connects,
    "never-reads": never_reads,
    "slow-loris": slow_loris,
    "half-frames": half_frames,
    "big-frames": flooding(frame(2, bytes(16 * MEGABYTE))),
    "pings": flooding(frame(9, b"") * 10_000),
    "empty-frames": flooding(frame(2, b"") * 1_000),
    "queries": flooding(frame(2, encode(QueryAwareness()) * 100) * 20),
    "step1s": flooding(frame(2, STEP1S) * 20, frame(2, encode(Update(_big_document())))),
    "fragments": flooding(frame(0, b"", is_last=False) * 10_000, frame(2, b"", is_last=False)),
}


async def main(case: str, url: str, seconds: float, scale: float) -> Facts:
    """One of the cases."""
    return await CASES[case](url, seconds, scale)


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        print(
            json.dumps(runner.run(main(sys.argv[1], sys.argv[2], float(sys.argv[3]), float(sys.argv[4])))), flush=True
        )
