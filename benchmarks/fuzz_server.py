"""Bad clients against a live server, and what the good ones in another room notice of it.

`python benchmarks/fuzz_server.py --inputs 1000000` (Linux). Bad clients send mutated and hostile frames, messages and
updates over real sockets, in both dialects, many on a connection as long as the server keeps it. In another room a
writer edits at a steady pace; readers and acks are timed, in windows with and without the attack by turns. At the end
every edit has come and was acknowledged, each room of the bad ones reads from the store as it did live, and the
server's output has no traceback. Prints the counts, the good clients' p99 (medians of the windows) and the server's
memory. Exit status 1 when something was lost, differs or fell over; times are only printed.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from threading import Thread
from typing import Any

if not __package__:  # run as a program: the tree is not on the path yet
    sys.path[0] = str(Path(__file__).resolve().parents[1])

import httpx
import uvloop
from pycrdt import Doc, Map

from benchmarks.slow_client import MARK, Timed, rss_mb
from sync.board import PROFILES
from sync.fields import read_document
from sync.protocol import SyncStatus, SyncStep1, SyncStep2, Update, decode, encode
from sync.room import Room
from sync.snapshots import flaw_of
from sync.sqlite_store import SQLiteStore
from tests.support.raw_peer import RawPeer
from tests.support.server import Server

ROOT = Path(__file__).resolve().parents[1]
ENVIRON = {  # no room waits long to be unloaded; limits on what one connection may send are not what is tried here
    "COPLAYER_UNLOAD_AFTER_S": "1",
    "COPLAYER_MAX_UPDATES_PER_S": "0",
    "COPLAYER_MAX_STATES_PER_S": "0",
    "COPLAYER_MAX_USER_CONNECTIONS": "0",
    "COPLAYER_MAX_GROWTH_BYTES_PER_MINUTE": "0",
    "COPLAYER_MAX_WORK_S_PER_MINUTE": "0",
    "COPLAYER_MAX_CONNECTS_PER_S": "0",
    "COPLAYER_MAX_NEW_ROOMS_PER_MINUTE": "0",
}
KEYS = 2_000  # that the good writer sets in turn
READERS = 3
TELLING = ("Traceback", "cannot be read", "does not read back", "damaged rows")
SETTLE_S = 5.0


class Fallen(AssertionError):
    """What must not happen under attack."""


@dataclass(slots=True)
class Window:
    """Milliseconds until an edit was acknowledged, and until each reader had it."""

    acks: list[float] = field(default_factory=list)
    deliveries: list[float] = field(default_factory=list)


class Good:
    """A writer and readers in a room of their own."""

    def __init__(self) -> None:
        self.sent: list[float] = []
        self.acked: dict[int, float] = {}
        self._doc: Doc[Any] = Doc(client_id=2**21)
        self._values: Map[Any] = self._doc.get("shapes", type=Map)

    async def join(self, url: str) -> None:
        """All of them."""
        self.writer = await Acked.connect(f"{url}/good")
        self.readers = [await Timed.connect(f"{url}/good", keeps=False) for _ in range(READERS)]
        for peer in (self.writer, *self.readers):
            peer.send(encode(SyncStep1({})))
        self._held = self._doc.observe(lambda event: self.writer.send(encode(Update(event.update))))

    async def write(self, seconds: float, pause_s: float) -> Window:
        """Edits at a steady pace; returns when all of them have come everywhere."""
        first, end = len(self.sent), time.perf_counter() + seconds
        while (now := time.perf_counter()) < end:
            number = len(self.sent)
            self.sent.append(now)
            self._values[f"k{number % KEYS}"] = f"{MARK.decode()}{number:08d}"
            self.writer.send(encode(SyncStatus(str(number).encode())))
            await asyncio.sleep(pause_s)
        last = len(self.sent) - 1
        await self.writer.until(lambda: last in self.writer.acked or self.writer.is_lost, 60)
        for peer in self.readers:
            await peer.until(lambda peer=peer: last in peer.came or peer.is_lost, 60)
        if any(peer.is_lost for peer in (self.writer, *self.readers)):
            raise Fallen("a good client lost its connection")
        numbers = range(first, last + 1)
        if lost := [
            n for n in numbers if n not in self.writer.acked or any(n not in peer.came for peer in self.readers)
        ]:
            raise Fallen(f"{len(lost)} edits were not acknowledged or did not come, the first is {lost[0]}")
        return Window(
            [(self.writer.acked[n] - self.sent[n]) * 1e3 for n in numbers],
            [(peer.came[n] - self.sent[n]) * 1e3 for peer in self.readers for n in numbers],
        )

    async def check(self, url: str) -> None:
        """One who comes now has what the writer has. Raises Fallen."""
        late = await RawPeer.connect(f"{url}/good")
        late.send(encode(SyncStep1({})))
        await late.until(lambda: any(frame.startswith(b"\x00\x01") for frame in late.frames))
        replica: Doc[Any] = Doc()
        for frame in late.frames:
            for message in decode(frame):
                if isinstance(message, SyncStep2 | Update):
                    replica.apply_update(message.update)
        late.hang_up()
        await late.until(lambda: late.is_lost)
        if read_document(replica) != read_document(self._doc):
            raise Fallen("a latecomer does not have what was written")

    async def leave(self) -> None:
        """All of them; returns when their sockets are closed."""
        self._doc.unobserve(self._held)
        for peer in (self.writer, *self.readers):
            peer.hang_up()
            await peer.until(lambda peer=peer: peer.is_lost)


class Acked(RawPeer):
    """Notes when each 102 came back."""

    def __init__(self, *, keeps: bool = True) -> None:
        super().__init__(keeps=keeps)
        self.acked: dict[int, float] = {}

    def data_received(self, data: bytes) -> None:
        """asyncio."""
        super().data_received(data)
        now = time.perf_counter()
        for frame in self.frames:
            if frame[:1] == b"\x66":
                self.acked[int(frame[2:])] = now
        self.frames.clear()


class BadOnes:
    """A process of bad clients; `total` is what they did so far."""

    def __init__(self, url: str, seed: int, clients: int) -> None:
        command = [sys.executable, "-m", "benchmarks.attack.live", url, str(seed), str(clients)]
        self._process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.total: Counter[str] = Counter()
        self._reader = Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.total = Counter(json.loads(line))

    def tell(self, order: str) -> None:
        """`go` or `stop`. Raises Fallen when they are no more: then nothing would be attacked."""
        assert self._process.stdin is not None
        if self._process.poll() is not None:
            raise Fallen("the bad clients ended early")
        self._process.stdin.write(order + "\n")
        self._process.stdin.flush()

    def end(self) -> None:
        """Waits for the last totals."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(30)
        self._reader.join(30)
        self._process.stdout.close()


