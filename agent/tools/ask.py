"""ask: a question to people; the run waits for the answer."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from agent.lines import clean
from agent.tools.base import Question, Result, Tool, ToolContext, ToolError
from sync.canvas.canvas import Canvas
from sync.canvas.conversation import MAX_OPTIONS, MAX_QUESTION


class Ask(Tool):
    """Ask the person a question and stop until they answer. Only when you cannot go on without it."""

    name: ClassVar[str] = "ask"

    question: str = Field(max_length=MAX_QUESTION, description="one question")
    options: list[str] | None = Field(
        default=None, max_length=MAX_OPTIONS, description="answers to choose from; another may be given all the same"
    )

    def stage(self, canvas: Canvas, context: ToolContext) -> Result:
        """Stages nothing; whoever carries the call out gets the answer."""
        text = clean(self.question, MAX_QUESTION).strip()
        if not text:
            raise ToolError("INVALID", "the question is empty", path="question", why="is empty")
        options = [" ".join(clean(option, MAX_QUESTION).split()) for option in self.options or ()]
        question = Question(text, tuple(dict.fromkeys(option for option in options if option)))
        return Result({}, f"Asked: {' '.join(text.split())}", question=question)
