"""REST: a board as SVG, PNG and JSON, and a board out of such JSON. With board.py, what of the server knows shapes."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from anyio import to_thread
from pycrdt import Doc
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from sync.api import author_of, body_of, hub_of, room_of
from sync.api_document import document_text, etag_of
from sync.board_rules import BoardRules
from sync.canvas.canvas import Canvas
from sync.canvas.drafts import ghosts
from sync.canvas.render import Picture, render
from sync.canvas.schema import SCHEMA_VERSION
from sync.canvas.theme import THEMES, ThemeName
from sync.fields import Unwritable, read_document, write_document
from sync.picture import png
from sync.problems import Problem

EXPORTED = ("meta", "shapes", "groups")
"""Roots that are the board itself; conversations with the assistant stay in the room."""
MAX_SCALE = 8.0
FORMAT = "coplayer"
MAX_LEFT_OUT = 100  # sentences about fields that an import left out


def _theme_of(request: Request) -> ThemeName:
    wanted = request.query_params.get("theme", "light")
    for theme in THEMES:
        if wanted == theme:
            return theme
    raise Problem(400, f"`theme` must be one of {', '.join(THEMES)}.")


async def _draw(request: Request, finish: Callable[[Picture], bytes]) -> tuple[bytes, str]:
    """A picture of the room as bytes, and the ETag it stands for. Drawn from a copy in a thread, one at a time: a board
    of 10 000 shapes takes seconds, in which everybody else goes on."""
    room, _ = room_of(request)
    theme, board = _theme_of(request), request.app.state.board
    background = request.query_params.get("background", "true")
    if background not in ("true", "false"):
        raise Problem(400, "`background` must be true or false.")
    state, etag = await hub_of(request).read(room, lambda doc: (doc.get_update(), etag_of(doc)))

    def draw() -> bytes:
        doc = Doc[Any]()
        doc.apply_update(state)
        return finish(render(Canvas(doc), theme, board.title_of(doc), background=background == "true"))

    return await to_thread.run_sync(draw, limiter=request.app.state.drawing), etag


async def export_svg(request: Request) -> Response:
    """The board as SVG: `?theme=light|dark`, `?background=true|false`."""
    data, etag = await _draw(request, lambda picture: picture.svg.encode())
    return _file(request, data, "svg", "image/svg+xml", etag)


async def export_png(request: Request) -> Response:
    """The board as PNG: `?scale=` (1), `?theme=`, `?background=`; a large board gets as large a picture as fits."""
    scale = _scale_of(request)
    data, etag = await _draw(request, lambda picture: png(picture.svg, picture.w, picture.h, scale))
    return _file(request, data, "png", "image/png", etag)


def _scale_of(request: Request) -> float:
    try:
        scale = float(request.query_params.get("scale", "1"))
    except ValueError:
        scale = math.nan
    if not 0.1 <= scale <= MAX_SCALE:
        raise Problem(400, f"`scale` must be a number from 0.1 to {MAX_SCALE:g}.")
    return scale


async def export_json(request: Request) -> Response:
    """The board as JSON that `POST .../import` takes: shapes, groups and title, without conversations and proposals."""
    room, _ = room_of(request)

    def read(doc: Doc[Any]) -> tuple[str, str]:
        document = read_document(doc, EXPORTED)
        proposed = set(ghosts(document["shapes"]))
        document["shapes"] = {key: shape for key, shape in document["shapes"].items() if key not in proposed}
        body = {"format": FORMAT, "schema": SCHEMA_VERSION, **{root: document[root] for root in EXPORTED}}
        return document_text(body), etag_of(doc)

    text, etag = await hub_of(request).read(room, read)
    return _file(request, text.encode(), "json", "application/json", etag)


def _file(request: Request, data: bytes, suffix: str, media_type: str, etag: str) -> Response:
    """Shown in place, saved under the board's name; a picture runs no scripts wherever it is opened."""
    name = request.path_params["room"].replace("/", "-")
    headers = {"content-disposition": f'inline; filename="{name}.{suffix}"', "etag": f"W/{etag}"}
    return Response(data, media_type=media_type, headers=headers)


async def import_json(request: Request) -> Response:
    """Lay a board of `export.json` over this one, field by field: `{shapes, groups?, meta?}`; the rest stays."""
    room, access = room_of(request, is_write=True)
    body = await body_of(request)
    if not isinstance(body.get("shapes"), dict):
        raise Problem(422, "`shapes` must be an object of shapes, as in export.json.")
    hub, author = hub_of(request), author_of(access)

    def write(doc: Doc[Any]) -> dict[str, object]:
        rules = BoardRules(doc, author, int(hub.now() * 1000), "import")
        before = read_document(doc, EXPORTED)
        after = dict(before)
        for root in EXPORTED:
            given = body.get(root, {})
            if not isinstance(given, dict):
                raise Problem(422, f"`{root}` must be an object.")
            after[root] = {**after[root], **{key: _laid(after[root].get(key), value) for key, value in given.items()}}
        try:
            written = write_document(doc, before, after, rules)
        except Unwritable as error:
            raise Problem(422, str(error)) from None
        return {"written": written, "left_out": rules.left_out[:MAX_LEFT_OUT]}

    return JSONResponse(await hub.edit(room, write, author))


def _laid(before: Any, given: Any) -> Any:
    return {**before, **given} if isinstance(before, dict) and isinstance(given, dict) else given


ROUTES: tuple[BaseRoute, ...] = (
    Route("/api/rooms/{room:path}/export.svg", export_svg, methods=["GET"]),
    Route("/api/rooms/{room:path}/export.png", export_png, methods=["GET"]),
    Route("/api/rooms/{room:path}/export.json", export_json, methods=["GET"]),
    Route("/api/rooms/{room:path}/import", import_json, methods=["POST"]),
)
