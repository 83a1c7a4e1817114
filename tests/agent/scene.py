"""A room without a server for tests of the run loop: a real document, a real model over HTTP, a face that records."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, cast

import anyio
import anyio.lowlevel
from pycrdt import Doc
from pycrdt import Map as YMap

from agent.calls import ToolBox
from agent.model import Model
from agent.openai_model import OpenAIModel
from agent.run import Runner
from agent.settings import Api, Endpoint, Settings
from agent.step import RetryPolicy
from agent.tools import TOOLS, openai_schema
from agent.world import World
from sync.board import ask
from sync.canvas.canvas import Canvas
from sync.canvas.conversation import AgentPreview, Context, RunId
from sync.canvas.shape import Shape
from tests.agent.fault_server import ModelServer, Switch

TOOLBOX = ToolBox(TOOLS, openai_schema)
SETTINGS = Settings(call_pause_s=0.0, event_timeout_s=20.0)


class Face:
    """Records what is shown; people and drags are set by the test."""

    def __init__(self) -> None:
        self.shown: list[tuple[str, str, str]] = []
        self.points: list[tuple[float, float]] = []
        self.previews: list[AgentPreview | None] = []
        self.on_preview: Callable[[AgentPreview | None], object] = lambda _shapes: None
        self.held: dict[str, str] = {}
        self.here: dict[int, str] = {}

    def show(self, status: str, run: str | None = None, *, note: str = "", text: str = "", targets: Any = ()) -> None:
        self.shown.append((status, note, text))
        if status == "idle":
            self.previews.append(None)

    def point(self, x: float, y: float) -> None:
        self.points.append((x, y))

    def preview(self, shapes: AgentPreview | None) -> None:
        self.previews.append(shapes)
        self.on_preview(shapes)

    def dragging(self) -> Mapping[str, str]:
        return dict(self.held)

    def names(self) -> Mapping[str, str]:
        return {"ann": "Ann"}

    def writers(self) -> Mapping[int, str]:
        return dict(self.here)


class Scene:
    """One room and one assistant. `sleeps` are the pauses it asked for; `on_sleep` and `on_saved` may raise."""

    def __init__(self, model: Model, doc: Doc[Any] | None = None, settings: Settings = SETTINGS) -> None:
        self.doc: Doc[Any] = doc if doc is not None else Doc(client_id=1)
        self.face = Face()
        self.sleeps: list[float] = []
        self.on_sleep: Callable[[float], Awaitable[None]] | None = None
        self.on_saved: Callable[[], Awaitable[None]] | None = None
        self._now = 1_790_000_000_000
        self._maps: dict[str, YMap[Any]] = {
            root: self.doc.get(root, type=YMap) for root in ("runs", "calls", "messages")
        }
        policy = RetryPolicy(settings.max_tries, self._sleep, lambda: 0.5)
        world = World(
            self.doc,
            "assistant",
            1,
            TOOLBOX,
            self.face,
            self._saved,
            settings,
            model,
            policy,
            now_ms=self._now_ms,
            sleep=self._sleep,
        )
        self.runner = Runner(world)
        self.ledger = self.runner.ledger

    def _now_ms(self) -> int:
        self._now += 1
        return self._now

    async def _sleep(self, seconds: float) -> None:
        self.sleeps.append(seconds)
        if self.on_sleep is not None:
            await self.on_sleep(seconds)
        await anyio.lowlevel.checkpoint()

    async def _saved(self) -> None:
        if self.on_saved is not None:
            await self.on_saved()
        await anyio.lowlevel.checkpoint()

    def prompt(self, text: str, **context: Any) -> RunId:
        """What the board writes when a person asks."""
        now = self._now_ms()
        run = ask(
            self.doc, text=text, by="ann", by_name="Ann", now_ms=now, thread="main",
            context=cast(Context, context), agent="assistant",
        )  # fmt: skip
        return RunId(run)

    async def ask(self, text: str, **context: Any) -> dict[str, Any]:
        """Ask, work, and the run as it ended."""
        run = self.prompt(text, **context)
        await self.runner.work(run)
        return self.run(run)

    def run(self, run: str) -> dict[str, Any]:
        return dict(json.loads(str(self._map("runs")[run])))

    def stop(self, run: str) -> None:
        """A person presses Stop."""
        self._map("runs")[run]["cancel"] = {"by": "ann", "at": 1}

    def take_back(self, run: str) -> None:
        """A person takes a queued prompt back."""
        self._map("runs")[run]["remove"] = True

    def calls(self, run: str) -> list[dict[str, Any]]:
        calls = json.loads(str(self._map("calls")))
        return sorted((c for c in calls.values() if c["run"] == run), key=lambda call: call["seq"])

    def words(self, run: str) -> list[str]:
        messages = json.loads(str(self._map("messages")))
        return [m["body"] for _, m in sorted(messages.items()) if m["run"] == run and m["role"] == "assistant"]

    def shapes(self) -> list[Shape]:
        return Canvas(self.doc).shapes()

    def _map(self, root: str) -> YMap[Any]:
        return self._maps[root]


class Stage:
    """Makes scenes whose model is `server`, over one HTTP server for all tests of a module."""

    def __init__(self, url: str, switch: Switch) -> None:
        self._url = url
        self._switch = switch

    def script(self, server: ModelServer) -> None:
        """From now on this one answers."""
        self._switch.server = server

    @asynccontextmanager
    async def model(self, server: ModelServer, api: Api = "responses") -> AsyncIterator[Model]:
        self._switch.server = server
        endpoint = Endpoint("scripted", self._url, "local", api, connect_timeout_s=10.0, read_timeout_s=20.0)
        async with OpenAIModel(endpoint) as model:
            yield model

    @asynccontextmanager
    async def scene(self, server: ModelServer, api: Api = "responses", **settings: Any) -> AsyncIterator[Scene]:
        async with self.model(server, api) as model:
            yield Scene(model, settings=SETTINGS.with_(**settings))
