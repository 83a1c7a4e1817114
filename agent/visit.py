"""A guest's way into a room and out of it: a slot that is free, its lease, the connection, the face."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import anyio
from pycrdt import Doc

from agent.calls import ToolBox
from agent.guest import Guest
from agent.peer import joined
from agent.rooms import Busy, Lease, Refused, Rooms, ServerAway
from agent.settings import Settings
from agent.tools import openai_schema
from agent.tools.base import Tool
from agent.world import Place
from sync.provider import Provider, ProviderClosed, connect

MAX_GUESTS = 16  # slots of one name that are tried in a room
LEAVE_TIMEOUT_S = 1.0  # on the way out; presence is gone within two seconds of the caller's end
SYNC_TIMEOUT_S = 15.0

logger = logging.getLogger("coplayer.agent")


@asynccontextmanager
async def visiting(
    settings: Settings, tools: Sequence[type[Tool]], room: str, name: str, source: str
) -> AsyncIterator[Guest]:
    """A guest in `room` (made if need be), there while the context lasts.

    The context is cancelled with ProviderClosed when the room is deleted or its lease is lost. Raises ServerAway,
    Refused.
    """
    rooms, slot, lease = await _slot(settings, room)
    async with rooms:
        try:
            doc: Doc[Any] = Doc(client_id=lease.epoch)
            async with connect(rooms.sync_url(room), doc, rooms.sync_query(lease)) as provider:
                await _synced(provider)
                async with joined(provider, slot, name, source, False) as peer:
                    place = Place(doc, slot, lease.epoch, ToolBox(tools, openai_schema), peer, provider.saved, settings)
                    guest = Guest(place, name, source)
                    async with anyio.create_task_group() as tasks:
                        tasks.start_soon(guest.attend)
                        tasks.start_soon(provider.wait_closed)
                        tasks.start_soon(_keep, rooms, room, lease)
                        try:
                            yield guest
                        finally:
                            await _leave(guest, provider)
                            tasks.cancel_scope.cancel()
        finally:
            await _release(rooms, room)


async def _slot(settings: Settings, room: str) -> tuple[Rooms, str, Lease]:
    """The first slot of the name that nobody has: `mcp`, `mcp-2`, ..."""
    holder, retry_in_s = uuid4().hex, 0.0
    for number in range(1, MAX_GUESTS + 1):
        slot = settings.slot if number == 1 else f"{settings.slot}-{number}"
        rooms = Rooms(settings.server, settings.token, slot, holder)
        async with Rooms(settings.server, settings.token, slot, holder) as asking:
            if number == 1:
                await asking.make(room)
            lease = await asking.take(room)
        if isinstance(lease, Lease):
            return rooms, slot, lease
        assert isinstance(lease, Busy)
        retry_in_s = lease.retry_in_s
    raise ServerAway(f"{MAX_GUESTS} others of this name work in {room}; try again in {retry_in_s:.0f} s")


async def _synced(provider: Provider) -> None:
    with anyio.move_on_after(SYNC_TIMEOUT_S):
        await provider.wait_synced()
        return
    raise ServerAway("the server does not answer on its WebSocket")


async def _keep(rooms: Rooms, room: str, lease: Lease) -> None:
    await rooms.keep(room, lease)
    raise ProviderClosed(4409, "Another process has this place now.")


async def _leave(guest: Guest, provider: Provider) -> None:
    """End the run; what cannot be saved in time is not waited for."""
    with anyio.move_on_after(LEAVE_TIMEOUT_S, shield=True):
        guest.leave()
        try:
            await provider.saved()
        except ProviderClosed as error:
            logger.info("left without a goodbye: %s", error)


async def _release(rooms: Rooms, room: str) -> None:
    with anyio.move_on_after(LEAVE_TIMEOUT_S, shield=True):
        try:
            await rooms.release(room, is_done=True)
        except (ServerAway, Refused) as error:
            logger.info("the lease of %s runs out by itself: %s", room, error)
