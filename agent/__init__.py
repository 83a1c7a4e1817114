"""The assistant: a process that joins rooms as an ordinary Yjs peer and works with tools.

What a tool of your own needs is named here; imported when first used, so that a server loads no model SDK.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from agent.own import Agent
    from agent.settings import Settings
    from agent.tools.base import Question, Result, Tool, ToolContext, ToolError
    from agent.tools.common import Colour, Coordinate, Gap, Ids, Point, Size
    from agent.tools.create import made_by
    from agent.tools.lookup import editable, editables, geometry, live
    from agent.tools.words import several
    from sync.canvas.canvas import Canvas
    from sync.canvas.shape import Shape

_HOMES = {
    "Agent": "agent.own",
    "Settings": "agent.settings",
    "Question": "agent.tools.base",
    "Result": "agent.tools.base",
    "Tool": "agent.tools.base",
    "ToolContext": "agent.tools.base",
    "ToolError": "agent.tools.base",
    "Colour": "agent.tools.common",
    "Coordinate": "agent.tools.common",
    "Gap": "agent.tools.common",
    "Ids": "agent.tools.common",
    "Point": "agent.tools.common",
    "Size": "agent.tools.common",
    "made_by": "agent.tools.create",
    "editable": "agent.tools.lookup",
    "editables": "agent.tools.lookup",
    "geometry": "agent.tools.lookup",
    "live": "agent.tools.lookup",
    "several": "agent.tools.words",
    "Canvas": "sync.canvas.canvas",
    "Shape": "sync.canvas.shape",
}
__all__ = (
    "Agent", "Canvas", "Colour", "Coordinate", "Gap", "Ids", "Point", "Question", "Result", "Settings", "Shape",
    "Size", "Tool", "ToolContext", "ToolError", "editable", "editables", "geometry", "live", "made_by", "several",
)  # fmt: skip


def __getattr__(name: str) -> object:
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'agent' has no attribute {name!r}")
