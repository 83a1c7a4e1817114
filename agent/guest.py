"""A caller that brings its own model and works in a room with our tools: each call one transaction, all of them a run.

A run begins with the first call, or when the caller says what it was asked (`begin`), and ends when the caller is done,
gone, or silent for a while. Stop ends it at once, and from then on every call is refused until the caller begins anew
with what a person asked: a stopped caller does not go on by itself.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from typing import Any

import anyio
from pycrdt import Map as YMap

from agent.budget import read_policy, refusal, spend
from agent.calling import Calling
from agent.ledger import Ledger
from agent.lines import clean
from agent.model import Item, Usage
from agent.records import MAX_BODY, Prompt, RunState, call_id, safe
from agent.sight import Sight
from agent.tools.base import ErrorCode, Question, ToolError
from agent.world import Place
from sync.canvas.conversation import MAIN_THREAD, MAX_ANSWER, RunId, RunStatus
from sync.canvas.mirror import Mirror

MAX_NAME = 60  # characters of a caller's name

Output = dict[str, Any]
"""What a tool answers, `{"ok": ...}`."""
PICTURE = "picture"
"""In an output: the words and the picture, as a model's message holds them."""


class Guest:
    """One caller in one room. `call` may be called from several tasks; calls are carried out one after the other."""

    def __init__(self, place: Place, name: str, source: str) -> None:
        """`source` is shown where other runs name their model."""
        self._place = place
        self._name = " ".join(clean(name, MAX_NAME).split()) or "Guest"
        self._source = source
        self._request = f"{self._name} joined and works on this board."
        self._ledger = Ledger(place.doc, place.agent, place.settings.prices)
        self._mirror = Mirror(place.doc)
        self._sight = Sight(place, self._ledger, self._mirror)
        # Whether its model sees is for the client to say: it gets the picture as MCP has it, and may leave it out.
        self._calling = Calling(place, self._ledger, self._mirror, self._sight, sees=True)
        self._run: RunId | None = None
        self._seq = 0
        self._asking: tuple[str, Mapping[str, Any]] | None = None
        """The call that waits for a person's answer."""
        self._is_stopped = False
        self._turn = anyio.Lock()
        self._changed = anyio.Event()
        self._called_at = anyio.current_time()
        self._end_leftovers()

    # ---- what the caller does

    async def begin(self, request: str) -> Output:
        """Start a new run for what a person asked, in their words; the one before is done."""
        async with self._turn:
            words = clean(request, MAX_BODY).strip()
            if not words:
                return _refused("INVALID", "say what you were asked to do")
            self._end("completed", "")
            self._request, self._is_stopped = words, False
            refused = self._open()
            await self._place.saved()
            return refused or {"ok": True, "run": self._run}

    async def done(self, words: str) -> Output:
        """The run is over; `words` tell people what was done."""
        async with self._turn:
            self._end("completed", clean(words, MAX_BODY).strip())
            await self._place.saved()
            return {"ok": True}

    async def call(self, tool: str, arguments: Mapping[str, Any]) -> Output | Question:
        """Carry out a call; what it answers, durable (S2). A question waits for a person: call the same again.

        Raises ProviderClosed: the room is gone or somebody else has this place.
        """
        async with self._turn:
            self._called_at = anyio.current_time()
            output = await self._call(tool, arguments)
            self._called_at = anyio.current_time()
            return output

    def answer(self, text: str, by_name: str) -> None:
        """Answer what the run asks, unless somebody has."""
        state = self._state()
        if state is None or state.question is None or not state.is_waiting:
            return
        answer = {
            "text": safe(text.strip(), MAX_ANSWER), "by": self._place.agent,
            "by_name": safe(clean(by_name, MAX_NAME), MAX_NAME), "at": self._place.now_ms(),
        }  # fmt: skip
        self._ledger.set(state.id, question={**state.question, "answer": answer})

    async def wait_answer(self, timeout_s: float) -> None:
        """Until a person has answered or stopped the run, at most so long."""
        with anyio.move_on_after(timeout_s):
            while (state := self._state()) is not None and state.is_waiting:
                await self._changed.wait()

    # ---- what happens meanwhile

    async def attend(self) -> None:
        """Heed Stop, and end a run that its caller has forgotten. Until cancelled."""
        unwatch = self._ledger.on_change(self._tell)
        try:
            while True:
                changed = self._changed
                self._heed_stop()
                with anyio.move_on_after(self._patience_s()) as patience:
                    await changed.wait()
                if patience.cancelled_caught and not self._turn.locked() and self._patience_s() <= 0:
                    self._end("completed", "")
        finally:
            unwatch()

    def leave(self) -> None:
        """The caller is gone: its run is over, with what it has done."""
        self._end("completed", "")
        self._mirror.close()

    def _patience_s(self) -> float:
        """How long a run without a call goes on."""
        return self._called_at + self._place.settings.guest_idle_s - anyio.current_time()

    def _tell(self) -> None:
        self._changed.set()
        self._changed = anyio.Event()

    def _heed_stop(self) -> None:
        if self._run is not None and self._ledger.is_cancelled(self._run):
            self._end("cancelled", "Stopped")

    # ---- the run

    def _open(self) -> Output | None:
        """Begin a run if there is none; why not, if so."""
        place = self._place
        if self._run is not None:
            return None
        why = refusal(place.doc, place.settings, place.agent, place.now_ms())
        if why is not None:
            return _refused("FORBIDDEN" if why["code"] in ("agent_off", "not_allowed") else "BUDGET", why["message"])
        run, message, now = RunId(secrets.token_hex(6)), secrets.token_hex(6), place.now_ms()
        runs: YMap[Any] = place.doc.get("runs", type=YMap)
        messages: YMap[Any] = place.doc.get("messages", type=YMap)
        said = {"thread": MAIN_THREAD, "role": "user", "by": place.agent, "by_name": self._name, "at": now, "run": run}
        begun: dict[str, Any] = {
            "thread": MAIN_THREAD, "prompt": message, "agent": place.agent, "asked_by": place.agent, "at": now,
            "status": "in_progress", "started_at": now, "epoch": place.epoch, "model": self._source,
        }  # fmt: skip
        if read_policy(place.doc).propose:
            begun["propose"] = True
        with place.doc.transaction():
            messages[message] = YMap({**said, "body": safe(self._request, MAX_BODY)})
            runs[run] = YMap(begun)
        self._run, self._seq, self._asking = run, 0, None
        place.face.show("thinking", run)
        return None

    def _end(self, status: RunStatus, words: str) -> None:
        run, now = self._run, self._place.now_ms()
        if run is None:
            return
        if self._ledger.is_cancelled(run):
            status, words = "cancelled", "Stopped"
        self._run, self._asking = None, None
        self._is_stopped |= status == "cancelled"
        with self._place.doc.transaction():
            if words and status == "completed":
                messages: YMap[Any] = self._place.doc.get("messages", type=YMap)
                said = {"thread": MAIN_THREAD, "role": "assistant", "by": self._place.agent, "at": now, "run": run}
                messages[f"{run}.m1"] = YMap({**said, "body": safe(words, MAX_BODY)})
            self._ledger.end(run, status, now, words, None)
        self._place.face.show("idle")

    def _end_leftovers(self) -> None:
        """Runs of a caller in this place that died without a word."""
        for state in self._ledger.unfinished():
            self._ledger.end(state.id, "incomplete", self._place.now_ms(), "It went away.", None)

    def _state(self) -> RunState | None:
        return self._ledger.state(self._run) if self._run is not None else None

    # ---- a call

    async def _call(self, tool: str, arguments: Mapping[str, Any]) -> Output | Question:
        self._heed_stop()
        if self._is_stopped:
            return _stopped()
        refused = self._open()
        state = self._state()
        if refused is not None or state is None:
            return refused or _refused("INVALID", "the run cannot be read; begin anew")
        run = state.id
        if self._asking != (tool, arguments):  # another call: nobody waits for that answer any more
            self._asking = None
            self._seq += 1
        seq, most = self._seq, read_policy(self._place.doc).calls(self._place.settings)
        if seq > most:
            self._seq = most
            return _refused("BUDGET", f"this run has made {most} calls; tell the person, and begin anew if they want")
        if state.status == "requires_user" and state.is_waiting and self._asking is not None:
            assert state.question is not None
            return Question(state.question["text"], tuple(state.question["options"]))
        self._ledger.set(run, status="in_progress")
        question = await self._carry_out(state, seq, tool, arguments)
        if question is not None and self._run != run:
            return _stopped()
        if question is not None:
            self._asking = (tool, arguments)
            self._ledger.ask(run, call_id(run, seq), question.text, question.options)
            self._place.face.show("waiting", run, note=question.text)
            await self._place.saved()
            return question
        self._asking = None
        await self._place.saved()
        entry = self._ledger.logged(call_id(run, seq))
        if entry is None:
            self._heed_stop()
            return _stopped()
        if self._run == run:
            self._place.face.show("thinking", run)
        output = dict(json.loads(entry.output))
        picture = await self._calling.picture(state, seq, _item(run, seq, tool, arguments))
        return output if picture is None else {**output, PICTURE: picture["content"]}

    async def _carry_out(self, state: RunState, seq: int, tool: str, arguments: Mapping[str, Any]) -> Question | None:
        item = _item(state.id, seq, tool, arguments)
        # The caller says itself what it was asked: its words are no person's consent (T8), so they are left out here.
        asked = Prompt(by=self._place.agent, name=self._name, body="", selection=(), view=None)
        question = await self._calling.carry_out(state, asked, seq, item)
        if question is None:
            proposal = self._ledger.proposal(state, self._mirror)
            self._sight.saw(len(self._ledger.calls_of(state.id)), proposal.shown if proposal is not None else {})
            with self._place.doc.transaction():
                spend(
                    self._place.doc,
                    self._place.agent,
                    asked,
                    Usage(),
                    1,
                    self._place.settings.prices,
                    self._place.now_ms(),
                )
        return question


def _item(run: RunId, seq: int, tool: str, arguments: Mapping[str, Any]) -> Item:
    """The call as a model of ours would have made it."""
    text = json.dumps(arguments, ensure_ascii=False)
    return {"type": "function_call", "call_id": f"{run}.{seq}", "name": tool, "arguments": text}


def _refused(code: ErrorCode, message: str) -> Output:
    return ToolError(code, message).output


def _stopped() -> Output:
    return _refused(
        "CANCELLED",
        "a person stopped you on the board; do nothing more there. When the person you work for asks for something new,"
        " call `begin` with what they asked.",
    )
