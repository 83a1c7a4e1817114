"""A room: a live document with its connections. Pure: it has no I/O, no clock and no log, it returns effects.

An update goes: gate -> `Append` effect -> (LiveRoom makes it durable) -> `committed` -> applied in log order ->
`Broadcast` and acks (docs/spec.md W4). Nobody sees a change that is not on disk.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Container, Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from pycrdt import Doc, Map, Subscription, TransactionEvent

from sync.asks import Asks, AsksTooMuch
from sync.blocks import Id
from sync.comments import Comments, NotAComment
from sync.effects import Append, Batch, Broadcast, Close, Effect, Send
from sync.gate import Gate, NotReady, Profile, Refused
from sync.guarded import LibraryFailed, guarded
from sync.members import AccessLevel, Member
from sync.presence import ConnectionId, Presence
from sync.protocol import (
    EMPTY_UPDATE,
    AuthDenied,
    Awareness,
    AwarenessEntry,
    BoardEvent,
    ClientId,
    CloseCode,
    Message,
    ProtocolError,
    QueryAwareness,
    SyncStatus,
    SyncStep1,
    SyncStep2,
    Unknown,
    Update,
    decode,
    decode_state_vector,
    encode_state_vector,
)

BeforeUpdate = Callable[[bytes, str | None], None]
"""(update, user): raises Refused for what must not be stored."""
READ_ONLY = "You may read this board, not change it."
MAX_HELD_ACKS = 1_000  # sync-status questions of one connection that wait for a gap to close
MAX_ANSWERS = 4  # step 2s that are kept for the next who lacks the same; one is as big as the document
MAX_ASKS = 5  # times in a row that a step 2 may be overtaken by others before only a part of it is taken


class RoomBroken(Exception):
    """The CRDT library failed: rebuild the room from its log.

    `update` is the one of those to be applied that it failed on, if that is known, and `sender` who sent what it was.
    """

    def __init__(self, reason: str, update: bytes | None = None, sender: ConnectionId | None = None) -> None:
        super().__init__(reason)
        self.update = update
        self.sender = sender


@dataclass(slots=True)
class _Connection:
    member: Member
    refusal: str | None = None
    """Why it may change nothing, if so."""
    is_synced: bool = False
    is_behind: bool = False
    """It sent an update past a gap; its acks wait until a step 2 has closed it (W8)."""
    held_acks: list[bytes] = field(default_factory=list)
    asks: int = 0
    updates: int = 0
    """How many it has sent: a refusal names the one it means."""


@dataclass(slots=True)
class _InFlight:
    """An update that is being written to the log, and the acks that wait for it."""

    sender: ConnectionId
    update: bytes
    acks: list[tuple[ConnectionId, bytes]] = field(default_factory=list)


class Room:
    """The document and who is connected to it.

    `stored` are the updates of the log, in order. Some may build on one that was lost: `skipped` counts those. They
    apply when the lost one comes again, from a client that still has it. `snapshot` is what came before them; it passed
    a gate when it was written (sync/snapshots.py), and the store knows by its checksum that it is the same. `sealed`
    says why nobody may change anything here, if so.

    The library's failures come up as RoomBroken.
    """

    def __init__(
        self,
        profile: Profile,
        epoch: str,
        stored: Iterable[bytes] = (),
        before_update: BeforeUpdate = lambda update, user: None,
        *,
        snapshot: bytes | None = None,
        sealed: str | None = None,
    ) -> None:
        self.epoch = epoch
        self.sealed = sealed
        self.doc: Doc[Any] = Doc()
        self.gate = Gate(profile)
        self._before_update = before_update
        self._comments = Comments(profile.comment_roots)
        self.presence = Presence()
        self._asks = Asks()
        self.ignored = 0
        self._connections: dict[ConnectionId, _Connection] = {}
        self._in_flight: deque[_InFlight] = deque()
        self._lacks: dict[ConnectionId, Id] = {}
        """Whose last step 2 held something that builds on what nobody has brought yet."""
        self._speakers: dict[int, str] = {}
        """The person of each live client id, of people who may write."""
        self._changes: list[bytes] = []
        self._answers: dict[bytes, SyncStep2] = {}
        """Step 2s by state vector, until the next change."""
        self._ours: SyncStep1 | None = None
        self._everybody: Awareness | None = None
        self.skipped = self._load([*self._begin(snapshot), *stored])
        self._subscription: Subscription | None = self.doc.observe(self._on_change)

    def _begin(self, snapshot: bytes | None) -> list[bytes]:
        """Start from the snapshot; what is left to be read like the log. Reading it again would take thrice as long."""
        if snapshot is None or not self.gate.profile.is_map:
            return [] if snapshot is None else [snapshot]
        self._apply([snapshot])
        state = self.doc.get_state()
        self.gate.restore(decode_state_vector(state), self.doc.get_update(state), self._blocks_of)
        return []

    def _blocks_of(self, client: ClientId) -> bytes:
        """An update of all that the document has of a client."""
        others = decode_state_vector(self.doc.get_state())
        others.pop(client, None)
        return self.doc.get_update(encode_state_vector(others))

    def _load(self, stored: list[bytes]) -> int:
        """How many could not be applied."""
        while stored:
            waiting: list[bytes] = []
            admitted: list[bytes] = []
            sources: list[bytes] = []
            for update in stored:
                try:
                    admitted.append(self.gate.admit(update, is_stored=True).update)
                    sources.append(update)
                except (NotReady, Refused):
                    waiting.append(update)
            try:
                self._apply(admitted)
            except RoomBroken as broken:
                broken.update = next((s for a, s in zip(admitted, sources, strict=True) if a is broken.update), None)
                raise
            if len(waiting) == len(stored):
                return len(waiting)
            stored = waiting
        return 0

    def close(self) -> None:
        """Follow the document no more. Without it neither would ever leave memory: the library's callback holds them
        where Python's collector does not look."""
        if self._subscription is not None:
            self.doc.unobserve(self._subscription)
            self._subscription = None

    def _on_change(self, event: TransactionEvent) -> None:
        self._changes.append(event.update)
        self._answers.clear()

    # What many ask for is one object, so that it is encoded and framed once: 200 who join at once share one document.

    def _step1(self) -> SyncStep1:
        if self._ours is None:
            self._ours = SyncStep1(dict(self.gate.known))
        return self._ours

    def _step2(self, vector: bytes) -> SyncStep2:
        answer = self._answers.get(vector)
        if answer is None:
            if len(self._answers) == MAX_ANSWERS:
                self._answers.clear()
            try:
                with guarded():
                    answer = self._answers[vector] = SyncStep2(self.doc.get_update(vector))
            except LibraryFailed as failure:
                raise RoomBroken(str(failure)) from failure
        return answer

    def _presence(self) -> Awareness:
        if self._everybody is None:
            self._everybody = Awareness(self.presence.entries())
        return self._everybody

    def rest(self) -> None:
        """Nobody has asked for a while: what can be made again is let go."""
        self._answers.clear()
        self._everybody = self._ours = None

    def connect(self, connection: ConnectionId, member: Member) -> list[Effect]:
        """A connection joins: it hears the room's epoch, our step 1 and who is here (W2)."""
        if self.sealed is not None:
            member = replace(member, access="read")
        self._connections[connection] = _Connection(member, READ_ONLY if member.access == "read" else None)
        effects: list[Effect] = []
        if member.hears_events:  # a stock client would log an error for a message it does not know
            joined = BoardEvent({"type": "joined", "epoch": self.epoch, "access": member.access})
            effects.append(Send(connection, joined))
            if self.sealed is not None:
                effects.append(Send(connection, BoardEvent({"type": "storage", "ok": False, "reason": self.sealed})))
        effects.append(Send(connection, self._step1()))
        if len(self.presence):
            effects.append(Send(connection, self._presence()))
        return effects

    def disconnect(self, connection: ConnectionId) -> list[Effect]:
        """Idempotent. What the connection sent and is in flight still counts."""
        self._lacks.pop(connection, None)
        self._asks.forget(connection)
        if self._connections.pop(connection, None) is None:
            return []
        gone = self.presence.disconnect(connection)
        self._note_speakers(gone, None)
        return self._broadcast_presence(gone) + self._ask_who_waited({entry.client for entry in gone})

    def tick(self) -> list[Effect]:
        """A second is over: presence (A10) and answers (W16) that had to wait go out. Raises RoomBroken."""
        effects = self._broadcast_presence(self.presence.tick())
        for connection, vector, step1s, wants_presence in self._asks.tick():
            if wants_presence:
                effects.append(Send(connection, self._presence()))
            for number in range(step1s):  # a provider of Hocuspocus counts the answers (H5)
                answer = SyncStep2(EMPTY_UPDATE) if number else self._give(connection, vector)
                effects += [Send(connection, answer), Send(connection, self._step1())]
        return effects

    def updates_of(self, connection: ConnectionId) -> int:
        """How many it has sent."""
        peer = self._connections.get(connection)
        return 0 if peer is None else peer.updates

    def set_access(self, connection: ConnectionId, access: AccessLevel, reason: str = READ_ONLY) -> list[Effect]:
        """What it may do from now on, without a new connection. Who may write again is asked for what was refused."""
        peer = self._connections.get(connection)
        if peer is None:
            return []
        if self.sealed is not None:
            access, reason = "read", self.sealed
        may_write_again = access != "read" and peer.refusal is not None
        peer.member = replace(peer.member, access=access)
        peer.refusal = reason if access == "read" else None
        effects: list[Effect] = []
        if peer.member.hears_events:
            event = {"type": "access", "access": access, **({"reason": reason} if access == "read" else {})}
            effects.append(Send(connection, BoardEvent(event)))
        if may_write_again:
            effects.append(Send(connection, self._step1()))
        return effects

    def receive(self, connection: ConnectionId, frame: bytes) -> list[Effect]:
        """All that follows from one frame. A broken rule closes that connection and changes nothing.

        Raises RoomBroken.
        """
        if connection not in self._connections:
            return []
        effects: list[Effect] = []
        try:
            messages = decode(frame)
            if len(messages) > 1:
                sizes = [len(message.update) for message in messages if isinstance(message, Update | SyncStep2)]
                effects.append(Batch(connection, frame[0], len(messages), len(sizes), sum(sizes)))
            for message in messages:
                effects += self._receive(connection, message)
        except ProtocolError as error:
            effects.append(Close(connection, error.code, error.reason))
        except RoomBroken as broken:
            broken.sender = connection
            raise
        return effects

    def _receive(self, connection: ConnectionId, message: Message) -> list[Effect]:
        peer = self._connections[connection]
        match message:  # the commonest first
            case Update(update):
                return self._receive_update(connection, peer, update, is_step2=False)
            case Awareness(entries):
                relayed = self.presence.receive(connection, entries, peer.member.identity)
                self._note_speakers(relayed, peer.member.identity.user if peer.refusal is None else None)
                return self._broadcast_presence(relayed)
            case SyncStep1(vector):
                return self._answer(connection, peer, encode_state_vector(vector))
            case SyncStep2(update):
                return self._receive_update(connection, peer, update, is_step2=True)
            case QueryAwareness():
                return [Send(connection, self._presence())] if self._asks.presence(connection) else []
            case SyncStatus(content):
                return self._acknowledge(connection, peer, content)
            case BoardEvent({"type": "stateless", "payload": str()}) if peer.member.hears_stateless:
                others = (c for c, p in self._connections.items() if c != connection and p.member.hears_stateless)
                return [Broadcast(message, tuple(others))]
            case AuthDenied() | BoardEvent() | Unknown():
                self.ignored += 1
                return []

    def _answer(self, connection: ConnectionId, peer: _Connection, vector: bytes) -> list[Effect]:
        """What a step 1 asks for; who asks often gets it when the second is over (W16)."""
        try:
            if not self._asks.document(connection, vector):
                return []
        except AsksTooMuch:
            raise ProtocolError(CloseCode.TOO_MANY_REQUESTS, "The document is asked for too often.") from None
        is_again, peer.is_synced = peer.is_synced, True  # in one step with taking the diff (W3)
        effects: list[Effect] = [Send(connection, self._give(connection, vector))]
        if is_again:  # the greeting was our step 1 to go with its first
            effects.append(Send(connection, self._step1()))
        return effects

    def _give(self, connection: ConnectionId, vector: bytes) -> SyncStep2:
        answer = self._step2(vector)
        self._asks.answered(connection, len(answer.update))
        return answer

    def _receive_update(
        self, connection: ConnectionId, peer: _Connection, update: bytes, *, is_step2: bool
    ) -> list[Effect]:
        peer.updates += 1
        effects: list[Effect] = []
        if update != EMPTY_UPDATE:
            try:
                effects = self._admit(connection, peer, update)
            except NotReady as not_ready:
                if peer.is_behind and not is_step2:
                    return []  # asked already
                if not is_step2 or (not_ready.is_overtaken and peer.asks < MAX_ASKS):
                    peer.is_behind = True
                    peer.asks += 1
                    return [Send(connection, self._step1())]
                # a step 2 is all that it has, so it lacks this itself: what it wrote does not build on it
                effects = self._admit(connection, peer, update, is_partial=True)
                self._lacks[connection] = not_ready.missing
        if is_step2 and peer.is_behind:  # it holds all that the connection sent before
            peer.is_behind, peer.asks = False, 0
            held, peer.held_acks = peer.held_acks, []
            for content in held:
                effects += self._acknowledge(connection, peer, content)
        return effects

    def _admit(
        self, connection: ConnectionId, peer: _Connection, update: bytes, *, is_partial: bool = False
    ) -> list[Effect]:
        if peer.refusal is not None:
            return self._refuse(connection, peer, peer.refusal) if self.gate.is_news(update) else []
        user = peer.member.identity.user
        self._ours = None

        def check(fresh: bytes) -> None:
            self._before_update(fresh, user)
            if peer.member.access == "comment":
                self._comments.take(fresh, self._has, self.gate.is_deleted)

        try:
            admitted = self.gate.admit(
                update,
                peer.member.epoch,
                is_partial=is_partial,
                check=check,
                user=user,
                speakers=self._speakers,
            )
        except NotAComment as not_a_comment:
            return self._refuse(connection, peer, str(not_a_comment))
        if not admitted.is_new:
            return []
        self._in_flight.append(_InFlight(connection, admitted.update))
        return [Append(admitted.update, peer.member.identity.user or "")]

    def _refuse(self, connection: ConnectionId, peer: _Connection, reason: str) -> list[Effect]:
        """Its last update is not taken; who understands it is told, and why."""
        if not peer.member.hears_events:
            return []
        return [Send(connection, BoardEvent({"type": "refused", "reason": reason, "update": peer.updates}))]

    def count(self, root: str) -> int:
        """How many entries a root map has."""
        return len(self.doc.get(root, type=Map))

    def _has(self, root: str, key: str) -> bool:
        return key in self.doc.get(root, type=Map)

    def _acknowledge(self, connection: ConnectionId, peer: _Connection, content: bytes) -> list[Effect]:
        """Echo `content` when all that the connection sent before it is durable (S2)."""
        if peer.is_behind:
            if len(peer.held_acks) >= MAX_HELD_ACKS:
                raise ProtocolError(CloseCode.TOO_MANY_REQUESTS, "Too many questions wait for missing changes.")
            peer.held_acks.append(content)
            return []
        if self._in_flight:
            self._in_flight[-1].acks.append((connection, content))
            return []
        return [Send(connection, SyncStatus(content))]

    def committed(self, count: int) -> list[Effect]:
        """The first `count` appends are durable: apply them, tell everybody, acknowledge.

        Raises RoomBroken when the CRDT library fails: nothing was sent, the log is right, the room is not.
        """
        done = [self._in_flight.popleft() for _ in range(count)]
        try:
            self._apply([entry.update for entry in done])
        except RoomBroken as broken:
            broken.sender = next((entry.sender for entry in done if entry.update is broken.update), None)
            raise
        effects: list[Effect] = []
        synced = tuple(c for c, peer in self._connections.items() if peer.is_synced)
        changes, self._changes = self._changes, []
        effects += [Broadcast(Update(change), synced) for change in changes if change != EMPTY_UPDATE]
        for entry in done:
            effects += [Send(c, SyncStatus(content)) for c, content in entry.acks if c in self._connections]
        return effects + self._ask_who_waited()

    def _note_speakers(self, entries: tuple[AwarenessEntry, ...], user: str | None) -> None:
        """Whose client ids these are from now on (G13); who may not write speaks for none."""
        for entry in entries:
            if user is None or entry.state == "null":
                self._speakers.pop(entry.client, None)
            else:
                self._speakers[entry.client] = user

    def _ask_who_waited(self, gone: Container[int] = ()) -> list[Effect]:
        """What some replica could not apply itself may be ready now that another has brought what it builds on, or has
        `gone` without bringing it."""
        if not self._lacks:
            return []
        known = self.gate.known
        ready = [
            c
            for c, lack in self._lacks.items()
            if known.get(ClientId(lack.client), 0) > lack.clock or lack.client in gone
        ]
        for connection in ready:
            del self._lacks[connection]
        return [Send(connection, self._step1()) for connection in ready]

    def storage_changed(self, fault: str | None) -> list[Effect]:
        """The store does not take updates (a sentence says why), or does again (None): those who can, show it."""
        event = {"type": "storage", "ok": fault is None, **({} if fault is None else {"reason": fault})}
        return [Broadcast(BoardEvent(event), tuple(c for c, p in self._connections.items() if p.member.hears_events))]

    def storage_fault(self, fault: str, connection: ConnectionId) -> list[Effect]:
        """The same for one that has just come."""
        if not self._connections[connection].member.hears_events:
            return []
        return [Send(connection, BoardEvent({"type": "storage", "ok": False, "reason": fault}))]

    def close_all(self, code: CloseCode, reason: str) -> list[Effect]:
        """Say goodbye to everybody."""
        return [Close(connection, code, reason) for connection in self._connections]

    def _apply(self, updates: list[bytes]) -> None:
        """In one transaction, so that everybody gets one merged update."""
        at = updates[0] if len(updates) == 1 else None
        try:
            if at is not None:  # the library makes a transaction of it
                with guarded():
                    self.doc.apply_update(at)
                return
            with guarded(), self.doc.transaction():
                for update in updates:
                    at = update
                    self.doc.apply_update(update)
                at = None  # it may also fail when it puts all of them together
        except LibraryFailed as failure:
            raise RoomBroken(str(failure), at) from failure

    def _broadcast_presence(self, entries: tuple[AwarenessEntry, ...]) -> list[Effect]:
        if not entries:
            return []
        self._everybody = None
        return [Broadcast(Awareness(entries), tuple(self._connections))]