async def attack(server: Server, options: argparse.Namespace) -> tuple[Counter[str], list[Window], list[Window]]:
    """Windows without and with the attack by turns, until enough inputs were sent."""
    calm: list[Window] = []
    rough: list[Window] = []
    good, pause_s = Good(), options.pause_ms / 1e3
    await good.join(server.sync_url)
    await good.write(options.window_s, pause_s)
    bad = BadOnes(server.url.replace("http", "ws"), options.seed, options.clients)
    try:
        while bad.total["inputs"] < options.inputs:
            calm.append(await good.write(options.window_s, pause_s))
            bad.tell("go")
            rough.append(await good.write(options.window_s * options.rough, pause_s))
            bad.tell("stop")
            print(f"{dict(bad.total)}, {len(good.sent)} good edits, memory {rss_mb(server.pid):.0f} MB", flush=True)
    finally:
        await asyncio.to_thread(bad.end)
    await good.check(server.sync_url)
    await good.leave()
    return bad.total, calm, rough


def documents(server: Server) -> dict[str, Any]:
    """How the bad ones' rooms read now."""
    with httpx.Client(base_url=server.url, timeout=60) as http:
        names = [one["room"] for one in http.get("/api/rooms").raise_for_status().json()["rooms"]]
        return {name: http.get(f"/api/rooms/{name}/doc").raise_for_status().json() for name in names}


async def differing(data: Path, live: dict[str, Any]) -> list[str]:
    """Rooms that the store has otherwise than they were, or that cannot be read."""
    out = []
    store = SQLiteStore(data / "coplayer.db")
    async with store.open():
        for name, was in live.items():
            loaded = await store.load(name)
            profile = PROFILES[loaded.info.profile]
            room = Room(profile, loaded.info.epoch, loaded.updates, snapshot=loaded.snapshot)
            now = read_document(room.doc, profile.roots or ())
            if loaded.damaged or room.skipped or json.loads(json.dumps(now)) != was:
                out.append(name)
            elif flaw := flaw_of(room.doc.get_update(), room.doc.get_state(), profile):
                out.append(f"{name} has no snapshot: {flaw}; its log: {[row.hex() for row in loaded.updates]}")
            room.close()
    return out


def p99(samples: list[float]) -> float:
    """In the samples' unit."""
    return sorted(samples)[len(samples) * 99 // 100]


def main() -> int:
    """The exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--inputs", type=int, default=20_000, help="frames, messages and updates to send")
    parser.add_argument("--seed", type=int, default=1, help="another one, other inputs")
    parser.add_argument("--window-s", type=float, default=5.0, help="seconds of one window")
    parser.add_argument("--rough", type=float, default=1.0, help="how many times as long a window with the attack is")
    parser.add_argument("--clients", type=int, default=8, help="bad ones at a time")
    parser.add_argument("--pause-ms", type=float, default=20.0, help="between two edits of the good writer")
    parser.add_argument("--output", type=Path, help="file for what the server printed")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="coplayer-fuzz-") as folder:
        with (
            Server(Path(folder), environ=ENVIRON) as server,
            asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
        ):
            before = rss_mb(server.pid)
            total, calm, rough = runner.run(attack(server, options))
            peak = rss_mb(server.pid)
            time.sleep(SETTLE_S)
            settled = rss_mb(server.pid)
            live = documents(server)
            server.stop()
            wrong = runner.run(differing(Path(folder), live))
        if options.output is not None:
            options.output.write_text(server.output)
        told = [line for line in server.output.splitlines() if any(word in line for word in TELLING)]
    print(f"{total['inputs']} inputs on {total['connections']} connections, {total['refusals']} of them refused;")
    print(
        f"{total['stuck']} connections stuck, {total['unanswered']} unanswered; {len(live)} rooms, {len(wrong)} differ"
    )
    for name, of in (("ack", "acks"), ("delivery", "deliveries")):
        quiet, loud = (median(p99(getattr(window, of)) for window in windows) for windows in (calm, rough))
        print(f"good clients' {name} p99: {quiet:.1f} ms without, {loud:.1f} ms with the attack, x{loud / quiet:.2f}")
    print(f"memory: {before:.0f} MB at the start, {peak:.0f} MB at the end, {settled:.0f} MB when rooms were unloaded")
    for line in (*wrong[:10], *told[:10]):
        print("  ", line[:20_000])
    return 1 if wrong or told or total["stuck"] else 0


if __name__ == "__main__":
    sys.exit(main())
