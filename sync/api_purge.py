"""REST: remove what is older than so many days, by an admin of all boards; a trial unless told otherwise (O6)."""

from __future__ import annotations

import math
from dataclasses import asdict

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from sync.api import access_of, body_of, hub_of
from sync.auth import NotAllowed
from sync.hub import Hub
from sync.problems import Problem
from sync.protocol import CloseCode
from sync.purge import Keep, Report, keep_of, purge

MAX_DAYS = 36_500


async def purge_trial(request: Request) -> Response:
    """What would go if it went by what is set, counted by an admin of all boards; nothing is removed."""
    hub = _admins_hub(request)
    keep = keep_of(hub.settings)
    report = await purge_all(hub, keep, is_trial=True)
    return JSONResponse({"dry_run": True, **asdict(keep), **asdict(report)})


async def purge_now(request: Request) -> Response:
    """Remove old automatic versions, rows put aside as damaged, and rooms that nobody ever wrote into, by an admin of
    all boards: `{versions_days?, damaged_days?, unused_days?, dry_run?}`; what is not said is as set, 0 keeps all.
    Only `dry_run: false` removes."""
    hub = _admins_hub(request)
    body = await body_of(request)
    is_trial = body.get("dry_run", True)
    if not isinstance(is_trial, bool):
        raise Problem(422, "`dry_run` must be true or false.")
    keep = Keep(**{name: _days(body, name, default) for name, default in asdict(keep_of(hub.settings)).items()})
    report = await purge_all(hub, keep, is_trial=is_trial)
    return JSONResponse({"dry_run": is_trial, **asdict(keep), **asdict(report)})


async def purge_all(hub: Hub, keep: Keep, *, is_trial: bool) -> Report:
    """All rooms of this server's store. Raises StoreError."""

    def is_elsewhere(room: str) -> bool:
        return hub.workers is not None and hub.workers.people(room) > 0

    now = int(hub.now() * 1000)
    return await purge(hub.rooms, hub.store, keep, now, is_trial=is_trial, is_elsewhere=is_elsewhere)


def _admins_hub(request: Request) -> Hub:
    access = access_of(request)
    if access.role != "admin" or access.room != "*":
        raise NotAllowed(CloseCode.FORBIDDEN, "Only an admin of all boards may do this.")
    return hub_of(request)


def _days(body: dict[str, object], name: str, default: float) -> float:
    days = body.get(name, default)
    if (
        isinstance(days, bool)
        or not isinstance(days, int | float)
        or not math.isfinite(days)
        or not 0 <= days <= MAX_DAYS
    ):
        raise Problem(422, f"`{name}` must be a number of days from 0 to {MAX_DAYS}.")
    return float(days)


ROUTES: tuple[BaseRoute, ...] = (
    Route("/api/purge", purge_trial, methods=["GET"]),
    Route("/api/purge", purge_now, methods=["POST"]),
)
