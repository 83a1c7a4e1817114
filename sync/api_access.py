"""REST: tokens for a room, and what goes on in it as server-sent events."""

from __future__ import annotations

import json
import math
import secrets
from collections.abc import AsyncIterator
from dataclasses import asdict

from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from sync.api import GRACE_S, body_of, hub_of, room_of
from sync.auth import ROLES, Access, Authority, NotAllowed
from sync.problems import Problem, text_field
from sync.protocol import CloseCode

MAX_USER = 128  # characters of a user id or name
DEFAULT_LIFETIME_S = 30 * 24 * 3600
MAX_LIFETIME_S = 366 * 24 * 3600


async def make_token(request: Request) -> Response:
    """A token for this room, by an admin: `{access, user?, name?, expires_in_s?}`."""
    room, access = room_of(request)
    if access.role != "admin":
        raise NotAllowed(CloseCode.FORBIDDEN, "Only an admin may make tokens.")
    body, hub = await body_of(request), hub_of(request)
    role = text_field(body, "access", 16)
    if role not in ROLES:
        raise Problem(422, f"`access` must be one of {', '.join(ROLES)}.")
    lifetime = body.get("expires_in_s", DEFAULT_LIFETIME_S)
    is_number = isinstance(lifetime, int | float) and not isinstance(lifetime, bool)
    if not is_number or not math.isfinite(lifetime) or not 1 <= lifetime <= MAX_LIFETIME_S:  # type: ignore[arg-type, operator]  # is_number
        raise Problem(422, f"`expires_in_s` must be a number from 1 to {MAX_LIFETIME_S}.")
    lifetime_s, now = float(lifetime), hub.now()  # type: ignore[arg-type]  # as above
    user, name = (text_field(body, field, MAX_USER, "") or None for field in ("user", "name"))
    authority = Authority(hub.settings.secret)
    if not authority.can_mint:
        raise Problem(409, "Set COPLAYER_SECRET first: without it the server makes no tokens.")
    made = Access(user, name, ROLES[ROLES.index(role)], room, token=secrets.token_hex(8))
    token = authority.mint(made, now, lifetime_s)
    return JSONResponse({"token": token, "id": made.token, "expires_at": int(now + lifetime_s)}, 201)


async def room_events(request: Request) -> Response:
    """Server-sent events: the room's people, title and last edit now, and at every change."""
    room, access = room_of(request)
    hub = hub_of(request)
    await hub.read(room, lambda doc: None)  # 404 before the stream begins

    async def events() -> AsyncIterator[ServerSentEvent]:
        async for status in hub.watches.follow(room):
            if status is None:
                yield ServerSentEvent(comment="alive")
            elif not hub.admission.allows(access, room):
                return
            else:
                yield ServerSentEvent(event="room", data=json.dumps(asdict(status), ensure_ascii=False))

    return EventSourceResponse(events(), shutdown_grace_period=GRACE_S)


ROUTES: tuple[BaseRoute, ...] = (
    Route("/api/rooms/{room:path}/tokens", make_token, methods=["POST"]),
    Route("/api/rooms/{room:path}/events", room_events, methods=["GET"]),
)
