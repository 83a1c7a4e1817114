"""The bad clients, in a process of their own: hostile inputs to a live server, as many on a connection as it keeps.

`python -m benchmarks.attack.live URL SEED CLIENTS`, URL as `ws://host:port`. A line `go` on stdin starts them, `stop`
lets them pause; its end ends the process. Once a second, and at the end, a line of JSON with the totals.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
from collections import Counter
from collections.abc import Iterator

import uvloop

from benchmarks.attack.child import recordings
from benchmarks.attack.frames import Input, Stream
from benchmarks.attack.recordings import Recording
from sync.gate import ProfileName
from sync.lib0 import var_string
from sync.protocol import SyncStep1, encode
from tests.support.raw_peer import RawPeer

INPUTS_A_ROOM = 400  # so that rooms are made, unloaded and read again all the time
BURST = 40  # inputs between two looks whether the connection still stands
PATIENCE_S = 20.0
PROFILES: tuple[ProfileName, ...] = ("map", "board")


class Bad:
    """One bad client, which is many connections, one after the other."""

    def __init__(self, number: int, url: str, seed: int, recorded: list[Recording], total: Counter[str]) -> None:
        self._dice = random.Random(seed * 1_000 + number)
        self._number = number
        self._url = url
        self._recorded = recorded
        self._total = total
        self._room = ""
        self._left = 0
        self._sessions = 0
        self._stream: Iterator[Input] = iter(())

    async def run(self, going: asyncio.Event) -> None:
        """For ever."""
        while True:
            await going.wait()
            try:
                peer = await RawPeer.connect(self._address(), keeps=False)
            except (OSError, AssertionError, TimeoutError):
                self._total["unanswered"] += 1
                await asyncio.sleep(0.1)
                continue
            self._total["connections"] += 1
            try:
                await self._on(peer, going)
            except TimeoutError:
                self._total["stuck"] += 1
            finally:
                if self._dice.random() < 0.3 and not peer.is_lost:
                    peer.abort()
                else:
                    peer.hang_up()

    def _address(self) -> str:
        self._is_multiplex = self._dice.random() < 0.8
        if self._left <= 0:
            self._left = INPUTS_A_ROOM
            profile = self._dice.choice(PROFILES)
            self._room = f"bad-{profile}-{self._number}-{self._dice.getrandbits(40):x}"
            self._stream = iter(Stream(self._dice, profile, self._recorded))
        return f"{self._url}/hocuspocus" if self._is_multiplex else f"{self._url}/sync/{self._room}"

    async def _on(self, peer: RawPeer, going: asyncio.Event) -> None:
        """Until it is closed, or the room has had enough."""
        self._open(peer)
        while not peer.is_lost and peer.close_code is None and self._left > 0 and going.is_set():
            is_refused = self._burst(peer)
            pongs = peer.pongs
            peer.ping()
            await peer.until(lambda pongs=pongs: peer.pongs > pongs or peer.is_lost, PATIENCE_S)
            if is_refused and self._is_multiplex:
                self._open(peer)

    def _burst(self, peer: RawPeer) -> bool:
        """Up to the first input that ends the connection, or the document; is there one?"""
        for _ in range(BURST):
            if peer.is_lost:
                return True
            one = next(self._stream)
            self._send(peer, one)
            self._left -= 1
            self._total["inputs"] += 1
            if one.is_cut:  # no answer would come
                peer.abort()
                return True
            if one.is_final:
                self._total["refusals"] += 1
                return True
        return False

    def _open(self, peer: RawPeer) -> None:
        if self._is_multiplex and not peer.is_lost:
            self._sessions += 1
            self._key = var_string(f"{self._room}\0{self._sessions}")
            peer.send(self._key + b"\x02\x00\x00")
            peer.send(self._key + encode(SyncStep1({})))

    def _send(self, peer: RawPeer, one: Input) -> None:
        if peer.is_lost:
            return
        if one.is_raw:
            peer.send_raw(one.data)
        else:
            peer.send(self._key + one.data if self._is_multiplex else one.data)


async def main(url: str, seed: int, clients: int) -> None:
    """Until stdin ends."""
    going, total, recorded = asyncio.Event(), Counter[str](), recordings()
    orders = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(orders), sys.stdin)

    async def tell() -> None:
        while True:
            await asyncio.sleep(1)
            print(json.dumps(total), flush=True)

    everybody = [Bad(number, url, seed, recorded, total).run(going) for number in range(clients)]
    tasks = [asyncio.create_task(one) for one in (tell(), *everybody)]
    while order := await orders.readline():
        if order.strip() == b"go":
            going.set()
        else:
            going.clear()
        for task in tasks:
            if task.done():
                task.result()  # nobody is attacked any more: the others must not go on as if
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    print(json.dumps(total), flush=True)


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
