"""examples/todo: another project mounts the server, with a schema and rules of its own."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import anyio
import pytest
from pycrdt import Array, Map

from frontend.build import Node
from sync import connect
from sync.protocol import CloseCode
from sync.provider import ProviderClosed
from tests.interop.yjs_client import NODE_FOLDER
from tests.support.program import REPOSITORY, Program

pytestmark = pytest.mark.anyio
EXAMPLE = REPOSITORY / "examples" / "todo"
TIMEOUT_S = 15


@pytest.fixture
def program(tmp_path: Path) -> Iterator[Program]:
    program = Program([str(EXAMPLE / "server.py"), "0", str(tmp_path / "data")])
    try:
        yield program
    finally:
        program.stop()
    assert "Traceback" not in program.output, program.output


def url_of(program: Program) -> str:
    address = program.wait_for_line(r"running on http://(\S+)")[1]
    return f"ws://{address}/docs/sync"


def todo(node: Node, folder: Path, url: str, *arguments: str) -> list[str]:
    """The terminal client, with the stock y-websocket that the interop tests install."""
    shutil.copy(EXAMPLE / "todo.mjs", folder)
    modules = folder / "node_modules"
    if not modules.exists():
        modules.symlink_to(NODE_FOLDER / "node_modules")
    command = [str(node.node), "todo.mjs", *arguments]
    environ = {**node.environ(), "TODO_SERVER": url}
    done = subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, timeout=30, check=True)
    return done.stdout.splitlines()


async def test_javascript_and_python_share_the_list_and_the_hook_hears_of_it(
    program: Program, node: Node, tmp_path: Path
) -> None:
    url = url_of(program)
    assert todo(node, tmp_path, url, "add", "buy milk") == ["1. [ ] buy milk"]
    async with connect(f"{url}/groceries") as peer:
        with anyio.fail_after(TIMEOUT_S):
            await peer.wait_synced()
            todos = peer.doc.get("todos", type=Array)
            assert todos[0]["text"] == "buy milk"
            todos.append(Map({"text": "sell eggs", "done": False}))
            await peer.saved()
    assert todo(node, tmp_path, url, "done", "1") == ["1. [x] buy milk", "2. [ ] sell eggs"]
    program.wait_for_line(re.escape("groceries: 1 of 2 to do"))


async def test_the_projects_own_rule_refuses_an_update(program: Program) -> None:
    async with connect(f"{url_of(program)}/groceries") as peer:
        with anyio.fail_after(TIMEOUT_S):
            await peer.wait_synced()
            peer.doc.get("todos", type=Array).append("x" * 20_000)
            with pytest.raises(ProviderClosed) as closed:
                await peer.saved()
    assert (closed.value.code, closed.value.reason) == (CloseCode.REFUSED, "A todo fits into 10 000 bytes.")
