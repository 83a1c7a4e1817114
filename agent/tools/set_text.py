"""set_text: one label."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from agent.lines import clean
from agent.tools.base import Result, Tool, ToolContext, ToolError
from agent.tools.lookup import editable, geometry
from agent.tools.refit import refit
from agent.tools.stale import stale, who_wrote
from agent.tools.words import name
from sync.canvas.canvas import Canvas
from sync.canvas.merge import merge_words
from sync.canvas.schema import MAX_TEXT
from sync.canvas.shape import Shape


class SetText(Tool):
    """Change a label, or with `find` only a part of it: what others wrote into it since you looked stays. A text shape
    that fitted its words is fitted again."""

    name: ClassVar[str] = "set_text"

    id: str = Field(description="shape id")
    find: str | None = Field(default=None, description="part to replace; null = the whole label as you last saw it")
    text: str = Field(max_length=MAX_TEXT, description="new text")
    expect: str | None = Field(
        default=None,
        description="label you last saw; if the same words of it have changed since, nothing is written",
    )

    def stage(self, canvas: Canvas, context: ToolContext) -> Result:
        """Stages `text`, and w and h of a text shape that fitted."""
        shape = editable(canvas, context, self.id)
        seen = self._seen(shape, context)
        has_changed = seen is not None and seen != shape.text
        canvas.set(shape.id, "text", self._new_text(canvas, context, shape, shape.text if seen is None else seen))
        refit(canvas, shape)
        now = canvas.get(shape.id) or shape
        label = f"Relabelled {name(shape)}: {name(now)}" if shape.text and now.text else f"Labelled {name(now)}"
        output = {"shapes": geometry(canvas, [shape.id]), "text": clean(now.text)}
        if has_changed:
            output["merged_with"] = who_wrote(canvas, context, shape, "text")
        return Result(output, label if now.text else f"Cleared the label of {name(shape)}", (shape.id,))

    def _seen(self, shape: Shape, context: ToolContext) -> str | None:
        """The label that the model means to change, None when nobody can tell."""
        if self.expect is not None:
            return shape.text if self.expect == clean(shape.text) else self.expect
        seen = context.last_seen(shape.id, "text")
        return seen if isinstance(seen, str) else None

    def _new_text(self, canvas: Canvas, context: ToolContext, shape: Shape, seen: str) -> str:
        if self.find is None:
            merged = merge_words(seen, self.text, shape.text)
            if merged is None:
                raise stale(canvas, context, shape, "text", seen)
            return merged
        count = shape.text.count(self.find) if self.find else 0
        if count != 1 and self.expect is not None and seen != shape.text:
            raise stale(canvas, context, shape, "text", self.expect)
        if count != 1:
            why = "is not in the label" if count == 0 else f"is {count} times in the label; give more of it"
            raise ToolError("INVALID", f"`find` {why}", path="find", why=why, now=clean(shape.text))
        return shape.text.replace(self.find, self.text)
