"""OpenTelemetry spans by the SDK's own exporter in memory, and that the server does without OpenTelemetry."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sync import tracing
from sync.app import create_app
from sync.members import Member
from sync.memory_store import MemoryStore
from sync.settings import Settings
from sync.tally import Tally
from tests.agent.fault_server import Fault, ModelServer, Switch, serving
from tests.agent.scene import Stage
from tests.agent.test_run import TWO_STEPS
from tests.support.server import Server

pytestmark = pytest.mark.anyio
CONTENT = "Grandmother's recipe"
PARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


class Quiet:
    """A socket on which nothing comes."""

    async def send(self, data: bytes) -> None:
        pass

    async def receive(self) -> bytes:
        await anyio.sleep_forever()
        return b""

    async def close(self, code: int, reason: str) -> None:
        pass


@pytest.fixture
def spans() -> Iterator[InMemorySpanExporter]:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracing.use(provider)
    yield exporter
    tracing.use(None)


def named(exporter: InMemorySpanExporter, name: str) -> list[ReadableSpan]:
    return [span for span in exporter.get_finished_spans() if span.name == name]


async def test_a_request_is_a_span_of_its_callers_trace_and_a_fault_is_told_without_its_words(
    spans: InMemorySpanExporter,
) -> None:
    async def fails(request: Request) -> Response:
        raise KeyError(CONTENT)

    app = create_app(Settings(), MemoryStore(), extra_routes=[Route("/fails", fails)])
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://localhost") as client:
        await client.get("/healthz", headers={"traceparent": PARENT}, params={"token": CONTENT})
        await client.get("/fails")
    fine, failed = named(spans, "GET")
    assert fine.kind is SpanKind.SERVER
    assert fine.attributes == {
        "http.request.method": "GET", "url.path": "/healthz", "http.response.status_code": 200
    }  # fmt: skip
    assert fine.context is not None
    assert f"{fine.context.trace_id:x}" == PARENT.split("-")[1]
    assert fine.parent is not None
    assert f"{fine.parent.span_id:016x}" == PARENT.split("-")[2]
    assert failed.status.status_code is StatusCode.ERROR
    assert (failed.attributes or {})["error.type"] == "KeyError"
    assert failed.events == ()
    assert "recipe" not in "".join(span.to_json() for span in spans.get_finished_spans())


async def test_a_join_is_a_span_and_of_commits_one_in_a_hundred(spans: InMemorySpanExporter) -> None:
    hub = create_app(Settings(), MemoryStore()).state.hub
    async with hub.running(), anyio.create_task_group() as tasks:
        tasks.start_soon(hub.connections.serve, "team/plan", Quiet(), Member())
        with anyio.fail_after(5):
            while not named(spans, "join"):
                await anyio.sleep(0.01)
        tasks.cancel_scope.cancel()
    (join,) = named(spans, "join")
    assert join.attributes == {"coplayer.room": "team/plan"}
    tally, seen = Tally(), list[float]()
    tally.observe_commit = seen.append
    tracing.watch(tally)
    for _ in range(250):
        tally.observe_commit(0.002)
    assert seen == [0.002] * 250, "none is missing in the metrics"
    commits = named(spans, "commit")
    assert len(commits) == 3
    assert all(span.end_time - span.start_time == 2_000_000 for span in commits)  # type: ignore[operator]


async def test_a_run_its_requests_to_the_model_and_its_calls_are_one_trace_by_the_conventions(
    spans: InMemorySpanExporter,
) -> None:
    switch = Switch(ModelServer([]))
    async with serving(switch) as url, Stage(url, switch).scene(ModelServer(TWO_STEPS, [Fault(status=500)])) as scene:
        run = scene.prompt(f"draw {CONTENT}")
        await scene.runner.work(run)
    (whole,) = named(spans, "invoke_agent assistant")
    asked, calls = named(spans, "chat scripted"), named(spans, "execute_tool create")
    attributes: list[dict[str, Any]] = [dict(span.attributes or {}) for span in (whole, *asked, *calls)]
    assert attributes[0] == {
        "gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "assistant", "coplayer.run": run,
        "coplayer.status": "completed",
    }  # fmt: skip
    assert [span.attributes.get("error.type") for span in asked if span.attributes] == [
        "server_error",
        None,
        None,
        None,
    ]
    assert all(span.kind is SpanKind.CLIENT for span in asked)
    used = [(one["gen_ai.usage.input_tokens"], one["gen_ai.usage.output_tokens"]) for one in attributes[2:5]]
    assert [sum(counts) for counts in zip(*used, strict=True)] == [33, 21], "as the run's own count has it"
    assert [one["gen_ai.tool.call.id"] for one in attributes[5:]] == [f"{run}.{n}" for n in (1, 2, 3)]
    assert {span.context.trace_id for span in (whole, *asked, *calls) if span.context} == {
        asked[0].context.trace_id if asked[0].context else 0
    }
    assert "recipe" not in "".join(span.to_json() for span in spans.get_finished_spans())


async def test_an_outgoing_request_carries_the_trace_it_belongs_to(spans: InMemorySpanExporter) -> None:
    headers: dict[str, str] = {}
    with tracing.span("outer"):
        tracing.pass_on(headers)
    (outer,) = named(spans, "outer")
    assert outer.context is not None
    assert headers["traceparent"].split("-")[1:3] == [f"{outer.context.trace_id:032x}", f"{outer.context.span_id:016x}"]


def test_spans_of_a_server_go_where_opentelemetrys_variables_say(tmp_path: Path) -> None:
    got: list[tuple[str, bytes]] = []
    came = threading.Event()

    class Collector(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            got.append((self.path, self.rfile.read(int(self.headers["content-length"]))))
            self.send_response(200)
            self.end_headers()
            came.set()

        def log_message(self, *_: object) -> None:
            pass

    collector = ThreadingHTTPServer(("127.0.0.1", 0), Collector)
    threading.Thread(target=collector.serve_forever, daemon=True).start()
    environ = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{collector.server_port}",
        "OTEL_BSP_SCHEDULE_DELAY": "100",
    }
    try:
        with Server(tmp_path / "data", environ=environ) as server:
            httpx.get(f"{server.url}/healthz", params={"token": CONTENT})
            assert came.wait(30)
    finally:
        collector.shutdown()
        collector.server_close()
    assert got[0][0] == "/v1/traces"
    assert b"/healthz" in got[0][1]
    assert b"recipe" not in b"".join(body for _, body in got)


def test_without_opentelemetry_the_server_starts_and_a_span_is_nothing(tmp_path: Path) -> None:
    program = """
import sys
sys.modules["opentelemetry"] = None
from sync import tracing
from sync.app import create_app
from sync.settings import Settings
create_app(Settings())
with tracing.span("x", {"a": 1}) as one:
    one.set({"b": 2})
with tracing.span("y") as other:
    other.failed("z")
assert one is other, "nothing is made"
headers = {}
tracing.pass_on(headers)
assert headers == {}
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
