"""What each address of the REST side takes and gives, as JSON Schema: tables for openapi.py."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sync.names import MAX_ROOM_NAME

Schema = dict[str, Any]

JSON = "application/json"
BINARY = "application/octet-stream"
PROBLEM = "application/problem+json"
EVENTS = "text/event-stream"
MAX_TITLE = 200

_ROOM_NAME = r"^(?!.*\.\.)[A-Za-z0-9._~-]+(?:/[A-Za-z0-9._~-]+)*$"
ROOM_PART = r"^(?!.*\.\.)[A-Za-z0-9_~-][A-Za-z0-9._~-]*$"  # one part: a slash in a path is a separator
STRING: Schema = {"type": "string"}
INTEGER: Schema = {"type": "integer"}
OBJECT: Schema = {"type": "object"}


def text(limit: int, least: int = 0) -> Schema:
    """A string of so many characters."""
    return {"type": "string", "minLength": least, "maxLength": limit}


def _object(required: Iterable[str] = (), **properties: Schema) -> Schema:
    return {"type": "object", "required": list(required), "properties": properties}


def ref(name: str) -> Schema:
    """One of SCHEMAS."""
    return {"$ref": f"#/components/schemas/{name}"}


@dataclass(frozen=True, slots=True)
class Operation:
    """What a route takes and gives. `fails` are the statuses of its problem documents besides those of every room."""

    tag: str
    gives: Mapping[int, tuple[str, Schema] | None]
    """Status -> (media type, schema); None for an empty body."""
    takes: Mapping[str, Schema] = field(default_factory=dict)
    """Media type -> schema of the body."""
    is_body_required: bool = True
    query: Mapping[str, Schema] = field(default_factory=dict)
    headers: Mapping[str, Schema] = field(default_factory=dict)
    fails: tuple[int, ...] = ()
    has_etag: bool = False


def _number(least: float, most: float) -> Schema:
    return {"type": "number", "minimum": least, "maximum": most}


def count(least: int, most: int) -> Schema:
    """A whole number."""
    return {"type": "integer", "minimum": least, "maximum": most}


_OPTIONAL_ROOM: Schema = {"type": "string", "maxLength": MAX_ROOM_NAME, "pattern": _ROOM_NAME}
_LEASE = {"agent": text(64), "holder": text(64)}
_THEMES: dict[str, Schema] = {
    "theme": {"type": "string", "enum": ["light", "dark"]},
    "background": {"type": "string", "enum": ["true", "false"]},
}
_VIEW = _object(("x", "y", "w", "h"), x=_number(-1e6, 1e6), y=_number(-1e6, 1e6), w=_number(1, 1e5), h=_number(1, 1e5))
_DOCUMENT: Mapping[int, tuple[str, Schema]] = {200: (JSON, ref("Document"))}
_BOARD = _object(("shapes",), shapes=ref("Root"), groups=ref("Root"), meta=OBJECT)

SCHEMAS: Mapping[str, Schema] = {
    "Problem": _object(("type", "title", "status", "detail"), type=STRING, title=STRING, status=INTEGER, detail=STRING),
    "Purge": _object(
        ("dry_run", "rooms", "versions", "damaged_rows", "unused_rooms", "size", "failed"),
        dry_run={"type": "boolean"},
        versions_days={"type": "number"},
        damaged_days={"type": "number"},
        unused_days={"type": "number"},
        rooms=INTEGER,
        versions=INTEGER,
        damaged_rows=INTEGER,
        unused_rooms=INTEGER,
        size=INTEGER,
        failed=INTEGER,
    ),
    "Room": _object(
        ("room", "epoch", "profile", "title", "created_at", "edited_at", "people"),
        room=STRING,
        epoch=STRING,
        profile={"type": "string", "enum": ["any", "map", "board"]},
        title=STRING,
        created_at=INTEGER,
        edited_at=INTEGER,
        people=count(0, 2**31),
    ),
    "Root": {"type": "object", "additionalProperties": OBJECT},
    "Document": {"type": "object", "additionalProperties": OBJECT},
    "LogRow": _object(
        ("seq", "author", "at", "size", "what"),
        seq=INTEGER,
        author=STRING,
        at=INTEGER,
        size=INTEGER,
        what={"type": "array", "items": {"type": "array", "items": STRING}},
    ),
    "Version": _object(
        ("id", "name", "author", "at", "is_automatic", "size"),
        id=INTEGER,
        name=STRING,
        author=STRING,
        at=INTEGER,
        is_automatic={"type": "boolean"},
        size=INTEGER,
    ),
    "Revocation": _object(
        ("id", "room", "user", "token", "access", "at", "until"),
        id=STRING,
        room=STRING,
        user={"type": ["string", "null"]},
        token={"type": ["string", "null"]},
        access={"type": "string", "enum": ["none", "read"]},
        at=INTEGER,
        until=INTEGER,
    ),
    "Run": _object(("id", "calls", "messages"), id=STRING, calls={"type": "array"}, messages={"type": "array"}),
    "JsonPatch": {
        "type": "array",
        "maxItems": 10_000,
        "items": _object(
            ("op", "path"),
            op={"type": "string", "enum": ["add", "remove", "replace", "move", "copy", "test"]},
            path=STRING,
            **{"from": STRING, "value": {}},
        ),
    },
}

_DECIDE = Operation(
    "assistants",
    {
        200: (
            JSON,
            _object(
                ("run", "shapes", "kept", "open"),
                run=STRING,
                shapes={"type": "array", "items": STRING},
                kept={"type": "array"},
                open={"type": "array", "items": STRING},
            ),
        )
    },
    {JSON: _object(shapes={"type": ["array", "null"], "minItems": 1, "maxItems": 1_000, "items": text(128)})},
    is_body_required=False,
    fails=(400, 413, 422),
)

OPERATIONS: Mapping[tuple[str, str], Operation] = {
    ("GET", "/api/info"): Operation(
        "server", {200: (JSON, _object(("name", "open"), name=STRING, open={"type": "boolean"}))}
    ),
    ("GET", "/api/openapi.json"): Operation("server", {200: (JSON, OBJECT)}),
    ("GET", "/api/rooms"): Operation(
        "rooms", {200: (JSON, _object(("rooms",), rooms={"type": "array", "items": ref("Room")}))}
    ),
    ("POST", "/api/rooms"): Operation(
        "rooms",
        {201: (JSON, _object(("room",), room=STRING))},
        {JSON: _object(room=_OPTIONAL_ROOM, title=text(MAX_TITLE))},
        is_body_required=False,
        fails=(400, 404, 409, 413, 422, 429),
    ),
    ("GET", "/api/rooms/events"): Operation("rooms", {200: (EVENTS, STRING)}, query={"agent": text(64)}),
    ("GET", "/api/rooms/{room}"): Operation("rooms", {200: (JSON, ref("Room"))}),
    ("PATCH", "/api/rooms/{room}"): Operation(
        "rooms",
        {200: (JSON, ref("Room"))},
        {JSON: _object(("title",), title=text(MAX_TITLE))},
        fails=(400, 413, 422),
    ),
    ("DELETE", "/api/rooms/{room}"): Operation("rooms", {204: None}),
    ("GET", "/api/rooms/{room}/events"): Operation("rooms", {200: (EVENTS, STRING)}),
    ("GET", "/api/rooms/{room}/doc"): Operation(
        "document", {**_DOCUMENT, 304: None}, headers={"If-None-Match": STRING}, has_etag=True
    ),
    ("PATCH", "/api/rooms/{room}/doc"): Operation(
        "document",
        _DOCUMENT,
        {"application/merge-patch+json": OBJECT, "application/json-patch+json": ref("JsonPatch")},
        headers={"If-Match": STRING, "Idempotency-Key": text(255, 1)},
        fails=(400, 409, 412, 413, 415, 422),
        has_etag=True,
    ),
    ("GET", "/api/rooms/{room}/update"): Operation(
        "document", {200: (BINARY, {})}, query={"since": STRING}, fails=(400, 413), has_etag=True
    ),
    ("POST", "/api/rooms/{room}/update"): Operation("document", {204: None}, {BINARY: {}}, fails=(400, 409, 413, 422)),
    ("GET", "/api/rooms/{room}/state-vector"): Operation("document", {200: (BINARY, {})}, has_etag=True),
    ("GET", "/api/rooms/{room}/activity"): Operation(
        "history",
        {
            200: (
                JSON,
                _object(
                    ("rows", "next"),
                    rows={"type": "array", "items": ref("LogRow")},
                    next={"type": ["integer", "null"]},
                ),
            )
        },
        query={"limit": count(1, 1_000), "before": count(1, 2**53)},
        fails=(400,),
    ),
    ("GET", "/api/rooms/{room}/versions"): Operation(
        "history", {200: (JSON, _object(("versions",), versions={"type": "array", "items": ref("Version")}))}
    ),
    ("POST", "/api/rooms/{room}/versions"): Operation(
        "history",
        {201: (JSON, ref("Version"))},
        {JSON: _object(name=text(200))},
        is_body_required=False,
        fails=(400, 409, 413, 422),
    ),
    ("GET", "/api/rooms/{room}/versions/{version}"): Operation(
        "history", {200: (JSON, {"allOf": [ref("Version"), _object(("document",), document=ref("Document"))]})}
    ),
    ("PATCH", "/api/rooms/{room}/versions/{version}"): Operation(
        "history",
        {200: (JSON, ref("Version"))},
        {JSON: _object(("name",), name={**text(200, 1), "pattern": r"\S"})},
        fails=(400, 409, 413, 422),
    ),
    ("POST", "/api/rooms/{room}/versions/{version}/restore"): Operation(
        "history", _DOCUMENT, fails=(409, 413, 422), has_etag=True
    ),
    ("GET", "/api/rooms/{room}/export.svg"): Operation(
        "board", {200: ("image/svg+xml", STRING)}, query=_THEMES, fails=(400,), has_etag=True
    ),
    ("GET", "/api/rooms/{room}/export.png"): Operation(
        "board", {200: ("image/png", {})}, query={**_THEMES, "scale": _number(0.1, 8)}, fails=(400,), has_etag=True
    ),
    ("GET", "/api/rooms/{room}/export.json"): Operation("board", {200: (JSON, _BOARD)}, has_etag=True),
    ("POST", "/api/rooms/{room}/import"): Operation(
        "board",
        {
            200: (
                JSON,
                _object(("written", "left_out"), written=INTEGER, left_out={"type": "array", "items": STRING}),
            )
        },
        {JSON: _BOARD},
        fails=(400, 413, 422),
    ),
    ("POST", "/api/rooms/{room}/tokens"): Operation(
        "access",
        {201: (JSON, _object(("token", "id", "expires_at"), token=STRING, id=STRING, expires_at=INTEGER))},
        {
            JSON: _object(
                ("access",),
                access={"type": "string", "enum": ["read", "comment", "write", "agent", "admin"]},
                user=text(128),
                name=text(128),
                expires_in_s=_number(1, 366 * 24 * 3600),
            )
        },
        fails=(400, 409, 413, 422),
    ),
    ("GET", "/api/purge"): Operation("operation", {200: (JSON, ref("Purge"))}),
    ("POST", "/api/purge"): Operation(
        "operation",
        {200: (JSON, ref("Purge"))},
        {
            JSON: _object(
                dry_run={"type": "boolean"},
                versions_days=_number(0, 36_500),
                damaged_days=_number(0, 36_500),
                unused_days=_number(0, 36_500),
            )
        },
        is_body_required=False,
        fails=(400, 413, 422),
    ),
    ("GET", "/api/revocations"): Operation(
        "access", {200: (JSON, _object(("revocations",), revocations={"type": "array", "items": ref("Revocation")}))}
    ),
    ("POST", "/api/revocations"): Operation(
        "access",
        {201: (JSON, ref("Revocation"))},
        {
            JSON: _object(
                (),
                room=text(MAX_ROOM_NAME + 1, 1),
                user=text(128),
                token=text(128),
                access={"type": "string", "enum": ["none", "read"]},
            )
        },
        fails=(400, 404, 409, 413, 422),
    ),
    ("DELETE", "/api/revocations/{revocation}"): Operation("access", {204: None}, fails=(404,)),
    ("POST", "/api/rooms/{room}/retry"): Operation("rooms", {204: None}),
    ("POST", "/api/rooms/{room}/lease"): Operation(
        "assistants",
        {200: (JSON, _object(("epoch", "expires_in_s"), epoch=INTEGER, expires_in_s={"type": "number"}))},
        {JSON: _object(("holder",), **_LEASE)},
        fails=(400, 409, 413, 422),
    ),
    ("DELETE", "/api/rooms/{room}/lease"): Operation(
        "assistants",
        {204: None},
        {JSON: _object(("holder",), **_LEASE, done={"type": "boolean"})},
        fails=(400, 413, 422),
    ),
    ("POST", "/api/rooms/{room}/prompts"): Operation(
        "assistants",
        {202: (JSON, _object(("run",), run=STRING))},
        {
            JSON: _object(
                ("text",),
                text={**text(8_000, 1), "pattern": r"\S"},
                thread=text(128),
                agent=text(128),
                selection={"type": ["array", "null"], "maxItems": 1_000, "items": text(128)},
                view={"anyOf": [_VIEW, {"type": "null"}]},
                propose={"type": "boolean"},
            )
        },
        fails=(400, 413, 422, 429),
    ),
    ("GET", "/api/rooms/{room}/runs/{run}"): Operation("assistants", {200: (JSON, ref("Run"))}),
    ("GET", "/api/rooms/{room}/runs/{run}/events"): Operation("assistants", {200: (EVENTS, STRING)}),
    ("POST", "/api/rooms/{room}/runs/{run}/answer"): Operation(
        "assistants",
        {200: (JSON, OBJECT)},
        {JSON: _object(("text",), text={**text(2_000, 1), "pattern": r"\S"})},
        fails=(400, 409, 413, 422),
    ),
    ("POST", "/api/rooms/{room}/runs/{run}/cancel"): Operation("assistants", {200: (JSON, OBJECT)}),
    ("POST", "/api/rooms/{room}/runs/{run}/undo"): Operation("assistants", {200: (JSON, OBJECT)}),
    ("POST", "/api/rooms/{room}/runs/{run}/accept"): _DECIDE,
    ("POST", "/api/rooms/{room}/runs/{run}/reject"): _DECIDE,
}

SAID = {
    200: "Done.",
    201: "Made.",
    202: "Taken up; it goes on.",
    204: "Done; there is nothing to say.",
    304: "Not changed since.",
    400: "The request is malformed.",
    401: "A token is needed.",
    403: "The token, or the page's origin, does not allow it.",
    404: "There is no such room, version or run.",
    409: "It does not fit what is there.",
    412: "The document has changed since.",
    413: "More bytes than may be sent.",
    415: "No media type that is read here.",
    422: "A value that cannot be taken; the sentence says which.",
    429: "Too many in a short time; wait a minute.",
    503: "The server cannot now; try again in a moment.",
}
