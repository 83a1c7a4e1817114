"""REST: accepting and rejecting what a run of the assistant proposes (docs/spec.md, R15)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from pycrdt import Doc, Map
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from sync.api import author_of, body_of, hub_of, room_of
from sync.canvas.drafts import Decision, accept, open_shapes, reject
from sync.problems import Problem, text_field

MAX_SHAPES = 1_000  # ids of one request; without ids it is about all
MAX_ID = 128  # characters

Decide = Callable[[Doc[Any], str, Iterable[str] | None, str, int], Decision]


async def accept_run(request: Request) -> Response:
    """Make what a run proposes real: `{shapes?: [ids]}`, without them all of it. Says what was kept and why."""
    return await _decide(request, accept)


async def reject_run(request: Request) -> Response:
    """Drop what a run proposes: `{shapes?: [ids]}`, without them all of it. Says what was kept and why."""
    return await _decide(request, reject)


async def _decide(request: Request, decide: Decide) -> Response:
    room, access = room_of(request, is_write=True)
    shapes = _shapes(await body_of(request))
    run, hub, by = request.path_params["run"], hub_of(request), author_of(access)
    now_ms = int(hub.now() * 1000)

    def change(doc: Doc[Any]) -> dict[str, Any]:
        if not isinstance(doc.get("runs", type=Map).get(run), Map):
            raise Problem(404, f"There is no run {run}.")
        decision = decide(doc, run, shapes, by, now_ms)
        return {"run": run, "shapes": list(decision.shapes), "kept": decision.kept, "open": open_shapes(doc, run)}

    return JSONResponse(await hub.edit(room, change, by))


def _shapes(body: dict[str, object]) -> list[str] | None:
    """The ids it is about, None for all. Raises Problem (422)."""
    shapes = body.get("shapes")
    if shapes is None:
        return None
    if not isinstance(shapes, list) or not shapes or len(shapes) > MAX_SHAPES:
        raise Problem(422, f"`shapes` must be a list of 1 to {MAX_SHAPES} shape ids; leave it out for all.")
    return [text_field({"shapes": shape}, "shapes", MAX_ID) for shape in shapes]


ROUTES: tuple[BaseRoute, ...] = (
    Route("/api/rooms/{room:path}/runs/{run}/accept", accept_run, methods=["POST"]),
    Route("/api/rooms/{room:path}/runs/{run}/reject", reject_run, methods=["POST"]),
)
