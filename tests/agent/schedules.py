"""People and the assistant at work on the same shapes at the same time, over links that are slow and break.

The real `Room` and gate stand between them, the assistant's calls are the real tools with their log. Each write is kept
with what its writer knew, so that at the end it can be said of every field who wrote it last, or at the same time.
"""

from __future__ import annotations

import itertools
import json
import random
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pycrdt import Doc
from pycrdt import Map as YMap

from agent.calls import ToolBox
from agent.ledger import Ledger
from agent.records import CallEntry
from agent.tools import TOOLS, openai_schema
from agent.tools.base import ToolContext, ToolError
from sync.board import PROFILES
from sync.canvas.canvas import read_json
from sync.canvas.conversation import RunId
from sync.canvas.history import same
from sync.canvas.mirror import Mirror
from sync.canvas.revision import state_vector
from sync.canvas.schema import ShapeId
from sync.gate import Profile
from sync.members import Member
from sync.presence import ConnectionId
from sync.protocol import Awareness, AwarenessEntry, ClientId, decode, encode
from sync.room import Room
from tests.sync.peers import Client, Link, World

ASSISTANT = 1  # the epoch of its lease
PEOPLE = (3_000_000_019, 1_200_000_007)
COLOURS = ("red", "blue", "green", "yellow", "violet", "pink")
TOOLBOX = ToolBox(TOOLS, openai_schema)
BOARD: Profile = PROFILES["board"]


@dataclass(frozen=True, slots=True)
class Write:
    """One value of one field, and how much of everybody's work its writer knew."""

    client: int
    clock: int
    knew: Mapping[int, int]
    value: Any

    def knows(self, other: Write) -> bool:
        """Whether this one was made with the other in sight."""
        return self.knew.get(other.client, 0) > other.clock


class Peer(Client):
    """A replica that shows and sees presence, and keeps what it wrote."""

    def __init__(self, client_id: int) -> None:
        super().__init__(client_id)
        self.id = client_id
        self.writes: list[tuple[str, str, Write]] = []
        self.shapes: YMap[Any] = self.doc.get("shapes", type=YMap)
        self.holding: list[str] = []
        self.seen: dict[int, list[str]] = {}
        """Client id -> what that person drags, as far as heard."""
        self._clock = 0

    def hello(self, link: Link) -> None:
        super().hello(link)
        self._show()

    def hold(self, shapes: list[str]) -> None:
        self.holding = shapes
        self._show()

    def _show(self) -> None:
        self._clock += 1
        if self.link is not None:
            state = json.dumps({"dragging": self.holding})
            self.link.up.append(encode(Awareness((AwarenessEntry(ClientId(self.id), self._clock, state),))))

    def receive(self, frame: bytes) -> None:
        super().receive(frame)
        for message in decode(frame):
            for entry in message.entries if isinstance(message, Awareness) else ():
                if entry.client == self.id:
                    self._clock = max(self._clock, entry.clock)
                else:
                    state = json.loads(entry.state) or {}
                    self.seen[entry.client] = state.get("dragging", [])

    def stored(self) -> dict[str, dict[str, Any]]:
        return dict(read_json(self.shapes))

    def live(self) -> list[str]:
        return sorted(name for name, fields in self.stored().items() if not fields.get("deleted"))

    def put(self, edits: Mapping[str, Mapping[str, Any]]) -> None:
        """One gesture: fields of shapes, new ones included, in one transaction."""
        before = self.knowledge()
        with self.doc.transaction():
            for shape, fields in edits.items():
                if isinstance(self.shapes.get(shape), YMap):
                    for name, value in fields.items():
                        self.shapes[shape][name] = value
                else:
                    self.shapes[shape] = YMap(dict(fields))
        self.note(before, edits)

    def knowledge(self) -> dict[int, int]:
        return state_vector(self.doc)

    def note(self, before: dict[int, int], edits: Mapping[str, Mapping[str, Any]]) -> None:
        for shape, fields in edits.items():
            for name, value in fields.items():
                self.writes.append((shape, name, Write(self.id, before.get(self.id, 0), before, value)))


