"""undo: take back one's own calls."""

from __future__ import annotations

from typing import Any, ClassVar

from pycrdt import Map as YMap
from pydantic import Field

from agent.lines import clean
from agent.tools.base import Result, Tool, ToolContext, ToolError, counted
from sync.canvas.canvas import Canvas
from sync.canvas.history import LoggedCall, logged_call, logged_calls, stage_undo
from sync.canvas.schema import ShapeId


class Undo(Tool):
    """Take back your own changes. Fields somebody else changed since are kept and listed."""

    name: ClassVar[str] = "undo"

    calls: list[str] | None = Field(
        default=None,
        max_length=200,
        description="call ids; null = everything in this run, or your last run when this one has changed nothing",
    )

    def stage(self, canvas: Canvas, context: ToolContext) -> Result:
        """Stages the reverts and marks the calls undone; a shape that is dragged now is refused whole."""
        calls = self._named(canvas, context) if self.calls is not None else _latest(canvas, context)
        for shape in dict.fromkeys(shape for call in calls for shape in call.changes):
            if shape in context.dragging:
                raise ToolError(
                    "BEING_DRAGGED",
                    f"{context.dragging[shape]} is dragging {shape}",
                    id=shape,
                    by=context.dragging[shape],
                )
        report = stage_undo(canvas, calls, context.agent, context.now_ms)
        if any(canvas.is_held(shape) for shape in report.restored):
            raise ToolError(
                "FORBIDDEN",
                "you only propose here, and this would change what is everybody's: people can undo it themselves, or "
                "propose the opposite change",
            )
        output: dict[str, Any] = {"undone": list(report.calls), "restored": list(report.restored)}
        if report.kept:
            output["kept"] = [[clean(part, 128) for part in kept] for kept in report.kept]
        if not report.calls:
            output["note"] = "there is nothing of yours to take back"
        label = f"Took back {counted(len(report.calls), 'step')}" if report.calls else "Nothing to take back"
        return Result(output, label, tuple(ShapeId(shape) for shape in report.restored))

    def _named(self, canvas: Canvas, context: ToolContext) -> list[LoggedCall]:
        found: list[LoggedCall] = []
        for name in self.calls or ():
            call = logged_call(canvas.doc, name)
            if call is None:
                raise ToolError("NOT_FOUND", f"there is no call {clean(name, 80)}", id=clean(name, 128))
            if call.run != context.run and _agent_of(canvas, call.run) != context.agent:
                raise ToolError("FORBIDDEN", f"{call.id} is not yours; people can undo it themselves", id=call.id)
            found.append(call)
        return found


def _latest(canvas: Canvas, context: ToolContext) -> list[LoggedCall]:
    """The calls in effect of this run, else of this agent's newest run that has some."""
    effective = [call for call in logged_calls(canvas.doc) if call.status == "done" and call.changes]
    own = [call for call in effective if call.run == context.run]
    if own:
        return own
    for call in reversed(effective):
        if _agent_of(canvas, call.run) == context.agent:
            return [other for other in effective if other.run == call.run]
    return []


def _agent_of(canvas: Canvas, run: str) -> str | None:
    runs: YMap[Any] = canvas.doc.get("runs", type=YMap)
    entry = runs.get(run) if run else None
    agent = entry.get("agent") if isinstance(entry, YMap) else None
    return agent if isinstance(agent, str) else None
