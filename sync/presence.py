"""The awareness table of a room: client id -> clock, state, owner. Pure; `now` is passed in.

Source: npm `y-protocols` awareness.js, and docs/spec.md, section P, where we are stricter: a stock server relays what
it is sent, keeps the dead for 30 s and lets anybody speak for anybody.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NewType

from sync.protocol import AwarenessEntry, ClientId

ConnectionId = NewType("ConnectionId", int)

MAX_STATE_BYTES = 8 * 1024  # of one state; a cursor, a name and a selection take 300 bytes
MAX_STATE_DEPTH = 16
MAX_REMEMBERED = 10_000  # clocks kept of those who left; past it the oldest is forgotten
MAX_LATER = 1_000  # states of a room that wait for the next tick
MAX_CLOCK = 2**53 - 1 - 2**20  # a clock at the number type's end could never advance again


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a connection is, as far as the server knows; it is stamped into every state it relays (P8)."""

    user: str | None = None
    kind: str | None = None


NOBODY = Identity()


@dataclass(slots=True)
class _Peer:
    clock: int
    state: str
    owner: ConnectionId
    user: str | None


class BadState(ValueError):
    """A presence state that must not be relayed; the sentence says why."""


class Presence:
    """Who is here. Every method returns the entries to broadcast, to all including the sender."""

    def __init__(self) -> None:
        self._peers: dict[ClientId, _Peer] = {}
        self._clocks: dict[ClientId, int] = {}
        self.refused = 0
        self.max_states = 0
        """That one connection may say between two ticks; 0 is no limit."""
        self._said: dict[ConnectionId, int] = {}
        self._later: dict[ClientId, tuple[ConnectionId, AwarenessEntry, Identity]] = {}
        """What was said beyond that: the last of each client id."""

    def entries(self) -> tuple[AwarenessEntry, ...]:
        """Everybody's present state, for one who has just come."""
        return tuple(AwarenessEntry(client, peer.clock, peer.state) for client, peer in self._peers.items())

    def __len__(self) -> int:
        return len(self._peers)

    def receive(
        self, owner: ConnectionId, entries: Iterable[AwarenessEntry], identity: Identity
    ) -> tuple[AwarenessEntry, ...]:
        """Take in what a connection says; entries that break a rule are left out and counted in `refused`."""
        out: list[AwarenessEntry] = []
        for entry in entries:
            try:
                relayed = self._receive_one(owner, entry, identity)
            except BadState:
                self.refused += 1
                continue
            if relayed is not None:
                out.append(relayed)
        return tuple(out)

    def _receive_one(self, owner: ConnectionId, entry: AwarenessEntry, identity: Identity) -> AwarenessEntry | None:
        if entry.clock > MAX_CLOCK:
            raise BadState("its clock is out of range")
        peer = self._peers.get(entry.client)
        if peer is not None and peer.owner != owner:
            if entry.clock <= peer.clock:
                return None  # an echo: y-websocket sends on what it receives (P5)
            if identity.user != peer.user:
                raise BadState("it speaks for another person's client id")
            # the same person's new connection, while the old one is not yet known to be dead (P6)
        if self.max_states and entry.state != "null" and self._is_too_much(owner, entry, identity):
            return None
        state = checked_state(entry.state, identity)
        if state == "null":
            self._later.pop(entry.client, None)  # what it said before is not to come after its end
        known = self._clocks.get(entry.client, -1)
        if state == "null":
            if peer is None:
                return None
            return self._forget(entry.client, max(entry.clock, known + 1))
        clock = entry.clock
        if clock <= known:
            if peer is not None:
                return None  # nothing new
            clock = known + 1  # somebody who returns with an old clock must be seen again (P6)
        self._clocks[entry.client] = clock
        self._peers[entry.client] = _Peer(clock, state, owner, identity.user)
        return AwarenessEntry(entry.client, clock, state)

    def _is_too_much(self, owner: ConnectionId, entry: AwarenessEntry, identity: Identity) -> bool:
        said = self._said.get(owner, 0)
        if said < self.max_states:
            self._said[owner] = said + 1
            return False
        if len(self._later) >= MAX_LATER and entry.client not in self._later:
            raise BadState("too many states wait")
        self._later[entry.client] = owner, entry, identity
        return True

    def tick(self) -> tuple[AwarenessEntry, ...]:
        """A second is over: everybody may speak again, and what had to wait is said."""
        if not self._said:
            return ()
        self._said.clear()
        later, self._later = self._later, {}
        out: list[AwarenessEntry] = []
        for owner, entry, identity in later.values():
            out += self.receive(owner, (entry,), identity)
        return tuple(out)

    def disconnect(self, owner: ConnectionId) -> tuple[AwarenessEntry, ...]:
        """The connection is gone, cleanly or not: its clients leave at once (P6)."""
        self._later = {client: said for client, said in self._later.items() if said[0] != owner}
        gone = [client for client, peer in self._peers.items() if peer.owner == owner]
        return tuple(self._forget(client, self._clocks[client] + 1) for client in gone)

    def _forget(self, client: ClientId, clock: int) -> AwarenessEntry:
        self._peers.pop(client, None)
        self._clocks.pop(client, None)
        self._clocks[client] = clock
        if len(self._clocks) > MAX_REMEMBERED:
            self._drop_oldest_clock()
        return AwarenessEntry(client, clock, "null")

    def _drop_oldest_clock(self) -> None:
        oldest = next((client for client in self._clocks if client not in self._peers), None)
        if oldest is not None:
            del self._clocks[oldest]


def checked_state(text: str, identity: Identity) -> str:
    """The state as it may be relayed, identity stamped in. Raises BadState."""
    if len(text) > MAX_STATE_BYTES:
        raise BadState(f"it is longer than {MAX_STATE_BYTES} bytes")
    if text == "null":
        return text
    try:
        state = _JSON.decode(text)
    except (ValueError, RecursionError):
        raise BadState("it is not JSON") from None
    if not isinstance(state, dict):
        raise BadState("it is not a JSON object")
    if text.count("{") + text.count("[") > MAX_STATE_DEPTH and _depth(state) > MAX_STATE_DEPTH:
        raise BadState(f"it is nested deeper than {MAX_STATE_DEPTH}")
    if identity.user is None and identity.kind is None:
        return text
    user = state.get("user")
    user = dict(user) if isinstance(user, dict) else {}
    if identity.user is not None:
        user["id"] = identity.user
    if identity.kind is not None:
        user["kind"] = identity.kind
    state["user"] = user
    try:
        stamped = json.dumps(state, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
        stamped.encode()
    except ValueError:  # half a character, or a number too big for a float: only as escapes and digits they can be said
        raise BadState("it holds what cannot be written again") from None
    return stamped


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


_JSON = json.JSONDecoder(parse_constant=_refuse_constant)  # `json.loads` would make one for each call


def _depth(value: object) -> int:
    depth = 0
    level: list[object] = [value]
    while level:
        depth += 1
        if depth > MAX_STATE_DEPTH:
            return depth
        inner: list[object] = []
        for item in level:
            if isinstance(item, dict):
                inner += item.values()
            elif isinstance(item, list):
                inner += item
        level = inner
    return depth
