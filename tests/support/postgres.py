"""A real PostgreSQL of the tests' own: a temporary cluster on a port of this machine, with fsync as an operator has it.

Its binaries are looked for on PATH and where Debian puts them. It does not run as root, so root lends it to another
user (`postgres` where there is one, else `nobody`).
"""

from __future__ import annotations

import os
import pwd
import re
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

import psycopg

DEBIAN = Path("/usr/lib/postgresql")
CHOICES = (
    "There is no PostgreSQL for these tests. Debian, Ubuntu: apt-get install postgresql   macOS: brew install"
    " postgresql   or put a folder with initdb and postgres on PATH."
)
START_TIMEOUT_S = 60


class NoPostgres(Exception):
    """Its binaries were not found, or nobody may run them; the sentence says what to do."""


def find_binaries() -> Path:
    """The folder with initdb, pg_ctl and postgres. Raises NoPostgres."""
    for place in [*map(Path, os.environ.get("PATH", "").split(os.pathsep)), *_debians()]:
        if all((place / name).exists() for name in ("initdb", "pg_ctl", "postgres")):
            return (place / "postgres").resolve().parent  # initdb looks for its files beside itself
    raise NoPostgres(CHOICES)


def _debians() -> list[Path]:
    versions = DEBIAN.iterdir() if DEBIAN.is_dir() else ()
    return sorted(
        (path / "bin" for path in versions), key=lambda path: [int(n) for n in re.findall(r"\d+", str(path))]
    )[::-1]


class Postgres:
    """A running server; `stop` and `start` as often as a test likes."""

    def __init__(self, binaries: Path, folder: Path) -> None:
        self._binaries = binaries
        self._folder = folder
        self._user = _somebody() if os.geteuid() == 0 else None
        self._data = folder / "data"
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]

    def make(self) -> Self:
        """Makes the cluster and starts it."""
        if self._user is not None:
            os.chown(self._folder, self._user.pw_uid, self._user.pw_gid)
        self._call(
            "initdb", "--pgdata", self._data, "--username=coplayer", "--auth=trust", "--encoding=UTF8", "--no-sync"
        )
        self.start()
        return self

    def start(self) -> None:
        """Returns when it takes connections."""
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c max_connections=100"
        self._call(
            "pg_ctl", "start", "--wait", f"--timeout={START_TIMEOUT_S}", "--pgdata", self._data,
            "--log", self._folder / "log", "--options", options,
        )  # fmt: skip

    def stop(self, how: str = "fast") -> None:
        """`immediate` is what a crash leaves behind: the next start replays the log."""
        self._call("pg_ctl", "stop", "--wait", "--mode", how, "--pgdata", self._data)

    def new_database(self) -> str:
        """The URL of an empty database; what the one before held is gone."""
        url = f"postgresql://coplayer@127.0.0.1:{self.port}/postgres"
        with psycopg.connect(url, autocommit=True) as connection:  # a database of its own would take half a second
            connection.execute("ALTER DATABASE postgres RESET ALL")
            connection.execute("SET client_min_messages = warning; DROP SCHEMA IF EXISTS coplayer CASCADE")
        return url

    def _call(self, program: str, *arguments: object) -> None:
        done = subprocess.run(
            [str(self._binaries / program), *map(str, arguments)],
            cwd=self._folder,
            env={"PATH": os.environ.get("PATH", ""), "LC_ALL": "C.UTF-8", "TZ": "UTC", "HOME": str(self._folder)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            user=None if self._user is None else self._user.pw_uid,
            group=None if self._user is None else self._user.pw_gid,
            extra_groups=None if self._user is None else [],
        )
        if done.returncode:
            raise RuntimeError(f"{program} failed with {done.returncode}:\n{done.stdout}")


def _somebody() -> pwd.struct_passwd:
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise NoPostgres("PostgreSQL does not run as root, and there is neither a user postgres nor nobody to run it.")


@contextmanager
def running_postgres() -> Iterator[Postgres]:
    """A server that is gone, with its data, when the context ends. Raises NoPostgres."""
    binaries = find_binaries()
    folder = Path(tempfile.mkdtemp(prefix="coplayer-pg-"))  # not pytest's: those are closed to other users
    try:
        server = Postgres(binaries, folder).make()
        try:
            yield server
        finally:
            server.stop("immediate")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
