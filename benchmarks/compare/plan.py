"""What the load generator is to do: who joins which room when, who sends what when, and when to measure.

A plan is made once for a scenario and run against every server. Times are in seconds after everybody has joined.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from pycrdt import Doc, Map

from sync.lib0 import var_bytes

Kind = Literal["update", "presence"]
Dialect = Literal["y-websocket", "hocuspocus"]
_KINDS: dict[Kind, int] = {"update": 0, "presence": 1}
_WATCHED, _ACKED = 1, 2
_COUNTED, _RECORDED = 1, 2


@dataclass(slots=True)
class Connection:
    """One client. Counted ones join before time 0 and shall hear everything that is sent in their room."""

    room: int
    join_at: float | None = None
    leave_at: float | None = None
    is_counted: bool = True
    is_recorded: bool = False


@dataclass(slots=True)
class Message:
    """What one client sends at one time. `is_watched`: the time is noted at which everybody has it."""

    at: float
    connection: int
    stream: int
    seq: int
    kind: Kind
    content: bytes
    is_watched: bool = False
    is_acked: bool = False
    """Asks when it is durable, by the question that the server's dialect has."""


@dataclass(frozen=True, slots=True)
class Target:
    """A server as the generator sees it."""

    host: str
    port: int
    dialect: Dialect
    path: str
    pids: tuple[int, ...]
    rooms: str = "bench-"
    """How the names of its rooms begin; a number follows."""


@dataclass(slots=True)
class Plan:
    """Filled by a scenario. The first two of `marks` are the window that latencies and CPU time are taken from."""

    rooms: int
    connections: list[Connection] = field(default_factory=list)
    streams: list[int] = field(default_factory=list)
    """The connection that sends each stream."""
    messages: list[Message] = field(default_factory=list)
    marks: list[float] = field(default_factory=list)
    floor: str = ""
    """In the rooms' names, to tell them from another plan's on the same server."""
    join_concurrency: int = 64
    join_timeout_s: float = 60.0
    settle_s: float = 20.0
    sent_before: dict[int, int] = field(default_factory=dict)
    """Streams that an earlier plan sent, to see whether who joins has them: stream -> last number."""
    sent: list[int] = field(default_factory=list)
    """Of each stream, the number of its last message."""

    def join(self, room: int, **options: Any) -> int:
        """Adds a connection; its number. `options` as in Connection."""
        self.connections.append(Connection(room, **options))
        return len(self.connections) - 1

    def stream(self, connection: int) -> int:
        """Adds a stream of messages of one connection; its number."""
        self.streams.append(connection)
        self.sent.append(0)
        return len(self.streams) - 1

    def next_seq(self, stream: int) -> int:
        """The number of the stream's next message, which must be sent with it."""
        self.sent[stream] += 1
        return self.sent[stream]

    def send(self, at: float, stream: int, seq: int, kind: Kind, content: bytes, **options: bool) -> None:
        """`content` is a Yjs update or an awareness update. `options` as in Message."""
        self.messages.append(Message(at, self.streams[stream], stream, seq, kind, content, **options))

    @property
    def end_s(self) -> float:
        """When the last message is sent."""
        return max((message.at for message in self.messages), default=0.0)

    def observe_rooms(self, rooms: int = 5, after: float = 0.0) -> None:
        """In some rooms one client is recorded from the beginning, and one who comes when all is over, and `after`."""
        for room in range(min(rooms, self.rooms)):
            first = next(c for c in reversed(self.connections) if c.room == room and c.is_counted)
            first.is_recorded = True
        after = max(after, self.end_s) + 0.5
        for room in range(min(rooms, self.rooms)):
            self.join(room, join_at=after, is_counted=False, is_recorded=True)

    def shapes(self, room: int) -> dict[str, Any]:
        """What everybody in the room has in the end."""
        return shapes_of([m.content for m in self.messages if self._is_update_in(m, room)])

    def own(self, connection: int) -> list[bytes]:
        """The updates that a connection sent itself; not every server sends them back."""
        return [m.content for m in self.messages if m.kind == "update" and m.connection == connection]

    def _is_update_in(self, message: Message, room: int) -> bool:
        return message.kind == "update" and self.connections[message.connection].room == room

    def write(self, folder: Path, target: Target, pace: float = 1.0) -> Path:
        """The files of load.c. The messages are the same for every server; load.c adds what its dialect needs."""
        blob = bytearray()
        messages: list[str] = []
        for m in sorted(self.messages, key=lambda m: m.at):
            payload = (b"\x00\x02" + var_bytes(m.content)) if m.kind == "update" else b"\x01" + m.content
            flags = _WATCHED * m.is_watched | _ACKED * m.is_acked
            place = f"{m.seq} {_KINDS[m.kind]} {flags} {len(blob)} {len(payload)}"
            messages.append(f"m {_us(m.at, pace)} {m.connection} {m.stream} {place}")
            blob += payload
        (folder / "blob").write_bytes(blob)
        lines = [
            f"server {target.host} {target.port}",
            f"dialect {target.dialect}",
            f"path {target.path}",
            f"prefix {target.rooms}{self.floor}",
            f"concurrency {self.join_concurrency}",
            f"join_timeout {self.join_timeout_s}",
            f"settle {self.settle_s * max(pace, 0.25)}",
            *(f"pid {pid}" for pid in target.pids),
            f"record {folder / 'record'}",
            f"blob {folder / 'blob'} {len(blob)}",
            f"rooms {self.rooms}",
            f"conns {len(self.connections)}",
            f"streams {len(self.streams)}",
            f"msgs {len(messages)}",
            f"marks {len(self.marks)}",
            *(_line(connection, pace) for connection in self.connections),
            *(f"s {connection} {count}" for connection, count in zip(self.streams, self.sent, strict=True)),
            *messages,
            *(f"before {stream} {seq}" for stream, seq in self.sent_before.items()),
            *(f"at {_us(mark, pace)}" for mark in self.marks),
        ]
        path = folder / "plan"
        path.write_text("\n".join(lines) + "\n")
        return path


def _line(connection: Connection, pace: float) -> str:
    flags = _COUNTED * connection.is_counted | _RECORDED * connection.is_recorded
    return f"c {connection.room} {_us(connection.join_at, pace)} {_us(connection.leave_at, pace)} {flags}"


def _us(seconds: float | None, pace: float) -> int:
    return -1 if seconds is None else round(seconds * pace * 1e6)


def shapes_of(updates: list[bytes]) -> dict[str, Any]:
    """The shapes of a document made of updates."""
    doc: Doc[Any] = Doc()
    for update in updates:
        doc.apply_update(update)
    return dict(doc.get("shapes", type=Map).to_py() or {})
