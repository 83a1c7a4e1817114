"""The Starlette application: routes, pages, health, and the hub's life."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import anyio
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Match, Mount, Route, WebSocketRoute
from starlette.staticfiles import PathLike, StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sync import (
    api,
    api_access,
    api_document,
    api_purge,
    api_revocations,
    api_versions,
    board,
    board_drafts,
    export,
    metrics,
    openapi,
)
from sync.auth import Authority, Issuer
from sync.forward import forwarding
from sync.hooks import Hooks
from sync.hub import Hub
from sync.key_source import is_address, keep_fresh, keys_from_file
from sync.names import BadRoomName, check_room_name
from sync.problems import EXCEPTION_HANDLERS, response
from sync.purge import keep_of, keep_purging
from sync.requests import Requests
from sync.settings import Settings, SettingsError
from sync.sockets import is_own_origin, serve_hocuspocus, serve_sync
from sync.store import Store, StoreError
from sync.stores import open_store

STATIC = Path(__file__).parent / "static"
API_ROUTES: tuple[BaseRoute, ...] = (
    *board.ROUTES,
    *board_drafts.ROUTES,
    *api.ROUTES,
    *api_document.ROUTES,
    *api_versions.ROUTES,
    *api_access.ROUTES,
    *api_purge.ROUTES,
    *api_revocations.ROUTES,
    *export.ROUTES,
    *openapi.ROUTES,
)

_SECURITY_HEADERS = (
    (
        b"content-security-policy",
        b"default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:;"
        b" connect-src 'self' ws: wss:; object-src 'none'; base-uri 'none'; frame-ancestors 'self'",
    ),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
)


class SecurityHeaders:
    """Puts the same headers on every HTTP answer, and turns away writes that another site's page makes."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        self._settings = settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *_SECURITY_HEADERS]
            await send(message)

        request = Request(scope)
        if request.method not in ("GET", "HEAD") and not is_own_origin(request.headers, self._settings):
            refusal = response(403, "This page is of another site; add it to COPLAYER_ORIGINS.")
            await refusal(scope, receive, send_with_headers)
            return
        await self._app(scope, receive, send_with_headers)


async def healthz(request: Request) -> Response:
    """The process lives."""
    return PlainTextResponse("ok\n")


async def readyz(request: Request) -> Response:
    """It takes connections: the store answers and it is not stopping."""
    hub = api.hub_of(request)
    if hub.rooms.is_draining:
        return PlainTextResponse("stopping\n", 503)
    try:
        await hub.store.rooms()
    except StoreError as error:
        return PlainTextResponse(f"{error}\n", 503)
    if fault := hub.fault():
        return PlainTextResponse(f"{fault}\n", 503)
    workers = "" if hub.workers is None else f"room workers: {hub.workers.alive} of {hub.settings.workers}\n"
    return PlainTextResponse(f"ok\n{workers}")  # one that is starting again is no reason to send nobody here


class RoomRoute(Route):
    """A route of a room itself. As a room's name may have slashes, it leaves alone what is somebody else's address:
    `DELETE /api/rooms/a/versions` is no way to delete a room."""

    def __init__(self, route: Route, others: Sequence[BaseRoute]) -> None:
        super().__init__(route.path, route.endpoint, methods=sorted(route.methods or ()))
        self._others = others

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """As Route does."""
        found = super().matches(scope)
        if found[0] is not Match.NONE and any(other.matches(scope)[0] is Match.PARTIAL for other in self._others):
            return Match.NONE, {}
        return found


def _page(name: str) -> Callable[[Request], Awaitable[Response]]:
    async def page(request: Request) -> Response:
        if "room" in request.path_params:
            check_room_name(request.path_params["room"])
        path = STATIC / name
        if not path.is_file():
            return PlainTextResponse("The board is not built here. Run: ./dev run\n", 503)
        return FileResponse(path, headers={"cache-control": "no-cache"})

    return page


async def public_info(request: Request) -> Response:
    """What a client may know before it signs in."""
    settings = api.hub_of(request).settings
    return JSONResponse({"name": "coplayer", "open": not settings.asks_for_tokens})


_HASHED = re.compile(r"-[\w-]{8}\.\w+$", re.ASCII)


