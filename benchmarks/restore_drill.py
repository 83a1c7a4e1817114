"""A drill: fill a server, back it up while people write, lose the machine, restore, and look for every confirmed edit.

`python benchmarks/restore_drill.py --edits 2000 --writers 4 --rooms 3`. Each writer notes every edit that
`Provider.saved()` confirmed. What was confirmed before `coplayer backup` began has to be in the restored data, field by
field, and `coplayer doctor` has to find it whole; how much of what came later the copy has is told. Then the writers
come back with what their own replicas hold: with that, everything confirmed is there again. Exit status 1 when anything
is missing.
"""

from __future__ import annotations

import argparse
import random
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

if not __package__:  # run as a program: the tree is not on the path yet
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import anyio
import anyio.to_thread
import httpx
from pycrdt import Doc, Map

from sync.provider import Provider, connect
from tests.support.program import REPOSITORY, clean_environ
from tests.support.server import Server

TIMEOUT_S = 120
SMALL = {"COPLAYER_COMPACT_AFTER_ROWS": "50", "COPLAYER_VERSION_EVERY_S": "1"}
"""So that the backup meets snapshots and versions, too."""


class DrillFailed(Exception):
    """The restored server lacks something, or a command failed; the sentence says what."""


@dataclass(slots=True)
class Result:
    """Counts of edits; all were confirmed."""

    confirmed: int = 0
    before_backup: int = 0
    after_backup: int = 0
    of_those_in_copy: int = 0
    backup_bytes: int = 0

    def __str__(self) -> str:
        return (
            f"{self.confirmed} edits confirmed; {self.before_backup} of them before the backup began: all restored;"
            f" {self.after_backup} later: {self.of_those_in_copy} in the copy, all back when their writers came;"
            f" backup of {self.backup_bytes} bytes"
        )


@dataclass(slots=True)
class Writer:
    """Edits fields of its own in one room; `confirmed` is what the server has said it has."""

    name: str
    room: str
    doc: Doc[Any] = field(default_factory=lambda: Doc(client_id=random.randrange(2**20, 2**32)))
    confirmed: dict[str, int] = field(default_factory=dict)

    async def write(self, provider: Provider, edits: int) -> None:
        """So many edits, each confirmed before the next."""
        shapes: Map[Any] = self.doc.get("shapes", type=Map)
        for _ in range(edits):
            number = len(self.confirmed)
            key = f"{self.name}-{number}"
            shapes[key] = Map({"x": number, "text": f"edit {number} of {self.name}"})
            await provider.saved()
            self.confirmed[key] = number


