"""The assistant's verbs. TOOLS is the one list; the order is the order the model reads."""

from __future__ import annotations

from agent.tools.align import Align, Distribute
from agent.tools.arrange import Arrange
from agent.tools.ask import Ask
from agent.tools.base import Result, Tool, ToolContext, ToolError
from agent.tools.check import Check
from agent.tools.connect import Connect
from agent.tools.create import Create
from agent.tools.delete import Delete
from agent.tools.diagram import Diagram
from agent.tools.draw import Draw
from agent.tools.duplicate import Duplicate
from agent.tools.find import Find
from agent.tools.frame import Frame
from agent.tools.group import Group
from agent.tools.look import Look
from agent.tools.move import Move
from agent.tools.picture import Picture
from agent.tools.place import PlaceBeside
from agent.tools.plan import Plan
from agent.tools.point import PointAt
from agent.tools.reorder import Reorder
from agent.tools.resize import Resize
from agent.tools.rotate import Rotate
from agent.tools.schema import openai_schema
from agent.tools.seed import CreateShape, EditExistingShape
from agent.tools.set_text import SetText
from agent.tools.undo import Undo
from agent.tools.update import Update

TOOLS: tuple[type[Tool], ...] = (
    Look,
    Find,
    Check,
    Picture,
    Create,
    Update,
    SetText,
    Delete,
    Move,
    Arrange,
    Connect,
    Align,
    Distribute,
    PlaceBeside,
    Resize,
    Rotate,
    Duplicate,
    Group,
    Frame,
    Reorder,
    Draw,
    Diagram,
    PointAt,
    Plan,
    Ask,
    Undo,
    CreateShape,
    EditExistingShape,
)

__all__ = ["TOOLS", "Result", "Tool", "ToolContext", "ToolError", "openai_schema"]