class Person(Peer):
    """Somebody at a browser: moves, colours, writes, deletes, drags, puts into frames."""

    def __init__(self, client_id: int, rng: random.Random) -> None:
        super().__init__(client_id)
        self._rng = rng
        self._made = itertools.count(1)
        self._values = itertools.count(1)

    def act(self) -> str:
        """One gesture; its name."""
        rng, live = self._rng, self.live()
        if self.holding and rng.random() < 0.5:
            held = [shape for shape in self.holding if shape in live]
            self.put({shape: {"x": self._number(), "y": self._number()} for shape in held})
            self.hold([])
            return "drop"
        verb = rng.choice(("move", "move", "colour", "colour", "text", "text", "delete", "hold", "parent", "new"))
        if not live or verb == "new":
            self.put({f"p{self.id}.{next(self._made)}": shape_fields(self._number(), self._number())})
            return "new"
        chosen = _some(rng, live, rng.choice((1, 1, 2)))
        if verb == "hold":
            self.hold(chosen)
            return verb
        stored = self.stored()
        frames = [name for name in live if stored[name].get("type") == "frame"]
        edits: dict[str, dict[str, Any]] = {
            "move": {"x": self._number(), "y": self._number()},
            "colour": {"fill": rng.choice(COLOURS), "stroke": rng.choice(COLOURS)},
            "text": {"text": f"by {self.id}: {next(self._values)}"},
            "delete": {"deleted": True},
            "parent": {"parent": rng.choice([*frames, None])},
        }
        edit = edits[verb]
        self.put({shape: edit for shape in chosen if shape != edit.get("parent")})
        return verb

    def _number(self) -> int:
        return next(self._values) * 10 + PEOPLE.index(self.id) + 1


class Assistant(Peer):
    """The tools of a run, one transaction a call with its log entry, on a mirror that follows the document."""

    def __init__(self, rng: random.Random) -> None:
        super().__init__(ASSISTANT)
        self._rng = rng
        self._ledger = Ledger(self.doc, "assistant")
        self._mirror = Mirror(self.doc)
        self._run = RunId("r1")
        self._seq = 0
        self.logged: list[str] = []
        self.broken: list[str] = []
        """What the assistant must not have done."""
        with self.doc.transaction():
            runs: YMap[Any] = self.doc.get("runs", type=YMap)
            runs[self._run] = YMap({"agent": "assistant", "status": "in_progress"})

    def act(self) -> str:
        """One tool call on what it sees; how it ended."""
        dragging = {shape: "somebody" for shapes in self.seen.values() for shape in shapes}
        tool, arguments = self._choose()
        self._seq += 1
        call = f"{self._run}.{self._seq}"
        numbers = itertools.count(1)
        context = ToolContext(
            run=self._run, call=call, agent="assistant", now_ms=self._seq, asker="ann", dragging=dragging,
            new_id=lambda: ShapeId(f"{call}.{next(numbers)}"), request="delete what you like", is_confirmed=True,
        )  # fmt: skip
        item = {"name": tool, "arguments": json.dumps(arguments), "call_id": call}
        before, knew = self.stored(), self.knowledge()
        try:
            staged = TOOLBOX.stage(TOOLBOX.parse(item), self.doc, context, self._mirror)
        except ToolError as refusal:
            entry = CallEntry(self._seq, item, True, refusal.output, refusal.message, self._seq, 0)
            self._ledger.log_call(self._run, entry, None)
            self.logged.append(call)
            if self.stored() != before:
                self.broken.append(f"{call} {tool} was refused and wrote")
            return refusal.code
        result = staged.result
        self._ledger.log_call(
            self._run, CallEntry(self._seq, item, False, result.output, result.label, self._seq, 0), staged.canvas
        )
        self.logged.append(call)
        wrote = changed(before, self.stored())
        self.note(knew, wrote)
        if held := sorted(set(wrote) & set(dragging)):
            self.broken.append(f"{call} {tool} wrote {held}, which a person holds")
        gone = sorted(shape for shape in wrote if tool != "undo" and before.get(shape, {}).get("deleted"))
        if gone:
            self.broken.append(f"{call} {tool} wrote {gone}, which was deleted")
        return tool

    def _choose(self) -> tuple[str, dict[str, Any]]:
        rng, ids = self._rng, sorted(self.stored())  # tombstones too: a model may remember a shape that is gone
        some = _some(rng, ids, rng.choice((1, 2, 3)))
        value = self._seq * 10 + 5
        tools: list[tuple[str, dict[str, Any]]] = [
            ("move", {"ids": some, "dx": value, "dy": -value}),
            ("update", {"changes": [{"ids": some, "set": {"fill": rng.choice(COLOURS), "x": value}}]}),
            ("update", {"changes": [{"ids": some, "set": {"y": value, "opacity": 0.5, "parent": ""}}]}),
            ("set_text", {"id": rng.choice(ids or ["none"]), "text": f"by the assistant: {value}"}),
            ("arrange", {"ids": some, "layout": rng.choice(("row", "column", "grid")), "gap": 10}),
            ("delete", {"ids": some[:1]}),
            ("frame", {"ids": some, "title": "Together"}),
            ("group", {"ids": some}),
            ("connect", {"connectors": [{"from": {"id": some[0]}, "to": {"id": some[-1]}}]} if some else {}),
            ("create", {"shapes": [{"type": "rect", "x": value, "y": value, "text": f"made {value}"}]}),
            ("undo", {}),
        ]
        return rng.choice(tools)


