"""Half an hour of people who join, leave and draw, and an assistant that draws too: does anything grow?

`python benchmarks/soak.py --minutes 30` (Linux, a C compiler). The server of `coplayer up` with its demo assistant; in
every round 200 clients in 50 rooms that nobody was in before, half of them coming and going. After each round: resident
memory, tasks, file descriptors, p99 of the round. Exit status 1 when one of them grows, when anybody missed something,
or when a run of the assistant did not end well.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from threading import Thread
from urllib.parse import urlsplit

if not __package__:  # run as a program: the tree is not on the path yet
    sys.path[0] = str(Path(__file__).resolve().parents[1])

import httpx

from benchmarks.compare import load
from benchmarks.compare.bench import Bench
from benchmarks.compare.cores import Cores, children_of
from benchmarks.compare.drawing import word
from benchmarks.compare.plan import Plan, Target
from benchmarks.compare.plans import Sketch
from tests.support.program import Program, ProgramError, clean_environ

UNLOAD_S = 2  # rooms of the round before are gone when a round is measured
WARM_UP_ROUNDS = 2  # caches, arenas and the assistant's imports
MAX_GROWTH = 0.10  # of memory, from the first third to the last, and:
MAX_GROWTH_MB = 6.0
MAX_SLOPE_MB = 0.5  # a minute, once this is known:
SLOPE_FROM_MINUTES = 5.0  # before that an arena more or less is the whole slope
MAX_MORE = 3  # tasks, file descriptors
MAX_P99_FACTOR, MAX_P99_MORE_MS = 2.0, 10.0
RUN_TIMEOUT_S = 60.0
SETTLE_S = 30.0
PROMPTS = ("draw three red circles in a row", "flowchart Idea -> Draft -> Done", "draw 5 blue squares")


@dataclass(frozen=True, slots=True)
class Sample:
    """After a round."""

    minute: float
    server_mb: float
    assistant_mb: float
    tasks: int
    fds: int
    p99_ms: float
    runs: int
    fault: str

    def line(self) -> str:
        """For the table."""
        numbers = f"{self.minute:7.1f} {self.server_mb:10.1f} {self.assistant_mb:13.1f} {self.tasks:6} {self.fds:5}"
        return f"{numbers} {self.p99_ms:8.1f} {self.runs:5}  {self.fault}"


HEAD = f"{'minute':>7} {'server MB':>10} {'assistant MB':>13} {'tasks':>6} {'files':>5} {'p99 ms':>8} {'runs':>5}"


def crowd(rooms: int, clients: int, seconds: float, seed: int) -> Plan:
    """Two stay in each room and draw; the others come, draw and leave. Recorded are rooms without assistant."""
    sketch, rng = Sketch(rooms, seed), random.Random(seed)
    plan = sketch.plan
    for room in range(rooms):
        for _ in range(2):
            person = plan.join(room)
            sketch.drags(person, 2, seconds)
            sketch.cursors(person, 5, seconds)
    for number in range(clients - 2 * rooms):
        came = rng.uniform(0, seconds - 3)
        left = rng.uniform(came + 2.5, seconds)
        guest = plan.join(number % rooms, join_at=came, leave_at=left, is_counted=False)
        pen, stream, at = sketch.pen(), plan.stream(guest), came + 1.0
        while at < left - 0.5:
            seq = plan.next_seq(stream)
            name, number_ = f"guest{guest}", word(stream, seq)
            update = pen.draw(name, number_) if seq == 1 else pen.drag(name, number_)
            plan.send(at, stream, seq, "update", update)
            at += 0.5
    plan.marks = [1.0, seconds]
    plan.observe_rooms(rooms=2)
    return plan


class Place:
    """The server and its assistant, and what is asked of them."""

    def __init__(self, program: Program, cores: Cores) -> None:
        self._program = program
        self._counts = 0
        self.url = program.wait_for_line(r"^coplayer: (http://\S+)$")[1]
        self.http = httpx.Client(base_url=self.url, timeout=30)
        self.pids = cores.pin_server(program.pid)

    def target(self) -> Target:
        """For the load generator, which measures the server alone."""
        return Target("127.0.0.1", urlsplit(self.url).port or 0, "y-websocket", "/sync/", (self._program.pid,))

    def tasks(self) -> int:
        """Of the server's event loop, now."""
        self._counts += 1
        os.kill(self._program.pid, signal.SIGUSR1)
        return int(self._program.wait_for_line(rf"^count {self._counts}: (\d+) tasks$")[1])

    def fds(self) -> int:
        """Open files and sockets of the server."""
        return len(list(Path(f"/proc/{self._program.pid}/fd").iterdir()))

    def memory_mb(self) -> tuple[float, float]:
        """Resident memory of the server, and of the assistant below it."""
        return rss_mb(self._program.pid), sum(rss_mb(pid) for pid in children_of(self._program.pid))

    def ask(self, rooms: Sequence[str]) -> int:
        """Has the assistant draw in each of these; how many of its runs ended well."""
        asked = []
        for room, prompt in zip(rooms, PROMPTS * len(rooms), strict=False):
            answer = self.http.post(f"/api/rooms/{room}/prompts", json={"text": prompt})
            answer.raise_for_status()
            asked.append((room, answer.json()["run"]))
        deadline = time.monotonic() + RUN_TIMEOUT_S
        done: set[tuple[str, str]] = set()
        while len(done) < len(asked) and time.monotonic() < deadline:
            time.sleep(0.25)
            for room, run in asked:
                if (room, run) not in done:
                    status = self.http.get(f"/api/rooms/{room}/runs/{run}").json().get("status")
                    done |= {(room, run)} if status == "completed" else set()
        return len(done)

    def settle(self) -> None:
        """Until the rooms of the round have left memory and the number of tasks stands still, on a slow machine too."""
        time.sleep(UNLOAD_S + 1.0)
        deadline = time.monotonic() + SETTLE_S
        before = -1
        while (now := self.tasks()) != before and time.monotonic() < deadline:
            before = now
            time.sleep(1.0)


