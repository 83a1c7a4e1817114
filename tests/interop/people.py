"""Stock clients of both dialects, made with one call each, and tokens for them."""

from __future__ import annotations

import time
from typing import Any

import httpx

from sync.auth import LEEWAY_S, Access, Authority, Role
from tests.interop.yjs_client import HocuspocusClient, NodeProcess, YjsClient
from tests.support.server import Server

SECRET = "a secret of thirty-two bytes or more"


class People:
    """Makes clients in one node process for one room of a server, whose other rooms belong to other tests."""

    def __init__(self, process: NodeProcess, server: Server, room: str) -> None:
        self.process = process
        self.server = server
        self.room = room

    async def y_websocket(self, version: int = 3) -> YjsClient:
        """A client of y-websocket that has not connected yet."""
        return YjsClient(self.process, await self.process.make("y-websocket", version))

    async def hocuspocus(self, version: int) -> HocuspocusClient:
        """A client of HocuspocusProvider that has not connected yet."""
        return HocuspocusClient(self.process, await self.process.make("hocuspocus", version))

    async def join_y(self, room: str | None = None, **options: Any) -> YjsClient:
        """A client of y-websocket that is synced."""
        client = await self.y_websocket(options.pop("version", 3))
        await client.connect(self.server.sync_url, room or self.room, **options)
        await client.until_synced()
        return client

    async def join_h(self, version: int, *tokens: str, room: str | None = None, **options: Any) -> HocuspocusClient:
        """A client of HocuspocusProvider that is synced."""
        client = await self.hocuspocus(version)
        await client.connect(self.server.hocuspocus_url, room or self.room, *tokens, **options)
        await client.until_synced()
        return client

    def token(
        self, access: Role = "write", *, user: str = "ann", room: str | None = None, expires_in_s: float = 60
    ) -> str:
        """For this room. Tokens count in whole seconds, and are good for a leeway longer than they say."""
        who = Access(user, user.title(), access, room or self.room)
        return Authority(SECRET).mint(who, time.time() - LEEWAY_S, expires_in_s)

    async def take_back(self, *, user: str, access: str = "none") -> None:
        """A person's access to this room; a server that asks for tokens."""
        headers = {"authorization": f"Bearer {self.token('admin', user='boss')}"}
        async with httpx.AsyncClient(base_url=self.server.url, headers=headers, timeout=30) as client:
            made = await client.post("/api/revocations", json={"room": self.room, "user": user, "access": access})
        assert made.status_code == 201, made.text
