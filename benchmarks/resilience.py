"""Floods, hoards and dawdlers against a server, one kind after the other, and what the others notice.

`python benchmarks/resilience.py` or `... resilience.py idle pings --rounds 3` (Linux). Of each kind: the p99 of good
clients in another room, acks and deliveries, without and with the attack by turns (medians, then each pair), the p99 of
one turn of the server's loop in its own processor time (which other loads of the machine do not change), its memory
before, at its most and after, and what became of the attackers. Limits on what one address may do are off where it
needs that. Exit status 1 when a good client lost something, a half-open handshake outlived its limit, or the server's
memory grew by more than --memory-mb; times are only printed.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import resource
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from threading import Thread

if not __package__:  # run as a program: the tree is not on the path yet
    sys.path[0] = str(Path(__file__).resolve().parents[1])

import anyio
import uvloop

from benchmarks.attack.floods import CASES, Facts
from benchmarks.fuzz_server import ENVIRON, Fallen, Good, p99
from benchmarks.slow_client import rss_mb
from tests.support.server import Server

ROOT = Path(__file__).resolve().parents[1]
LOOK_EVERY_S = 0.05
LESS_THAN_OTHERS = 10
TURNS = re.compile(r"^turns: \d+ \S+ (\S+)", re.MULTILINE)
HANDSHAKE_S = 5.0  # COPLAYER_HANDSHAKE_S, by default; and what a busy machine may take to see to it:
GRACE_S = 3.0


@dataclass(slots=True)
class Report:
    """Of one kind of attack."""

    case: str
    calm_ms: list[float] = field(default_factory=list)
    rough_ms: list[float] = field(default_factory=list)
    calm_turns: list[float] = field(default_factory=list)
    rough_turns: list[float] = field(default_factory=list)
    """p99 of the processor time, ms, of one turn of the server's loop."""
    memory_mb: tuple[float, float, float] = (0, 0, 0)
    facts: Facts = field(default_factory=dict)

    def line(self) -> str:
        """For people."""
        calm, rough = median(self.calm_ms), median(self.rough_ms)
        before, most, after = self.memory_mb
        windows = " ".join(f"{c:.0f}->{r:.0f}" for c, r in zip(self.calm_ms, self.rough_ms, strict=True))
        facts = ", ".join(f"{name} {value:g}" for name, value in self.facts.items())
        return (
            f"{self.case:>12}: others' p99 {calm:.1f} -> {rough:.1f} ms (x{rough / calm:.2f}; {windows}),"
            f" its loop's turns {median(self.calm_turns):.2f} -> {median(self.rough_turns):.2f} ms,"
            f" memory {before:.0f}, at most {most:.0f}, after {after:.0f} MB; {facts}"
        )


class Attack:
    """A process of attackers; `facts` once it has ended."""

    def __init__(self, case: str, url: str, seconds: float, scale: float) -> None:
        # an attacker has a machine of its own: here it has what the server and the good ones leave
        command = [
            "nice",
            "-n",
            str(LESS_THAN_OTHERS),
            sys.executable,
            "-m",
            "benchmarks.attack.floods",
            case,
            url,
            str(seconds),
            str(scale),
        ]
        self._process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)

    def wait_begun(self) -> None:
        """Blocks. Raises Fallen."""
        assert self._process.stdout is not None
        if self._process.stdout.readline().strip() != "begun":
            raise Fallen("the attack did not begin")

    @property
    def is_over(self) -> bool:
        """It has ended by itself."""
        return self._process.poll() is not None

    def facts(self) -> Facts:
        """Blocks until it ends. Raises Fallen when it failed."""
        out, _ = self._process.communicate(timeout=600)
        if self._process.returncode:
            raise Fallen("the attack failed")
        return dict(json.loads(out))


