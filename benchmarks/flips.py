"""Flips single bytes of a store's file, and looks whether each one that changes a row is found and named.

`./dev bench flips --flips 2000`. A file with everything in it (logs, snapshots, versions, leases) is copied, one byte
of it is changed at random, and it is opened by the real store. Flips that change no value of any row (free space, an
index, the text of a table's definition) are passed over and do not count. Of the others: the store must refuse the file
with a sentence, or the doctor must name something; every room that is served must hold nothing but what was written,
and a room that nothing is said about must be whole. The author and the time of a row of the log are not under its
checksum: a flip there changes no document, and is counted apart. Exit status 1 otherwise.
"""

from __future__ import annotations

import argparse
import random
import sqlite3
import sys
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

if not __package__:  # run as a program: the tree is not on the path yet
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import anyio
from pycrdt import Doc, Map

from benchmarks.durability.counts import Table, print_faults
from benchmarks.durability.memory import in_memory
from sync.board import PROFILES
from sync.doctor import PLACE, examine
from sync.sqlite_store import SQLiteStore
from sync.store import Entry, StoreError

NOW = 1_795_000_000_000
ROOMS = ("plan", "team/a", "team/b")
EDITS = 30  # of each room
WIDTHS = {"flips": 7, "passed over": 11, "refused": 8, "named": 7, "attribution": 12, "silent": 7, "wrong": 6}
Rows = dict[str, list[tuple[Any, ...]]]


@dataclass(slots=True)
class Totals:
    """What became of the flips that changed a row."""

    flips: int = 0
    passed_over: int = 0
    """That changed no row."""
    refused: int = 0
    """The file was not opened, or not read, with a sentence."""
    named: int = 0
    """By the doctor."""
    attribution: int = 0
    """In the author or time of a row of the log."""
    silent: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    """Served, and not what was written."""

    @property
    def is_clean(self) -> bool:
        """Everything was found."""
        return self.named > 0 and not (self.silent or self.wrong)


async def fill(path: Path) -> dict[str, set[bytes]]:
    """A file with all kinds of rows; which updates were written to each room."""
    store = SQLiteStore(path)
    written: dict[str, set[bytes]] = {}
    async with store.open():
        for number, room in enumerate(ROOMS):
            await store.create(room, f"epoch-{number}", "board", NOW)
            await store.describe(room, f"Title of {room}")
            written[room] = await _draw(store, room, number)
            await store.take_lease(room, "assistant", "holder", NOW, 30_000)
            await store.want(room, "painter")
    return written


async def _draw(store: SQLiteStore, room: str, number: int) -> set[bytes]:
    doc: Doc[Any] = Doc(client_id=2**20 + number)
    shapes: Map[Any] = doc.get("shapes", type=Map)
    updates: set[bytes] = set()
    for edit in range(EDITS):
        before = doc.get_state()
        shapes[f"s{edit}"] = Map({"type": "note", "x": edit, "text": f"Note {edit} of {room}"})
        update = doc.get_update(before)
        updates.add(update)
        seq = await store.append(room, [Entry(update, "ann", NOW + edit)])
        if edit % 10 == 5:
            await store.compact(room, doc.get_update(), seq)
            await store.add_version(room, f"Version {edit}", "ann", NOW, doc.get_update(), auto=False)
    return updates


def rows_of(path: Path) -> Rows | None:
    """Every value of every row; None when SQLite says that it cannot read them."""
    try:
        with closing(sqlite3.connect(path)) as connection:
            connection.text_factory = bytes
            tables = [
                row[0].decode() for row in connection.execute("SELECT name FROM sqlite_schema WHERE type='table'")
            ]
            rows = {table: sorted(connection.execute(f'SELECT * FROM "{table}"'), key=repr) for table in tables}
            return rows
    except (sqlite3.Error, UnicodeDecodeError):
        return None


