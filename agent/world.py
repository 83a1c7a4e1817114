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
from agent.metrics import Metrics
from agent.model import Model
from agent.settings import Settings
from agent.step import RetryPolicy


@dataclass(frozen=True, slots=True)
class Place:
    """One assistant in one room. `saved` returns when all that was written is on the server's disk."""

    doc: Doc[Any]
    agent: str
    epoch: int
    tools: ToolBox
    face: Face
    saved: Callable[[], Awaitable[None]]
    settings: Settings
    now_ms: Callable[[], int] = field(default=lambda: int(time.time() * 1000), kw_only=True)
    sleep: Callable[[float], Awaitable[None]] = field(default=anyio.sleep, kw_only=True)
    metrics: Metrics = field(default_factory=Metrics, kw_only=True)


@dataclass(frozen=True, slots=True)
class World(Place):
    """And the model that it asks, as patiently as `policy` says."""

    model: Model
    policy: RetryPolicy
