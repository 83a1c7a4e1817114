"""The servers that are compared: ours as it is delivered, and others as their own documentation starts them.

Other servers come from npm and PyPI in the versions that peers/package-lock.json and uv.lock name. Each run gets a new
process on an empty folder.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.compare.cores import Cores
from benchmarks.compare.plan import Dialect, Target
from frontend.build import find_node, npm_ci
from tests.support.program import clean_environ

PEERS = Path(__file__).resolve().parents[1] / "peers"
REPOSITORY = PEERS.parents[1]
START_TIMEOUT_S = 30.0
STOP_TIMEOUT_S = 15.0


class PeerError(Exception):
    """A server did not start; the sentence holds what it printed."""


Command = tuple[Sequence[str], dict[str, str]]
"""What to run, and variables for its environment."""


@dataclass(frozen=True, slots=True)
class Peer:
    """One row of the comparison. `command` takes a port and a folder for what is kept."""

    name: str
    dialect: Dialect
    path: str
    command: Callable[[int, Path], Command]
    is_ours: bool = False
    is_durable: bool = False
    """Keeps documents over a restart."""

    @contextmanager
    def running(self, folder: Path, cores: Cores) -> Iterator[Target]:
        """A process of it, pinned to its core, until the context ends. Raises PeerError."""
        port = free_port()
        arguments, extra = self.command(port, folder)
        log = folder / "output"
        with log.open("ab") as output:
            process = subprocess.Popen(
                list(arguments),
                cwd=REPOSITORY,
                env=clean_environ(**extra),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            _wait_until_it_listens(self.name, process, port, log)
            pids = cores.pin_server(process.pid)
            yield Target("127.0.0.1", port, self.dialect, self.path, pids)
        finally:
            _end(process)


def free_port() -> int:
    """One that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_until_it_listens(name: str, process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise PeerError(f"{name} does not listen:\n{log.read_text(errors='replace')[-2000:]}")


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(STOP_TIMEOUT_S)


def _ours(port: int, folder: Path) -> Command:
    """`python -m sync` on SQLite; rooms are boards, so that the gate checks every update against the schema's roots.

    All limits are on; a board may be larger than by default, for the growth to 50 000 shapes.
    """
    flags = ("--port", str(port), "--data", str(folder), "--profiles", "bench*=board")
    larger = {"COPLAYER_MAX_SHAPES": "100000", "COPLAYER_MAX_BOARD_BYTES": str(64 * 2**20)}
    return (sys.executable, "-m", "sync", *flags), larger


def _node(script: str, *arguments: str, **extra: str) -> Command:
    node = find_node()
    return (str(node.node), str(PEERS / script), *arguments), {"NODE_ENV": "production", **extra}


def _hocuspocus(port: int, folder: Path) -> Command:
    return _node("hocuspocus.mjs", str(port))


def _hocuspocus_sqlite(port: int, folder: Path) -> Command:
    return _node("hocuspocus.mjs", str(port), str(folder / "hocuspocus.db"))


def _y_websocket(port: int, folder: Path) -> Command:
    return _node("node_modules/@y/websocket-server/src/server.js", HOST="127.0.0.1", PORT=str(port))


def _y_websocket_leveldb(port: int, folder: Path) -> Command:
    command, extra = _y_websocket(port, folder)
    return command, {**extra, "YPERSISTENCE": str(folder / "leveldb")}


def _pycrdt_websocket(port: int, folder: Path) -> Command:
    return (sys.executable, str(PEERS / "pycrdt_websocket.py"), str(port)), {}


def _pycrdt_websocket_sqlite(port: int, folder: Path) -> Command:
    return (sys.executable, str(PEERS / "pycrdt_websocket.py"), str(port), str(folder / "ystore.db")), {}


OURS = Peer("coplayer", "y-websocket", "/sync/", _ours, is_ours=True, is_durable=True)
HOCUSPOCUS = Peer("hocuspocus", "hocuspocus", "/", _hocuspocus)
HOCUSPOCUS_SQLITE = Peer("hocuspocus-sqlite", "hocuspocus", "/", _hocuspocus_sqlite, is_durable=True)
Y_WEBSOCKET = Peer("y-websocket", "y-websocket", "/", _y_websocket)
Y_WEBSOCKET_LEVELDB = Peer("y-websocket-leveldb", "y-websocket", "/", _y_websocket_leveldb, is_durable=True)
PYCRDT_WEBSOCKET = Peer("pycrdt-websocket", "y-websocket", "/", _pycrdt_websocket)
PYCRDT_WEBSOCKET_SQLITE = Peer("pycrdt-websocket-sqlite", "y-websocket", "/", _pycrdt_websocket_sqlite, is_durable=True)
PEERS_IN_ORDER = (
    OURS,
    HOCUSPOCUS,
    HOCUSPOCUS_SQLITE,
    Y_WEBSOCKET,
    Y_WEBSOCKET_LEVELDB,
    PYCRDT_WEBSOCKET,
    PYCRDT_WEBSOCKET_SQLITE,
)


def install() -> None:
    """What the node servers need, from peers/package-lock.json; quick when it is there. Raises BuildError."""
    npm_ci(find_node(), PEERS)