class Watch:
    """The most memory that the server had."""

    def __init__(self, pid: int) -> None:
        self.most_mb = 0.0
        self._pid = pid
        self._is_over = False
        self._thread = Thread(target=self._look)
        self._thread.start()

    def _look(self) -> None:
        while not self._is_over:
            self.most_mb = max(self.most_mb, rss_mb(self._pid))
            time.sleep(LOOK_EVERY_S)

    def end(self) -> float:
        """MB."""
        self._is_over = True
        self._thread.join()
        return self.most_mb


class TimedServer(Server):
    """Tells how long turns of its loop take."""

    program = "benchmarks.attack.timed_server"

    async def turns(self) -> float:
        """p99 since the last call, ms of processor time. Raises Fallen when it does not say."""
        before = len(TURNS.findall(self.output))
        os.kill(self.pid, signal.SIGUSR1)
        end = time.monotonic() + 30
        while len(found := TURNS.findall(self.output)) == before:
            if time.monotonic() > end:
                raise Fallen("the server does not answer its signal")
            await anyio.sleep(0.01)
        return float(found[-1])


async def one(server: TimedServer, case: str, options: argparse.Namespace) -> Report:
    """Raises Fallen."""
    report, good = Report(case), Good()
    await good.join(server.sync_url)
    await good.write(1.0, options.pause_ms / 1e3)
    before = rss_mb(server.pid)
    watch = Watch(server.pid)
    try:
        for _ in range(options.rounds):
            await server.turns()
            calm = await good.write(options.window_s, options.pause_ms / 1e3)
            report.calm_turns.append(await server.turns())
            attack_s = HANDSHAKE_S + GRACE_S if case == "half-open" else options.window_s + 1
            attack = Attack(case, server.url.replace("http", "ws"), attack_s, options.scale)
            await asyncio.to_thread(attack.wait_begun)
            await server.turns()
            rough = await good.write(options.window_s, options.pause_ms / 1e3)
            report.rough_turns.append(await server.turns())
            while not attack.is_over:
                await good.write(0.5, options.pause_ms / 1e3)
            report.facts = attack.facts()
            report.calm_ms.append(p99(calm.acks + calm.deliveries))
            report.rough_ms.append(p99(rough.acks + rough.deliveries))
    finally:
        most = watch.end()
    await asyncio.sleep(options.settle_s)
    report.memory_mb = before, most, rss_mb(server.pid)
    await good.check(server.sync_url)
    await good.leave()
    return report


def faults(report: Report, options: argparse.Namespace) -> list[str]:
    """What must not be."""
    out = []
    before, most, _ = report.memory_mb
    if most - before > options.memory_mb:
        out.append(f"{report.case}: memory grew by {most - before:.0f} MB")
    if report.facts.get("still_open"):
        out.append(f"{report.case}: {report.facts['still_open']:g} half-open connections still stand")
    return out


def main() -> int:
    """The exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("cases", nargs="*", choices=[*CASES, []], default=list(CASES), help="kinds of attack")
    parser.add_argument("--rounds", type=int, default=2, help="windows without and with the attack, by turns")
    parser.add_argument("--window-s", type=float, default=4.0, help="seconds of one window")
    parser.add_argument("--scale", type=float, default=1.0, help="of the attacks' sizes")
    parser.add_argument("--memory-mb", type=float, default=700.0, help="that the server may grow by under any of them")
    parser.add_argument("--settle-s", type=float, default=3.0, help="seconds until memory is looked at again")
    parser.add_argument("--pause-ms", type=float, default=20.0, help="between two edits of the good writer")
    options = parser.parse_args()
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)  # inherited
    found: list[str] = []
    for case in options.cases:
        with (
            tempfile.TemporaryDirectory(prefix="coplayer-flood-") as folder,
            TimedServer(Path(folder), environ=ENVIRON) as server,
        ):
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                report = runner.run(one(server, case, options))
            found += faults(report, options)
            if "Traceback" in server.output:
                found.append(f"{case}: a traceback in the server's output")
        print(report.line(), flush=True)
    print("\n".join(found))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
