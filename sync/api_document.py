"""REST: a room's document as JSON and in Yjs' own binary forms; patches (docs/spec.md, E2 to E6)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

from pycrdt import Doc
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from sync.api import author_of, hub_of, room_of
from sync.fields import Rules, Unwritable, read_document, write_document
from sync.gate import RESERVED_CLIENT_IDS
from sync.guarded import LibraryFailed, guarded
from sync.json_patch import PatchError, PatchTestFailed, json_patch, merge_patch
from sync.problems import Problem, parse_json, raw_body
from sync.protocol import ProtocolError, decode_state_vector

MAX_KEY = 255  # characters of an Idempotency-Key
MAX_STATE_VECTOR = 2**20  # bytes; one of 50 000 clients has 500 KB
REMEMBERED = 10_000  # keys whose patch is known word for word; the others are known by their effect
JSON_PATCH, MERGE_PATCH = "application/json-patch+json", "application/merge-patch+json"
BINARY = "application/octet-stream"


def etag_of(doc: Doc[Any]) -> str:
    """Changes with every change of the document, deletions included."""
    return f'"{hashlib.sha256(doc.get_update()).hexdigest()[:32]}"'


def document_text(document: object) -> str:
    """JSON with sorted keys, as the CRDT library keeps them in no order."""
    return json.dumps(document, sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def document_response(document: object, etag: str, **headers: str) -> Response:
    """A document as JSON, with its ETag."""
    return Response(document_text(document), media_type="application/json", headers={"etag": etag, **headers})


async def current_document(request: Request, room: str, **headers: str) -> Response:
    """The document as it stands now."""
    async with hub_of(request).rooms.using(room) as live:
        doc, roots = live.room.doc, live.room.gate.profile.roots
        return document_response(read_document(doc, roots or ()), etag_of(doc), **headers)


async def read(request: Request) -> Response:
    """Root types as JSON, with an `ETag` that changes with every change."""
    room, _ = room_of(request)
    answer = await current_document(request, room)
    if request.headers.get("if-none-match") == answer.headers["etag"]:
        return Response(status_code=304, headers={"etag": answer.headers["etag"]})
    return answer


@dataclass(frozen=True, slots=True)
class _Replayed:
    """The patch was applied by an earlier request."""


class Keys:
    """Idempotency keys of this process and the patches they stand for."""

    def __init__(self) -> None:
        self._known: OrderedDict[tuple[str, str], bytes] = OrderedDict()

    def check(self, epoch: str, key: str, patch: bytes) -> bool:
        """Is it known? Raises Problem (422) when it stands for another patch."""
        known = self._known.get((epoch, key))
        if known is not None and known != hashlib.sha256(patch).digest():
            raise Problem(422, "This Idempotency-Key was used for another patch.")
        return known is not None

    def remember(self, epoch: str, key: str, patch: bytes) -> None:
        """The patch took effect."""
        self._known[epoch, key] = hashlib.sha256(patch).digest()
        if len(self._known) > REMEMBERED:
            self._known.popitem(last=False)


def client_id_of(epoch: str, key: str) -> int:
    """The Yjs client id that an idempotent patch writes with: one that is in the document took effect.

    So the effect is its own record, durable in the same instant. In a room that has seen 10 000 clients, two patches in
    a million meet an id that was taken, and are answered as a replay.
    """
    number = int.from_bytes(hashlib.sha256(f"{epoch}\n{key}".encode()).digest()[:8])
    return RESERVED_CLIENT_IDS + number % (2**32 - RESERVED_CLIENT_IDS)


async def patch(request: Request) -> Response:
    """Change fields by JSON Patch or merge patch (by content type); heeds `If-Match` and `Idempotency-Key`."""
    room, access = room_of(request, is_write=True)
    hub, board = hub_of(request), request.app.state.board
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in (JSON_PATCH, MERGE_PATCH):
        raise Problem(415, f"Send {JSON_PATCH} or {MERGE_PATCH}.")
    body = await raw_body(request, hub.settings.max_body_bytes)
    change, key = parse_json(body), _key_of(request)
    if kind == MERGE_PATCH and not isinstance(change, dict):
        raise Problem(422, "A merge patch of a document is an object of root types.")
    if kind == JSON_PATCH and not isinstance(change, list):
        raise Problem(422, "A JSON Patch is a list of operations.")
    asked = kind.encode() + body
    keys: Keys = request.app.state.keys
    async with hub.rooms.using(room) as live:
        epoch, profile = live.info.epoch, live.room.gate.profile
        client_id = None if key is None else client_id_of(epoch, key)

        def write(doc: Doc[Any]) -> _Replayed | None:
            is_known = key is not None and keys.check(epoch, key, asked)
            if is_known or client_id in decode_state_vector(doc.get_state()):
                return _Replayed()
            _check_match(request, live.room.doc)
            try:
                before = read_document(doc, profile.roots or ())
                after = (json_patch if kind == JSON_PATCH else merge_patch)(before, change)
                rules: Rules = board.rules(profile.name, doc, author_of(access), int(hub.now() * 1000), "patch")
                write_document(doc, before, after, rules, profile.roots)
            except PatchTestFailed as error:
                raise Problem(409, str(error)) from None
            except (PatchError, Unwritable) as error:
                raise Problem(422, str(error)) from None
            return None

        replayed = await hub.edit(room, write, author_of(access), client_id)
        if key is not None and replayed is None:
            keys.remember(epoch, key, asked)
        headers = {"idempotency-replayed": "true"} if replayed else {}
        return await current_document(request, room, **headers)


def _key_of(request: Request) -> str | None:
    key = request.headers.get("idempotency-key")
    if key is not None and not (0 < len(key) <= MAX_KEY and key.isprintable()):
        raise Problem(400, f"An Idempotency-Key has 1 to {MAX_KEY} printable characters.")
    return key


def _check_match(request: Request, doc: Doc[Any]) -> None:
    """Raises Problem (412) when the document is not in a state that the caller names."""
    wanted = request.headers.get("if-match")
    if wanted is None or wanted.strip() == "*":
        return
    if etag_of(doc) not in (tag.strip() for tag in wanted.split(",")):
        raise Problem(412, "The document has changed since; read it again.", etag=etag_of(doc))


async def read_update(request: Request) -> Response:
    """The state as one Yjs update; with `?since=` (a state vector, base64url) only what that lacks."""
    room, _ = room_of(request)
    since = _state_vector(request.query_params.get("since"))
    async with hub_of(request).rooms.using(room) as live:
        try:
            with guarded():
                update, etag = live.room.doc.get_update(since), etag_of(live.room.doc)
        except LibraryFailed:
            raise Problem(400, "`since` is not a state vector that can be read.") from None
    return Response(update, media_type=BINARY, headers={"etag": etag})


def _state_vector(text: str | None) -> bytes | None:
    if not text:
        return None
    try:
        vector = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        if len(vector) > MAX_STATE_VECTOR:
            raise Problem(413, f"A state vector may have {MAX_STATE_VECTOR} bytes.")
        decode_state_vector(vector)
    except (binascii.Error, ValueError, ProtocolError):
        raise Problem(400, "`since` is not a state vector in base64url.") from None
    return vector


async def apply_update(request: Request) -> Response:
    """Apply a Yjs update (the body, binary); answers when it is durable."""
    room, access = room_of(request, is_write=True)
    hub = hub_of(request)
    update = await raw_body(request, hub.settings.max_body_bytes)
    if not update:
        raise Problem(400, "The body is empty; send a Yjs update.")
    await hub.apply(room, update, author_of(access))
    return Response(status_code=204)


async def read_state_vector(request: Request) -> Response:
    """What the document has of each client, as Yjs encodes it."""
    room, _ = room_of(request)
    async with hub_of(request).rooms.using(room) as live:
        return Response(live.room.doc.get_state(), media_type=BINARY, headers={"etag": etag_of(live.room.doc)})


ROUTES: tuple[BaseRoute, ...] = (
    Route("/api/rooms/{room:path}/doc", read, methods=["GET"]),
    Route("/api/rooms/{room:path}/doc", patch, methods=["PATCH"]),
    Route("/api/rooms/{room:path}/update", read_update, methods=["GET"]),
    Route("/api/rooms/{room:path}/update", apply_update, methods=["POST"]),
    Route("/api/rooms/{room:path}/state-vector", read_state_vector, methods=["GET"]),
)