def _is_attribution(before: Rows, after: Rows) -> bool:
    """Only the author or the time of rows of the log is another."""
    others = {table for table in before if table != "updates"}
    return (
        before.keys() == after.keys()
        and all(before[table] == after[table] for table in others)
        and [row[:4] for row in before["updates"]] == [row[:4] for row in after["updates"]]
    )


async def look(path: Path, written: dict[str, set[bytes]]) -> tuple[str, list[str]]:
    """(`refused`, `named` or `silent`; what was served and is wrong)."""
    wrong: list[str] = []
    try:
        store = SQLiteStore(path)
        async with store.open():
            infos = {info.room: info for info in await store.rooms()}
            findings = [finding async for finding in examine(store, lambda name: PROFILES[name])]
            named = {finding.room for finding in findings if finding.wrong}
            is_ill = PLACE in named
            for room, updates in written.items():
                if room not in infos:
                    continue  # under another name, then, which the doctor has named
                try:
                    loaded = await store.load(room)
                except StoreError:
                    continue
                if not set(loaded.updates) <= updates:
                    wrong.append(f"{room}: an update that nobody wrote")
                if room not in named and not is_ill and (loaded.damaged or loaded.seq != EDITS):
                    wrong.append(f"{room}: lacks rows, and nothing is said about it")
            gone = set(written) - set(infos)
    except StoreError:
        return "refused", wrong
    return ("named" if named or (gone and named) else "silent"), wrong


def run(flips: int, seed: int, tell: Callable[[Totals], None] = lambda totals: None) -> Totals:
    """Until so many flips have changed a row."""
    rng, totals = random.Random(seed), Totals()
    with in_memory("coplayer-flips-") as name:
        path, copy = Path(name) / "whole.db", Path(name) / "coplayer.db"
        written = anyio.run(fill, path)
        whole, before = path.read_bytes(), rows_of(path)
        assert before is not None
        while totals.flips < flips:
            rotten, at = bytearray(whole), rng.randrange(len(whole))
            rotten[at] ^= rng.randrange(1, 256)
            for left in Path(name).glob("coplayer.db*"):
                left.unlink()
            copy.write_bytes(rotten)
            after = rows_of(copy)
            if after == before:
                totals.passed_over += 1
                continue
            totals.flips += 1
            kind, wrong = anyio.run(look, copy, written)
            what = _difference(before, after)
            totals.wrong += [f"byte {at}: {sentence} ({what})" for sentence in wrong]
            if kind == "refused":
                totals.refused += 1
            elif kind == "named":
                totals.named += 1
            elif after is not None and _is_attribution(before, after):
                totals.attribution += 1
            else:
                totals.silent.append(f"byte {at}: {what}")
            tell(totals)
    return totals


def _difference(before: Rows, after: Rows | None) -> str:
    if after is None:
        return "SQLite cannot read it"
    for table in sorted(before.keys() | after.keys()):
        old, new = before.get(table, []), after.get(table, [])
        if old != new:
            was, now = [row for row in old if row not in new], [row for row in new if row not in old]
            return f"{table}: {was[:1]!r:.200} is {now[:1]!r:.200}"
    return "nothing"


def _figures(totals: Totals) -> tuple[int, ...]:
    counts = (totals.flips, totals.passed_over, totals.refused, totals.named, totals.attribution)
    return *counts, len(totals.silent), len(totals.wrong)


def main() -> int:
    """The exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--flips", type=int, default=200)
    parser.add_argument("--seed", type=int, default=None)
    arguments = parser.parse_args()
    seed = random.randrange(2**32) if arguments.seed is None else arguments.seed
    print(f"seed {seed}")
    table = Table(WIDTHS)
    table.begin()

    def tell(totals: Totals) -> None:
        if totals.flips % 100 == 0:
            table.row(_figures(totals))

    totals = run(arguments.flips, seed, tell)
    table.end(_figures(totals))
    print_faults(totals.silent, totals.wrong, most=30)
    return 0 if totals.is_clean else 1


if __name__ == "__main__":
    sys.exit(main())
