"""Stock Yjs clients under node for the interop tests."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack

import pytest

from frontend.build import Node, find_node, npm_ci
from tests.interop.idle import IdleClients
from tests.interop.yjs_client import NODE_FOLDER, StartYjsClient, YjsClient
from tests.support.server import Server


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What only has to be left alone for a while is asked last, and rests while the other tests run."""
    items.sort(key=lambda item: "idle_clients" in getattr(item, "fixturenames", ()))


@pytest.fixture(scope="session")
def node() -> Node:
    """node, with y-websocket and yjs installed exactly as tests/interop/node/package-lock.json says."""
    node = find_node()
    npm_ci(node, NODE_FOLDER)
    return node


@pytest.fixture
async def start_client(node: Node) -> AsyncIterator[StartYjsClient]:
    """`await start_client()` is a stock client in a process of its own; all end with the test."""
    async with AsyncExitStack() as stack:

        async def start() -> YjsClient:
            return await stack.enter_async_context(YjsClient.start(node))

        yield start


@pytest.fixture(scope="session")
def idle_clients(node: Node, tmp_path_factory: pytest.TempPathFactory) -> Iterator[IdleClients]:
    """Stock clients in rooms of their own that nobody talks to, connected since the first interop test."""
    with Server(tmp_path_factory.mktemp("idle")) as server, IdleClients(node, server.sync_url) as clients:
        yield clients


@pytest.fixture(scope="session", autouse=True)
def _idle_clients_start_early(request: pytest.FixtureRequest) -> None:
    if any("idle_clients" in getattr(item, "fixturenames", ()) for item in request.session.items):
        request.getfixturevalue("idle_clients")
