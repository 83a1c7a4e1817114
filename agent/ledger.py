"""The runs of one room, as they stand in the document: the queue, each run's steps, its log of calls.

Everything a run knows is here, so that another process can go on with it. Reads never raise on what peers wrote;
writes are small transactions, made without an await. Runs are written by people (prompt, cancel, remove) and by the
assistant (the rest); calls by the assistant alone.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, cast

from pycrdt import Doc
from pycrdt import Map as YMap

from agent.budget import spend
from agent.model import Item, Usage, call_output
from agent.records import (
    INTERRUPTED,
    MAX_ARGUMENTS,
    MAX_BODY,
    MAX_OUTPUT,
    CallEntry,
    Prompt,
    RunState,
    Step,
    bounded,
    call_id,
    dump,
    number,
    question,
    read_steps,
    safe,
    text,
    view,
    without_half_pairs,
)
from agent.settings import Prices
from sync.canvas.canvas import Canvas, Proposal, read_json
from sync.canvas.conversation import (
    MAIN_THREAD,
    MAX_OPTIONS,
    MAX_QUESTION,
    RUN_ENDED,
    CallId,
    RunError,
    RunId,
    RunStatus,
)
from sync.canvas.drafts import overlay, pending
from sync.canvas.history import LoggedCall, logged_call, logged_calls, overridden
from sync.canvas.mirror import Mirror


class Ledger:
    """The runs of one assistant in one document."""

    def __init__(self, doc: Doc[Any], agent: str, prices: Prices = Prices()) -> None:  # noqa: B008 - frozen
        self.doc = doc
        self.agent = agent
        self._prices = prices
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
            thread=text(raw.get("thread")) or MAIN_THREAD,
            prompt=text(raw.get("prompt")),
            asked_by=text(raw.get("asked_by")),
            at=number(raw.get("at")),
            status=cast(RunStatus, text(raw.get("status")) or "queued"),
            turn=int(number(raw.get("turn"))),
            steps=read_steps(raw.get("items")),
            usage={k: int(number(v)) for k, v in usage.items()} if isinstance(usage, dict) else {},
            is_cancelled=bool(raw.get("cancel")),
            is_removed=raw.get("remove") is True,
            question=question(raw.get("question")),
            proposes=raw.get("propose") is True,
        )

    def unfinished(self) -> list[RunState]:
        """Runs to work on: what was begun first, then the queue in order."""
        found = [self.state(run) for run in self._runs.keys() if self._status(run) not in RUN_ENDED]  # noqa: SIM118 - a Y.Map
        states = [state for state in found if state is not None]
        return sorted(states, key=lambda state: (state.status == "queued", state.at, state.id))

    def ready(self) -> list[RunState]:
        """Unfinished runs that something can be done for now: not taken back, and not waiting for a person."""
        return [state for state in self.unfinished() if not state.is_removed and not state.is_waiting]

    def is_cancelled(self, run: str) -> bool:
        """Whether a person pressed Stop."""
        entry = self._runs.get(run)
        return isinstance(entry, YMap) and bool(entry.get("cancel"))

    def prompt(self, state: RunState) -> Prompt | None:
        """What was asked, None when the message is missing."""
        entry = self._messages.get(state.prompt) if state.prompt else None
        raw = read_json(entry) if isinstance(entry, YMap) else None
        if not isinstance(raw, dict) or not text(raw.get("body")).strip():
            return None
        context = raw.get("context")
        context = context if isinstance(context, dict) else {}
        selection = context.get("selection")
        return Prompt(
            by=text(raw.get("by")),
            name=text(raw.get("by_name")) or "Somebody",
            body=text(raw.get("body")),
            selection=tuple(s for s in selection if isinstance(s, str)) if isinstance(selection, list) else (),
            view=view(context.get("view")),
            proposes=context.get("propose") is True,
        )

    def logged(self, call: CallId) -> LoggedCall | None:
        """The log entry of a call, None when it was not carried out."""
        return logged_call(self.doc, call)

    def calls_of(self, run: RunId) -> list[LoggedCall]:
        """The log of a run, oldest first."""
        return logged_calls(self.doc, run)

    def proposal(self, state: RunState, mirror: Mirror) -> Proposal | None:
        """What the run proposes so far, laid over the board; None for a run that writes what is everybody's."""
        if not state.proposes:
            return None
        return Proposal(state.id, overlay(mirror.stored(), pending(self.doc, state.id, self.calls_of(state.id))))

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
        step = Step(state.next_seq, without_half_pairs(items))
        steps = bounded((*state.steps, step))
        total = {
            name: state.usage.get(name, 0) + count
            for name, count in (
                ("input", usage.input_tokens), ("output", usage.output_tokens), ("cached", usage.cached_tokens)
            )
        }  # fmt: skip
        turn = state.turn + 1
        cost = self._prices.cost(total["input"], total["cached"], total["output"])
        with self.doc.transaction():
            status = "requires_action" if step.calls else "in_progress"
            self.set(state.id, items=dump(steps), turn=turn, usage=total, status=status)
            if cost:
                self.set(state.id, cost=cost)
            spend(self.doc, self.agent, self.prompt(state), usage, len(step.calls), self._prices, now_ms)
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
        self.set(state.id, items=dump(kept))
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
            **({"proposed": canvas.proposed} if canvas is not None and canvas.proposal is not None else {}),
            "output": output,
            "label": safe(entry.label, 200),
            "at": entry.at,
            "ms": entry.ms,
        }
        with self.doc.transaction():
            if canvas is not None:
                canvas.write()
            self._calls[call_id(run, entry.seq)] = YMap(fields)
            if entry.plan is not None:
                self.set(run, plan=[dict(step) for step in entry.plan])

    def ask(self, run: RunId, call: CallId, words: str, options: Sequence[str]) -> None:
        """Put a question to people: the run is `requires_user` until one answers. One transaction."""
        with self.doc.transaction():
            self.set(
                run,
                question={
                    "text": safe(words, MAX_QUESTION),
                    "options": [safe(option, MAX_QUESTION) for option in options[:MAX_OPTIONS]],
                    "call": call,
                    "answer": None,
                },
                status="requires_user",
            )

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
        """End runs that nobody works on and people want no more: taken out of the queue, or stopped at a question."""
        for state in self.unfinished():
            if state.status == "queued" and (state.is_removed or state.is_cancelled):
                self.set(state.id, status="cancelled", ended_at=now_ms)
            elif state.status == "requires_user" and state.is_cancelled:
                self.end(state.id, "cancelled", now_ms, "Stopped", None)

    def _status(self, run: str) -> object:
        entry = self._runs.get(run)
        return entry.get("status") if isinstance(entry, YMap) else "failed"
