"""One call of a run: tried out, shown, carried out in one transaction with its log entry."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

from agent.calls import Staged
from agent.ledger import Ledger
from agent.model import Item
from agent.records import CallEntry, Prompt, RunState, call_id
from agent.tools.base import ToolContext, ToolError
from agent.world import World
from sync.canvas.schema import CallId, RunId, ShapeId

DRAG_PATIENCE_S = 1.0  # how long a call waits for a person to let go of a shape

DOING = {
    "create": "drawing", "createShape": "drawing", "connect": "connecting", "update": "changing",
    "editExistingShape": "changing", "move": "moving", "arrange": "arranging", "delete": "deleting",
    "set_text": "writing", "look": "looking", "find": "looking", "check": "checking", "undo": "taking back",
}  # fmt: skip
"""What people read while a tool is at work."""


class Calling:
    """Carries out calls of one room's runs."""

    def __init__(self, world: World, ledger: Ledger) -> None:
        self._world = world
        self._ledger = ledger

    async def carry_out(self, state: RunState, prompt: Prompt, seq: int, item: Item) -> None:
        """Carry out call `seq` of the run and log it, whatever comes of it; not at all once people pressed Stop."""
        world, began = self._world, time.monotonic()
        context = self._context(state, prompt, seq)
        try:
            tool = world.tools.parse(item)
            # Tried out first, writing nothing, so that the cursor can go where the change will be.
            trial = world.tools.stage(tool, world.doc, context())
            await self._travel(state.id, str(item.get("name")), trial)
            staged = world.tools.stage(tool, world.doc, context())
        except ToolError as refusal:
            if refusal.code == "BEING_DRAGGED":
                staged_later = await self._after_drag(item, context)
            else:
                staged_later = refusal
            if isinstance(staged_later, ToolError):
                self._log(state.id, seq, item, staged_later, began)
                return
            staged = staged_later
        # From here on without an await: what was staged is what stands, and Stop has the last word.
        if not self._ledger.is_cancelled(state.id):
            self._log(state.id, seq, item, staged, began)

    async def _after_drag(self, item: Item, context: Callable[[], ToolContext]) -> Staged | ToolError:
        """One more try when the person has let go, at the latest after a second."""
        await self._world.sleep(DRAG_PATIENCE_S)
        try:
            return self._world.tools.stage(self._world.tools.parse(item), self._world.doc, context())
        except ToolError as refusal:
            return refusal

    def _log(self, run: RunId, seq: int, item: Item, outcome: Staged | ToolError, began: float) -> None:
        ms = round((time.monotonic() - began) * 1000)
        now_ms = self._world.now_ms()
        if isinstance(outcome, ToolError):
            label = outcome.message[:1].upper() + outcome.message[1:]
            self._ledger.log_call(run, CallEntry(seq, item, True, outcome.output, label, now_ms, ms), None)
        else:
            output = {**outcome.result.output, "call": call_id(run, seq)}
            entry = CallEntry(seq, item, False, output, outcome.result.label, now_ms, ms)
            self._ledger.log_call(run, entry, outcome.canvas)

    async def _travel(self, run: RunId, tool: str, trial: Staged) -> None:
        """Show where the next change will be, and give people the time to see it."""
        face = self._world.face
        if trial.around is not None:
            face.point(*trial.around.centre)
        face.show("working", run, note=DOING.get(tool, tool), targets=tuple(trial.result.targets[:50]))
        if trial.canvas.is_changed:
            await self._world.sleep(self._world.settings.call_pause_s)

    def _context(self, state: RunState, prompt: Prompt, seq: int) -> Callable[[], ToolContext]:
        """Contexts for one call: each with ids from 1 again, and with who drags what at that moment."""
        world = self._world
        call = call_id(state.id, seq)
        base = ToolContext(
            run=state.id,
            call=call,
            agent=world.agent,
            now_ms=world.now_ms(),
            asker=prompt.by or prompt.name,
            new_id=lambda: ShapeId(""),
            selection=prompt.selection,
            view=prompt.view,
        )
        return lambda: replace(base, new_id=_ids(call), dragging=world.face.dragging(), names=world.face.names())


def _ids(call: CallId) -> Callable[[], ShapeId]:
    count = 0

    def new_id() -> ShapeId:
        nonlocal count
        count += 1
        return ShapeId(f"{call}.{count}")

    return new_id
