"""The only server file that knows the canvas: titles, prompts and runs over HTTP. Writes what a browser would write."""

from __future__ import annotations

import json
import secrets
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import suppress
from typing import Any

from pycrdt import Doc, Map
from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from sync.api import DEFAULT_SLOT, GRACE_S, MAX_TITLE, author_of, body_of, holder_of, hub_of, room_of
from sync.auth import Access
from sync.board_rules import BoardRules, Purpose
from sync.canvas.conversation import MAIN_THREAD, MAX_ANSWER, RUN_ENDED, Context
from sync.canvas.history import undo_run
from sync.canvas.schema import ROOTS, check_field
from sync.fields import Rules
from sync.gate import ANY, MAP, Profile, ProfileName, board_profile
from sync.problems import Problem, text_field
from sync.store import NoSuchRoom, RoomExists

MAX_PROMPT = 8_000  # characters of one request to the assistant
MAX_SELECTION = 1_000  # ids that go with a prompt
MAX_ID = 128  # characters
SIGN_OF_LIFE_S = 15  # between two comments of an event stream

CONVERSATION = ("threads", "messages")
"""Where comments go. Not `runs`: a run makes the assistant change the board for who asked."""

PROFILES: Mapping[ProfileName, Profile] = {
    "any": ANY,
    "map": MAP,
    "board": board_profile(ROOTS, CONVERSATION, "shapes"),
}


class Board:
    """How the server core reads and names boards, without knowing what they are."""

    profile: ProfileName = "board"

    def profile_of(self, name: ProfileName) -> Profile:
        """The rules of a room's profile."""
        return PROFILES[name]

    def rules(self, name: ProfileName, doc: Doc[Any], author: str, now_ms: int, purpose: Purpose) -> Rules:
        """What writing a document from outside must keep to."""
        return BoardRules(doc, author, now_ms, purpose) if name == "board" else Rules()

    def title_of(self, doc: Doc[Any]) -> str:
        """The board's name; empty when it has none."""
        title = doc.get("meta", type=Map).get("title") if "meta" in doc.keys() else None  # noqa: SIM118 - not a dict
        return title[:MAX_TITLE] if isinstance(title, str) else ""

    def set_title(self, doc: Doc[Any], title: str) -> None:
        """Name the board, as its own client does."""
        doc.get("meta", type=Map)["title"] = title


def ask(
    doc: Doc[Any], *, text: str, by: str, by_name: str, now_ms: int, thread: str, context: Context, agent: str
) -> str:
    """Write a prompt and its queued run in one transaction; the run's id."""
    run, message = secrets.token_hex(6), secrets.token_hex(6)
    runs, messages = doc.get("runs", type=Map), doc.get("messages", type=Map)
    with doc.transaction():
        messages[message] = Map(
            {
                "thread": thread,
                "role": "user",
                "by": by,
                "by_name": by_name,
                "at": now_ms,
                "run": run,
                "body": text,
                "context": dict(context),
            }
        )
        runs[run] = Map(
            {"thread": thread, "prompt": message, "agent": agent, "asked_by": by, "at": now_ms, "status": "queued"}
        )
    return run


def run_json(doc: Doc[Any], run: str) -> dict[str, Any]:
    """A run with its calls and messages, less the model's raw items. Raises Problem (404)."""
    runs = doc.get("runs", type=Map)
    if run not in runs or not isinstance(runs[run], Map):
        raise Problem(404, f"There is no run {run}.")
    body: dict[str, Any] = json.loads(str(runs[run]))
    body.pop("items", None)
    calls = [{"id": key, **value} for key, value in _entries(doc, "calls") if key.startswith(f"{run}.")]
    messages = [{"id": key, **value} for key, value in _entries(doc, "messages") if value.get("run") == run]
    return {
        "id": run,
        **body,
        "calls": sorted(calls, key=lambda call: (call.get("seq", 0), call["id"])),
        "messages": sorted(messages, key=lambda message: (message.get("at", 0), message["id"])),
    }


