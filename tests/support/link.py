"""A network between one browser and the server: a TCP proxy whose wire a test can stall, cut and mend."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Literal

Wire = Literal["open", "stalled", "cut"]
_CHUNK = 65536


class Link:
    """`wire` says how it is. A stalled link keeps its sockets and carries nothing, a cut one has none."""

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._carries = asyncio.Event()
        self._carries.set()
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self.wire: Wire = "open"
        self.url = ""

    def set(self, wire: Wire) -> None:
        """Stall it, cut it or mend it. What was under way on a cut link is lost."""
        self.wire = wire
        if wire == "stalled":
            self._carries.clear()
            return
        if wire == "cut":
            for writer in self._writers:
                writer.transport.abort()
        self._carries.set()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self._writers.add(writer)
        try:
            if self.wire != "cut":
                await self._join(reader, writer)
        except OSError:
            pass  # the server is away, or a side has gone: the other one sees its socket end
        finally:
            self._writers.discard(writer)
            self._tasks.discard(task)
            writer.transport.abort()

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._carries.wait()
        far_reader, far_writer = await asyncio.open_connection(*self._target)
        self._writers.add(far_writer)
        ways = [
            asyncio.create_task(self._carry(reader, far_writer)),
            asyncio.create_task(self._carry(far_reader, writer)),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            self._writers.discard(far_writer)
            far_writer.transport.abort()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(_CHUNK):
            await self._carries.wait()
            writer.write(data)
            await writer.drain()


@asynccontextmanager
async def open_link(url: str) -> AsyncIterator[Link]:
    """A link to the server at `url`; `Link.url` is its address for a browser."""
    host, _, port = url.removeprefix("http://").partition(":")
    link = Link(host, int(port))
    listener = await asyncio.start_server(link._serve, "127.0.0.1", 0)
    link.url = f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
    try:
        yield link
    finally:
        listener.close()
        for task in list(link._tasks):
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
