"""Hostile messages and frames around hostile updates, and what a server that keeps its rules does with each."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from benchmarks.attack.grammar import Grammar
from benchmarks.attack.mutation import mutated
from benchmarks.attack.recordings import Recording
from benchmarks.attack.trial import ROOTS
from sync import websocket
from sync.board import PROFILES
from sync.gate import Gate, NotReady, ProfileName
from sync.lib0 import var_bytes, var_string, var_uint
from sync.protocol import (
    ProtocolError,
    QueryAwareness,
    SyncStatus,
    SyncStep1,
    SyncStep2,
    Update,
    decode,
    encode,
    encode_state_vector,
)

MASK = bytes(4)
"""Of zeros: the payload stays as it is."""
STATES = (
    '{"user":{"name":"eve"}}',
    '{"x":NaN}',
    "null",
    "[]",
    "{",
    '"' + "x" * 9_000 + '"',
    '{"a":' * 40 + "1" + "}" * 40,
)
CLOCKS = (0, 1, 2, 3, 2**31, 2**53 - 1)
ODD_TYPES = (4, 8, 9, 100, 103, 200)


@dataclass(frozen=True, slots=True)
class Input:
    """`data` is a message, or with `is_raw` the bytes of a WebSocket frame. The server ends it when `is_final`.

    With `is_cut` it waits for more instead, and takes whatever comes for that.
    """

    data: bytes
    is_raw: bool
    is_final: bool
    is_cut: bool = False


def frame(opcode: int, payload: bytes, *, is_last: bool = True) -> bytes:
    """One frame of a client."""
    size = len(payload)
    head = bytes(((0x80 if is_last else 0) | opcode,))
    if size < 126:
        head += bytes((0x80 | size,))
    elif size < 65_536:
        head += b"\xfe" + size.to_bytes(2, "big")
    else:
        head += b"\xff" + size.to_bytes(8, "big")
    return head + MASK + payload


def presence(dice: random.Random, client: int | None = None) -> bytes:
    """An awareness message: of strangers, of odd clocks and states."""
    entries = []
    for _ in range(dice.choice((1, 1, 2, 5))):
        state = dice.choice(STATES)
        who = dice.randrange(2**21, 2**21 + 40) if client is None else client
        entries.append(var_uint(who) + var_uint(dice.choice(CLOCKS)) + var_string(state))
    return b"\x01" + var_bytes(var_uint(len(entries)) + b"".join(entries))


class Stream:
    """Inputs for one room that only this stream writes to; it knows what the room has by a gate of its own."""

    def __init__(self, dice: random.Random, profile: ProfileName, recordings: Sequence[Recording]) -> None:
        self._dice = dice
        self._profile = profile
        self._gate = Gate(PROFILES[profile])
        self._recording = dice.choice([one for one in recordings if one.profile == "map"])
        self._honest = iter(self._recording.updates)
        self._grammar = Grammar(dice, ROOTS[profile], is_map=True)

    def __iter__(self) -> Iterator[Input]:
        while True:
            yield self._next()

    def _next(self) -> Input:
        """Of those that would end the connection most are passed over: each costs a new one."""
        one = self._any()
        while one.is_final and self._dice.random() < 0.6:
            one = self._any()
        return one

    def _any(self) -> Input:
        dice = self._dice
        kind = dice.random()
        if kind < 0.04:
            return self._raw()
        if kind < 0.2:
            return Input(presence(dice), is_raw=False, is_final=False)
        if kind < 0.3:
            return self._judged(self._message())
        update = self._update()
        message = encode(SyncStep2(update) if dice.random() < 0.1 else Update(update))
        return self._judged(mutated(dice, message, self._recording.updates) if dice.random() < 0.1 else message)

    def _update(self) -> bytes:
        dice, kind = self._dice, self._dice.random()
        if kind < 0.25 and (honest := next(self._honest, None)) is not None:
            return honest
        if kind < 0.6:
            return mutated(dice, dice.choice(self._recording.updates), self._recording.updates)
        return self._grammar.update(cast(Mapping[int, int], self._gate.known))

    def _message(self) -> bytes:
        dice = self._dice
        return dice.choice(
            (
                lambda: mutated(dice, presence(dice), self._recording.updates),
                lambda: encode(QueryAwareness()),
                lambda: encode(SyncStatus(dice.randbytes(dice.choice((0, 1, 256, 257))))),
                lambda: encode(SyncStep1(self._gate.known)),
                lambda: mutated(dice, b"\x00\x00" + var_bytes(encode_state_vector(self._gate.known)), (b"\xff\x80",)),
                lambda: var_uint(dice.choice(ODD_TYPES)) + dice.randbytes(dice.randrange(30)),
                lambda: encode(QueryAwareness()) * dice.choice((2, 100, 101)),
                lambda: dice.randbytes(dice.randrange(1, 60)),
                lambda: b"",
            )
        )()

    def _judged(self, message: bytes) -> Input:
        """What the rules say; updates that are admitted are counted as known."""
        try:
            for part in decode(message):
                if isinstance(part, SyncStep2 | Update) and part.update != b"\x00\x00":
                    self._admit(part.update, is_step2=isinstance(part, SyncStep2))
        except ProtocolError:
            return Input(message, is_raw=False, is_final=True)
        return Input(message, is_raw=False, is_final=False)

    def _admit(self, update: bytes, *, is_step2: bool) -> None:
        try:
            self._gate.admit(update)
        except NotReady as not_ready:
            if is_step2 and not not_ready.is_overtaken:
                self._gate.admit(update, is_partial=True)

    def _raw(self) -> Input:
        """A WebSocket frame, or a few."""
        dice = self._dice
        whole = frame(2, encode(QueryAwareness()))
        data = dice.choice(
            (
                lambda: frame(9, dice.randbytes(dice.randrange(126))),
                lambda: frame(10, b"stray"),
                lambda: frame(9, bytes(126)),
                lambda: frame(1, json.dumps({"text": 1}).encode()),
                lambda: frame(1, b"\xff\xfe"),
                lambda: (
                    frame(2, b"\x03", is_last=False)
                    + b"".join(frame(0, b"", is_last=False) for _ in range(20))
                    + frame(0, b"")
                ),
                lambda: frame(0, b"goes on"),
                lambda: frame(2, b"", is_last=False) + frame(2, b""),
                lambda: frame(dice.randrange(3, 8), b""),
                lambda: bytes((whole[0] | dice.choice((0x10, 0x20, 0x40)),)) + whole[1:],
                lambda: bytes((whole[0], whole[1] & 127)) + whole[2:],
                lambda: mutated(dice, whole, (whole,)),
                lambda: b"\x82\xff" + (2**63).to_bytes(8, "big") + MASK,
                lambda: b"\x82\xff" + (2**40).to_bytes(8, "big") + MASK,
                lambda: frame(8, dice.choice((b"", b"\x03", b"\x03\xe8", b"\x03\xed", b"\x03\xe8\xff"))),
            )
        )()
        reader = websocket.Reader(32 * 2**20)
        reader.feed(data)
        is_final = False
        try:
            while (found := reader.next()) is not None:
                is_final = is_final or found[0] in (websocket.CLOSE, websocket.TEXT)
        except websocket.Broken:
            is_final = True
        return Input(data, is_raw=True, is_final=is_final, is_cut=not is_final and not reader.is_idle)
