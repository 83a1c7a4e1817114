"""The OpenAPI 3.1 document of the REST side, derived from the routes and the tables of openapi_operations.py.

A route under /api without an entry there is an error (tests/sync/test_openapi.py), so the document is complete.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from sync.names import MAX_ROOM_NAME
from sync.openapi_operations import (
    OPERATIONS,
    PROBLEM,
    ROOM_PART,
    SAID,
    SCHEMAS,
    STRING,
    Operation,
    Schema,
    count,
    ref,
    text,
)


def operations(routes: Iterable[BaseRoute]) -> list[tuple[str, str, Route]]:
    """(method, address, route) of every operation under /api."""
    return [
        (method, re.sub(r":\w+\}", "}", route.path), route)
        for route in routes
        if isinstance(route, Route) and route.path.startswith("/api/")
        for method in sorted(set(route.methods or ()) - {"HEAD"})
    ]


def document(routes: Iterable[BaseRoute], number: str) -> Schema:
    """The OpenAPI document. Raises KeyError for a route that has no entry in OPERATIONS."""
    paths: dict[str, dict[str, Any]] = {}
    for method, path, route in operations(routes):
        spec = OPERATIONS[method, path]
        paths.setdefault(path, {})[method.lower()] = _operation(path, method, route, spec)
    return {
        "openapi": "3.1.0",
        "info": {"title": "coplayer", "version": number, "license": {"name": "MIT", "identifier": "MIT"}},
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {
            "schemas": dict(SCHEMAS),
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}},
        },
        "security": [{}, {"token": []}],
    }


def _operation(path: str, method: str, route: Route, spec: Operation) -> Schema:
    sentence = " ".join((route.endpoint.__doc__ or "").strip().split("\n\n")[0].split())
    operation: Schema = {
        "operationId": f"{method.lower()}{re.sub(r'[^A-Za-z]+', '_', path.removeprefix('/api'))}".rstrip("_"),
        "summary": sentence,
        "tags": [spec.tag],
        "parameters": [
            *_path_parameters(path),
            *_parameters("query", spec.query),
            *_parameters("header", spec.headers),
        ],
        "responses": _responses(path, spec),
    }
    if spec.takes:
        content = {media: {"schema": schema} for media, schema in spec.takes.items()}
        operation["requestBody"] = {"required": spec.is_body_required, "content": content}
    return operation


def _path_parameters(path: str) -> list[Schema]:
    room = {"type": "string", "minLength": 1, "maxLength": MAX_ROOM_NAME, "pattern": ROOM_PART}
    schemas = {"room": room, "version": count(1, 2**31), "run": {**text(128, 1), "pattern": "^[A-Za-z0-9._~-]+$"}}
    schemas["revocation"] = {**text(64, 1), "pattern": "^[0-9a-f]+$"}
    return [
        {"name": name, "in": "path", "required": True, "schema": schemas[name]}
        for name in re.findall(r"\{(\w+)\}", path)
    ]


def _parameters(place: str, given: Mapping[str, Schema]) -> list[Schema]:
    return [{"name": name, "in": place, "schema": schema} for name, schema in given.items()]


def _responses(path: str, spec: Operation) -> Schema:
    etag = {"headers": {"ETag": {"schema": STRING}}} if spec.has_etag else {}
    responses: Schema = {}
    for status, body in spec.gives.items():
        content = {} if body is None else {"content": {body[0]: {"schema": body[1]}}}
        responses[str(status)] = {"description": SAID[status], **content, **etag}
    missing = (404,) if "{room}" in path else ()
    for status in sorted({401, 403, 503, *missing, *spec.fails}):
        responses[str(status)] = {
            "description": SAID[status],
            "content": {PROBLEM: {"schema": ref("Problem")}},
        }
    return responses


async def show(request: Request) -> Response:
    """This document: every address of the REST side, OpenAPI 3.1."""
    try:
        number = version("coplayer")
    except PackageNotFoundError:  # run from a source tree that is not installed
        number = "0"
    return JSONResponse(document(request.app.routes, number))


ROUTES: tuple[BaseRoute, ...] = (Route("/api/openapi.json", show, methods=["GET"]),)