class Place(World):
    """A board's room with its people and one assistant that has the lease."""

    def __init__(self, people: list[Person], assistant: Assistant, log: list[bytes] | None = None) -> None:
        super().__init__([*people, assistant], log)
        self.room = Room(BOARD, "epoch", self.log)

    def join(self, client: Client) -> None:
        self._next += 1
        link = Link(ConnectionId(self._next))
        self.links[link.connection] = (link, client)
        epoch = ASSISTANT if isinstance(client, Assistant) else None
        self.perform(self.room.connect(link.connection, Member(epoch=epoch)))
        client.hello(link)


def _some(rng: random.Random, ids: list[str], count: int) -> list[str]:
    """Mostly of the same few, so that people and the assistant meet."""
    if rng.random() < 0.7:
        ids = ids[-4:]
    return rng.sample(ids, min(len(ids), count))


@dataclass
class Tally:
    """What happened over all schedules."""

    schedules: int = 0
    acts: Counter[str] = field(default_factory=Counter)
    fields: int = 0
    contested: int = 0
    """Fields that a person and the assistant wrote without knowing of each other."""
    people: int = 0
    """Fields whose last or concurrent writer is a person."""
    assistants: int = 0
    deletions: int = 0
    outrun: int = 0
    """Fields of a person whose value had lost to another person's, which the assistant then saw and changed."""
    broken: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        acts = " ".join(f"{name} {count}" for name, count in sorted(self.acts.items()))
        return (
            f"{self.schedules} schedules, {self.fields} fields written: {self.people} a person's, "
            f"{self.assistants} the assistant's, {self.contested} contested, {self.deletions} deletions by people, "
            f"{self.outrun} lost to another person before; broken promises: {len(self.broken)}\n  {acts}"
        )


def run_schedule(seed: int, tally: Tally) -> None:
    """One afternoon: edits, deliveries, cuts and returns in an order from the seed; at last all are connected."""
    rng = random.Random(seed)
    people = [Person(client, rng) for client in PEOPLE[: rng.choice((1, 2))]]
    assistant = Assistant(rng)
    peers: list[Peer] = [*people, assistant]
    place = Place(people, assistant)
    first = people[0]
    first.put({f"s{n}": shape_fields(n * 150, 0, "frame" if n == 0 else "rect") for n in range(4)})
    place.settle(rng)
    for _ in range(rng.randrange(30, 90)):
        match rng.choices(("deliver", "person", "assistant", "both", "cut", "return"), (40, 15, 10, 14, 5, 9))[0]:
            case "deliver":
                for _ in range(rng.randrange(1, 12)):
                    place.step(rng)
            case "person":
                tally.acts[f"person:{rng.choice(people).act()}"] += 1
            case "assistant":
                tally.acts[assistant.act()] += 1
            case "both":
                tally.acts[f"person:{rng.choice(people).act()}"] += 1
                tally.acts[assistant.act()] += 1
            case "cut":
                place.cut(rng.choice(peers))
                tally.acts["cut"] += 1
            case _:
                for peer in peers:
                    if peer.link is None and rng.random() < 0.6:
                        place.join(peer)
    place.settle(rng)
    tally.schedules += 1
    _judge(seed, place, peers, assistant, tally)


