"""Who wrote what stands in a field now, as far as can be told: the document itself keeps no names."""

from __future__ import annotations

from typing import Any

from agent.lines import clean
from agent.tools.base import ToolContext, ToolError
from sync.canvas.canvas import Canvas
from sync.canvas.history import logged_calls, same
from sync.canvas.shape import Shape


def stale(canvas: Canvas, context: ToolContext, shape: Shape, field: str, expected: Any) -> ToolError:
    """The error for a field that is not as the model last saw it: what it is now, and by whom."""
    now = shape.field(field)
    return ToolError(
        "STALE",
        f"{shape.id}.{field} has changed since you looked; look again or leave it",
        id=shape.id,
        field=field,
        expected=expected,
        now=clean(now) if isinstance(now, str) else now,
        by=who_wrote(canvas, context, shape, field),
    )


def who_wrote(canvas: Canvas, context: ToolContext, shape: Shape, field: str) -> str:
    """A person's name, `the assistant in <call>`, or `somebody`."""
    value = shape.raw.get(field)
    for call in reversed(logged_calls(canvas.doc)):
        if call.status == "done" and field in call.changes.get(shape.id, {}):
            if same(call.changes[shape.id][field][1], value):
                return f"the assistant in {call.id}"
            break
    return context.written_by(shape.id, field)
