"""A room without a server: the run loop, the tools and the model's wire are the real ones, people are replicas."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import anyio
import anyio.lowlevel
from pycrdt import Doc
from pycrdt import Map as YMap

from agent.calls import ToolBox
from agent.model import Model
from agent.run import Runner
from agent.settings import Settings
from agent.step import RetryPolicy
from agent.tools import TOOLS, openai_schema
from agent.world import World
from sync.canvas.canvas import Canvas, read_json
from sync.canvas.conversation import AgentPreview, AgentState, RunId
from sync.canvas.history import logged_calls
from sync.canvas.shape import Shape

PERSON = 4_000_000_000  # a browser's client id: wins ties (D4)
TOOLBOX = ToolBox(TOOLS, openai_schema)
SETTINGS = Settings(call_pause_s=0.0, event_timeout_s=120.0)
RUN = RunId("eval")


@dataclass
class Figures:
    """What was measured of one case."""

    calls: int = 0
    tokens: int = 0
    collateral: int = 0
    """Fields of shapes outside the request that the run changed."""
    duplicates: int = 0
    """Shapes of the run that lie on another of the same kind and label."""
    human_fields: int = 0
    human_fields_kept: int = 0
    first_change_s: float | None = None
    stop_s: float | None = None


@dataclass
class Room:
    """One board with the assistant and Ann. `meddle` is what she does each time the assistant has saved something."""

    model: Model
    start: Mapping[str, Mapping[str, Any]]
    selection: tuple[str, ...] = ()
    meddle: Callable[[Room, int], None] = lambda _room, _count: None
    held: dict[str, str] = field(default_factory=dict)
    """Shape -> who drags it."""

    def __post_init__(self) -> None:
        self.doc: Doc[Any] = Doc(client_id=1)
        self.ann: Doc[Any] = Doc(client_id=PERSON)
        self.is_ann_online = True
        self.figures = Figures()
        self._saves = 0
        self._written: dict[tuple[str, str], Any] = {}
        self._began = self._stopped_at = 0.0
        shapes: YMap[Any] = self.ann.get("shapes", type=YMap)
        for n, (name, fields) in enumerate(self.start.items()):
            base = {"type": "rect", "x": 0, "y": 0, "w": 100, "h": 60, "z": f"a{n:03}", "by": "ann"}
            shapes[name] = YMap({**base, **fields})
        self.meet()
        self._shapes: YMap[Any] = self.doc.get("shapes", type=YMap)
        self._shapes.observe_deep(lambda _events: self._changed())

    # ---- people

    def meet(self) -> None:
        """Ann and the assistant have each other's changes."""
        self.ann.apply_update(self.doc.get_update(self.ann.get_state()))
        self.doc.apply_update(self.ann.get_update(self.doc.get_state()))

    def edit(self, shape: str, **fields: Any) -> None:
        """Ann changes fields; seen when she is online."""
        with self.ann.transaction():
            for name, value in fields.items():
                self.ann.get("shapes", type=YMap)[shape][name] = value
                self._written[shape, name] = value

    def stop(self) -> None:
        """Ann presses Stop."""
        self._stopped_at = anyio.current_time()
        self.doc.get("runs", type=YMap)[RUN]["cancel"] = {"by": "ann", "at": 1}

    # ---- the run

    async def ask(self, request: str, answer: str | None) -> str:
        """Ask, let it work, answer its question if there is an answer; the run's status."""
        runs: YMap[Any] = self.doc.get("runs", type=YMap)
        messages: YMap[Any] = self.doc.get("messages", type=YMap)
        view = {"x": -800, "y": -500, "w": 1600, "h": 1000}
        context = {"selection": list(self.selection), "view": view}
        said = {"thread": "main", "role": "user", "by": "ann", "by_name": "Ann", "at": 1, "run": RUN, "body": request}
        messages["prompt"] = YMap({**said, "context": context})
        asked = {"thread": "main", "prompt": "prompt", "agent": "assistant", "asked_by": "ann", "at": 1}
        runs[RUN] = YMap({**asked, "status": "queued"})
        self._began = anyio.current_time()
        policy = RetryPolicy(SETTINGS.max_tries, anyio.sleep, lambda: 0.5)
        runner = Runner(
            World(self.doc, "assistant", 1, TOOLBOX, self, self._saved, SETTINGS, self.model, policy, sleep=_skip)
        )
        await runner.work(RUN)
        while runs[RUN]["status"] == "requires_user" and answer is not None:
            told = {"text": answer, "by": "ann", "by_name": "Ann", "at": 2}
            runs[RUN]["question"] = {**(read_json(runs[RUN]) or {})["question"], "answer": told}
            await runner.work(RUN)
        if self._stopped_at:
            self.figures.stop_s = anyio.current_time() - self._stopped_at
        self.meet()
        return str(runs[RUN]["status"])

    async def _saved(self) -> None:
        self._saves += 1
        self.meddle(self, self._saves)
        if self.is_ann_online:
            self.meet()
        await anyio.lowlevel.checkpoint()

    def _changed(self) -> None:
        if self._began and self.figures.first_change_s is None:
            self.figures.first_change_s = anyio.current_time() - self._began

    # ---- what came of it

    @property
    def shapes(self) -> list[Shape]:
        """Live ones, in stacking order."""
        return Canvas(self.doc).shapes()

    def made(self, kind: str | None = None) -> list[Shape]:
        """Live shapes of the run; connectors only when asked for."""
        return [s for s in self.shapes if s.id not in self.start and s.type == (kind or s.type)
                and (s.type == "connector") == (kind == "connector")]  # fmt: skip

    def now(self, shape: str) -> Shape:
        """One of the start, deleted or not."""
        found = Canvas(self.doc).find(shape)
        assert found is not None
        return found

    def measure(self, about: frozenset[str]) -> None:
        """Fill in the figures. `about`: the shapes of the start that the request is about."""
        calls, figures = logged_calls(self.doc, RUN), self.figures
        usage = (read_json(self.doc.get("runs", type=YMap)[RUN]) or {}).get("usage") or {}
        figures.calls, figures.tokens = len(calls), int(usage.get("input", 0) + usage.get("output", 0))
        figures.collateral = sum(
            len(fields) for call in calls for shape, fields in call.changes.items()
            if call.status == "done" and shape in self.start and shape not in about
        )  # fmt: skip
        looks = [(s.type, s.x, s.y, s.w, s.h, s.text) for s in self.made()]
        figures.duplicates = len(looks) - len(set(looks))
        figures.human_fields = len(self._written)
        raw = json.loads(str(self.doc.get("shapes", type=YMap)))
        kept = [raw[shape].get(name) == value for (shape, name), value in self._written.items()]
        figures.human_fields_kept = sum(kept)

    # ---- agent.face.Face: nobody watches

    def show(self, status: AgentState, run: str | None = None, *, note: str = "", text: str = "",
             targets: tuple[str, ...] = ()) -> None:  # fmt: skip
        """See Face."""

    def point(self, x: float, y: float) -> None:
        """See Face."""

    def preview(self, shapes: AgentPreview | None) -> None:
        """See Face."""

    def dragging(self) -> Mapping[str, str]:
        """See Face."""
        return dict(self.held)

    def names(self) -> Mapping[str, str]:
        """See Face."""
        return {"ann": "Ann"}

    def writers(self) -> Mapping[int, str]:
        """See Face."""
        return {PERSON: "Ann"}


async def _skip(_seconds: float) -> None:
    """Pauses that only let people watch."""
    await anyio.lowlevel.checkpoint()
