"""A run: one request of a person, from the queue to its end. The statuses and the loop; all state is in the document.

    queued -> in_progress <-> requires_action | requires_user -> completed | incomplete | failed | cancelled | expired

A step is one answer of the model and is kept whole or not at all. A call is one transaction that holds its effect and
its log entry under an id derived from its place in the run, so that whoever goes on with a run repeats nothing. Its
output goes to the model only after the server has it on disk.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any

import anyio

from agent.budget import read_policy, refusal
from agent.calling import DOING, Calling
from agent.face import Face
from agent.instructions import INSTRUCTIONS
from agent.ledger import Ledger
from agent.metrics import Metrics
from agent.model import Item, StepDone, StepFailed, StepRequest, is_call, text_of
from agent.preview import Preview
from agent.records import Prompt, RunState, call_id
from agent.sight import Sight
from agent.step import Watcher, ask
from agent.thread import earlier_items, request_item
from agent.view import Asker, Since, describe
from agent.world import World
from sync import tracing
from sync.canvas.conversation import RunError, RunId, RunStatus
from sync.canvas.mirror import Mirror

NOT_SHOWN: Item = {"role": "user", "content": "The picture could not be shown: this model's server refuses pictures."}
MAX_FAILING_ROUNDS = 3  # steps in a row in which every call failed
MAX_REPEATS = 3  # times the same call with the same arguments may come in a row, the last is not carried out


@dataclass(frozen=True, slots=True)
class Ended:
    """How a run ends."""

    status: RunStatus
    summary: str = ""
    error: RunError | None = None


@dataclass(frozen=True, slots=True)
class Paused:
    """A run that waits for a person. It takes no worker meanwhile; work goes on when there is an answer."""

    question: str


class Runner:
    """Works on runs of one room, one at a time."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.ledger = Ledger(world.doc, world.agent, world.settings.prices)
        self._mirror = Mirror(world.doc)
        self._sight = Sight(world, self.ledger, self._mirror)
        self._calling = Calling(world, self.ledger, self._mirror, self._sight, sees=world.settings.sees)

    def close(self) -> None:
        """Follow the document no more: what does not let go of it keeps it in memory."""
        self._mirror.close()

    def now_ms(self) -> int:
        """The clock runs are stamped with."""
        return self._world.now_ms()

    async def work(self, run: RunId) -> None:
        """Bring a run to its end, or to a question. Cancelled from outside, it stays for whoever goes on with it.

        Raises what `saved` raises; nothing was written after that.
        """
        agent = self._world.agent
        about = {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": agent, "coplayer.run": run}
        with tracing.span(f"invoke_agent {agent}", about) as span:
            await self._work(run, span)

    async def _work(self, run: RunId, span: tracing.Span) -> None:
        ended: Ended | Paused | None = None
        with anyio.CancelScope() as stop:
            unwatch = self.ledger.on_change(lambda: stop.cancel() if self.ledger.is_cancelled(run) else None)
            try:
                with anyio.move_on_after(self._world.settings.run_timeout_s) as clock:
                    ended = await self._go(run)
                if clock.cancelled_caught:
                    minutes = self._world.settings.run_timeout_s / 60
                    ended = _failed("expired", "time_limit", f"Stopped after {minutes:g} minutes of work.", True)
            finally:
                unwatch()
        self._world.face.show("idle")
        if stop.cancelled_caught:
            ended = Ended("cancelled", "Stopped")
        if isinstance(ended, Paused):
            self._world.face.show("waiting", run, note=ended.question)
        elif ended is not None:
            self.ledger.end(run, ended.status, self._world.now_ms(), ended.summary, ended.error)
            self._world.metrics.ran(ended.status)
            span.set({"coplayer.status": ended.status})
            if ended.error is not None:
                span.failed(ended.error["code"])
            await self._world.saved()

    def fail(self, run: RunId) -> None:
        """End a run that failed by a fault of our own."""
        error = RunError(code="internal", message="Something went wrong inside the assistant.", retryable=True)
        self.ledger.set(run, status="failed", ended_at=self.now_ms(), error=error)
        self._world.metrics.ran("failed")
        self._world.face.show("idle")

    async def _go(self, run: RunId) -> Ended | Paused:
        world = self._world
        state = self.ledger.state(run)
        if state is None:
            return _failed("failed", "bad_run", "The request cannot be read.", False)
        if state.is_cancelled:
            return Ended("cancelled", "Stopped")
        prompt = self.ledger.prompt(state)
        if prompt is None:
            return _failed("failed", "no_prompt", "The message of this request is missing.", False)
        fresh: dict[str, Any] = {}
        if not state.turn:
            proposes = state.proposes or prompt.proposes or read_policy(world.doc).propose
            state = replace(state, proposes=proposes)
            fresh = {"started_at": world.now_ms(), **({"propose": True} if proposes else {})}
        self.ledger.set(run, status="in_progress", epoch=world.epoch, model=world.model.name, **fresh)
        earlier = [*earlier_items(self.ledger, state), request_item(prompt)]
        ended = await self._calls(state, prompt)  # what a run taken over has still to do
        if ended is None and state.steps and not state.steps[-1].calls:
            return Ended("completed", _words(state.steps[-1].items))  # its last worker died before it could say so
        while ended is None:
            if state.turn >= world.settings.max_turns:
                return _failed("incomplete", "turn_limit", f"Stopped after {state.turn} steps.", True)
            refused = refusal(world.doc, world.settings, prompt.by, world.now_ms())
            if refused is not None:
                return Ended("incomplete" if state.turn else "failed", error=refused)
            done, state = await self._step(state, prompt, earlier)
            if isinstance(done, StepFailed):
                return _failed("failed", done.code, done.message, done.retryable)
            words = _words(done.items)
            # Of an answer that was cut short no call is carried out: its arguments may be half of what was meant.
            items = done.items if done.incomplete is None else tuple(i for i in done.items if not is_call(i))
            state = self.ledger.commit_step(state, items, words, done.usage, world.now_ms())
            world.metrics.used(done.usage)
            if done.incomplete is not None:
                why = "its length" if done.incomplete == "max_output_tokens" else "the provider's content filter"
                return _failed("incomplete", done.incomplete, f"The model's answer was cut short by {why}.", True)
            if not state.steps[-1].calls:
                return Ended("completed", words)
            ended = await self._calls(state, prompt)
        return ended

    # ---- asking

    async def _step(
        self, state: RunState, prompt: Prompt, earlier: list[Item]
    ) -> tuple[StepDone | StepFailed, RunState]:
        world = self._world
        self.ledger.set(state.id, status="in_progress")
        world.face.show("thinking", state.id)
        watcher = _Show(world.face, state.id, self._calling.preview(state, prompt), world.metrics)
        done: StepDone | StepFailed
        pictures = await self._calling.pictures(state)
        for _ in range(3):
            view = {"role": "user", "content": self._view(state, prompt)}
            items = [*earlier, *self.ledger.outputs(state), *pictures, view]
            request = StepRequest(INSTRUCTIONS, world.tools.schemas, items)
            done = await ask(world.model, request, world.policy, watcher, world.settings.event_timeout_s)
            if isinstance(done, StepFailed) and done.code == "reasoning_refused":
                state = self.ledger.without_reasoning(state)
            elif isinstance(done, StepFailed) and done.code == "bad_request" and pictures:
                pictures = [NOT_SHOWN]  # the server takes no pictures after all
            else:
                break
        return done, state

    def _view(self, state: RunState, prompt: Prompt) -> str:
        """The board now, and what people changed since the model saw it last."""
        face = self._world.face
        own = self.ledger.calls_of(state.id)
        seen = self._sight.snapshot
        since = Since(seen, own, face.writers()) if seen is not None else None
        asker = Asker(prompt.name, prompt.selection, prompt.view)
        doc, agent = self._world.doc, self._world.agent
        proposal = self.ledger.proposal(state, self._mirror)
        text = describe(
            doc, asker, agent=agent, names=face.names(), since=since, mirror=self._mirror, proposal=proposal
        )
        self._sight.saw(len(own), proposal.shown if proposal is not None else {})
        return text

    # ---- calling

    async def _calls(self, state: RunState, prompt: Prompt) -> Ended | Paused | None:
        """Carry out the calls of the last step that are not in the log yet; an end when the run must stop."""
        if not state.steps:
            return None
        calls = state.steps[-1].calls
        self.ledger.set(state.id, status="requires_action" if calls else "in_progress")
        for seq, item in calls:
            if self.ledger.logged(call_id(state.id, seq)) is not None:
                continue
            if seq > read_policy(self._world.doc).calls(self._world.settings):
                return _failed("incomplete", "call_limit", f"Stopped after {seq - 1} tool calls.", True)
            if _repeats(state, seq) >= MAX_REPEATS:
                return _failed("failed", "repeating", f"The model repeated itself ({item.get('name')}).", True)
            question = await self._calling.carry_out(state, prompt, seq, item)
            if question is not None:
                self.ledger.ask(state.id, call_id(state.id, seq), question.text, question.options)
            await self._world.saved()
            if question is not None:
                return Paused(question.text)
        return self._judge(state)

    def _judge(self, state: RunState) -> Ended | None:
        """Whether the last rounds all failed."""
        rounds = [step.calls for step in state.steps if step.calls][-MAX_FAILING_ROUNDS:]
        entries = [[self.ledger.logged(call_id(state.id, seq)) for seq, _ in calls] for calls in rounds]
        failing = [all(entry is not None and entry.status == "error" for entry in calls) for calls in entries]
        if len(failing) < MAX_FAILING_ROUNDS or not all(failing):
            return None
        last = entries[-1][-1]
        why = _error_words(last.output) if last is not None else ""
        return _failed("failed", "tools_failed", f"Three attempts in a row did not work. {why}".strip(), True)


class _Show(Watcher):
    """Shows a step's words as they stream."""

    def __init__(self, face: Face, run: RunId, preview: Preview, metrics: Metrics) -> None:
        self._face = face
        self._metrics = metrics
        self._run = run
        self._preview = preview
        self._text = ""

    def words(self, text: str) -> None:
        self._text = text
        self._face.show("thinking", self._run, text=text)

    def writing(self, tool: str, arguments: str, position: int) -> None:
        self._face.show("thinking", self._run, note=DOING.get(tool, tool), text=self._text)
        self._preview.write(position, tool, arguments)

    def answered(self, result: StepDone | StepFailed, seconds: float) -> None:
        self._metrics.stepped(result, seconds)

    def again(self, failure: StepFailed, tried: int) -> None:
        self._text = ""
        self._preview.clear()
        self._face.show("waiting", self._run, note=f"{failure.message} Asking again.")


def _words(items: tuple[Item, ...]) -> str:
    return "\n".join(words for item in items if (words := text_of(item).strip()))


def _failed(status: RunStatus, code: str, message: str, retryable: bool) -> Ended:
    return Ended(status, error=RunError(code=code, message=message, retryable=retryable))


def _repeats(state: RunState, seq: int) -> int:
    """How many calls up to this one, in a row, are the same."""
    calls = [(n, item.get("name"), item.get("arguments")) for step in state.steps for n, item in step.calls if n <= seq]
    count = 0
    for _, name, arguments in reversed(calls):
        if (name, arguments) != calls[-1][1:]:
            break
        count += 1
    return count


def _error_words(output: str) -> str:
    try:
        error = json.loads(output or "{}").get("error")
    except (ValueError, AttributeError):
        return ""
    return str(error.get("message", ""))[:200] if isinstance(error, dict) else ""
