"""The REST side is what its own OpenAPI document says, whatever is sent."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from sync.app import create_app
from sync.openapi import document, operations
from sync.openapi_operations import OPERATIONS
from sync.settings import Settings
from tests.support.server import Server

CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "missing_required_header",
    "negative_data_rejection",
    "unsupported_method",
)


def test_e1_every_route_is_described_and_every_description_has_a_route() -> None:
    routes = create_app(Settings()).routes
    assert {(method, path) for method, path, _ in operations(routes)} == set(OPERATIONS)
    described = document(routes, "1")
    assert all(operation["summary"] for path in described["paths"].values() for operation in path.values())
    names = [operation["operationId"] for path in described["paths"].values() for operation in path.values()]
    assert len(names) == len(set(names))


def test_e1_a_rooms_own_address_does_not_swallow_the_ones_below_it(server: Server) -> None:
    httpx.post(f"{server.url}/api/rooms", json={"room": "a"})
    refused = httpx.delete(f"{server.url}/api/rooms/a/versions")
    assert (refused.status_code, "allow" in refused.headers) == (405, True)
    assert refused.headers["content-type"] == "application/problem+json"
    httpx.post(f"{server.url}/api/rooms", json={"room": "a/b"})
    assert httpx.delete(f"{server.url}/api/rooms/a/b").status_code == 204


@pytest.mark.timeout(240)  # 25 s on a quiet machine, three times that on a busy one
def test_e1_schemathesis_finds_nothing_that_the_document_does_not_say(tmp_path: Path) -> None:
    with Server(tmp_path / "data") as server:
        for room in ("a", "0"):  # names that a generator tries first
            assert httpx.post(f"{server.url}/api/rooms", json={"room": room, "title": "T"}).status_code == 201
            httpx.post(f"{server.url}/api/rooms/{room}/versions", json={"name": "first"})
        asked = [
            *(sys.executable, "-m", "schemathesis.cli", "run", f"{server.url}/api/openapi.json"),
            *("--checks", ",".join(CHECKS), "--exclude-path-regex", "/events$"),
            *("--phases", "examples,coverage,fuzzing", "--max-examples", "4", "--seed", "1"),
            *("--generation-deterministic", "--request-timeout", "20"),
            *("--max-failures", "20", "--no-color"),
        ]
        answer = subprocess.run(asked, capture_output=True, text=True, timeout=220, cwd=tmp_path, check=False)
        assert answer.returncode == 0, answer.stdout[-20_000:] + answer.stderr[-2_000:]
        assert httpx.get(f"{server.url}/healthz").status_code == 200
    assert "Traceback" not in server.output, server.output
