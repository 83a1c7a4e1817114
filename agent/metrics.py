"""What the assistant's process has done, for Prometheus: it alone knows of every request to the model.

Served at `COPLAYER_AGENT_METRICS_PORT` from a thread of its own. No label holds what people or models wrote.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, start_http_server
from prometheus_client.process_collector import ProcessCollector

from agent.model import StepDone, StepFailed, Usage
from agent.settings import SettingsError

STEP_BUCKETS_S = (0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 40.0, 80.0, 160.0)


class Metrics:
    """Counters of one process, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        self._rooms = Gauge("coplayer_agent_rooms", "Rooms the assistant is in, or about to be.", registry=registry)
        self._runs = Counter("coplayer_agent_runs", "Runs that ended, by status.", ("status",), registry=registry)
        self._steps = Histogram(
            "coplayer_agent_step_seconds",
            "Requests to the model, from asking to the end of the answer, by how they ended.",
            ("outcome",),
            registry=registry,
            buckets=STEP_BUCKETS_S,
        )
        self._tokens = Counter(
            "coplayer_agent_tokens",
            "Tokens of steps that were kept, as the model's server counts them; cached ones are input, too.",
            ("kind",),
            registry=registry,
        )
        self._calls = Counter(
            "coplayer_agent_calls", "Tool calls carried out or refused.", ("tool", "outcome"), registry=registry
        )

    @contextmanager
    def in_room(self) -> Iterator[None]:
        """While the assistant looks after a room."""
        with self._rooms.track_inprogress():
            yield

    def ran(self, status: str) -> None:
        """A run ended."""
        self._runs.labels(status).inc()

    def stepped(self, result: StepDone | StepFailed, seconds: float) -> None:
        """A request to the model ended."""
        outcome = result.code if isinstance(result, StepFailed) else (result.incomplete or "done")
        self._steps.labels(outcome).observe(seconds)

    def used(self, usage: Usage) -> None:
        """A step was kept."""
        for kind, count in (
            ("input", usage.input_tokens), ("output", usage.output_tokens), ("cached", usage.cached_tokens)
        ):  # fmt: skip
            self._tokens.labels(kind).inc(max(0, count))

    def called(self, tool: str, outcome: str) -> None:
        """A tool call is in the log. `tool` is one of ours; `outcome` is `ok` or the code of the refusal."""
        self._calls.labels(tool, outcome).inc()


@contextmanager
def served(metrics: Metrics, host: str, port: int) -> Iterator[int]:
    """Serve them there while the context lasts; nothing for port 0. Raises SettingsError when it is taken."""
    if not port:
        yield 0
        return
    ProcessCollector(registry=metrics.registry)
    try:
        server, thread = start_http_server(port, host, metrics.registry)
    except OSError as error:
        reason = error.strerror or str(error)
        raise SettingsError(f"COPLAYER_AGENT_METRICS_PORT is {port}, which cannot be used: {reason}.") from None
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
