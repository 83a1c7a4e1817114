"""plan: the steps, shown to everyone."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from agent.lines import clean
from agent.tools.base import Result, Tool, ToolContext, counted
from agent.tools.common import Arguments
from sync.canvas.canvas import Canvas
from sync.canvas.conversation import PlanState, PlanStep

MAX_STEPS = 20
MAX_STEP = 200  # characters


class Planned(Arguments):
    """One step of the plan."""

    text: str = Field(max_length=MAX_STEP, description="short")
    state: PlanState


class Plan(Tool):
    """Show your steps to everyone; send the whole list each time. Only for work of several steps."""

    name: ClassVar[str] = "plan"

    steps: list[Planned] = Field(max_length=MAX_STEPS)

    def stage(self, canvas: Canvas, context: ToolContext) -> Result:
        """Replaces the plan of the run."""
        steps = tuple(PlanStep(text=" ".join(clean(s.text, MAX_STEP).split()), state=s.state) for s in self.steps)
        done = sum(step["state"] == "done" for step in steps)
        label = f"Planned {counted(len(steps), 'step')}" if not done else f"Plan: {done} of {len(steps)} done"
        return Result({"steps": len(steps)}, label, plan=steps)
