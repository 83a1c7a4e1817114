"""Tools of your own: given in Python, or found as the entry points `coplayer.tools` of what is installed beside us."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Sequence
from importlib.metadata import entry_points
from typing import Any

import anyio

from agent.settings import Settings, SettingsError
from agent.tools import TOOLS
from agent.tools.base import Tool

GROUP = "coplayer.tools"
"""Entry points of this group name a tool, or a list of tools."""
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}\Z")  # what model APIs take

logger = logging.getLogger("coplayer.agent")


class Agent:
    """An assistant with the board's tools, the installed ones and yours. `changes` are fields of Settings."""

    def __init__(self, tools: Iterable[type[Tool]] = (), settings: Settings | None = None, **changes: Any) -> None:
        """Raises SettingsError for a setting or a tool that cannot be used."""
        base = settings if settings is not None else Settings.from_env()
        self.settings = base.with_(**changes) if changes else base
        self.tools = with_tools(tools)

    def run(self) -> int:
        """Join rooms and work until SIGINT or SIGTERM; the exit status."""
        return anyio.run(self.work)

    async def work(self) -> int:
        """`run` for a program that has its own event loop."""
        from agent import service  # here: it loads the model SDK

        return await service.work(self.settings, self.tools)


def with_tools(own: Iterable[type[Tool]] = ()) -> tuple[type[Tool], ...]:
    """The board's tools, the installed ones and these. Raises SettingsError for one of these that cannot be used.

    An installed one that cannot be used is left out and told: whoever starts the assistant need not have written it.
    """
    tools = [*TOOLS]
    for entry, tool in _installed():
        try:
            _add(tool, tools)
        except SettingsError as error:
            logger.warning("The tool %s is left out. %s", entry, error)
    for tool in own:
        _add(tool, tools)
    return tuple(tools)


def _installed() -> list[tuple[str, Any]]:
    """(where it is, tool) of installed packages, by name of the entry point; one that does not load is told."""
    found: list[tuple[str, Any]] = []
    for entry in sorted(entry_points(group=GROUP), key=lambda entry: entry.name):
        try:
            loaded = entry.load()
        except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever a stranger's module raises
            words = " ".join(str(error).split()) or type(error).__name__
            logger.warning("The tool %s is left out. It does not load: %s", entry.value, words)
            continue
        found += [(entry.value, tool) for tool in (loaded if isinstance(loaded, list | tuple) else [loaded])]
    return found


def _add(tool: Any, tools: list[type[Tool]]) -> None:
    if tool not in tools:
        _check(tool, tools)
        tools.append(tool)


def _check(tool: object, others: Sequence[type[Tool]]) -> None:
    if not (isinstance(tool, type) and issubclass(tool, Tool)):
        raise SettingsError(f"{tool!r} is no tool: make it a subclass of agent.Tool.")
    name = getattr(tool, "name", "")
    if not isinstance(name, str) or not _NAME.match(name):
        raise SettingsError(f"{tool.__name__} needs a `name: ClassVar[str]` of letters, digits, - and _.")
    if any(other.name == name for other in others):
        raise SettingsError(f"There are two tools with the name {name}; rename yours.")
    if not (tool.__doc__ or "").strip():
        raise SettingsError(f"The tool {name} needs a docstring: it is what the model reads.")
