"""Real Yjs clients on boards, and a gate that must refuse none of their updates.

`python benchmarks/honest.py --updates 1000000` (node; packages of tests/interop/node). People in a node process edit
shapes, undo and redo, lose their connection, merge copies offline and come late; a room here takes their messages as
the server does, commits some at a time, answers what builds on something missing with its step 1, and tells everybody.
At the end of each session all have the same, and so have the room, its log and its snapshot. Prints how many updates
came and how many were refused. Exit status 1 when one was, or when somebody has something else.
"""

from __future__ import annotations

import argparse
import json
import random
import struct
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO

if not __package__:  # run as a program: the tree is not on the path yet
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from benchmarks.attack.trial import content, same
from frontend.build import find_node, npm_ci
from sync.board import PROFILES
from sync.coalescing import Coalescer
from sync.effects import Append, Batch, Broadcast, Close, Effect, Send
from sync.fields import read_document
from sync.gate import PROFILE_NAMES, ProfileName
from sync.members import Member
from sync.presence import ConnectionId
from sync.protocol import EMPTY_UPDATE, SyncStep1, SyncStep2, Update, decode, encode
from sync.room import Room
from sync.snapshots import flaw_of

NODE_FOLDER = Path(__file__).resolve().parents[1] / "tests" / "interop" / "node"
_HEAD = struct.Struct("<IBI")
CONNECT, MESSAGE, DISCONNECT, FLUSH, END = range(5)


class Wrong(AssertionError):
    """Somebody has something else than everybody else."""


@dataclass(slots=True)
class Tally:
    """What came so far. `asked`: how often somebody was asked for what it has, on joining too."""

    updates: int = 0
    stored: int = 0
    asked: int = 0
    refused: int = 0
    sessions: int = 0


class Sessions:
    """The server's side of the pipe: one room at a time."""

    def __init__(self, seed: int, pipe: IO[bytes]) -> None:
        self.tally = Tally()
        self._dice = random.Random(seed)
        self._pipe = pipe
        self._room: Room | None = None
        self._log: list[bytes] = []
        self._waiting = 0
        self._news = Coalescer()
        self.refusals: list[tuple[str, str]] = []
        self._frame = b""

    def take(self, kind: int, connection: int, payload: bytes) -> None:
        """One thing that happened. Raises Wrong, Difference."""
        if kind == CONNECT:
            if self._room is None:
                self._room = Room(PROFILES[_profile(payload.decode())], "epoch")
            self._perform(self._room.connect(ConnectionId(connection), Member()))
        elif kind == MESSAGE:
            self._receive(ConnectionId(connection), payload)
        elif kind == DISCONNECT and self._room is not None:
            self._perform(self._room.disconnect(ConnectionId(connection)))
        elif kind == FLUSH:
            self._commit(self._waiting)
            self._speak()
            self._say(FLUSH, 0, b"")
            self._pipe.flush()
        elif kind == END:
            self._compare(json.loads(payload))

    def _receive(self, connection: ConnectionId, frame: bytes) -> None:
        assert self._room is not None
        self._frame = frame
        self.tally.updates += sum(
            isinstance(message, Update | SyncStep2) and message.update != EMPTY_UPDATE for message in decode(frame)
        )
        self._perform(self._room.receive(connection, frame))
        if self._dice.random() < 0.3:
            self._commit(self._dice.randint(0, self._waiting))
        if self._dice.random() < 0.1:
            self._speak()

    def _commit(self, count: int) -> None:
        if count and self._room is not None:
            self._waiting -= count
            self._perform(self._room.committed(count))

    def _speak(self) -> None:
        for news in self._news.take():
            frame = encode(news.message)
            for connection in news.to:
                self._say(MESSAGE, connection, frame)

    def _perform(self, effects: list[Effect]) -> None:
        for effect in effects:
            match effect:
                case Append(update, _):
                    self.tally.stored += 1
                    self._log.append(update)
                    self._waiting += 1
                case Send(connection, message):
                    self.tally.asked += isinstance(message, SyncStep1)
                    self._say(MESSAGE, connection, encode(message))
                case Broadcast():
                    self._news.add(effect)
                case Batch():
                    pass  # a matter of limits
                case Close(_, code, reason):
                    self.tally.refused += 1
                    self.refusals.append((f"{code} {reason}", self._frame.hex()))

    def _say(self, kind: int, connection: int, payload: bytes) -> None:
        self._pipe.write(_HEAD.pack(len(payload), kind, connection) + payload)

    def _compare(self, told: dict[str, object]) -> None:
        room, self._room = self._room, None
        assert room is not None
        if self.refusals:
            reason, frame = self.refusals[0]
            raise Wrong(f"refused: {reason}: {frame[:400]}")
        if not told["same"] or told["pending"]:
            raise Wrong(f"the people differ, or {told['pending']} of them wait for something")
        here = {name: read_document(room.doc, ("shapes", "meta"))[name] for name in ("shapes", "meta")}
        if here != told["end"]:
            raise Wrong(f"the room has {here!r:.500}, the people have {told['end']!r:.500}")
        now, profile = content(room.doc), room.gate.profile
        anew = Room(profile, "epoch", self._log)
        if anew.skipped or flaw_of(room.doc.get_update(), room.doc.get_state(), profile):
            raise Wrong("the log or the snapshot cannot be read")
        same("the room", now, "its log", content(anew.doc))
        same("the room", now, "its snapshot", content(Room(profile, "epoch", snapshot=room.doc.get_update()).doc))
        room.close()
        self._log, self._waiting = [], 0
        self._news = Coalescer()
        self.tally.sessions += 1


def _profile(name: str) -> ProfileName:
    return PROFILE_NAMES[PROFILE_NAMES.index(name)]


def run(updates: int, seed: int, report_s: float = 30.0) -> Sessions:
    """Until so many updates have come. Raises Wrong, Difference."""
    node = find_node()
    npm_ci(node, NODE_FOLDER)
    command = [str(node.node), "honest.mjs", str(seed), str(updates)]
    with subprocess.Popen(
        command, cwd=NODE_FOLDER, env=node.environ(), stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as people:
        assert people.stdin is not None
        assert people.stdout is not None
        sessions, told = Sessions(seed, people.stdin), time.monotonic()
        try:
            while head := people.stdout.read(_HEAD.size):
                size, kind, connection = _HEAD.unpack(head)
                sessions.take(kind, connection, people.stdout.read(size))
                if time.monotonic() - told > report_s:
                    told = time.monotonic()
                    print(sessions.tally, flush=True)
        except BaseException:
            people.kill()
            raise
    if people.returncode:
        raise Wrong(f"the people ended with {people.returncode}")
    return sessions


def main() -> int:
    """The exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--updates", type=int, default=50_000, help="of all people together")
    parser.add_argument("--seed", type=int, default=1, help="another one, other sessions")
    parser.add_argument("--report-s", type=float, default=30.0, help="seconds between two lines of progress")
    options = parser.parse_args()
    sessions = run(options.updates, options.seed, options.report_s)
    tally = sessions.tally
    print(
        f"{tally.updates} updates of real Yjs clients in {tally.sessions} sessions: {tally.stored} stored,"
        f" {tally.asked} asked for what was missing, {tally.refused} refused; all ended with the same"
    )
    return 1 if tally.refused else 0


if __name__ == "__main__":
    sys.exit(main())
