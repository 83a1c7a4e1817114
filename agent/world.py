"""Everything a run needs from outside. Time, chance and the network come in here."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import anyio
from pycrdt import Doc

from agent.calls import ToolBox
from agent.face import Face
from agent.model import Model
from agent.settings import Settings
from agent.step import RetryPolicy


@dataclass(frozen=True, slots=True)
class World:
    """One room, one assistant, one model. `saved` returns when all that was written is on the server's disk."""

    doc: Doc[Any]
    agent: str
    epoch: int
    model: Model
    tools: ToolBox
    face: Face
    saved: Callable[[], Awaitable[None]]
    policy: RetryPolicy
    settings: Settings
    now_ms: Callable[[], int] = field(default=lambda: int(time.time() * 1000))
    sleep: Callable[[float], Awaitable[None]] = anyio.sleep
