"""check: layout problems."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from agent.tools.base import Result, Tool, ToolContext, counted
from agent.tools.lookup import created_in_run, live
from sync.canvas.canvas import Canvas
from sync.canvas.lint import lint

MAX_PROBLEMS = 60


class Check(Tool):
    """List layout problems: overlap, occluded, text_overflow, dangling_connector, off_canvas, duplicate,
    near_aligned (edges 1 to 4 px off)."""

    name: ClassVar[str] = "check"

    ids: list[str] | None = Field(default=None, description="null = what you changed in this run", max_length=500)

    def stage(self, canvas: Canvas, context: ToolContext) -> Result:
        """Reads only."""
        if self.ids is None:
            among = [str(shape) for shape in created_in_run(canvas, context.run)]
        else:
            among = [live(canvas, context, name).id for name in self.ids]
        problems = lint(canvas, among)
        output = {
            "checked": len(among),
            "problems": len(problems),
            "lints": [problem.as_json() for problem in problems[:MAX_PROBLEMS]],
        }
        return Result(output, f"Checked {counted(len(among), 'shape')}: {counted(len(problems), 'problem')}")