def _judge(seed: int, place: Place, peers: list[Peer], assistant: Assistant, tally: Tally) -> None:
    broken = [f"seed {seed}: {what}" for what in assistant.broken]
    final = dict(read_json(place.room.doc.get("shapes", type=YMap)))
    again = Room(BOARD, "again", place.log)
    everybody = [*(peer.doc for peer in peers), again.doc]
    broken += [
        f"seed {seed}: replica {n} differs" for n, doc in enumerate(everybody) if roots(doc) != roots(place.room.doc)
    ]
    broken += [f"seed {seed}: {closed}" for closed in place.closed]
    calls = read_json(place.room.doc.get("calls", type=YMap))
    if sorted(calls) != sorted(assistant.logged):
        broken.append(f"seed {seed}: the log holds {sorted(calls)}, carried out were {sorted(assistant.logged)}")
    writes: dict[tuple[str, str], list[Write]] = {}
    for peer in peers:
        for shape, name, write in peer.writes:
            writes.setdefault((shape, name), []).append(write)
    for (shape, name), all_writes in writes.items():
        stands = final.get(shape, {}).get(name)
        broken += [f"seed {seed}: {shape}.{name} {why}" for why in judge_field(stands, name, all_writes, tally)]
    tally.broken += broken


def judge_field(stands: Any, name: str, writes: list[Write], tally: Tally) -> list[str]:
    """What is wrong with the value that stands in a field, given all that was written there."""
    tally.fields += 1
    last = [w for w in writes if not any(other.knows(w) for other in writes if other is not w)]
    people = [w for w in last if w.client != ASSISTANT]
    own = [w for w in last if w.client == ASSISTANT]
    tally.contested += bool(people and own)
    if not people:
        tally.assistants += 1
        return [] if same(stands, own[0].value) else [f"is {stands!r}, the assistant wrote {own[0].value!r} last"]
    tally.people += 1
    if any(same(stands, w.value) for w in people):
        tally.deletions += name == "deleted" and stands is True
        return []
    if own and same(stands, own[0].value) and all(_lost_before(w, own[0], writes) for w in people):
        tally.outrun += 1
        return []
    return [f"is {stands!r}, people wrote {[w.value for w in people]!r} last"]


def _lost_before(theirs: Write, own: Write, writes: list[Write]) -> bool:
    """Whether a person's value had lost to another person's that the assistant saw when it wrote its own."""
    return any(
        own.knows(other) and other.client > theirs.client and not other.knows(theirs) and not theirs.knows(other)
        for other in writes
        if other.client not in (ASSISTANT, theirs.client)
    )


def changed(before: dict[str, dict[str, Any]], after: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """The fields that differ, as they are now."""
    return {
        shape: fields
        for shape, now in after.items()
        if (fields := {n: v for n, v in now.items() if not same(before.get(shape, {}).get(n), v)})
    }


def roots(doc: Doc[Any]) -> dict[str, Any]:
    """What a replica holds."""
    return {root: read_json(doc.get(root, type=YMap)) for root in ("shapes", "calls", "runs", "groups")}


def shape_fields(x: int, y: int, kind: str = "rect") -> dict[str, Any]:
    """A shape as a browser makes it."""
    return {
        "type": kind, "x": x, "y": y, "w": 100, "h": 60, "z": "a0", "fill": "slate", "stroke": "slate", "text": "",
        "by": "ann",
    }  # fmt: skip
