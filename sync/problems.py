"""Errors of the HTTP side as RFC 9457 problem details."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from http import HTTPStatus

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from sync.auth import NotAllowed
from sync.edits import Gap
from sync.names import BadRoomName
from sync.protocol import CloseCode
from sync.rooms import Rejected
from sync.store import NoSuchRoom, NoSuchVersion, RoomExists, StoreError, Taken

STATUS_OF = {
    CloseCode.MALFORMED: 400,
    CloseCode.UNAUTHORIZED: 401,
    CloseCode.FORBIDDEN: 403,
    CloseCode.NOT_FOUND: 404,
    CloseCode.TOO_BIG: 413,
    CloseCode.REFUSED: 422,
    CloseCode.TOO_MANY_REQUESTS: 429,
}
"""HTTP statuses of what closes a WebSocket; the others mean that the server cannot now: 503."""


class Problem(Exception):
    """What the caller did wrong; `extra` members go into the body."""

    def __init__(self, status: int, detail: str, **extra: object) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.extra = extra


def response(status: int, detail: str, **extra: object) -> JSONResponse:
    """A problem document."""
    body = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail, **extra}
    headers = {"www-authenticate": "Bearer"} if status == HTTPStatus.UNAUTHORIZED else None
    return JSONResponse(body, status, headers, media_type="application/problem+json")


def _respond(request: Request, error: Exception) -> Response:
    match error:
        case Problem():
            return response(error.status, error.detail, **error.extra)
        case NotAllowed():
            return response(error.status, error.reason)
        case BadRoomName() | NoSuchRoom() | NoSuchVersion():
            return response(404, str(error))
        case RoomExists() | Gap():
            return response(409, str(error))
        case Taken():
            return response(409, "Another assistant is at work here.", retry_in_s=error.retry_in_ms / 1000)
        case Rejected():
            return response(STATUS_OF.get(error.code, 503), error.reason)
        case StoreError():
            return response(503, str(error))
        case HTTPException():
            answer = response(error.status_code, f"{error.detail}.")
            answer.headers.update(error.headers or {})  # 405 says which methods there are
            return answer
        case _:
            raise error


_KINDS = (Problem, NotAllowed, BadRoomName, RoomExists, Gap, Taken, Rejected, StoreError, HTTPException)
EXCEPTION_HANDLERS: dict[type[Exception], Callable[[Request, Exception], Response | Awaitable[Response]]] = (
    dict.fromkeys(_KINDS, _respond)
)


async def raw_body(request: Request, max_bytes: int) -> bytes:
    """The request's body. Raises Problem (400 where the client went away in the middle, 413)."""
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > max_bytes:
                raise Problem(413, f"The body may have {max_bytes} bytes.")
    except ClientDisconnect:  # nobody reads this answer; it keeps a traceback out of the log
        raise Problem(400, "The body ended too early.") from None
    return bytes(body)


def parse_json(body: bytes) -> object:
    """Any JSON value; no NaN, no Infinity, nothing that is nested beyond reason. Raises Problem (400)."""
    try:
        return json.loads(body, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise Problem(400, "The body is not JSON.") from None


def _no_constant(text: str) -> None:
    raise ValueError(f"{text} is not JSON")


async def json_body(request: Request, max_bytes: int) -> dict[str, object]:
    """The request's JSON object; an empty body reads as {}. Raises Problem (400, 413)."""
    body = await raw_body(request, max_bytes)
    if not body:
        return {}
    value = parse_json(body)
    if not isinstance(value, dict):
        raise Problem(400, "The body is not a JSON object.")
    return value


def text_field(body: dict[str, object], name: str, limit: int, default: str | None = None) -> str:
    """A string of the body. Raises Problem (422)."""
    value = body.get(name, default)
    if not isinstance(value, str) or len(value) > limit or any("\ud800" <= c <= "\udfff" for c in value):
        raise Problem(422, f"`{name}` must be a text of at most {limit} characters.")
    return value