def _entries(doc: Doc[Any], root: str) -> list[tuple[str, dict[str, Any]]]:
    return [(k, v) for k, v in json.loads(str(doc.get(root, type=Map))).items() if isinstance(v, dict)]


def _own_run(doc: Doc[Any], run: str) -> Map[Any]:
    runs = doc.get("runs", type=Map)
    entry = runs.get(run)
    if not isinstance(entry, Map):
        raise Problem(404, f"There is no run {run}.")
    return entry


async def post_prompt(request: Request) -> Response:
    """Ask the assistant: `{text, thread?, selection?, view?, propose?, agent?}` -> 202 `{run}`. Makes the board if need
    be. With `propose` it changes nothing before somebody accepts it."""
    room, access = room_of(request, is_write=True)
    body = await body_of(request)
    text = text_field(body, "text", MAX_PROMPT).strip()
    if not text:
        raise Problem(422, "`text` is empty; say what the assistant should do.")
    agent = text_field(body, "agent", MAX_ID, DEFAULT_SLOT)
    thread, context = text_field(body, "thread", MAX_ID, MAIN_THREAD), _context(body)
    hub, by = hub_of(request), author_of(access)
    now_ms = int(hub.now() * 1000)

    def write(doc: Doc[Any]) -> str:
        return ask(
            doc, text=text, by=by, by_name=_name_of(access), now_ms=now_ms, thread=thread, context=context, agent=agent
        )

    try:
        run = await hub.edit(room, write, by)
    except NoSuchRoom:  # as a browser that opens the address: asking makes the board
        with suppress(RoomExists):
            hub.connections.check_may_make_room(holder_of(request, access))
            await hub.create(room, request.app.state.board.profile)
        run = await hub.edit(room, write, by)
    await hub.leases.want(room, agent)
    return JSONResponse({"run": run}, 202, {"location": f"/api/rooms/{room}/runs/{run}"})


def _name_of(access: Access) -> str:
    return access.name or access.user or "API"


def _context(body: Mapping[str, object]) -> Context:
    """The selection and view that go with a prompt, and whether to propose. Raises Problem (422)."""
    context: Context = {}
    propose = body.get("propose", False)
    if not isinstance(propose, bool):
        raise Problem(422, "`propose` must be true or false.")
    if propose:
        context["propose"] = True
    selection = body.get("selection")
    if selection is not None:
        if not isinstance(selection, list) or len(selection) > MAX_SELECTION:
            raise Problem(422, f"`selection` must be a list of at most {MAX_SELECTION} shape ids.")
        context["selection"] = [text_field({"selection": item}, "selection", MAX_ID) for item in selection]
    view = body.get("view")
    if view is not None:
        try:
            if not isinstance(view, dict):
                raise ValueError("must be {x, y, w, h}")  # noqa: TRY004 - answered as a value that does not fit
            context["view"] = {
                "x": check_field("x", view.get("x")),
                "y": check_field("y", view.get("y")),
                "w": check_field("w", view.get("w")),
                "h": check_field("h", view.get("h")),
            }
        except ValueError as error:
            raise Problem(422, f"`view` does not fit: {error}.") from None
    return context


async def get_run(request: Request) -> Response:
    """A run as it stands, with its calls and messages."""
    room, _ = room_of(request)
    run = request.path_params["run"]
    return JSONResponse(await hub_of(request).read(room, lambda doc: run_json(doc, run)))


