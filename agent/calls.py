"""Carrying out one tool call: arguments in, effect and log entry out. What goes wrong is an output for the model."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pycrdt import Doc
from pydantic import ValidationError

from agent.budget import too_many_shapes
from agent.model import Item
from agent.tools.base import Result, Tool, ToolContext, ToolError
from sync.canvas.canvas import Canvas, Proposal
from sync.canvas.geometry import Box, union
from sync.canvas.mirror import Mirror
from sync.canvas.place import bounds

MAX_TOLD = 3  # wrong arguments the model is told of at once
logger = logging.getLogger("coplayer.agent")


@dataclass(frozen=True, slots=True)
class Staged:
    """A call that would work: what it would write, and where on the board that is."""

    canvas: Canvas
    result: Result
    around: Box | None


class ToolBox:
    """The tools of a run by name."""

    def __init__(self, tools: Sequence[type[Tool]], schema: Callable[[type[Tool]], Mapping[str, Any]]) -> None:
        self._tools = {tool.name: tool for tool in tools}
        self.schemas: tuple[Mapping[str, Any], ...] = tuple(schema(tool) for tool in tools)
        """What the model reads, made once: the same bytes in every request."""

    def known(self, item: Item) -> str:
        """The name of the tool that is called; `unknown` for one that there is not."""
        name = str(item.get("name"))
        return name if name in self._tools else "unknown"

    def parse(self, item: Item) -> Tool:
        """The call as a tool with checked arguments. Raises ToolError."""
        name = str(item.get("name"))
        tool = self._tools.get(name)
        if tool is None:
            known = ", ".join(self._tools)
            raise ToolError("INVALID", f"there is no tool {name[:64]}; there are: {known}", path="name", why="unknown")
        try:
            return tool.model_validate(_arguments(item))
        except ValidationError as error:
            raise _invalid(error) from error

    def stage(
        self,
        tool: Tool,
        doc: Doc[Any],
        context: ToolContext,
        mirror: Mirror | None = None,
        proposal: Proposal | None = None,
    ) -> Staged:
        """What the call would do now. Nothing is written. Raises ToolError."""
        canvas = Canvas(doc, mirror, proposal)
        try:
            result = tool.apply(canvas, context)
            _within_budget(canvas, context)
        except ToolError:
            raise
        except Exception as error:
            # A fault in a tool ends that call, not the run: the model is told and can go another way.
            logger.exception("tool %s failed", tool.name)
            raise ToolError("INVALID", f"the tool {tool.name} failed inside ({type(error).__name__})") from error
        targets = [shape for name in result.targets if (shape := canvas.get(name)) is not None]
        return Staged(canvas, result, union(bounds(shape, canvas) for shape in targets))


def _within_budget(canvas: Canvas, context: ToolContext) -> None:
    why = too_many_shapes(canvas, context.run)
    if why is not None:
        raise ToolError("BUDGET", f"{why}; say so to the person who asked")


def _arguments(item: Item) -> dict[str, Any]:
    """The arguments as JSON. Raises ToolError."""
    text = str(item.get("arguments") or "").strip() or "{}"
    try:
        arguments = json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise ToolError("INVALID", f"the arguments are not JSON: {error}", path="", why="is not JSON") from error
    if not isinstance(arguments, dict):
        raise ToolError("INVALID", "the arguments are not a JSON object", path="", why="is not an object")
    return arguments


def _invalid(error: ValidationError) -> ToolError:
    """Which arguments are wrong and why, the first few of them."""
    wrong = [(".".join(str(part) for part in e["loc"]), e["msg"]) for e in error.errors(include_url=False)]
    told = "; ".join(f"{path or 'arguments'}: {why}" for path, why in wrong[:MAX_TOLD])
    more = f" (and {len(wrong) - MAX_TOLD} more)" if len(wrong) > MAX_TOLD else ""
    return ToolError("INVALID", f"{told}{more}", path=wrong[0][0], why=wrong[0][1])


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not a number here")
