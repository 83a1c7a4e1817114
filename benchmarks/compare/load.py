"""Runs a plan: compiles load.c at its first use, pins it to a core, and reads what it measured and recorded."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import struct
import subprocess
import tempfile
from collections import defaultdict
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

from benchmarks.compare.bench import Bench
from benchmarks.compare.plan import Plan, Target, shapes_of
from sync.lib0 import Decoder

SOURCE = Path(__file__).with_name("load.c")
FLAGS = ("-O2", "-Wall", "-Wextra", "-Werror")
NO_COMPILER = (
    "The load generator is a C program and there is no C compiler (cc, gcc or clang) on PATH."
    " Debian, Ubuntu: apt-get install gcc libc6-dev   Fedora: dnf install gcc"
)


class LoadError(Exception):
    """The generator cannot be made or did not run; the sentence says why."""


def generator() -> Path:
    """The compiled program, in the user's cache folder. Raises LoadError."""
    source = SOURCE.read_bytes()
    cache = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "coplayer"
    program = cache / f"load-{hashlib.sha256(source + repr(FLAGS).encode()).hexdigest()[:16]}"
    if program.is_file():
        return program
    compiler = next((path for name in ("cc", "gcc", "clang") if (path := shutil.which(name))), None)
    if compiler is None:
        raise LoadError(NO_COMPILER)
    cache.mkdir(parents=True, exist_ok=True)
    made = program.with_suffix(f".{os.getpid()}")
    done = subprocess.run(
        [compiler, *FLAGS, "-o", made, SOURCE], capture_output=True, text=True, errors="replace", check=False
    )
    if done.returncode:
        raise LoadError(f"{compiler} could not compile {SOURCE.name} (it needs Linux):\n{done.stderr[-2000:]}")
    made.rename(program)
    return program


@dataclass(frozen=True, slots=True)
class Quantiles:
    """Of `count` latencies, in ms."""

    count: int
    p50_ms: float
    p99_ms: float
    max_ms: float

    @classmethod
    def read(cls, raw: dict[str, float]) -> Quantiles:
        """From load.c's microseconds."""
        return cls(int(raw["n"]), raw["p50"] / 1e3, raw["p99"] / 1e3, raw["max"] / 1e3)


@dataclass(frozen=True, slots=True)
class Window:
    """What was between two marks."""

    seconds: float
    cpu_us: float
    """CPU time of the server's processes."""
    own_share: float
    """Of its core, that the generator used: above 0.7 it may have been what was measured."""
    sends: int
    deliveries: int
    frames: int
    bytes: int
    late_ms: float
    """The most that a message was sent after its time."""
    all: Quantiles
    updates: Quantiles
    presence: Quantiles
    acks: Quantiles

    @property
    def cpu_us_per_delivery(self) -> float:
        """Infinite when nothing was delivered."""
        return self.cpu_us / self.deliveries if self.deliveries else float("inf")


@dataclass(frozen=True, slots=True)
class Result:
    """Of one run. `fault` is empty when all clients converged and nothing was missing."""

    fault: str
    windows: tuple[Window, ...]
    rss_kb: tuple[float, ...]
    """The server's resident memory at each mark."""
    fds: tuple[int, ...]
    watched_ms: tuple[tuple[int, float, float], ...]
    """Of each watched message: its stream, when it was sent, and when everybody had it."""
    joins_ms: tuple[tuple[float, float], ...]
    """Of those who came late: when, and how long it took until they had the document."""
    raw: dict[str, Any] = field(repr=False, default_factory=dict)


