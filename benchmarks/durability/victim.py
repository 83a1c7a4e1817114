"""The server that is killed, with its store and, when that is PostgreSQL, its database."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.postgres import Postgres, running_postgres
from tests.support.program import Program
from tests.support.server import Server

RESTLESS = ("--compact-after-rows", "20", "--unload-after-s", "0")
"""Kills strike compaction and unloading too."""


@dataclass(frozen=True, slots=True)
class Victim:
    """One at a time. Methods block."""

    server: Server
    database: Postgres | None

    def die(self, *, with_database: bool) -> None:
        """Without a word; the database, if so, at once before."""
        if with_database and self.database is not None:
            self.database.stop("immediate")
        self.server.kill()

    def die_restoring(self, after_s: float) -> bool:
        """While the server is down: back the file up, put the copy in its place, and die of that; was it in time?"""
        program = Program(["-m", "tests.support.restorer", str(self.server.data / "coplayer.db")])
        try:
            program.wait_for_line("^restoring$")
            time.sleep(after_s)
        finally:
            program.kill()
        return "restored" not in program.output.splitlines()

    def restart(self) -> None:
        """Stop in peace and start again."""
        self.server.stop()
        self.server.start()


@contextmanager
def place(store: str, database: Postgres | None = None) -> Iterator[Victim]:
    """A victim on a store of its own, `sqlite` or `postgres` (`database`, when it is given, is emptied)."""
    with tempfile.TemporaryDirectory(prefix="coplayer-kill-") as folder:
        if store == "sqlite":
            with Server(Path(folder), *RESTLESS) as server:
                yield Victim(server, None)
        elif database is not None:
            with Server(Path(folder), *RESTLESS, "--store", database.new_database()) as server:
                yield Victim(server, database)
        else:
            with running_postgres() as own, place(store, own) as made:
                yield made
