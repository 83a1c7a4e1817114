"""One call of a run: tried out, shown, carried out in one transaction with its log entry."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial

from agent.calls import Staged
from agent.ledger import Ledger
from agent.lines import clean
from agent.model import Item
from agent.pictures import drawn
from agent.preview import Preview
from agent.records import CallEntry, Prompt, RunState, call_id
from agent.sight import Sight
from agent.tools.base import Question, ToolContext, ToolError
from agent.tools.consent import DELETE
from agent.tools.picture import Picture
from agent.world import Place
from sync import tracing
from sync.canvas.conversation import Answer, CallId, RunId
from sync.canvas.mirror import Mirror
from sync.canvas.schema import ShapeId

MAX_PICTURES = 2  # of one step: a request has to stay small
DRAG_PATIENCE_S = 1.0  # how long a call waits for a person to let go of a shape

DOING = {
    "create": "drawing", "createShape": "drawing", "connect": "connecting", "update": "changing",
    "editExistingShape": "changing", "move": "moving", "arrange": "arranging", "delete": "deleting",
    "set_text": "writing", "look": "looking", "find": "looking", "check": "checking", "undo": "taking back",
    "diagram": "drawing", "frame": "framing", "group": "grouping", "point": "pointing", "plan": "planning",
    "ask": "asking", "picture": "looking",
}  # fmt: skip
"""What people read while a tool is at work."""


class Calling:
    """Carries out calls of one room's runs."""

    def __init__(
        self,
        world: Place,
        ledger: Ledger,
        mirror: Mirror,
        sight: Sight,
        *,
        sees: bool,
    ) -> None:
        """`sees`: the model is known to read pictures."""
        self._world = world
        self._mirror = mirror
        self._ledger = ledger
        self._sight = sight
        self._sees = sees
        self._preview: Preview | None = None

    async def carry_out(self, state: RunState, prompt: Prompt, seq: int, item: Item) -> Question | None:
        """Carry out call `seq` of the run and log it, whatever comes of it; not at all once people pressed Stop.

        A question that comes back is for a person, and nothing was done: call again when it is answered.
        """
        tool = self._world.tools.known(item)
        call = call_id(state.id, seq)
        about = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": tool, "gen_ai.tool.call.id": call}
        try:
            with tracing.span(f"execute_tool {tool}", about) as span:
                question = await self._carry_out(state, prompt, seq, item)
                logged = self._ledger.logged(call)
                if logged is not None and logged.status == "error":
                    span.failed("refused")
                return question
        finally:
            if self._preview is not None:
                self._preview.done(seq)

    async def _carry_out(self, state: RunState, prompt: Prompt, seq: int, item: Item) -> Question | None:
        began = time.monotonic()
        answer = state.answer_to(call_id(state.id, seq))
        outcome = await self._attempt(state, prompt, seq, item, answer)
        if isinstance(outcome, ToolError) and outcome.code == "BEING_DRAGGED":
            # One more try when the person has let go, at the latest after a second.
            await self._world.sleep(DRAG_PATIENCE_S)
            outcome = self._staged(state, item, self._context(state, prompt, seq, answer))
        # From here on without an await: what was staged is what stands, and Stop has the last word.
        if isinstance(outcome, ToolError):
            if outcome.code == "NEEDS_CONFIRMATION" and "question" in outcome.details:
                if answer is None:
                    return Question(outcome.details["question"], tuple(outcome.details["options"]))
                outcome = ToolError("FORBIDDEN", f"{clean(answer['by_name'], 60)} said: {clean(answer['text'])}")
            self._log(state.id, seq, item, outcome, began)
        elif outcome.result.question is not None and answer is None:
            return outcome.result.question
        elif not self._ledger.is_cancelled(state.id):
            self._log(state.id, seq, item, _answered(outcome, answer), began)
        return None

    async def pictures(self, state: RunState) -> list[Item]:
        """The pictures that the last step asked for, as the board is now."""
        calls = state.steps[-1].calls if state.steps else []
        found = [await self.picture(state, seq, item) for seq, item in calls if item.get("name") == Picture.name]
        return [picture for picture in found if picture is not None][-MAX_PICTURES:]

    async def picture(self, state: RunState, seq: int, item: Item) -> Item | None:
        """The message with the picture that a call asked for, as the board is now; None when it was refused one."""
        logged = self._ledger.logged(call_id(state.id, seq))
        if item.get("name") != Picture.name or logged is None or logged.status != "done":
            return None
        wanted = self._world.tools.parse(item)
        if not isinstance(wanted, Picture):
            return None
        return await drawn(self._world.doc, wanted, logged.id, self._ledger.proposal(state, self._mirror))

    def preview(self, state: RunState, prompt: Prompt) -> Preview:
        """Shows the calls of the step that follows while they are written, until each has been carried out."""

        def stage(seq: int, item: Item) -> Staged | ToolError:
            return self._staged(state, item, self._context(state, prompt, seq, None))

        self._preview = Preview(self._world.face, state, stage)
        return self._preview

    async def _attempt(
        self, state: RunState, prompt: Prompt, seq: int, item: Item, answer: Answer | None
    ) -> Staged | ToolError:
        """The call as it would be written now, after the cursor has gone to where the change will be."""
        context = self._context(state, prompt, seq, answer)
        # Tried out first, writing nothing, so that the cursor can go there.
        trial = self._staged(state, item, context)
        if isinstance(trial, ToolError) or trial.result.question is not None:
            return trial
        await self._travel(state.id, str(item.get("name")), trial)
        return self._staged(state, item, context)

    def _staged(self, state: RunState, item: Item, context: Callable[[], ToolContext]) -> Staged | ToolError:
        tools, proposal = self._world.tools, self._ledger.proposal(state, self._mirror)
        try:
            return tools.stage(tools.parse(item), self._world.doc, context(), self._mirror, proposal)
        except ToolError as refusal:
            return refusal

    def _log(self, run: RunId, seq: int, item: Item, outcome: Staged | ToolError, began: float) -> None:
        ms = round((time.monotonic() - began) * 1000)
        now_ms = self._world.now_ms()
        name = self._world.tools.known(item)
        self._world.metrics.called(name, outcome.code if isinstance(outcome, ToolError) else "ok")
        if isinstance(outcome, ToolError):
            label = outcome.message[:1].upper() + outcome.message[1:]
            self._ledger.log_call(run, CallEntry(seq, item, True, outcome.output, label, now_ms, ms), None)
        else:
            canvas = outcome.canvas
            waits = {"proposed": True} if canvas.proposal is not None and canvas.is_changed else {}
            output = {**outcome.result.output, "call": call_id(run, seq), **waits}
            entry = CallEntry(seq, item, False, output, outcome.result.label, now_ms, ms, outcome.result.plan)
            self._ledger.log_call(run, entry, canvas)

    async def _travel(self, run: RunId, tool: str, trial: Staged) -> None:
        """Show where the next change will be, and give people the time to see it."""
        face, result = self._world.face, trial.result
        at = result.point or (trial.around.centre if trial.around is not None else None)
        if at is not None:
            face.point(*at)
        face.show("working", run, note=result.note or DOING.get(tool, tool), targets=tuple(result.targets[:50]))
        if trial.canvas.is_changed or result.point is not None:
            await self._world.sleep(self._world.settings.call_pause_s)

    def _context(self, state: RunState, prompt: Prompt, seq: int, answer: Answer | None) -> Callable[[], ToolContext]:
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
            request=prompt.body,
            is_confirmed=answer is not None and answer["text"] == DELETE,
            people_changes=self._sight.people_changes,
            written_by=self._sight.written_by,
            sees=self._sees,
            last_seen=partial(self._sight.last_seen, state.id),
        )
        return lambda: replace(base, new_id=_ids(call), dragging=world.face.dragging(), names=world.face.names())


def _answered(staged: Staged, answer: Answer | None) -> Staged:
    """With the answer for the model, and for people in the label."""
    if staged.result.question is None or answer is None:
        return staged
    said = {"answer": clean(answer["text"]), "by": clean(answer["by_name"], 60)}
    label = f"{staged.result.label} {said['by']}: {said['answer']}"
    return replace(staged, result=replace(staged.result, output={**staged.result.output, **said}, label=label))


def _ids(call: CallId) -> Callable[[], ShapeId]:
    count = 0

    def new_id() -> ShapeId:
        nonlocal count
        count += 1
        return ShapeId(f"{call}.{count}")

    return new_id
