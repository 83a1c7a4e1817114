"""Runs cases against a model and judges them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from agent.demo_app import serve_demo
from agent.demo_model import answer as demo_answer
from agent.demo_wire import Reply
from agent.evals.cases import Case
from agent.evals.room import Figures, Room
from agent.model import Model, StepRequest
from agent.openai_model import OpenAIModel
from agent.settings import DEMO_MODEL, Api, Settings

KINDS = ("scripted", "demo", "live")


@dataclass(frozen=True, slots=True)
class Outcome:
    """One case, judged. `wrong` are sentences."""

    name: str
    passed: bool
    wrong: tuple[str, ...]
    figures: Figures


@dataclass
class _Script:
    """The scripted model: reply n to a request that holds the calls of replies 0..n-1."""

    replies: Sequence[Reply] = ()

    def answer(self, request: StepRequest) -> Reply:
        """See the class."""
        called = sum(item.get("type") == "function_call" for item in request.items)
        for reply in self.replies:
            if called <= 0:
                return reply
            called -= len(reply.calls)
        return self.replies[-1]


async def run_cases(kind: str, cases: Sequence[Case], api: Api = "responses") -> list[Outcome]:
    """Each case in a room of its own, one after the other. Raises SettingsError (live)."""
    script = _Script()
    outcomes: list[Outcome] = []
    async with _model(kind, script, api) as model:
        for case in cases:
            script.replies = case.replies()
            outcomes.append(await _judged(case, model))
    return outcomes


@asynccontextmanager
async def _model(kind: str, script: _Script, api: Api) -> AsyncIterator[Model]:
    async with AsyncExitStack() as stack:
        if kind == "live":
            endpoint = Settings.from_env().endpoint()
        else:
            answer = script.answer if kind == "scripted" else demo_answer
            url = await stack.enter_async_context(serve_demo(answer, 0))
            endpoint = Settings(model=DEMO_MODEL, model_api=api).endpoint(url)
        yield await stack.enter_async_context(OpenAIModel(endpoint))


async def _judged(case: Case, model: Model) -> Outcome:
    room = Room(model, case.start, case.selection, case.meddle, dict(case.held))
    status = await room.ask(case.request, case.answer)
    room.measure(case.about)
    wrong = [why for judge in case.judge if (why := judge(room))]
    if status != case.status:
        wrong.insert(0, f"the run is {status}")
    figures = room.figures
    if figures.collateral:
        wrong.append(f"{figures.collateral} fields of other shapes changed")
    if figures.human_fields_kept < figures.human_fields:
        wrong.append("a person's value was written over")
    return Outcome(case.name, not wrong, tuple(wrong), figures)
