"""REST: access is taken back from a person, a link or everybody, at once and on open connections too (A9)."""

from __future__ import annotations

from dataclasses import asdict

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from sync.admission import contains
from sync.api import access_of, body_of, hub_of
from sync.auth import Access, NotAllowed
from sync.names import check_room_name
from sync.problems import Problem, text_field
from sync.protocol import CloseCode
from sync.revocations import LEVELS, Revocation

MAX_ID = 128  # characters of a person's or a token's id


async def revoke(request: Request) -> Response:
    """Take access back, by an admin: `{room?, user?, token?, access?}`. Without a user and a token it is that of all
    but admins; `access` is what is left: `none` or `read`."""
    access = _admin(request)
    body = await body_of(request)
    room = _pattern(text_field(body, "room", 1_000, access.room))
    user, token = (text_field(body, field, MAX_ID, "") or None for field in ("user", "token"))
    left = text_field(body, "access", 16, "none")
    if left not in LEVELS:
        raise Problem(422, f"`access` must be one of {', '.join(LEVELS)}.")
    if user is not None and token is not None:
        raise Problem(422, "Name a `user` or a `token`, not both.")
    if user is None and token is None and "room" not in body:
        raise Problem(422, "Name a `user`, a `token`, or a `room` to take it back from everybody there.")
    _check_covers(access, room)
    hub = hub_of(request)
    if not hub.settings.asks_for_tokens:
        raise Problem(409, "This server asks nobody for a token, so there is nothing to take back.")
    revocation = await hub.admission.revoke(room, user, token, LEVELS[LEVELS.index(left)])
    return JSONResponse(_json(revocation), 201, {"location": f"/api/revocations/{revocation.id}"})


async def list_revocations(request: Request) -> Response:
    """What was taken back and is still in force, by an admin."""
    access = _admin(request)
    found = [r for r in hub_of(request).admission.revocations if contains(access.room, r.room)]
    return JSONResponse({"revocations": [_json(revocation) for revocation in found]})


async def unrevoke(request: Request) -> Response:
    """Give back what was taken, by an admin: tokens that are still good open again."""
    access, number = _admin(request), request.path_params["revocation"]
    hub = hub_of(request)
    found = next((r for r in hub.admission.revocations if r.id == number and contains(access.room, r.room)), None)
    if found is None:
        raise Problem(404, f"There is no revocation {number}.")
    await hub.admission.unrevoke(number)
    return Response(status_code=204)


def _admin(request: Request) -> Access:
    access = access_of(request)
    if access.role != "admin":
        raise NotAllowed(CloseCode.FORBIDDEN, "Only an admin may take access back.")
    return access


def _pattern(room: str) -> str:
    if room != "*":
        check_room_name(room[:-1].rstrip("/") if room.endswith("*") else room)
    return room


def _check_covers(access: Access, room: str) -> None:
    if not contains(access.room, room):
        raise NotAllowed(CloseCode.FORBIDDEN, "Your token does not cover all of these boards.")


def _json(revocation: Revocation) -> dict[str, object]:
    return asdict(revocation)


ROUTES: tuple[BaseRoute, ...] = (
    Route("/api/revocations", list_revocations, methods=["GET"]),
    Route("/api/revocations", revoke, methods=["POST"]),
    Route("/api/revocations/{revocation}", unrevoke, methods=["DELETE"]),
)
