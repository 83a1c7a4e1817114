"""A room in memory: the pure Room, the outboxes of its connections, and the log that its updates go to.

Under load a room does things by turns: it writes what has come to the log, and tells it when it is durable, everything
in one message; presence goes along (W13).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import anyio
from pycrdt import Doc

from sync.coalescing import Coalescer, Pacer
from sync.effects import Append, Batch, Broadcast, Close, Effect, Send
from sync.log_writer import LogWriter, Start
from sync.members import AccessLevel, Member
from sync.outbox import Outbox, Rules
from sync.outgoing import Outgoing
from sync.presence import ConnectionId
from sync.protocol import Awareness, BoardEvent, CloseCode, Message, SyncStatus, SyncStep1, SyncStep2, Update, encode
from sync.room import Room, RoomBroken
from sync.settings import Settings
from sync.store import Entry, RoomInfo, Store
from sync.tally import Tally
from sync.watch import Watcher

MAX_ITEMS = 8  # answers kept framed for the next who asks the same
FEW = 16  # connections that are told in less time than it takes to look how long that took
READ_ANEW = "The room is read anew from its log; try again."
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
        start: Start,
        on_change: Callable[[str, Doc[Any]], None] = lambda room, doc: None,
        tally: Tally | None = None,
    ) -> None:
        self.info = info
        self.tally = Tally() if tally is None else tally
        self.room = room
        self.seq = seq
        """The last log row that the document holds."""
        self.snapshot_seq = snapshot_seq
        self.snapshot_bytes = 0
        self.log_bytes = 0
        """Of the rows after the snapshot."""
        self.full: str | None = None
        """Why nobody may add to it, if so."""
        self.grown_bytes = 0
        """Since its size was looked at."""
        self._size_bytes: int | None = None
        self._looked_at = -1
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
        self._charges: dict[ConnectionId, Callable[[Batch], None]] = {}
        self.fault: str | None = None
        """Why the store does not take updates, while it does not."""
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
        self._log = LogWriter(info.room, store, self, start)
        self._flushed: anyio.Event | None = None
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

    def connect(
        self,
        connection: ConnectionId,
        member: Member,
        outbox: Outbox,
        agent: Agent | None,
        charge: Callable[[Batch], None] | None = None,
    ) -> None:
        """A connection joins; it is people's when `agent` is None. `charge` hears of frames with several messages."""
        self._outboxes[connection] = outbox
        if charge is not None:
            self._charges[connection] = charge
        if agent is not None:
            self.agents[connection] = agent
        self.perform(self.room.connect(connection, member))
        if self.fault is not None:
            self.perform(self.room.storage_fault(self.fault, connection))

    def receive(self, connection: ConnectionId, frame: bytes) -> None:
        """A frame came; while the store does not take what came before, only so much of it (S7)."""
        self.tally.received_messages += 1
        self.tally.received_bytes += len(frame)
        if self._log.pending_bytes > self._max_pending_bytes:
            reason = f"Cannot save: {self.fault or 'the store does not keep up'}"
            self.perform([Close(connection, CloseCode.STORAGE_UNAVAILABLE, reason)])
            return
        try:
            effects = self.room.receive(connection, frame)
        except RoomBroken as broken:
            self._broken(broken)
            return
        self.perform(effects)

    def disconnect(self, connection: ConnectionId) -> None:
        """The connection is gone."""
        self._outboxes.pop(connection, None)
        self._charges.pop(connection, None)
        self.agents.pop(connection, None)
        self.perform(self.room.disconnect(connection))

    def set_access(self, connection: ConnectionId, access: AccessLevel, reason: str) -> None:
        """What it may do from now on; the reason is for one that may only read."""
        self.perform(self.room.set_access(connection, access, reason))

    def tick(self) -> None:
        """A second is over."""
        try:
            effects = self.room.tick()
        except RoomBroken as broken:
            self._broken(broken)
            return
        self.perform(effects)

    def look_at_size(self, settings: Settings) -> bool:
        """See whether the document is over a limit, which costs something only when it has grown. Has that changed?"""
        if self.seq == self._looked_at:
            return False
        self._looked_at = self.seq
        before, self.full = self.full, self._why_full(settings)
        return before != self.full

    def _why_full(self, settings: Settings) -> str | None:
        profile = self.room.gate.profile
        most = settings.max_board_bytes if profile.is_map else settings.max_any_bytes
        if 0 < settings.max_client_ids < len(self.room.gate.known):
            return f"This board has had {settings.max_client_ids} writers, which is all that it can have."
        if profile.counted_root is not None and 0 < settings.max_shapes < self.room.count(profile.counted_root):
            return f"This board has {settings.max_shapes} shapes, which is all that it can have."
        if most and (self._size_bytes is None or self._size_bytes + self.grown_bytes > most):
            if self._size_bytes is None or self.grown_bytes > most >> 6:  # writing it out takes as long as it is big
                self._size_bytes = len(self.room.doc.get_update())
                self.grown_bytes = 0
            if self._size_bytes > most:
                return f"This board has {most >> 20} MiB, which is all that it can have."
        return None

    def needs_snapshot(self, settings: Settings) -> bool:
        """Has its log grown so long, or so big beside the snapshot before, that reading it takes long?"""
        return self.seq - self.snapshot_seq >= settings.compact_after_rows or self.log_bytes >= max(
            settings.compact_after_bytes, self.snapshot_bytes
        )

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
                    self.grown_bytes += len(update)
                    self._log.put(Entry(update, author, int(self._clock() * 1000)))
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
                case Batch(connection):
                    if charge := self._charges.get(connection):
                        charge(effect)

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
        """Now and then: what is kept for those who come next is let go."""
        self._items.clear()
        self.room.rest()

    def _speak_soon(self) -> None:
        """At once when the room was quiet; what comes in the same turn of the loop goes along."""
        if self._timer is not None:
            return
        now = perf_counter()
        wait_s = self._pacer.pause_s(now)
        if self._log.is_busy:
            wait_s = max(wait_s, self._log.since + PRESENCE_WAITS_S - now)
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
        if len(self._outboxes) > FEW:
            # a loop that gathers writes does them at the end of its turn: then it is known what they cost
            self._loop.call_soon(self._spoken, began)

    def _spoken(self, began: float) -> None:
        now = perf_counter()
        self._pacer.spoke(now, now - began)

    def _tell(self, messages: Sequence[Message], to: Sequence[ConnectionId]) -> None:
        payloads = [encode(message) for message in messages]
        item = Outgoing(*payloads)
        self.tally.sent_bytes += item.size_bytes * len(to)
        reached = rest = None
        if isinstance(messages[0], Update):
            reached = self.room.doc.get_state
            rest = Outgoing(*payloads[1:]) if len(payloads) > 1 else None
        outboxes, wire = self._outboxes, None
        for connection in to:
            outbox = outboxes.get(connection)
            if outbox is None:
                continue
            if express := outbox.express:  # nearly always; 0.2 us a delivery less than through outbox and link
                outbox.has_written = True
                if wire is None:
                    wire = item.wire
                try:
                    express(wire)
                    continue
                except RuntimeError:  # a transport that has just been closed; its link knows what to do
                    outbox.muted()
            if reached is None:
                outbox.put(item)
            else:
                outbox.put_increment(item, reached, rest)

    def _catch_up(self, reached: bytes) -> list[Outgoing]:
        """What somebody who has read up to the state vector `reached` lacks, as one message."""
        item = Outgoing(encode(Update(self.room.doc.get_update(reached))))
        self.tally.sent_bytes += item.size_bytes
        return [item]

    def stop(self) -> None:
        """Lets the document go when what is pending has been written."""
        self._is_stopped = True
        if not self._log.is_busy:
            self.room.close()

    # the log's side

    def pause_s(self, now: float) -> float:
        """See Listener."""
        return self._pacer.pause_s(now)

    def appended(self, batch: list[Entry], size_bytes: int, seq: int, took_s: float) -> None:
        """See Listener. A fault that is none of a store's or a document's must not leave the room waiting."""
        self.tally.updates += len(batch)
        self.tally.stored_bytes += size_bytes
        self.log_bytes += size_bytes
        self.tally.observe_commit(took_s)
        try:
            self._tell_storage(None)
            self._committed(batch, seq)
        except RoomBroken as broken:
            self._broken(broken)
        except Exception:
            log.exception("room %s: what the log has taken was not told", self.info.room)
            self._break(self.room.close_all(CloseCode.GOING_AWAY, READ_ANEW))

    def _broken(self, broken: RoomBroken) -> None:
        """The sender of what the library failed on is not asked to come again with it (G8)."""
        log.error("room %s: the library failed: %s", self.info.room, broken)
        goodbyes = self.room.close_all(CloseCode.GOING_AWAY, READ_ANEW)
        if broken.sender is not None:
            goodbyes.insert(0, Close(broken.sender, CloseCode.MALFORMED, "This change cannot be read."))
        self._break(goodbyes)

    def _committed(self, batch: list[Entry], seq: int) -> None:
        effects = self.room.committed(len(batch))
        self.seq = seq
        self.edited_at = batch[-1].at
        self.perform(effect for effect in effects if isinstance(effect, Broadcast))
        self._speak()
        self.perform(effect for effect in effects if not isinstance(effect, Broadcast))
        for follower in self.followers:
            follower.put(self.info.room)
        try:
            self._on_change(self.info.room, self.room.doc)
        except Exception:  # somebody else's code must not end the room
            log.exception("room %s: the on_change hook failed", self.info.room)

    def not_appended(self, fault: str) -> None:
        """See Listener."""
        self.tally.store_errors += 1
        self._tell_storage(fault)

    def gone(self) -> None:
        """See Listener."""
        self._break(self.room.close_all(CloseCode.NOT_FOUND, "This board was deleted."))

    def rests(self) -> None:
        """See Listener."""
        if self._flushed is not None:
            self._flushed.set()
        if self._is_stopped:
            self.room.close()

    def _tell_storage(self, fault: str | None) -> None:
        if fault == self.fault:
            return
        self.fault = fault
        log.warning("room %s: %s", self.info.room, fault or "the store takes updates again")
        self.perform(self.room.storage_changed(fault))

    def _break(self, effects: Iterable[Effect]) -> None:
        """The document in memory is not what the log says: it is read anew for the next who comes."""
        self.is_broken = True
        self.tally.broken_rooms += 1
        self._log.drop()
        self.stop()
        self.perform(effects)

    @property
    def pending_bytes(self) -> int:
        """Received and not durable yet."""
        return self._log.pending_bytes

    @property
    def is_flushed(self) -> bool:
        """All that was received is durable, or the room is broken."""
        return self.is_broken or not self._log.is_busy

    async def flush(self) -> None:
        """Returns when `is_flushed`."""
        while not self.is_flushed:
            self._flushed = anyio.Event()
            await self._flushed.wait()
