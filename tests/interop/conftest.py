"""Stock Yjs clients under node for the interop tests."""

from __future__ import annotations

import fcntl
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from itertools import count

import pytest

from frontend.build import Node, find_node, npm_ci
from tests.interop.idle import IdleClients
from tests.interop.people import SECRET, People
from tests.interop.yjs_client import NODE_FOLDER, NodeProcess, StartYjsClient, YjsClient
from tests.support.server import Server


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What only has to be left alone for a while is asked last, and rests while the other tests run."""
    items.sort(key=lambda item: "idle_clients" in getattr(item, "fixturenames", ()))


@pytest.fixture(scope="session")
def node() -> Node:
    """node, with y-websocket and yjs installed exactly as tests/interop/node/package-lock.json says."""
    node = find_node()
    with (NODE_FOLDER / ".installing").open("w") as lock:  # of processes that test side by side one installs
        fcntl.flock(lock, fcntl.LOCK_EX)
        npm_ci(node, NODE_FOLDER)
    return node


@pytest.fixture
async def start_client(node: Node) -> AsyncIterator[StartYjsClient]:
    """`await start_client()` is a stock client in a process of its own; all end with the test."""
    async with AsyncExitStack() as stack:

        async def start() -> YjsClient:
            process = await stack.enter_async_context(NodeProcess.start(node))
            return YjsClient(process, await process.make())

        yield start


@pytest.fixture(scope="session")
async def node_process(node: Node) -> AsyncIterator[NodeProcess]:
    """One process for the clients of many tests."""
    async with NodeProcess.start(node) as process:
        yield process


@pytest.fixture(scope="session")
def open_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that asks for no tokens, for tests that share it: each has rooms of its own."""
    with Server(tmp_path_factory.mktemp("open")) as running:
        yield running
    assert "Traceback" not in running.output, running.output


@pytest.fixture(scope="session")
def guarded_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with a secret, shared likewise."""
    with Server(tmp_path_factory.mktemp("guarded"), environ={"COPLAYER_SECRET": SECRET}) as running:
        yield running
    assert "Traceback" not in running.output, running.output


_rooms = count(1)


@pytest.fixture
async def people(node_process: NodeProcess, open_server: Server) -> AsyncIterator[People]:
    """Stock clients of both dialects on the open server; they leave with the test."""
    yield People(node_process, open_server, f"room-{next(_rooms)}")
    await node_process.end_all()


@pytest.fixture
async def guarded(node_process: NodeProcess, guarded_server: Server) -> AsyncIterator[People]:
    """The same on a server that asks for tokens."""
    yield People(node_process, guarded_server, f"team/room-{next(_rooms)}")
    await node_process.end_all()


@pytest.fixture(scope="session")
def idle_clients(node: Node, tmp_path_factory: pytest.TempPathFactory) -> Iterator[IdleClients]:
    """Stock clients in rooms of their own that nobody talks to, connected since the first interop test."""
    with (
        Server(tmp_path_factory.mktemp("idle")) as server,
        IdleClients(node, server.sync_url, server.hocuspocus_url) as clients,
    ):
        yield clients


@pytest.fixture(scope="session", autouse=True)
def _idle_clients_start_early(request: pytest.FixtureRequest) -> None:
    if any("idle_clients" in getattr(item, "fixturenames", ()) for item in request.session.items):
        request.getfixturevalue("idle_clients")
