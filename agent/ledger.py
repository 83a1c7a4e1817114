"""The runs of one room, as they stand in the document: the queue, each run's steps, its log of calls.

Everything a run knows is here, so that another process can go on with it. Reads never raise on what peers wrote;
writes are small transactions, made without an await. Runs are written by people (prompt, cancel, remove) and by the
assistant (the rest); calls by the assistant alone.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

from pycrdt import Doc
from pycrdt import Map as YMap

from agent.model import Item, Usage, call_output, is_call
from sync.canvas.canvas import Canvas, read_json
from sync.canvas.history import LoggedCall, logged_call, logged_calls, overridden
from sync.canvas.schema import MAIN_THREAD, RUN_ENDED, CallId, RunError, RunId, RunStatus, View

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


def call_id(run: RunId, seq: int) -> CallId:
    """Derived, so that a replay of a step means the same call."""
    return CallId(f"{run}.{seq}")


def safe(text: str, limit: int) -> str:
    """The text as the document may hold it: no half surrogate pairs (they crash CRDT libraries), cut to a length."""
    return text[:limit].encode("utf-8", "replace").decode("utf-8")


class Ledger:
    """The runs of one assistant in one document."""

    def __init__(self, doc: Doc[Any], agent: str) -> None:
        self.doc = doc
        self.agent = agent
        self._runs: YMap[Any] = doc.get("runs", type=YMap)
        self._calls: YMap[Any] = doc.get("calls", type=YMap)
        self._messages: YMap[Any] = doc.get("messages", type=YMap)

    # ---- reading

    def state(self, run: str) -> RunState | None:
        """The run now, None when there is none of this assistant."""
        entry = self._runs.get(run)
        raw = read_json(entry) if isinstance(entry, YMap) else None
        if not isinstance(raw, dict) or raw.get("agent") != self.agent:
            return None
        usage = raw.get("usage")
        return RunState(
            id=RunId(run),
            thread=_text(raw.get("thread")) or MAIN_THREAD,
            prompt=_text(raw.get("prompt")),
            asked_by=_text(raw.get("asked_by")),
            at=_number(raw.get("at")),
            status=cast(RunStatus, _text(raw.get("status")) or "queued"),
            turn=int(_number(raw.get("turn"))),
            steps=_steps(raw.get("items")),
            usage={k: int(_number(v)) for k, v in usage.items()} if isinstance(usage, dict) else {},
            is_cancelled=bool(raw.get("cancel")),
            is_removed=raw.get("remove") is True,
        )

    def unfinished(self) -> list[RunState]:
        """Runs to work on: what was begun first, then the queue in order."""
        found = [self.state(run) for run in self._runs.keys() if self._status(run) not in RUN_ENDED]  # noqa: SIM118 - a Y.Map
        states = [state for state in found if state is not None]
        return sorted(states, key=lambda state: (state.status == "queued", state.at, state.id))

    def is_cancelled(self, run: str) -> bool:
        """Whether a person pressed Stop."""
        entry = self._runs.get(run)
        return isinstance(entry, YMap) and bool(entry.get("cancel"))

    def prompt(self, state: RunState) -> Prompt | None:
        """What was asked, None when the message is missing."""
        entry = self._messages.get(state.prompt) if state.prompt else None
        raw = read_json(entry) if isinstance(entry, YMap) else None
        if not isinstance(raw, dict) or not _text(raw.get("body")).strip():
            return None
        context = raw.get("context")
        context = context if isinstance(context, dict) else {}
        selection = context.get("selection")
        return Prompt(
            by=_text(raw.get("by")),
            name=_text(raw.get("by_name")) or "Somebody",
            body=_text(raw.get("body")),
            selection=tuple(s for s in selection if isinstance(s, str)) if isinstance(selection, list) else (),
            view=_view(context.get("view")),
        )

    def logged(self, call: CallId) -> LoggedCall | None:
        """The log entry of a call, None when it was not carried out."""
        return logged_call(self.doc, call)

    def calls_of(self, run: RunId) -> list[LoggedCall]:
        """The log of a run, oldest first."""
        return logged_calls(self.doc, run)

    def outputs(self, state: RunState) -> list[Item]:
        """The run's items for the model: every call is followed by an output, a synthetic one where it was cut."""
        items: list[Item] = []
        for step in state.steps:
            items.extend(step.items)
            for seq, item in step.calls:
                entry = self.logged(call_id(state.id, seq))
                items.append(call_output(item["call_id"], entry.output if entry and entry.output else INTERRUPTED))
        return items

    def on_change(self, listener: Callable[[], None]) -> Callable[[], None]:
        """`listener` is called after any change of runs, inside the transaction: it must not write. Returns the end."""
        subscription = self._runs.observe_deep(lambda _events: listener())
        return lambda: self._runs.unobserve(subscription)

    # ---- writing

    def set(self, run: RunId, **fields: Any) -> None:
        """Set fields of a run; None and equal values are written only when they change something."""
        entry = self._runs.get(run)
        if not isinstance(entry, YMap):
            return
        with self.doc.transaction():
            for name, value in fields.items():
                if entry.get(name) != value:
                    entry[name] = value

    def commit_step(self, state: RunState, items: Sequence[Item], words: str, usage: Usage, now_ms: int) -> RunState:
        """Keep a whole step: its items, its words as a message, what it cost. One transaction."""
        step = Step(state.next_seq, _without_half_pairs(items))
        steps = _bounded((*state.steps, step))
        total = {
            name: state.usage.get(name, 0) + count
            for name, count in (
                ("input", usage.input_tokens), ("output", usage.output_tokens), ("cached", usage.cached_tokens)
            )
        }  # fmt: skip
        turn = state.turn + 1
        with self.doc.transaction():
            status = "requires_action" if step.calls else "in_progress"
            self.set(state.id, items=_dump(steps), turn=turn, usage=total, status=status)
            if words.strip():
                self._messages[f"{state.id}.m{turn}"] = YMap(
                    {
                        "thread": state.thread,
                        "role": "assistant",
                        "by": self.agent,
                        "at": now_ms,
                        "run": state.id,
                        "body": safe(words.strip(), MAX_BODY),
                    }
                )
        return replace(state, steps=steps, turn=turn, usage=total)

    def without_reasoning(self, state: RunState) -> RunState:
        """Drop the model's private items, and the ids that tie others to them, after a server refused them."""
        kept = tuple(
            Step(
                step.seq,
                tuple({k: v for k, v in i.items() if k != "id"} for i in step.items if i.get("type") != "reasoning"),
            )
            for step in state.steps
        )
        self.set(state.id, items=_dump(kept))
        return replace(state, steps=kept)

    def log_call(self, run: RunId, entry: CallEntry, canvas: Canvas | None) -> None:
        """Write a call's effect and its log entry in one transaction: both are there, or neither."""
        output = json.dumps(entry.output, separators=(",", ":"))
        if len(output) > MAX_OUTPUT:
            note = {
                "ok": bool(entry.output.get("ok")),
                "cut": output[: MAX_OUTPUT // 2],
                "note": "too long; ask for less",
            }
            output = json.dumps(note)
        fields: dict[str, Any] = {
            "run": run,
            "seq": entry.seq,
            "model_call_id": safe(str(entry.item.get("call_id")), 200),
            "tool": safe(str(entry.item.get("name")), 64),
            "args": safe(str(entry.item.get("arguments")), MAX_ARGUMENTS),
            "status": "error" if entry.is_error else "done",
            "changes": canvas.changes if canvas is not None else {},
            "created": [str(shape) for shape in canvas.created] if canvas is not None else [],
            "output": output,
            "label": safe(entry.label, 200),
            "at": entry.at,
            "ms": entry.ms,
        }
        with self.doc.transaction():
            if canvas is not None:
                canvas.write()
            self._calls[call_id(run, entry.seq)] = YMap(fields)

    def end(self, run: RunId, status: RunStatus, now_ms: int, summary: str, error: RunError | None) -> None:
        """The last word on a run, with the fields that others changed meanwhile."""
        lost = overridden(Canvas(self.doc), self.calls_of(run))
        self.set(
            run,
            status=status,
            ended_at=now_ms,
            summary=safe(summary, 400),
            error=cast(dict[str, Any], error) if error is None else {**error, "message": safe(error["message"], 400)},
            overridden=lost[:100],
        )

    def sweep(self, now_ms: int) -> None:
        """End queued runs that people took back before they began."""
        for state in self.unfinished():
            if state.status == "queued" and (state.is_removed or state.is_cancelled):
                self.set(state.id, status="cancelled", ended_at=now_ms)

    def _status(self, run: str) -> object:
        entry = self._runs.get(run)
        return entry.get("status") if isinstance(entry, YMap) else "failed"


def _without_half_pairs(items: Sequence[Item]) -> tuple[Item, ...]:
    """The items without half surrogate pairs: neither the document nor a request to the model can carry them."""
    text = json.dumps(items, ensure_ascii=False).encode("utf-8", "replace").decode("utf-8")
    return tuple(json.loads(text))


def _bounded(steps: tuple[Step, ...]) -> tuple[Step, ...]:
    """The latest steps that fit; a step is dropped whole, so that calls keep their outputs and their numbers."""
    while len(steps) > 1 and len(_dump(steps)) > MAX_ITEMS:
        steps = steps[1:]
    return steps


def _dump(steps: Sequence[Step]) -> str:
    return json.dumps(
        [{"seq": step.seq, "items": step.items} for step in steps], separators=(",", ":"), ensure_ascii=False
    )


def _steps(raw: object) -> tuple[Step, ...]:
    try:
        parsed = json.loads(raw) if isinstance(raw, str) else []
    except ValueError:
        return ()
    return tuple(
        Step(int(entry["seq"]), tuple(item for item in entry["items"] if isinstance(item, dict)))
        for entry in parsed
        if isinstance(entry, dict) and isinstance(entry.get("seq"), int) and isinstance(entry.get("items"), list)
    )


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else 0.0


def _view(value: object) -> View | None:
    if not isinstance(value, dict):
        return None
    x, y, w, h = (_number(value.get(name)) for name in ("x", "y", "w", "h"))
    return View(x=x, y=y, w=w, h=h) if w > 0 and h > 0 else None