def rss_mb(pid: int) -> float:
    """Resident memory."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


@contextmanager
def place(cores: Cores) -> Iterator[Place]:
    """`coplayer up` with a data folder of its own, in a process that counts its tasks when it is asked."""
    with tempfile.TemporaryDirectory(prefix="coplayer-soak-") as folder:
        flags = ("--port", "0", "--data", folder, "--no-open", "--profiles", "bench*=board")
        environ = clean_environ(COPLAYER_UNLOAD_AFTER_S=str(UNLOAD_S), COPLAYER_DEMO_PACE="0")
        program = Program(["-m", "benchmarks.compare.watched", "up", *flags], environ)
        try:
            yield Place(program, cores)
        finally:
            program.stop()
            if "Traceback" in program.output:
                print(program.output, file=sys.stderr)


def one_round(where: Place, bench: Bench, plan: Plan, number: int, began: float, prompts: int) -> Sample:
    """The crowd and the assistant, side by side; then what is left of them."""
    plan.floor = f"round{number}-"
    done: list[int] = []
    last = [f"bench-{plan.floor}{room}" for room in range(plan.rooms)][-prompts:]
    asking = Thread(target=lambda: done.append(where.ask(last)))
    asking.start()
    result = load.run(plan, where.target(), bench)
    asking.join()
    where.settle()
    server_mb, assistant_mb = where.memory_mb()
    runs = sum(done)
    fault = result.fault or ("" if runs == prompts else f"{prompts - runs} runs did not end well")
    p99_ms = result.windows[0].all.p99_ms if result.windows else 0.0
    minute = (time.monotonic() - began) / 60
    return Sample(minute, server_mb, assistant_mb, where.tasks(), where.fds(), p99_ms, runs, fault)


def slope(samples: Sequence[Sample], name: str) -> float:
    """Of a figure, a minute: least squares."""
    xs = [sample.minute for sample in samples]
    ys = [float(getattr(sample, name)) for sample in samples]
    x0, y0 = sum(xs) / len(xs), sum(ys) / len(ys)
    spread = sum((x - x0) ** 2 for x in xs)
    return sum((x - x0) * (y - y0) for x, y in zip(xs, ys, strict=True)) / spread if spread else 0.0


def verdict(samples: Sequence[Sample]) -> list[str]:
    """What grew, and what went wrong; empty when all is well. The last third is compared with the first."""
    faults = [f"minute {sample.minute:.1f}: {sample.fault}" for sample in samples if sample.fault]
    steady = samples[WARM_UP_ROUNDS:]
    if len(steady) < 3:
        return [*faults, f"too short: {len(samples)} rounds, of which {WARM_UP_ROUNDS} warm up"]
    third = len(steady) // 3
    first, last = steady[:third], steady[-third:]

    def grown(name: str) -> tuple[float, float]:
        return tuple(median(float(getattr(sample, name)) for sample in part) for part in (first, last))  # type: ignore[return-value]  # two parts

    for name in ("server_mb", "assistant_mb"):
        before, after = grown(name)
        if after > before * (1 + MAX_GROWTH) + MAX_GROWTH_MB:
            faults.append(f"{name} grew from {before:.1f} to {after:.1f}")
        elif steady[-1].minute - steady[0].minute >= SLOPE_FROM_MINUTES and slope(steady, name) > MAX_SLOPE_MB:
            faults.append(f"{name} grows by {slope(steady, name):.2f} MB a minute")
    for name in ("tasks", "fds"):
        before, after = grown(name)
        if after > before + MAX_MORE:
            faults.append(f"{name} grew from {before:.0f} to {after:.0f}")
    before, after = grown("p99_ms")
    if after > before * MAX_P99_FACTOR + MAX_P99_MORE_MS:
        faults.append(f"p99 grew from {before:.1f} to {after:.1f} ms")
    return faults


def soak(minutes: float, round_s: float, rooms: int, clients: int, prompts: int) -> list[Sample]:
    """All samples; each is printed as it comes. Raises LoadError, ProgramError."""
    bench = Bench(Cores.of_this_machine())
    plans = [crowd(rooms, clients, round_s, seed) for seed in range(3)]
    samples: list[Sample] = []
    with place(bench.cores) as where:
        began = time.monotonic()
        print(HEAD, flush=True)
        while time.monotonic() - began < minutes * 60:
            number = len(samples)
            samples.append(one_round(where, bench, replace(plans[number % 3]), number, began, prompts))
            print(samples[-1].line(), flush=True)
    return samples


def main() -> int:
    """The exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--round-s", type=float, default=20.0, help="of drawing; some seconds pass between rounds")
    parser.add_argument("--rooms", type=int, default=50)
    parser.add_argument("--clients", type=int, default=200)
    parser.add_argument("--prompts", type=int, default=3, help="of the assistant, in each round")
    arguments = parser.parse_args()
    try:
        samples = soak(**vars(arguments))
    except (load.LoadError, ProgramError) as error:
        print(error, file=sys.stderr)
        return 1
    steady = samples[WARM_UP_ROUNDS:]
    if len(steady) > 1:
        for name in ("server_mb", "assistant_mb", "tasks", "fds", "p99_ms"):
            print(f"slope of {name:13} {slope(steady, name):+8.3f} a minute")
    faults = verdict(samples)
    print("\n".join(faults) if faults else "nothing grows")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
