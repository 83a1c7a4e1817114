"""A room in memory: the pure Room, the outboxes of its connections, and the pump that makes its updates durable.

Under load a room does things by turns: it writes what has come to the log, and tells it when it is durable, everything
in one message; presence goes along (W13).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterable, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import anyio
from pycrdt import Doc

from sync.coalescing import Coalescer, Pacer
from sync.outbox import Outbox, Rules
from sync.outgoing import Outgoing
from sync.presence import ConnectionId
from sync.protocol import Awareness, BoardEvent, CloseCode, Message, SyncStatus, SyncStep1, SyncStep2, Update, encode
from sync.room import Append, Broadcast, Close, Effect, Member, Room, RoomBroken, Send
from sync.settings import Settings
from sync.store import Entry, NoSuchRoom, RoomInfo, Store, StoreError
from sync.tally import Tally
from sync.watch import Watcher

FIRST_RETRY_S = 0.1
MAX_RETRY_S = 2.0  # so a store that is back is noticed well within 5 s
MAX_BATCH = 2_000  # updates of one append; bounds how long one room holds the commit
MAX_ITEMS = 8  # answers kept framed for the next who asks the same
PRESENCE_WAITS_S = 0.003  # for a commit under way, to go in one write with what it brings

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Agent:
    """Which assistant a connection is: its lease's slot and epoch."""

    slot: str
    epoch: int


