"""The server's own edits, for HTTP: each takes the road that every peer takes, and returns when it is durable."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import anyio
from pycrdt import Doc

from sync.connection import Mailbox
from sync.gate import RESERVED_CLIENT_IDS
from sync.live import Agent, LiveRoom
from sync.members import Member
from sync.outbox import Outbox
from sync.presence import ConnectionId, Identity
from sync.protocol import CloseCode, SyncStatus, SyncStep1, Update, decode, encode
from sync.rooms import Rejected, Rooms
from sync.store import StoreError

T = TypeVar("T")
HUMAN_CLIENT_IDS = range(RESERVED_CLIENT_IDS, 2**32)
"""Client ids of writers that are not assistants: Yjs' own range. pycrdt's 53-bit ids would win every tie."""
LOCAL = Agent("", 0)
"""A connection of the server's own: it is nobody and is not counted among the people."""


class Gap(Exception):
    """An update builds on something that the room lacks; nothing was changed."""


class Edits:
    """Of one hub. `ids` are those of its connections: an edit is one for as long as it lasts."""

    def __init__(self, rooms: Rooms, timeout_s: float, ids: Iterator[ConnectionId]) -> None:
        self._rooms = rooms
        self._timeout_s = timeout_s
        self._ids = ids

    async def edit(self, room: str, change: Callable[[Doc[Any]], T], author: str, client_id: int | None) -> T:
        """See Hub.edit."""
        async with self._rooms.using(room) as live, self._in_time(live), live.editing:
            if client_id is not None and client_id in live.room.gate.known:
                await live.flush()  # it is under way since an earlier request that nobody waited for
            if live.editor is None:
                live.editor = secrets.choice(HUMAN_CLIENT_IDS)
            replica: Doc[Any] = Doc(client_id=live.editor if client_id is None else client_id)
            replica.apply_update(live.room.doc.get_update())
            before = replica.get_state()
            result = change(replica)
            try:
                await self._submit(live, replica.get_update(before), author)
            except BaseException:
                live.editor = None  # what was sent may yet be saved: its clocks are not used for anything else
                raise
            return result

    async def apply(self, room: str, update: bytes, author: str) -> None:
        """See Hub.apply."""
        async with self._rooms.using(room) as live, self._in_time(live):
            await self._submit(live, update, author)

    @asynccontextmanager
    async def _in_time(self, live: LiveRoom) -> AsyncIterator[None]:
        try:
            with anyio.fail_after(self._timeout_s):
                yield
        except TimeoutError:
            raise StoreError(f"Not saved yet: {live.fault or 'the store is slow'}") from None

    async def _submit(self, live: LiveRoom, update: bytes, author: str) -> None:
        if live.room.sealed is not None:
            raise StoreError(live.room.sealed)
        if live.full is not None:
            raise Rejected(CloseCode.REFUSED, live.full)
        connection = next(self._ids)
        mailbox = Mailbox()
        live.connect(connection, Member(Identity(author)), Outbox(mailbox, live.rules), LOCAL)
        try:
            live.receive(connection, encode(Update(update)) + encode(SyncStatus(b"saved")))
            await _saved(mailbox)
        finally:
            live.disconnect(connection)


async def _saved(mailbox: Mailbox) -> None:
    steps = 0
    while True:
        for payload in await mailbox.take():
            for message in decode(payload):
                if isinstance(message, SyncStatus):
                    return
                steps += isinstance(message, SyncStep1)
                if steps == 2:  # the first greets every connection; the second asks for what is missing (W8)
                    raise Gap("The update builds on changes that this room does not have; send the whole state.")
        if mailbox.goodbye is not None:
            raise Rejected(*mailbox.goodbye)
