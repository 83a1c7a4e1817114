"""REST: rooms, documents as JSON, leases for assistants. Errors are problem details (problems.py)."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import asdict

from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from sync.auth import Access, NotAllowed
from sync.guests import address_of
from sync.hub import Hub
from sync.members import Holder
from sync.names import check_room_name, new_room_name
from sync.problems import Problem, json_body, text_field
from sync.protocol import CloseCode

MAX_TITLE = 200  # characters
MAX_SLOT = 64  # characters of an assistant's slot or holder
DEFAULT_SLOT = "assistant"
GRACE_S = 2.0  # for event streams to end by themselves when the server stops


def hub_of(request: Request) -> Hub:
    """The hub that serves this application."""
    hub = request.app.state.hub
    assert isinstance(hub, Hub)
    return hub


def token_of(request: Request) -> str | None:
    """`Authorization: Bearer ...`, or `?token=` where a browser cannot set a header."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token if scheme.lower() == "bearer" else request.query_params.get("token")


def access_of(request: Request) -> Access:
    """What the caller may do anywhere. Raises NotAllowed."""
    hub = hub_of(request)
    return hub.admission.authorise(request, token_of(request), None)


def room_of(request: Request, *, is_write: bool = False) -> tuple[str, Access]:
    """The room named in the path and what the caller may do there. Raises BadRoomName, NotAllowed."""
    room = check_room_name(request.path_params["room"])
    hub = hub_of(request)
    access = hub.admission.authorise(request, token_of(request), room)
    if is_write and not access.can_write:
        raise NotAllowed(CloseCode.FORBIDDEN, "You may read this board, not change it.")
    return room, access


def holder_of(request: Request, access: Access) -> Holder:
    """Who the caller is, for the limits on people and addresses."""
    return Holder(access, address_of(request, hub_of(request).settings))


def author_of(access: Access) -> str:
    """Who stands in the log for what the caller changes."""
    return access.user or "api"


async def body_of(request: Request) -> dict[str, object]:
    """The JSON body within the server's limit."""
    return await json_body(request, hub_of(request).settings.max_body_bytes)


async def list_rooms(request: Request) -> Response:
    """The rooms the caller may see, last edited first."""
    access = access_of(request)
    rooms = [
        {**asdict(info), "people": people}
        for info, people in await hub_of(request).list()
        if hub_of(request).admission.allows(access, info.room)
    ]
    return JSONResponse({"rooms": rooms})


async def create_room(request: Request) -> Response:
    """Make a room: `{room?, title?}`."""
    access = access_of(request)
    body = await body_of(request)
    room = check_room_name(text_field(body, "room", 1_000, new_room_name()))
    title = text_field(body, "title", MAX_TITLE, "")
    if not (access.can_write and hub_of(request).admission.allows(access, room)):
        raise NotAllowed(CloseCode.FORBIDDEN, "You may not make this board.")
    hub_of(request).connections.check_may_make_room(holder_of(request, access))
    await hub_of(request).create(room, request.app.state.board.profile)
    if title:
        await set_title(request, room, title, author_of(access))
    return JSONResponse({"room": room}, 201, {"location": f"/api/rooms/{room}"})


async def show_room(request: Request) -> Response:
    """One room of the list."""
    room, _ = room_of(request)
    for info, people in await hub_of(request).list():
        if info.room == room:
            return JSONResponse({**asdict(info), "people": people})
    raise Problem(404, f"There is no room {room}.")


async def rename_room(request: Request) -> Response:
    """Set the title: `{title}`."""
    room, access = room_of(request, is_write=True)
    await set_title(request, room, text_field(await body_of(request), "title", MAX_TITLE), author_of(access))
    return await show_room(request)


async def set_title(request: Request, room: str, title: str, author: str) -> None:
    """The title lives in the document; the store keeps a copy for the list."""
    board = request.app.state.board
    await hub_of(request).edit(room, lambda doc: board.set_title(doc, title), author)
    await hub_of(request).store.describe(room, title)


async def delete_room(request: Request) -> Response:
    """The room and all it held; open clients are told."""
    room, _ = room_of(request, is_write=True)
    await hub_of(request).delete(room)
    return Response(status_code=204)


async def retry_room(request: Request) -> Response:
    """Read the room in full again, by an admin: it was read-only because that had failed again and again (S15)."""
    room, access = room_of(request)
    if access.role != "admin":
        raise NotAllowed(CloseCode.FORBIDDEN, "Only an admin may have a board read again.")
    await hub_of(request).retry(room)
    return Response(status_code=204)


async def room_events(request: Request) -> Response:
    """Server-sent events for assistants: where people are, and where work waits."""
    access = access_of(request)
    slot = request.query_params.get("agent", DEFAULT_SLOT)[:MAX_SLOT]

    async def events() -> AsyncIterator[ServerSentEvent]:
        async for status in hub_of(request).watches.watch(slot):
            if status is None:
                yield ServerSentEvent(comment="alive")
            elif hub_of(request).admission.allows(access, status.room):
                yield ServerSentEvent(event="room", data=json.dumps(asdict(status)))

    return EventSourceResponse(events(), shutdown_grace_period=GRACE_S)


async def take_lease(request: Request) -> Response:
    """Take or renew an assistant's lease: `{agent, holder}`."""
    room, _ = room_of(request, is_write=True)
    body = await body_of(request)
    slot, holder = text_field(body, "agent", MAX_SLOT, DEFAULT_SLOT), text_field(body, "holder", MAX_SLOT)
    lease = await hub_of(request).leases.take(room, slot, holder)
    return JSONResponse({"epoch": lease.epoch, "expires_in_s": hub_of(request).settings.lease_s})


async def end_lease(request: Request) -> Response:
    """Give a lease back: `{agent, holder, done}`."""
    room, _ = room_of(request, is_write=True)
    body = await body_of(request)
    slot, holder = text_field(body, "agent", MAX_SLOT, DEFAULT_SLOT), text_field(body, "holder", MAX_SLOT)
    is_done = body.get("done", False)
    if not isinstance(is_done, bool):
        raise Problem(422, "`done` must be true or false.")
    await hub_of(request).leases.end(room, slot, holder, is_done=is_done)
    return Response(status_code=204)


ROUTES: tuple[BaseRoute, ...] = (
    Route("/api/rooms", list_rooms, methods=["GET"]),
    Route("/api/rooms", create_room, methods=["POST"]),
    Route("/api/rooms/events", room_events, methods=["GET"]),
    Route("/api/rooms/{room:path}/retry", retry_room, methods=["POST"]),
    Route("/api/rooms/{room:path}/lease", take_lease, methods=["POST"]),
    Route("/api/rooms/{room:path}/lease", end_lease, methods=["DELETE"]),
)
ROOM_ROUTES: tuple[Route, ...] = (  # after every route that begins with a room's name
    Route("/api/rooms/{room:path}", show_room, methods=["GET"]),
    Route("/api/rooms/{room:path}", rename_room, methods=["PATCH"]),
    Route("/api/rooms/{room:path}", delete_room, methods=["DELETE"]),
)
