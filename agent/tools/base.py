"""What a tool is: one pydantic class. Fields are the arguments, the docstring is what the model reads.

`apply` stages writes on a Canvas and writes nothing; the run loop writes them together with the call's log entry in
one transaction. A ToolError is an output for the model, never the end of a run: nothing of that call is written.
"""

from __future__ import annotations

import json
from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict

from agent.tools.consent import DELETE, KEEP, objection, objection_to_undo
from sync.canvas.canvas import Canvas
from sync.canvas.conversation import PlanStep, View
from sync.canvas.lint import lint
from sync.canvas.schema import MAX_SHAPES, Invalid, ShapeId

ErrorCode = Literal[
    "NOT_FOUND",
    "DELETED",
    "STALE",
    "BEING_DRAGGED",
    "LOCKED",
    "OUT_OF_RANGE",
    "LIMIT",
    "INVALID",
    "NEEDS_CONFIRMATION",
    "FORBIDDEN",
    "CANCELLED",
    "BUDGET",
]

MAX_CREATED = 50  # shapes a call; a person can still follow what appeared, and undo it at a glance
MAX_CHANGED = 200
MAX_DELETED = 200  # more than MAX_UNASKED of consent.py only after a person said yes
MAX_EFFECT_BYTES = 256 * 1024
"""JSON of what one call changes. It is written twice, in the shapes and in the log, beside arguments and output, and an
update of more than 1 MiB is refused by the server."""
MAX_LINTS = 12  # of one result; more would bury the geometry


class ToolError(Exception):
    """The call has no effect and the model is told why, with a way out. `details` is JSON."""

    def __init__(self, code: ErrorCode, message: str, **details: Any) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.details = details

    @property
    def output(self) -> dict[str, Any]:
        """`{"ok": false, "error": {code, message, ...details}}`."""
        return {"ok": False, "error": {"code": self.code, "message": self.message, **self.details}}


@dataclass(frozen=True, slots=True)
class ToolContext:
    """Who calls a tool and for whom. Everything that is not the canvas or an argument: clock and ids included."""

    run: str
    call: str
    agent: str
    now_ms: int
    asker: str
    new_id: Callable[[], ShapeId]
    """The next id of this call: f"{call}.{n}", n = 1, 2, ...; a replay of the call makes the same ids."""
    selection: tuple[str, ...] = ()
    view: View | None = None
    dragging: Mapping[str, str] = field(default_factory=dict)
    """Shape id -> name of the person who drags it now."""
    names: Mapping[str, str] = field(default_factory=dict)
    """User id -> name people read, as far as known."""
    sees: bool = False
    """Whether the model is known to read pictures."""
    request: str = ""
    """What the person asked, in their words."""
    is_confirmed: bool = False
    """A person said yes to what this very call does."""
    written_by: Callable[[str, str], str] = field(default=lambda _shape, _field: "somebody")
    """Names of who may have written a field of a shape since the board was last shown to the model."""
    last_seen: Callable[[str, str], Any] = field(default=lambda _shape, _field: None)
    """A field of a shape as the model knows it: as it saw it last or has written it since; None when it does not."""
    people_changes: Callable[[Canvas], list[str]] = field(default=lambda _canvas: [])
    """Lines of what people changed since the board was last shown to the model."""


@dataclass(frozen=True, slots=True)
class Question:
    """What a person has to say before a call can be carried out. Without options any words will do."""

    text: str
    options: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Result:
    """A call that worked. `output` is JSON for the model, `label` a few words for people, `targets` what it touched."""

    output: dict[str, Any]
    label: str
    targets: tuple[ShapeId, ...] = ()
    point: tuple[float, float] | None = None
    """Where the cursor goes instead of the middle of the targets, px of the board."""
    note: str = ""
    """A few words beside the cursor."""
    plan: tuple[PlanStep, ...] | None = None
    """The run's plan from now on; None leaves it."""
    question: Question | None = None
    """To be answered by a person; the answer is added to `output`."""


class Tool(BaseModel):
    """One verb of the assistant. A subclass says `name` and implements `stage`."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True, str_strip_whitespace=False)

    name: ClassVar[str]
    strict: ClassVar[bool] = True
    """Whether the model's side enforces the schema (small ones); otherwise only we check."""
    max_created: ClassVar[int] = MAX_CREATED
    """Shapes one call may create; more where they are one thing to people."""

    def apply(self, canvas: Canvas, context: ToolContext) -> Result:
        """Stage the effect on `canvas` and say what it is. Raises ToolError: do not write the canvas then."""
        try:
            result = self.stage(canvas, context)
        except Invalid as error:
            code: ErrorCode = "OUT_OF_RANGE" if "between" in error.why else "INVALID"
            raise ToolError(code, f"{error.field} {error.why}", path=error.field, why=error.why) from error
        _check_effect(canvas, context, self.max_created)
        problems = [found.as_json() for found in lint(canvas, canvas.touched)][:MAX_LINTS]
        output = {"ok": True, **result.output, **({"lints": problems} if problems else {})}
        if context.is_confirmed:
            output["confirmed"] = True
        return replace(result, output=output)

    @abstractmethod
    def stage(self, canvas: Canvas, context: ToolContext) -> Result:
        """What this tool does; `apply` adds the limits and the lints. Raises ToolError or Invalid."""


def _check_effect(canvas: Canvas, context: ToolContext, max_created: int) -> None:
    changes, created = canvas.changes, canvas.created
    deleted = [s for s, fields in changes.items() if fields.get("deleted", [None, None])[1] is True]
    _limit("creates", len(created), max_created)
    _limit("changes", len(changes) - len(created), MAX_CHANGED)
    _limit("deletes", len(deleted), MAX_DELETED)
    if created and canvas.count() > MAX_SHAPES:
        raise ToolError("LIMIT", f"the board is full: it holds at most {MAX_SHAPES} shapes", limit=MAX_SHAPES)
    size = len(json.dumps(changes).encode()) if changes else 0
    if size > MAX_EFFECT_BYTES:
        raise ToolError(
            "LIMIT", "this call writes too much text or too many points at once; split it", limit_bytes=MAX_EFFECT_BYTES
        )
    for shape in changes:
        refuse_dragged(shape, context)
    # What is only proposed is asked for already.
    if not context.is_confirmed and canvas.proposal is None:
        own = {context.agent, context.asker}
        why = objection(canvas, deleted, context.run, context.request, context.selection, own) if deleted else None
        why = why or objection_to_undo(canvas, canvas.taken_back, context.run, context.request)
        if why is not None:
            raise ToolError("NEEDS_CONFIRMATION", why, question=why, options=[DELETE, KEEP])


def _limit(verb: str, count: int, limit: int) -> None:
    if count > limit:
        raise ToolError(
            "LIMIT", f"one call {verb} at most {limit} shapes, this one {count}; split it", limit=limit, count=count
        )


def refuse_dragged(shape: str, context: ToolContext) -> None:
    """Raises BEING_DRAGGED when a person holds the shape."""
    if shape in context.dragging:
        raise ToolError(
            "BEING_DRAGGED",
            f"{context.dragging[shape]} is dragging {shape} right now; wait, or work on something else",
            id=shape,
            by=context.dragging[shape],
        )


def counted(count: int, noun: str) -> str:
    """`3 circles`, `1 shape`."""
    return f"{count} {noun}{'' if count == 1 else 's'}"


def unique(ids: Iterable[str]) -> list[str]:
    """Ids in order, each once."""
    return list(dict.fromkeys(ids))
