"""The machine's shape and the versions of what was measured, for the page that shows the figures."""

from __future__ import annotations

import json
import os
import platform
import resource
import sqlite3
import subprocess
from importlib.metadata import version
from pathlib import Path

from benchmarks.compare.peers import PEERS
from frontend.build import Node, node_on_path

NODE_PEERS = ("@hocuspocus/server", "@hocuspocus/extension-sqlite", "@y/websocket-server", "y-leveldb", "yjs")
PYTHON_PEERS = ("pycrdt", "pycrdt-websocket", "uvicorn", "uvloop", "websockets")


def shape() -> dict[str, str]:
    """What the figures depend on."""
    model = next(
        (line.split(":", 1)[1].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")), ""
    )
    memory = next((int(line.split()[1]) for line in _lines("/proc/meminfo") if line.startswith("MemTotal")), 0)
    return {
        "cpu": f"{os.cpu_count()} cores, {model or platform.machine()}",
        "memory": f"{memory / 2**20:.0f} GB",
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "node": _node_version(),
        "sqlite": sqlite3.sqlite_version,
    }


def versions() -> dict[str, str]:
    """Of the servers and what they stand on."""
    lock = json.loads((PEERS / "package-lock.json").read_text())["packages"]
    return {
        **{name: lock[f"node_modules/{name}"]["version"] for name in NODE_PEERS},
        **{name: version(name) for name in PYTHON_PEERS},
    }


def load_average() -> float:
    """Processes that wanted a core in the last minute."""
    return os.getloadavg()[0]


def raise_file_limit() -> None:
    """As many open files as this process may have, for the servers that it starts: a connection is one."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _lines(path: str) -> list[str]:
    file = Path(path)
    return file.read_text().splitlines() if file.is_file() else []


def _node_version() -> str:
    node = node_on_path()
    if not isinstance(node, Node):
        return "none"
    return subprocess.run([node.node, "--version"], capture_output=True, text=True, check=False).stdout.strip()
