"""REST: who changed a room and when, and its versions (docs/spec.md, section V)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from anyio import to_thread
from pycrdt import Doc
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from sync.api import author_of, body_of, hub_of, room_of
from sync.api_document import current_document
from sync.fields import Rules, Unwritable, read_document, write_document
from sync.lib0 import DecodeError
from sync.places import Places
from sync.problems import Problem, text_field
from sync.store import LogRow, Version
from sync.versions import document_of

MAX_NAME = 200  # characters of a version's name
MAX_PAGE = 1_000  # rows of one page
DEFAULT_PAGE = 100
MAX_PLACES = 50  # named of one row; a merged update may touch thousands
MAX_NAMED = 1_000  # versions of one room that people named; each is a whole document


def _number(request: Request, name: str, default: int | None, low: int, high: int) -> int | None:
    """A whole number of the query. Raises Problem (400)."""
    text = request.query_params.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) <= 18) or not low <= int(text) <= high:
        raise Problem(400, f"`{name}` must be a whole number from {low} to {high}.")
    return int(text)


async def activity(request: Request) -> Response:
    """Who changed what in the room, and when, newest first; `?before=` the `next` of the page before."""
    room, _ = room_of(request)
    limit = _number(request, "limit", DEFAULT_PAGE, 1, MAX_PAGE)
    before = _number(request, "before", None, 1, 2**53)
    assert limit is not None
    hub = hub_of(request)
    document = await hub.read(room, lambda doc: doc.get_update())
    rows = await hub.store.activity(room, before, limit)
    described = await to_thread.run_sync(_describe, rows, document)
    following = rows[-1].seq if len(rows) == limit and rows[-1].seq > 1 else None
    return JSONResponse({"rows": described, "next": following})


def _describe(rows: Sequence[LogRow], document: bytes) -> list[dict[str, object]]:
    """Rows as JSON; a damaged one touches nothing that can be named."""
    places = Places(document)
    out: list[dict[str, object]] = []
    for row in rows:
        try:
            touched = places.touched(row.update)
        except DecodeError:
            touched = []
        what = [list(path) for path in touched[:MAX_PLACES]]
        out.append({"seq": row.seq, "author": row.author, "at": row.at, "size": len(row.update), "what": what})
    return out


async def list_versions(request: Request) -> Response:
    """The versions of a room, newest first."""
    room, _ = room_of(request)
    return JSONResponse({"versions": [_json(version) for version in await hub_of(request).store.versions(room)]})


async def keep_version(request: Request) -> Response:
    """Keep the document as it stands now, as a version: `{name?}`."""
    room, access = room_of(request, is_write=True)
    hub = hub_of(request)
    name = text_field(await body_of(request), "name", MAX_NAME, "")
    if _named(await hub.store.versions(room)) >= MAX_NAMED:
        raise Problem(409, f"A room keeps at most {MAX_NAMED} named versions.")
    snapshot = await hub.read(room, lambda doc: doc.get_update())
    at = int(hub.now() * 1000)
    version = await hub.store.add_version(room, name, author_of(access), at, snapshot, auto=False)
    return JSONResponse(_json(version), 201, {"location": f"/api/rooms/{room}/versions/{version.id}"})


async def show_version(request: Request) -> Response:
    """A version with its document as JSON."""
    room, _ = room_of(request)
    hub = hub_of(request)
    version, snapshot = await hub.store.version(room, _id_of(request))
    async with hub.rooms.using(room) as live:
        profile = live.room.gate.profile
    document = read_document(document_of(snapshot, profile), profile.roots or ())
    return JSONResponse({**_json(version), "document": document})


async def rename_version(request: Request) -> Response:
    """Name a version: `{name}`. An automatic one is kept from then on, as if somebody had kept it."""
    room, _ = room_of(request, is_write=True)
    store, number = hub_of(request).store, _id_of(request)
    name = text_field(await body_of(request), "name", MAX_NAME)
    if not name.strip():
        raise Problem(422, "`name` must say something.")
    versions = await store.versions(room)
    is_new = any(version.id == number and version.is_automatic for version in versions)
    if is_new and _named(versions) >= MAX_NAMED:
        raise Problem(409, f"A room keeps at most {MAX_NAMED} named versions.")
    return JSONResponse(_json(await store.rename_version(room, number, name)))


async def restore_version(request: Request) -> Response:
    """Go back to a version by an ordinary edit, field by field; the document as it is then."""
    room, access = room_of(request, is_write=True)
    hub, board, author = hub_of(request), request.app.state.board, author_of(access)
    _, snapshot = await hub.store.version(room, _id_of(request))
    async with hub.rooms.using(room) as live:
        profile = live.room.gate.profile
        if not profile.is_map:
            raise Problem(409, "This room may hold shared texts and lists, which cannot go back field by field.")
        wanted = read_document(document_of(snapshot, profile), profile.roots or ())

        def restore(doc: Doc[Any]) -> None:
            rules: Rules = board.rules(profile.name, doc, author, int(hub.now() * 1000), "restore")
            now = read_document(doc, profile.roots or ())
            after = {**wanted, **{root: now[root] for root in rules.kept if root in now}}
            try:
                write_document(doc, now, after, rules, profile.roots)
            except Unwritable as error:
                raise Problem(409, f"The version does not fit this room any more: {error}") from None

        await hub.edit(room, restore, author)
        return await current_document(request, room)


def _named(versions: Sequence[Version]) -> int:
    return sum(not version.is_automatic for version in versions)


def _id_of(request: Request) -> int:
    text = request.path_params["version"]
    if not (text.isascii() and text.isdigit() and len(text) <= 15):
        raise Problem(404, f"There is no version {text[:40]}.")
    return int(text)


def _json(version: Version) -> dict[str, object]:
    return asdict(version)


ROUTES: tuple[BaseRoute, ...] = (
    Route("/api/rooms/{room:path}/activity", activity, methods=["GET"]),
    Route("/api/rooms/{room:path}/versions", list_versions, methods=["GET"]),
    Route("/api/rooms/{room:path}/versions", keep_version, methods=["POST"]),
    Route("/api/rooms/{room:path}/versions/{version}", show_version, methods=["GET"]),
    Route("/api/rooms/{room:path}/versions/{version}", rename_version, methods=["PATCH"]),
    Route("/api/rooms/{room:path}/versions/{version}/restore", restore_version, methods=["POST"]),
)
