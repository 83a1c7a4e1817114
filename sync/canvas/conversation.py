"""The records of what people and the assistant say and do: messages, runs, calls, verdicts; each is a Y.Map of a root.

The one home of their fields and limits, as schema.py is of a shape's; the browser's `canvas.gen.ts` is generated from
both. Who writes which field when: docs/spec.md, section R.
"""

from __future__ import annotations

from typing import Any, Literal, NewType, TypedDict

RunId = NewType("RunId", str)
CallId = NewType("CallId", str)

MAX_QUESTION = 500  # characters of a question, and of an option
MAX_OPTIONS = 8  # more would not be read
MAX_ANSWER = 2_000  # characters of an answer

RunStatus = Literal[
    "queued",
    "in_progress",
    "requires_action",
    "requires_user",
    "cancelling",
    "completed",
    "incomplete",
    "failed",
    "cancelled",
    "expired",
]
RUN_ENDED: frozenset[RunStatus] = frozenset({"completed", "incomplete", "failed", "cancelled", "expired"})
Role = Literal["user", "assistant", "system"]
CallStatus = Literal["done", "error", "undone"]
AgentState = Literal["idle", "thinking", "working", "waiting"]
PlanState = Literal["todo", "doing", "done", "dropped"]

MAIN_THREAD = "main"
"""The thread of a room that everybody sees; others may be added."""


class RunError(TypedDict):
    """Why a run ended without completing; `message` is a sentence for people."""

    code: str
    message: str
    retryable: bool


class Undone(TypedDict):
    """Who took a call back, when (ms), and which fields stayed: [[shape, field, why], ...]."""

    by: str
    at: int
    kept: list[list[str]]


class Cancel(TypedDict):
    """Who stopped a run, and when (ms)."""

    by: str
    at: int


class View(TypedDict):
    """The part of the board a person sees, px."""

    x: float
    y: float
    w: float
    h: float


class Context(TypedDict, total=False):
    """What the person had selected and in view when they asked."""

    selection: list[str]
    view: View
    propose: bool
    """The assistant shall propose what it changes, for people to accept or reject."""


class Answer(TypedDict):
    """What a person answered to a question of a run: who (id and name) and when (ms)."""

    text: str
    by: str
    by_name: str
    at: int


class RunQuestion(TypedDict):
    """What a run waits for, one atomic value: written by the assistant, and once more, with the answer, by a person.

    `call` is the call that asks; no `options` means that any words will do.
    """

    text: str
    options: list[str]
    call: str
    answer: Answer | None


class PlanStep(TypedDict):
    """One line of a run's plan."""

    text: str
    state: PlanState


class Message(TypedDict, total=False):
    """messages[id]: written once by whoever says it. A person's without a run is a comment; writers set its `state`."""

    thread: str
    role: Role
    by: str
    by_name: str
    at: int
    run: str | None
    body: str
    context: Context
    state: Literal["open", "resolved"]


class Run(TypedDict, total=False):
    """runs[id]. People write prompt..at when they ask (status `queued`), cancel and remove; the assistant the rest."""

    thread: str
    prompt: str
    agent: str
    asked_by: str
    at: int
    status: RunStatus
    cancel: Cancel | None
    remove: bool
    epoch: int
    turn: int
    items: str
    """The model's items so far, JSON, so that another process can go on."""
    error: RunError | None
    usage: dict[str, int]
    cost: float
    """Money so far, where the operator has set prices."""
    started_at: int
    ended_at: int
    summary: str
    model: str
    overridden: list[list[str]]
    """[[shape, field], ...]: what the run wrote and somebody changed before it ended."""
    kept: bool
    """A person pressed Keep: the footer goes away."""
    question: RunQuestion | None
    """The last question; the run is `requires_user` while it has no answer."""
    plan: list[PlanStep]
    """What the assistant is going to do, as it says itself."""
    propose: bool
    """What the run changes is proposed (drafts.py), from its first step to its last."""


class Call(TypedDict, total=False):
    """calls[f"{run}.{seq}"]: one tool call, written in the transaction that holds its effect."""

    run: str
    seq: int
    model_call_id: str
    tool: str
    args: str
    status: CallStatus
    changes: dict[str, dict[str, list[Any]]]
    """{shape: {field: [before, after]}}; before is null for every field of a created shape."""
    created: list[str]
    proposed: list[str]
    """Shapes that the call would change and did not: their `changes` wait for a person's verdict."""
    output: str
    label: str
    """What people read: verb and subject, "Created 3 circles"."""
    at: int
    ms: int
    undo: Undone | None


class Verdict(TypedDict):
    """drafts[f"{call}:{shape}"], one atomic value: what a person said to the changes that `call` proposed to `shape`.

    `kept`: [[shape, field, why], ...] that were accepted and not written, since somebody had changed them.
    """

    run: str
    call: str
    shape: str
    accepted: bool
    by: str
    at: int
    kept: list[list[str]]


class AgentPreview(TypedDict):
    """`agent.preview` of the assistant's presence: what a call that is still being written will do (R17)."""

    call: str
    shapes: dict[str, dict[str, Any]]
    """Shape id -> the fields it will have: all of a new shape, the changing ones of another."""