class LiveRoom:
    """Carries out a Room's effects."""

    def __init__(
        self,
        info: RoomInfo,
        room: Room,
        seq: int,
        snapshot_seq: int,
        store: Store,
        clock: Callable[[], float],
        settings: Settings,
        start: Callable[[Callable[[], Coroutine[Any, Any, None]]], object],
        on_change: Callable[[str, Doc[Any]], None] = lambda room, doc: None,
        tally: Tally | None = None,
    ) -> None:
        self.info = info
        self.tally = Tally() if tally is None else tally
        self.room = room
        self.seq = seq
        """The last log row that the document holds."""
        self.snapshot_seq = snapshot_seq
        self.edited_at = info.edited_at
        self.is_broken = False
        self.has_gaps = False
        """Rows of its log are lost: no snapshot may take the place of the others."""
        self._is_stopped = False
        self.followers: set[Watcher] = set()
        self.agents: dict[ConnectionId, Agent] = {}
        self._editing: anyio.Lock | None = None
        self.editor: int | None = None
        """The client id of those edits while the room is in memory: one for all, or each would stay in the document."""
        self._outboxes: dict[ConnectionId, Outbox] = {}
        self.fault: str | None = None
        """Why the store does not take updates, while it does not."""
        self._pending: list[Entry] = []
        self._pending_bytes = 0
        self._max_pending_bytes = settings.max_pending_bytes
        self.rules = Rules(
            settings.max_outbox_bytes,
            settings.lag_bytes,
            settings.slow_after_s,
            settings.keep_alive_s,
            self._catch_up,
        )
        self._news = Coalescer()
        self._pacer = Pacer()
        self._items: dict[int, tuple[Message, Outgoing]] = {}
        """By the identity of the message, which is kept with it."""
        self._timer: asyncio.Handle | None = None
        self._loop = asyncio.get_running_loop()
        self._start = start
        self._has_pump = False
        self._may_rest = False
        self._is_writing = False
        self._writing_since = 0.0
        self._work: anyio.Event | None = None
        self._flushed: anyio.Event | None = None
        self._store = store
        self._on_change = on_change
        self._clock = clock

    @property
    def editing(self) -> anyio.Lock:
        """The server's own edits (REST) hold it, one after the other: each starts from what the last one left."""
        if self._editing is None:
            self._editing = anyio.Lock()
        return self._editing

    @property
    def people(self) -> int:
        """Connections that are no assistant's and not the server's own."""
        return len(self._outboxes) - len(self.agents)

    @property
    def connections(self) -> int:
        """All of them."""
        return len(self._outboxes)

    def connect(self, connection: ConnectionId, member: Member, outbox: Outbox, agent: Agent | None) -> None:
        """A connection joins; it is people's when `agent` is None."""
        self._outboxes[connection] = outbox
        if agent is not None:
            self.agents[connection] = agent
        self.perform(self.room.connect(connection, member))
        if self.fault is not None:
            self.perform(self.room.storage_fault(self.fault, connection))

    def receive(self, connection: ConnectionId, frame: bytes) -> None:
        """A frame came; while the store does not take what came before, only so much of it (S7)."""
        self.tally.received_messages += 1
        self.tally.received_bytes += len(frame)
        if self._pending_bytes > self._max_pending_bytes:
            reason = f"Cannot save: {self.fault or 'the store does not keep up'}"
            self.perform([Close(connection, CloseCode.STORAGE_UNAVAILABLE, reason)])
            return
        self.perform(self.room.receive(connection, frame))

    def disconnect(self, connection: ConnectionId) -> None:
        """The connection is gone."""
        self._outboxes.pop(connection, None)
        self.agents.pop(connection, None)
        self.perform(self.room.disconnect(connection))

    def supersede(self, slot: str, epoch: int) -> None:
        """A newer lease was given: the older holders go (R8)."""
        for connection, agent in self.agents.items():
            if agent.slot == slot and agent.epoch < epoch:
                self._outboxes[connection].close(CloseCode.SUPERSEDED, "Another assistant has taken over this room.")

    def close_all(self, code: CloseCode, reason: str) -> None:
        """Say goodbye to everybody."""
        self.perform(self.room.close_all(code, reason))

    def perform(self, effects: Iterable[Effect]) -> None:
        """Carry out what the room decided."""
        for effect in effects:
            match effect:
                case Append(update, author):
                    self._pending_bytes += len(update)
                    self._pending.append(Entry(update, author, int(self._clock() * 1000)))
                    self._wake_pump()
                case Send(connection, message):
                    if outbox := self._outboxes.get(connection):
                        item = self._item(message)
                        self.tally.sent_bytes += item.size_bytes
                        outbox.put(item)
                case Broadcast():
                    self._news.add(effect)
                    self._speak_soon()
                case Close(connection, code, reason):
                    if outbox := self._outboxes.get(connection):
                        outbox.close(code, reason)

    def _item(self, message: Message) -> Outgoing:
        """Encoded; what the room gives to many is one object and framed once."""
        if not isinstance(message, SyncStep1 | SyncStep2 | Awareness):
            self.tally.acks += isinstance(message, SyncStatus)
            if isinstance(message, BoardEvent) and message.event.get("type") == "refused":
                self.tally.refused_updates += 1
            return Outgoing(encode(message))
        known = self._items.get(id(message))
        if known is None:
            if len(self._items) >= MAX_ITEMS:
                self._items.clear()
            known = self._items[id(message)] = message, Outgoing(encode(message))
        return known[1]

    def rest(self) -> None:
        """Now and then: what is kept for those who come next is let go, and of a quiet room the pump."""
        self._items.clear()
        self.room.rest()
        if self._may_rest and self._work is not None:
            self._work.set()
        self._may_rest = True

    def _wake_pump(self) -> None:
        self._may_rest = False
        if not self._has_pump and not self._is_stopped:
            self._has_pump = True
            self._start(self._pump)
        if self._work is not None:
            self._work.set()

    def _speak_soon(self) -> None:
        """At once when the room was quiet; what comes in the same turn of the loop goes along."""
        if self._timer is not None:
            return
        now = perf_counter()
        wait_s = self._pacer.pause_s(now)
        if self._is_writing:
            wait_s = max(wait_s, self._writing_since + PRESENCE_WAITS_S - now)
        if wait_s > 0:
            self._timer = self._loop.call_later(wait_s, self._speak)
        else:
            self._timer = self._loop.call_soon(self._speak)

    def _speak(self) -> None:
        """Tell everybody what has gathered: encoded and framed once, one write a connection."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if not self._news:
            return
        began = perf_counter()
        news = self._news.take()
        if len(news) == 2 and news[0].to == news[1].to:
            self._tell((news[0].message, news[1].message), news[0].to)
        else:
            for broadcast in news:
                self._tell((broadcast.message,), broadcast.to)
        self._spoken(began)
        self.tally.observe_flush(perf_counter() - began)
        # a loop that gathers writes does them at the end of its turn: then it is known what they cost
        self._loop.call_soon(self._spoken, began)

    def _spoken(self, began: float) -> None:
        now = perf_counter()
        self._pacer.spoke(now, now - began)

    def _tell(self, messages: Sequence[Message], to: Sequence[ConnectionId]) -> None:
        payloads = [encode(message) for message in messages]
        item = Outgoing(*payloads)
        self.tally.sent_bytes += item.size_bytes * len(to)
        outboxes = self._outboxes
        if isinstance(messages[0], Update):
            reached = self.room.doc.get_state
            rest = Outgoing(*payloads[1:]) if len(payloads) > 1 else None
            for connection in to:
                if outbox := outboxes.get(connection):
                    outbox.put_increment(item, reached, rest)
            return
        for connection in to:
            if outbox := outboxes.get(connection):
                outbox.put(item)

    def _catch_up(self, reached: bytes) -> list[Outgoing]:
        """What somebody who has read up to the state vector `reached` lacks, as one message."""
        item = Outgoing(encode(Update(self.room.doc.get_update(reached))))
        self.tally.sent_bytes += item.size_bytes
        return [item]

    async def _pump(self) -> None:
        """Writes what is pending, whatever came meanwhile as one batch; ends when the room is stopped or quiet."""
        while True:
            while self._pending:
                self._is_writing = True
                self._writing_since = perf_counter()
                if wait_s := self._pacer.pause_s(self._writing_since):
                    self._writing_since += wait_s
                    await asyncio.sleep(wait_s)
                batch, self._pending = self._pending[:MAX_BATCH], self._pending[MAX_BATCH:]
                await self._write(batch)
            self._is_writing = False
            if self._flushed is not None:
                self._flushed.set()
            if self._is_stopped or self._may_rest:
                self._has_pump = False
                self._work = None
                if self._is_stopped:
                    self.room.close()
                return
            self._work = anyio.Event()
            await self._work.wait()

    def stop(self) -> None:
        """Ends the pump when it has written what is pending."""
        self._is_stopped = True
        if not self._has_pump:
            self.room.close()
        elif self._work is not None:
            self._work.set()

    async def _write(self, batch: list[Entry]) -> None:
        try:
            seq = await self._append(batch)
        except NoSuchRoom:
            self._break(self.room.close_all(CloseCode.NOT_FOUND, "This board was deleted."))
            return
        size = sum(len(entry.update) for entry in batch)
        self._pending_bytes -= size
        self.tally.updates += len(batch)
        self.tally.stored_bytes += size
        try:
            effects = self.room.committed(len(batch))
        except RoomBroken:
            self._break(self.room.close_all(CloseCode.GOING_AWAY, "The room is read anew from its log; try again."))
            return
        self.seq = seq
        self.edited_at = batch[-1].at
        self.perform(effect for effect in effects if isinstance(effect, Broadcast))
        self._speak()
        self.perform(effect for effect in effects if not isinstance(effect, Broadcast))
        for follower in self.followers:
            follower.put(self.info.room)
        try:
            self._on_change(self.info.room, self.room.doc)
        except Exception:  # somebody else's code must not end the room's pump
            log.exception("room %s: the on_change hook failed", self.info.room)

    async def _append(self, batch: list[Entry]) -> int:
        """Until the store takes it: nothing is shown or acknowledged meanwhile, presence goes on (S7).

        A batch may be in the log twice when the store failed after its commit; the gate leaves out what is known.
        """
        pause_s = FIRST_RETRY_S
        while True:
            began = perf_counter()
            try:
                seq = await self._store.append(self.info.room, batch)
            except NoSuchRoom:
                raise
            except StoreError as error:
                self.tally.store_errors += 1
                self._tell_storage(str(error))
                await anyio.sleep(pause_s)
                pause_s = min(MAX_RETRY_S, pause_s * 2)
            else:
                self.tally.observe_commit(perf_counter() - began)
                self._tell_storage(None)
                return seq

    def _tell_storage(self, fault: str | None) -> None:
        if fault == self.fault:
            return
        self.fault = fault
        log.warning("room %s: %s", self.info.room, fault or "the store takes updates again")
        self.perform(self.room.storage_changed(fault))

    def _break(self, effects: Iterable[Effect]) -> None:
        """The document in memory is not what the log says: the hub reads it anew for the next who comes."""
        self.is_broken = True
        self.tally.broken_rooms += 1
        self._pending.clear()
        self._pending_bytes = 0
        self.stop()
        self.perform(effects)

    @property
    def pending_bytes(self) -> int:
        """Received and not durable yet."""
        return self._pending_bytes

    @property
    def is_flushed(self) -> bool:
        """All that was received is durable, or the room is broken."""
        return self.is_broken or not (self._pending or self._is_writing)

    async def flush(self) -> None:
        """Returns when `is_flushed`."""
        while not self.is_flushed:
            self._flushed = anyio.Event()
            await self._flushed.wait()