def run(
    plan: Plan, target: Target, bench: Bench, *, document: dict[str, Any] | None = None, timeout_s: float = 600.0
) -> Result:
    """Runs the plan against a server. Recorded ones shall have `document`, or what the plan sends. Raises LoadError."""
    with tempfile.TemporaryDirectory(prefix="coplayer-bench-") as name:
        folder = Path(name)
        command = [generator(), plan.write(folder, target, bench.pace)]
        try:
            done = subprocess.run(
                command,
                capture_output=True,
                text=True,
                check=False,
                timeout=timeout_s,
                preexec_fn=bench.cores.pin_generator,
            )
        except subprocess.TimeoutExpired:
            raise LoadError(f"the load generator did not end in {timeout_s:g} s") from None
        if done.returncode:
            raise LoadError(done.stderr.strip() or f"the load generator ended with {done.returncode}")
        raw = json.loads(done.stdout)
        return _result(raw, _fault(raw) or _divergence(plan, _records(folder / "record"), document))


def _fault(raw: dict[str, Any]) -> str:
    """Why the run counts as failed, as far as the generator saw."""
    missing = raw["expected"] - raw["delivered"]
    if not raw["all_joined"]:
        return str(raw["fault"])
    if raw["closed_early"] or raw["refused"]:
        return f"{raw['closed_early'] + raw['refused']} connections were closed or refused: {raw['fault']}"
    if raw["malformed"]:
        return f"{raw['malformed']} frames were malformed or refusals: {raw['fault']}"
    if late := sum(took < 0 for _, took in raw["joins"]):
        return f"{late} who came late did not get the document; {raw['fault']}".rstrip("; ")
    if missing:
        return f"{missing} of {raw['expected']} deliveries are missing"
    return str(raw["fault"])


def _records(path: Path) -> dict[int, list[bytes]]:
    """The updates that each recorded connection was sent."""
    data, at = path.read_bytes(), 0
    found: dict[int, list[bytes]] = defaultdict(list)
    while at < len(data):
        connection, size = struct.unpack_from("<II", data, at)
        found[connection].append(Decoder(data[at + 8 : at + 8 + size]).var_bytes())
        at += 8 + size
    return found


def _divergence(plan: Plan, records: dict[int, list[bytes]], document: dict[str, Any] | None) -> str:
    """In which room somebody has something else than was sent; empty when nobody."""
    expected: dict[int, dict[str, Any]] = {} if document is None else dict.fromkeys(range(plan.rooms), document)
    for number, connection in enumerate(plan.connections):
        if not connection.is_recorded:
            continue
        if connection.room not in expected:
            expected[connection.room] = plan.shapes(connection.room)
        if shapes_of([*plan.own(number), *records.get(number, [])]) != expected[connection.room]:
            who = "a reader" if connection.is_counted else "one who came last"
            return f"room {connection.room}: {who} does not have the document that was sent"
    return ""


def _result(raw: dict[str, Any], fault: str) -> Result:
    marks = raw["marks"]
    windows = tuple(_window(a, b) for a, b in pairwise(marks))
    return Result(
        fault=fault,
        windows=windows,
        rss_kb=tuple(mark["rss_kb"] for mark in marks),
        fds=tuple(mark["fds"] for mark in marks),
        watched_ms=tuple((stream, sent / 1e3, done / 1e3) for stream, _, sent, done in raw["watched"]),
        joins_ms=tuple((began / 1e3, took / 1e3) for began, took in raw["joins"]),
        raw=raw,
    )


def _window(a: dict[str, Any], b: dict[str, Any]) -> Window:
    us = max(1, b["t"] - a["t"])
    return Window(
        seconds=us / 1e6,
        cpu_us=b["server_cpu_us"] - a["server_cpu_us"],
        own_share=(b["own_cpu_us"] - a["own_cpu_us"]) / us,
        sends=b["sends"] - a["sends"],
        deliveries=b["deliveries"] - a["deliveries"],
        frames=b["frames"] - a["frames"],
        bytes=b["bytes"] - a["bytes"],
        late_ms=a["max_lag"] / 1e3,
        all=Quantiles.read(a["all"]),
        updates=Quantiles.read(a["update"]),
        presence=Quantiles.read(a["awareness"]),
        acks=Quantiles.read(a["ack"]),
    )
