"""A board without a network: a document, and tools applied to it the way the run loop does."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Mapping
from typing import Any

from pycrdt import Doc
from pycrdt import Map as YMap

from agent.tools import TOOLS, Result, ToolContext, ToolError
from sync.canvas.canvas import Canvas, Proposal, read_json
from sync.canvas.conversation import View
from sync.canvas.drafts import overlay, pending
from sync.canvas.schema import ShapeId

BY_NAME = {tool.name: tool for tool in TOOLS}
PERSON = 4_000_000_000  # a browser's client id
ASSISTANT = 3  # the epoch of a lease


class Board:
    """One replica of the assistant's. `call` runs a tool and logs it in the same transaction."""

    def __init__(
        self, doc: Doc[Any] | None = None, run: str = "r1", agent: str = "assistant", *, proposes: bool = False
    ) -> None:
        self.doc: Doc[Any] = doc if doc is not None else Doc(client_id=ASSISTANT)
        self.run = run
        self.proposes = proposes
        self.seq = 0
        with self.doc.transaction():
            runs: YMap[Any] = self.doc.get("runs", type=YMap)
            runs[run] = YMap({"agent": agent, "status": "in_progress"})

    def call(
        self,
        tool: str,
        *,
        selection: tuple[str, ...] = (),
        view: View | None = None,
        dragging: Mapping[str, str] | None = None,
        request: str = "",
        is_confirmed: bool = False,
        people_changes: Callable[[Canvas], list[str]] = lambda _canvas: [],
        **arguments: Any,
    ) -> Result:
        """Apply and write. Raises ToolError: nothing was written."""
        self.seq += 1
        call = f"{self.run}.{self.seq}"
        numbers = itertools.count(1)
        context = ToolContext(
            run=self.run,
            call=call,
            agent="assistant",
            now_ms=1_795_000_000_000 + self.seq,
            asker="ann",
            new_id=lambda: ShapeId(f"{call}.{next(numbers)}"),
            selection=selection,
            view=view,
            dragging=dragging or {},
            names={"ann": "Ann"},
            request=request,
            is_confirmed=is_confirmed,
            people_changes=people_changes,
            written_by=lambda shape, field: f"Ann, who wrote {shape}.{field}",
        )
        canvas = self.canvas()
        result = BY_NAME[tool].model_validate(arguments).apply(canvas, context)
        entry = {
            "run": self.run, "seq": self.seq, "tool": tool, "status": "done", "at": context.now_ms,
            "changes": canvas.changes, "created": list(canvas.created), "output": json.dumps(result.output),
            **({"proposed": canvas.proposed} if self.proposes else {}),
        }  # fmt: skip
        calls: YMap[Any] = self.doc.get("calls", type=YMap)
        with self.doc.transaction():
            canvas.write()
            calls[call] = YMap(entry)
        return result

    def canvas(self) -> Canvas:
        """The board as the run sees it."""
        if not self.proposes:
            return Canvas(self.doc)
        return Canvas(self.doc, None, Proposal(self.run, overlay(self.shapes(), pending(self.doc, self.run))))

    def refusal(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """The error a call ends in; asserts that it wrote nothing."""
        before = self.doc.get_state()
        try:
            result = self.call(tool, **arguments)
        except ToolError as error:
            assert self.doc.get_state() == before
            refused = error.output["error"]
            assert isinstance(refused, dict)
            json.dumps(refused)
            return refused
        raise AssertionError(f"{tool} was not refused: {result}")

    def put(self, shape: str, **fields: Any) -> str:
        """A shape as a person's browser would make it."""
        base = {
            "type": "rect",
            "x": 0,
            "y": 0,
            "w": 100,
            "h": 60,
            "z": "a0",
            "fill": "slate",
            "stroke": "slate",
            "by": "ann",
        }
        shapes: YMap[Any] = self.doc.get("shapes", type=YMap)
        with self.doc.transaction():
            shapes[shape] = YMap({**base, **fields})
        return shape

    def edit(self, shape: str, **fields: Any) -> None:
        """A person's edit, field by field."""
        with self.doc.transaction():
            for field, value in fields.items():
                self.doc.get("shapes", type=YMap)[shape][field] = value

    def changes(self, call: str) -> dict[str, dict[str, list[Any]]]:
        """What the log says a call changed."""
        raw = read_json(self.doc.get("calls", type=YMap))[call]["changes"]
        assert isinstance(raw, dict)
        return raw

    def shape(self, shape: str) -> dict[str, Any]:
        """As stored."""
        raw = self.shapes()[shape]
        assert isinstance(raw, dict)
        return raw

    def shapes(self) -> dict[str, Any]:
        """All, as stored."""
        raw = read_json(self.doc.get("shapes", type=YMap))
        assert isinstance(raw, dict)
        return raw