def command(*arguments: str) -> str:
    """Run `coplayer ...`; what it printed. Raises DrillFailed."""
    done = subprocess.run(
        [sys.executable, "-m", "agent", *arguments],
        cwd=REPOSITORY,
        env=clean_environ(),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise DrillFailed(f"coplayer {arguments[0]} ended with {done.returncode}: {done.stdout}{done.stderr}")
    return done.stdout


def is_there(shape: Any, key: str, number: int) -> bool:
    """Both fields of the edit are as they were written."""
    if not isinstance(shape, dict):
        return False
    return (shape.get("x"), shape.get("text")) == (number, f"edit {number} of {key.rpartition('-')[0]}")


def missing(url: str, wanted: dict[str, dict[str, int]]) -> dict[str, list[str]]:
    """Which of the wanted edits (room -> key -> number) the server at `url` lacks."""
    lacks: dict[str, list[str]] = {}
    for room, edits in wanted.items():
        answer = httpx.get(f"{url}/api/rooms/{room}/doc", timeout=TIMEOUT_S)
        shapes = answer.json().get("shapes", {}) if answer.status_code == 200 else {}
        lacks[room] = [key for key, n in edits.items() if not is_there(shapes.get(key), key, n)]
    return {room: keys for room, keys in lacks.items() if keys}


def wanted_of(writers: list[Writer], counts: dict[str, int] | None = None) -> dict[str, dict[str, int]]:
    """Room -> key -> number, of each writer its first `counts` edits, or all."""
    wanted: dict[str, dict[str, int]] = {}
    for writer in writers:
        edits = list(writer.confirmed.items())
        wanted.setdefault(writer.room, {}).update(edits if counts is None else edits[: counts[writer.name]])
    return wanted


async def drill(folder: Path, edits: int, writers: int, rooms: int) -> Result:
    """Raises DrillFailed."""
    data, copy, fresh = folder / "data", folder / "backup.db", folder / "new" / "data"
    people = [Writer(f"w{n}", f"team/board-{n % rooms}") for n in range(writers)]
    share = max(1, edits // (2 * writers))
    before: dict[str, int] = {}
    server = Server(data, environ=SMALL)
    await anyio.to_thread.run_sync(server.start)
    backup_done = anyio.Event()

    async def live(writer: Writer, has_half: anyio.Event) -> None:
        async with connect(f"{server.sync_url}/{writer.room}", writer.doc, {"coplayer": "1"}) as provider:
            await provider.wait_synced()
            await writer.write(provider, share)
            has_half.set()
            written = 0
            while written < share or not backup_done.is_set():
                await writer.write(provider, 1)
                written += 1

    async def keep_a_copy(halves: list[anyio.Event]) -> None:
        for half in halves:
            await half.wait()
        before.update({writer.name: len(writer.confirmed) for writer in people})
        try:
            await anyio.to_thread.run_sync(command, "backup", str(copy), "--data", str(data))
        finally:
            backup_done.set()

    with anyio.fail_after(TIMEOUT_S + edits / 20):
        async with anyio.create_task_group() as tasks:  # a backup that fails ends the drill as a group
            halves = [anyio.Event() for _ in people]
            for writer, half in zip(people, halves, strict=True):
                tasks.start_soon(live, writer, half)
            tasks.start_soon(keep_a_copy, halves)
    # the machine is gone
    await anyio.to_thread.run_sync(server.kill)
    shutil.rmtree(data)
    fresh.mkdir(parents=True)
    await anyio.to_thread.run_sync(command, "restore", str(copy), "--data", str(fresh))
    await anyio.to_thread.run_sync(command, "doctor", "--data", str(fresh))
    return await _compare(people, before, fresh, copy.stat().st_size)


async def _compare(people: list[Writer], before: dict[str, int], data: Path, size: int) -> Result:
    restored = Server(data)
    await anyio.to_thread.run_sync(restored.start)
    try:
        lost = await anyio.to_thread.run_sync(missing, restored.url, wanted_of(people, before))
        if lost:
            raise DrillFailed(f"confirmed before the backup and not in it: {lost}")
        everything = wanted_of(people)
        later = await anyio.to_thread.run_sync(missing, restored.url, everything)
        for writer in people:
            async with connect(f"{restored.sync_url}/{writer.room}", writer.doc, {"coplayer": "1"}) as provider:
                with anyio.fail_after(TIMEOUT_S):
                    await provider.wait_synced()
                    await provider.saved()
        lost = await anyio.to_thread.run_sync(missing, restored.url, everything)
        if lost:
            raise DrillFailed(f"confirmed, and not there after its writer came back: {lost}")
    finally:
        await anyio.to_thread.run_sync(restored.kill)
    confirmed, early = sum(len(writer.confirmed) for writer in people), sum(before.values())
    in_copy = confirmed - early - sum(map(len, later.values()))
    return Result(confirmed, early, confirmed - early, in_copy, size)


def main() -> int:
    """See above."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--edits", type=int, default=2000, help="at least so many are confirmed (2000)")
    parser.add_argument("--writers", type=int, default=4)
    parser.add_argument("--rooms", type=int, default=3)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="coplayer-drill-") as folder:
        try:
            result = anyio.run(drill, Path(folder), given.edits, given.writers, given.rooms)
        except DrillFailed as failure:
            print(f"FAILED: {failure}")
            return 1
    print(result)
    return 0


if __name__ == "__main__":
    sys.exit(main())