class CachedStatic(StaticFiles):
    """Built files that carry a hash in their names a browser may keep for ever; the others it asks for again."""

    def file_response(self, full_path: PathLike, *args: Any, **kwargs: Any) -> Response:
        """As StaticFiles, with a cache header."""
        answer = super().file_response(full_path, *args, **kwargs)
        kept = "public, max-age=31536000, immutable" if _HASHED.search(str(full_path)) else "no-cache"
        answer.headers["cache-control"] = kept
        return answer


def create_app(
    settings: Settings,
    store: Store | None = None,
    *,
    hooks: Hooks | None = None,
    extra_routes: Sequence[BaseRoute] = (),
    pages: bool = True,
) -> Starlette:
    """The server as an ASGI application. `store` defaults to the embedded database of the settings.

    Its lifespan opens the store and serves rooms. An application that mounts it enters `app.state.hub.running()` in its
    own lifespan, since a mounted application's is not run. `pages=False` leaves out the board and the list of rooms.
    """
    if settings.workers and (store is not None or hooks is not None):
        raise SettingsError("COPLAYER_WORKERS needs a server that is made of settings alone: no store, no hooks.")
    boards = board.Board()
    authority = authority_of(settings)
    hub = Hub(
        store if store is not None else open_store(settings),
        settings,
        profile_of=boards.profile_of,
        title_of=boards.title_of,
        hooks=hooks if hooks is not None else Hooks(authority),
    )

    def at_home(route: Route) -> Route:
        return route if hub.workers is None or "{room:path}" not in route.path else forwarding(route)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with hub.running(), anyio.create_task_group() as tasks:
            if is_address(settings.jwt_keys):
                tasks.start_soon(keep_fresh, authority, settings.jwt_keys)
            if not (keep := keep_of(settings)).is_all:
                tasks.start_soon(keep_purging, partial(api_purge.purge_all, hub, keep, is_trial=False))
            yield
            tasks.cancel_scope.cancel()

    app = Starlette(
        routes=[
            WebSocketRoute("/sync/{room:path}", serve_sync),
            WebSocketRoute("/hocuspocus", serve_hocuspocus),
            *(at_home(route) if isinstance(route, Route) else route for route in API_ROUTES),
            *(RoomRoute(at_home(route), API_ROUTES) for route in api.ROOM_ROUTES),
            Route("/api/info", public_info),
            Route("/healthz", healthz),
            Route("/readyz", readyz),
            *metrics.ROUTES,
            *extra_routes,
            *(_pages() if pages else ()),
        ],
        lifespan=lifespan,
        middleware=[Middleware(Requests, tally=hub.tally), Middleware(SecurityHeaders, settings=settings)],
        exception_handlers={**EXCEPTION_HANDLERS, BadRoomName: _bad_name},
    )
    app.state.hub = hub
    app.state.metrics = metrics.Metrics(hub)
    app.state.board = boards
    app.state.keys = api_document.Keys()
    app.state.drawing = anyio.CapacityLimiter(1)
    return app


def authority_of(settings: Settings) -> Authority:
    """Who is believed. Keys from an address come later. Raises SettingsError for a file that cannot be used."""
    source = settings.jwt_keys
    if not source:
        return Authority(settings.secret, is_closed=settings.asks_for_tokens)
    issuer = Issuer(settings.jwt_audience, settings.jwt_issuer)
    return Authority(settings.secret, issuer, None if is_address(source) else keys_from_file(source))


class Pages(Mount):
    """Files at the root, which leave the API alone: a method that one of its addresses lacks gets 405 and not 404."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """As Mount does."""
        return (Match.NONE, {}) if scope["path"].startswith("/api/") else super().matches(scope)


def _pages() -> list[BaseRoute]:
    routes: list[BaseRoute] = [Route("/", _page("index.html")), Route("/r/{room:path}", _page("board.html"))]
    if (STATIC / "assets").is_dir():
        routes += [
            Mount("/assets", CachedStatic(directory=STATIC / "assets")),
            Pages("/", CachedStatic(directory=STATIC)),  # the service worker and its pages
        ]
    return routes


def _bad_name(request: Request, error: Exception) -> Response:
    if request.url.path.startswith("/r/"):
        return PlainTextResponse(f"{error}\n", 404)
    return response(404, str(error))