async def run_events(request: Request) -> Response:
    """Server-sent events: the run each time it changes, until it has ended."""
    room, _ = room_of(request)
    run = request.path_params["run"]
    hub = hub_of(request)
    await hub.read(room, lambda doc: run_json(doc, run))  # 404 before the stream begins

    async def events() -> AsyncIterator[ServerSentEvent]:
        last = ""
        async with hub.watches.following(room) as watcher:
            while True:
                watcher.take()
                state = await hub.read(room, lambda doc: run_json(doc, run))
                text = json.dumps(state, ensure_ascii=False)
                if text != last:
                    yield ServerSentEvent(event="run", data=text)
                    last = text
                if state.get("status") in RUN_ENDED:
                    return
                await watcher.wait()
                if hub.rooms.is_draining:
                    return

    return EventSourceResponse(events(), ping=SIGN_OF_LIFE_S, shutdown_grace_period=GRACE_S)


async def _change_run(request: Request, change: Callable[[Doc[Any], str, str, int], dict[str, Any]]) -> Response:
    room, access = room_of(request, is_write=True)
    run, hub, by = request.path_params["run"], hub_of(request), author_of(access)
    now_ms = int(hub.now() * 1000)
    return JSONResponse(await hub.edit(room, lambda doc: change(doc, run, by, now_ms), by))


async def cancel_run(request: Request) -> Response:
    """Stop a run; a queued one is removed from the queue."""

    def change(doc: Doc[Any], run: str, by: str, now_ms: int) -> dict[str, Any]:
        entry = _own_run(doc, run)
        status = entry.get("status")
        if status not in RUN_ENDED:
            entry["cancel"] = {"by": by, "at": now_ms}
        return {"run": run, "status": status, "agent": str(entry.get("agent") or DEFAULT_SLOT)}

    response = await _change_run(request, change)
    stopped = json.loads(bytes(response.body))
    if stopped["status"] == "requires_user":
        # Nobody works on a run that waits for an answer; somebody must end it.
        await hub_of(request).leases.want(room_of(request, is_write=True)[0], stopped["agent"])
    return response


async def answer_run(request: Request) -> Response:
    """Answer the question that a run waits with: `{text}`. The run goes on with it."""
    room, access = room_of(request, is_write=True)
    answer, name = text_field(await body_of(request), "text", MAX_ANSWER).strip(), _name_of(access)
    if not answer:
        raise Problem(422, "`text` is empty; say what you answer.")

    def change(doc: Doc[Any], run: str, by: str, now_ms: int) -> dict[str, Any]:
        entry = _own_run(doc, run)
        question = entry.get("question")
        if entry.get("status") != "requires_user" or not isinstance(question, Mapping) or question.get("answer"):
            raise Problem(409, f"The run {run} asks nothing now.")
        entry["question"] = {**question, "answer": {"text": answer, "by": by, "by_name": name, "at": now_ms}}
        return {"run": run, "agent": str(entry.get("agent") or DEFAULT_SLOT)}

    response = await _change_run(request, change)
    await hub_of(request).leases.want(room, json.loads(bytes(response.body))["agent"])
    return response


async def undo_run_calls(request: Request) -> Response:
    """Take back what a run did and nobody changed since; says what was kept and why."""

    def change(doc: Doc[Any], run: str, by: str, now_ms: int) -> dict[str, Any]:
        _own_run(doc, run)
        report = undo_run(doc, run, by, now_ms)
        return {"run": run, "calls": list(report.calls), "restored": list(report.restored), "kept": report.kept}

    return await _change_run(request, change)


ROUTES: tuple[BaseRoute, ...] = (
    Route("/api/rooms/{room:path}/prompts", post_prompt, methods=["POST"]),
    Route("/api/rooms/{room:path}/runs/{run}", get_run, methods=["GET"]),
    Route("/api/rooms/{room:path}/runs/{run}/events", run_events, methods=["GET"]),
    Route("/api/rooms/{room:path}/runs/{run}/cancel", cancel_run, methods=["POST"]),
    Route("/api/rooms/{room:path}/runs/{run}/answer", answer_run, methods=["POST"]),
    Route("/api/rooms/{room:path}/runs/{run}/undo", undo_run_calls, methods=["POST"]),
)
