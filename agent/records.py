"""What the document holds of runs, as values: read tolerantly, written bounded. No document here."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agent.model import Item, is_call
from sync.canvas.conversation import MAX_ANSWER, Answer, CallId, PlanStep, RunId, RunQuestion, RunStatus, View

MAX_ITEMS = 200_000  # characters of a run's steps; the server takes 1 MiB a message, and each step writes them anew
MAX_ARGUMENTS = 20_000  # characters of a call's arguments kept for people to read
MAX_OUTPUT = 24_000  # characters of a call's output; above it the model is told to ask for less
MAX_BODY = 20_000  # characters of a message
INTERRUPTED = json.dumps({"ok": False, "error": {"code": "CANCELLED", "message": "interrupted"}})


@dataclass(frozen=True, slots=True)
class Step:
    """One answer of the model: its items verbatim. Its calls are numbered from `seq` within the run."""

    seq: int
    items: tuple[Item, ...]

    @property
    def calls(self) -> list[tuple[int, Item]]:
        """(number, item) of each call."""
        return [(self.seq + n, item) for n, item in enumerate(i for i in self.items if is_call(i))]


@dataclass(frozen=True, slots=True)
class RunState:
    """A run as it is read."""

    id: RunId
    thread: str
    prompt: str
    asked_by: str
    at: float
    status: RunStatus
    turn: int
    steps: tuple[Step, ...]
    usage: Mapping[str, int]
    is_cancelled: bool
    is_removed: bool
    question: RunQuestion | None = None
    proposes: bool = False
    """Its changes wait for people to accept them."""

    @property
    def is_waiting(self) -> bool:
        """Whether nothing can be done before a person answers or stops it."""
        asks = self.status == "requires_user" and self.question is not None and self.question["answer"] is None
        return asks and not self.is_cancelled

    def answer_to(self, call: CallId) -> Answer | None:
        """What a person answered to the question of this call."""
        return self.question["answer"] if self.question is not None and self.question["call"] == call else None

    @property
    def next_seq(self) -> int:
        """The number of the next call; numbers start at 1."""
        return max((seq for step in self.steps for seq, _ in step.calls), default=self._dropped) + 1

    @property
    def _dropped(self) -> int:
        return max((step.seq for step in self.steps), default=1) - 1


@dataclass(frozen=True, slots=True)
class Prompt:
    """What a person asked, and what they had selected and in view."""

    by: str
    name: str
    body: str
    selection: tuple[str, ...]
    view: View | None
    proposes: bool = False
    """The person wants proposals."""


@dataclass(frozen=True, slots=True)
class CallEntry:
    """What a call did, to be logged in the transaction that holds its effect."""

    seq: int
    item: Item
    is_error: bool
    output: Mapping[str, Any]
    label: str
    at: int
    ms: int
    plan: tuple[PlanStep, ...] | None = None


def call_id(run: RunId, seq: int) -> CallId:
    """Derived, so that a replay of a step means the same call."""
    return CallId(f"{run}.{seq}")


def safe(text: str, limit: int) -> str:
    """The text as the document may hold it: no half surrogate pairs (they crash CRDT libraries), cut to a length."""
    return text[:limit].encode("utf-8", "replace").decode("utf-8")


def without_half_pairs(items: Sequence[Item]) -> tuple[Item, ...]:
    """The items without half surrogate pairs: neither the document nor a request to the model can carry them."""
    text = json.dumps(items, ensure_ascii=False).encode("utf-8", "replace").decode("utf-8")
    return tuple(json.loads(text))


def bounded(steps: tuple[Step, ...]) -> tuple[Step, ...]:
    """The latest steps that fit; a step is dropped whole, so that calls keep their outputs and their numbers."""
    while len(steps) > 1 and len(dump(steps)) > MAX_ITEMS:
        steps = steps[1:]
    return steps


def dump(steps: Sequence[Step]) -> str:
    """Steps as the run's `items`."""
    return json.dumps(
        [{"seq": step.seq, "items": step.items} for step in steps], separators=(",", ":"), ensure_ascii=False
    )


def read_steps(raw: object) -> tuple[Step, ...]:
    """The steps of a run's `items`; none when they cannot be read."""
    try:
        parsed = json.loads(raw) if isinstance(raw, str) else []
    except ValueError:
        return ()
    return tuple(
        Step(int(entry["seq"]), tuple(item for item in entry["items"] if _is_item(item)))
        for entry in parsed
        if isinstance(entry, dict) and isinstance(entry.get("seq"), int) and isinstance(entry.get("items"), list)
    )


def _is_item(item: object) -> bool:
    """Whether it can be replayed: a call must have what its output is matched by."""
    if not isinstance(item, dict):
        return False
    return not is_call(item) or all(isinstance(item.get(name), str) for name in ("call_id", "name", "arguments"))


def text(value: object) -> str:
    """The string, or an empty one."""
    return value if isinstance(value, str) else ""


def number(value: object) -> float:
    """The number, or 0."""
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else 0.0


def view(value: object) -> View | None:
    """The part of the board a person saw, None when it says nothing."""
    if not isinstance(value, dict):
        return None
    x, y, w, h = (number(value.get(name)) for name in ("x", "y", "w", "h"))
    return View(x=x, y=y, w=w, h=h) if w > 0 and h > 0 else None


def question(value: object) -> RunQuestion | None:
    """The question of a run as it stands, None when it says nothing; a person may have written it."""
    if not isinstance(value, dict) or not text(value.get("call")):
        return None
    options = value.get("options")
    return RunQuestion(
        text=text(value.get("text")),
        options=[o for o in options if isinstance(o, str)] if isinstance(options, list) else [],
        call=text(value.get("call")),
        answer=_answer(value.get("answer")),
    )


def _answer(value: object) -> Answer | None:
    if not isinstance(value, dict) or not text(value.get("text")).strip():
        return None
    return Answer(
        text=text(value.get("text")).strip()[:MAX_ANSWER],
        by=text(value.get("by")),
        by_name=text(value.get("by_name")) or "Somebody",
        at=int(number(value.get("at"))),
    )
