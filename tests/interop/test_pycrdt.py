"""pycrdt's Provider over two transports that are not ours, against the real server. Rules: docs/spec.md."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import anyio
import httpx_ws
import pytest
import websockets
from anyio.to_thread import run_sync
from pycrdt import Channel, Doc, Map, Provider
from pycrdt.websocket.websocket import HttpxWebsocket

from tests.interop.yjs_client import StartYjsClient
from tests.support.server import Server

pytestmark = pytest.mark.anyio

Connect = Callable[[str], AbstractAsyncContextManager[Channel]]


class PlainChannel(Channel):
    """The least that pycrdt asks of a transport, over the `websockets` library."""

    def __init__(self, socket: websockets.ClientConnection, path: str) -> None:
        self._socket = socket
        self._path = path

    @property
    def path(self) -> str:
        return self._path

    async def __anext__(self) -> bytes:
        try:
            return await self.recv()
        except websockets.ConnectionClosed:
            raise StopAsyncIteration from None

    async def send(self, message: bytes) -> None:
        await self._socket.send(message)

    async def recv(self) -> bytes:
        message = await self._socket.recv()
        assert isinstance(message, bytes)
        return message


@asynccontextmanager
async def over_websockets(url: str) -> AsyncIterator[Channel]:
    async with websockets.connect(url) as socket:
        yield PlainChannel(socket, url)


@asynccontextmanager
async def over_pycrdt_websocket(url: str) -> AsyncIterator[Channel]:
    socket: httpx_ws.AsyncWebSocketSession
    async with httpx_ws.aconnect_ws(url) as socket:
        yield HttpxWebsocket(socket, url)


@pytest.fixture(params=[over_websockets, over_pycrdt_websocket])
def connect(request: pytest.FixtureRequest) -> Connect:
    chosen: Connect = request.param
    return chosen


def shapes_of(doc: Doc[Any]) -> Map[Any]:
    shapes: Map[Any] = doc.get("shapes", type=Map)
    return shapes


async def until_holds(doc: Doc[Any], wanted: dict[str, Any]) -> None:
    """Waits for the document's own events until its shapes are as wanted."""
    try:
        with anyio.fail_after(10):
            async with doc.events() as events:
                while shapes_of(doc).to_py() != wanted:
                    await anext(events)
    except TimeoutError as error:
        raise AssertionError(f"still {shapes_of(doc).to_py()!r}") from error


async def test_w2_two_pycrdt_providers_converge(server: Server, connect: Connect) -> None:
    one, two = Doc[Any](), Doc[Any]()
    shapes_of(one)["a"] = Map({"x": 1})
    url = f"{server.sync_url}/plan"
    async with connect(url) as channel, Provider(one, channel), connect(url) as other, Provider(two, other):
        await until_holds(two, {"a": {"x": 1}})
        with one.transaction():
            shapes_of(one)["a"]["fill"] = "red"
        with two.transaction():
            shapes_of(two)["a"]["x"] = 2
        for doc in (one, two):
            await until_holds(doc, {"a": {"x": 2, "fill": "red"}})


async def test_s1_an_edit_made_before_connecting_outlives_the_server(server: Server, connect: Connect) -> None:
    first, later = Doc[Any](), Doc[Any]()
    shapes_of(first)["a"] = Map({"x": 1})
    url = f"{server.sync_url}/plan"
    async with connect(url) as channel, Provider(first, channel):
        witness = Doc[Any]()
        async with connect(url) as other, Provider(witness, other):
            await until_holds(witness, {"a": {"x": 1}})
    await run_sync(server.kill)
    await run_sync(server.start)
    async with connect(url) as channel, Provider(later, channel):
        await until_holds(later, {"a": {"x": 1}})


async def test_w2_pycrdt_and_yjs_edit_one_document(
    server: Server, connect: Connect, start_client: StartYjsClient
) -> None:
    doc = Doc[Any]()
    browser = await start_client()
    await browser.connect(server.sync_url, "plan")
    await browser.set("shapes", (["a"], "text", "héllo 🌍"), (["a"], "x", 1.5), (["a"], "to", {"id": "b"}))
    async with connect(f"{server.sync_url}/plan") as channel, Provider(doc, channel):
        await until_holds(doc, {"a": {"text": "héllo 🌍", "x": 1.5, "to": {"id": "b"}}})
        with doc.transaction():
            shapes_of(doc)["a"]["fill"] = "red"
        await browser.until_reads(
            {"shapes": "map"}, {"shapes": {"a": {"text": "héllo 🌍", "x": 1.5, "to": {"id": "b"}, "fill": "red"}}}
        )
