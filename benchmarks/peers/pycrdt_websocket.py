"""pycrdt-websocket under uvicorn and uvloop: `python pycrdt_websocket.py PORT [DATABASE]`."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import uvicorn
from pycrdt.store import SQLiteYStore
from pycrdt.store.base import YDocNotFound
from pycrdt.websocket import ASGIServer, WebsocketServer, YRoom
from pycrdt.websocket.websocket_server import exception_logger


class DurableServer(WebsocketServer):
    """Every room has a store of its own in one database, from which it is loaded when it is opened."""

    def __init__(self, database: str) -> None:
        super().__init__(exception_handler=exception_logger)
        self._store = type("Store", (SQLiteYStore,), {"db_path": database})

    async def make_tables(self) -> None:
        """Now, as rooms that are opened at once would all try."""
        async with self._store(path="") as store:
            await store.db_initialized.wait()

    async def get_room(self, name: str) -> YRoom:
        """As WebsocketServer, with a store."""
        if name not in self.rooms:
            store = self._store(path=name)
            room = YRoom(ready=False, ystore=store, exception_handler=exception_logger)
            self.rooms[name] = room
            await self.start_room(room)
            await store.started.wait()
            with suppress(YDocNotFound):  # a new room
                await store.apply_updates(room.ydoc)
            room.ready = True
        room = self.rooms[name]
        await room.ready_event.wait()
        return room


def application(server: WebsocketServer) -> Any:
    """The server's life inside uvicorn's."""
    asgi = ASGIServer(server)

    @asynccontextmanager
    async def life() -> AsyncIterator[None]:
        if isinstance(server, DurableServer):
            await server.make_tables()
        async with server:
            yield

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "lifespan":
            await asgi(scope, receive, send)
            return
        await receive()
        async with life():
            await send({"type": "lifespan.startup.complete"})
            await receive()
        await send({"type": "lifespan.shutdown.complete"})

    return app


if __name__ == "__main__":
    made = DurableServer(sys.argv[2]) if len(sys.argv) > 2 else WebsocketServer(exception_handler=exception_logger)
    uvicorn.run(application(made), host="127.0.0.1", port=int(sys.argv[1]), log_level="warning", loop="uvloop")
