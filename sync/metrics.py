"""`GET /metrics` for Prometheus: what the tally counted and what is there now, read when somebody asks.

Each application has a registry of its own. Gauges are looked up while the page is written: with 20 000 connections that
takes the event loop some milliseconds, at every scrape.
"""

from __future__ import annotations

import hmac
import platform
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator
from importlib.metadata import PackageNotFoundError, version
from itertools import accumulate

from prometheus_client import CollectorRegistry
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.exposition import choose_encoder
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from sync.api import access_of, hub_of, token_of
from sync.auth import NotAllowed
from sync.hub import Hub
from sync.protocol import CloseCode

_REASONS = {0: "left", **{code.value: code.name.lower() for code in CloseCode}}
"""Of close codes; others are the WebSocket protocol's own, for wrong frames."""
COMMIT_BUCKETS_S = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
FLUSH_BUCKETS_S = (0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5)
LAG_BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0)


def package_version(name: str = "coplayer") -> str:
    """Of what is installed; empty when it runs from a bare checkout."""
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


class Metrics:
    """The registry of one application. From now on the hub's times are observed."""

    def __init__(self, hub: Hub) -> None:
        self.registry = CollectorRegistry(auto_describe=False)
        hub.tally.observe_commit = self._histogram(
            "commit_seconds",
            "From giving a room's batch of updates to the store until it is durable.",
            COMMIT_BUCKETS_S,
        )
        hub.tally.observe_flush = self._histogram(
            "flush_seconds", "Telling a room's connections what has gathered, on the event loop.", FLUSH_BUCKETS_S
        )
        hub.tally.observe_lag = self._histogram(
            "loop_lag_seconds", "How much too late a beat of the event loop came; about one a second.", LAG_BUCKETS_S
        )
        self.registry.register(_Now(hub))
        ProcessCollector(registry=self.registry)

    def _histogram(self, name: str, text: str, buckets: tuple[float, ...]) -> Callable[[float], None]:
        times = _Times(f"coplayer_{name}", text, buckets)
        self.registry.register(times)
        return times.observe

    def render(self, accept: str) -> tuple[bytes, str]:
        """The page and its content type: Prometheus' text format or OpenMetrics, whichever is accepted."""
        encode, content_type = choose_encoder(accept)
        return encode(self.registry), content_type


class _Times(Collector):
    """A histogram for one thread, the event loop's. The library's own holds a lock for each sum and each bucket: six
    times the CPU, twice for every update that comes alone."""

    def __init__(self, name: str, text: str, bounds: tuple[float, ...]) -> None:
        self._name = name
        self._text = text
        self._bounds = bounds
        self._counts = [0] * (len(bounds) + 1)
        self._sum_s = 0.0

    def observe(self, seconds: float) -> None:
        """It took so long."""
        self._counts[bisect_left(self._bounds, seconds)] += 1
        self._sum_s += seconds

    def collect(self) -> Iterable[Metric]:
        """See Collector."""
        bounds = (*map(repr, self._bounds), "+Inf")
        buckets = list(zip(bounds, accumulate(self._counts), strict=True))
        return (HistogramMetricFamily(self._name, self._text, buckets, self._sum_s),)


class _Now(Collector):
    """The tally, and what the hub holds, at the moment of asking."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    def collect(self) -> Iterator[Metric]:
        """See Collector."""
        info = {"version": package_version(), "python": platform.python_version(), "pycrdt": package_version("pycrdt")}
        yield InfoMetricFamily("coplayer_build", "What runs.", info)
        yield from self._counters()
        yield from self._gauges()

    def _counters(self) -> Iterator[Metric]:
        tally = self._hub.tally
        for name, text, value in (
            ("joins", "Connections that joined a room.", tally.joins),
            ("received_messages", "Messages from connections and edits over HTTP.", tally.received_messages),
            ("received_bytes", "Payload of those messages.", tally.received_bytes),
            (
                "sent_bytes",
                "Payload given to connections: no frames, no keep-alives; what a lagging one skips is counted.",
                tally.sent_bytes,
            ),
            ("updates", "Updates made durable.", tally.updates),
            ("stored_bytes", "Bytes of those updates.", tally.stored_bytes),
            ("acks", "Acknowledgements sent: all that the connection had sent before is durable.", tally.acks),
            ("refused_updates", "Changes of readers, who are told and stay.", tally.refused_updates),
            ("store_errors", "Times the store did not take or give what it was asked.", tally.store_errors),
            ("broken_rooms", "Rooms read anew since the document in memory failed.", tally.broken_rooms),
            ("damaged_loads", "Rooms read whose log has rows that are not as written.", tally.damaged_loads),
        ):
            yield CounterMetricFamily(f"coplayer_{name}", text, value)
        closed = CounterMetricFamily(
            "coplayer_closed", "Connections that ended, by our close code; 0: by themselves.", labels=("code", "reason")
        )
        rejected = CounterMetricFamily(
            "coplayer_rejected", "Connections that were not let into a room, by close code.", labels=("code", "reason")
        )
        for family, counts in ((closed, tally.closed), (rejected, tally.rejected)):
            for code, count in sorted(counts.items()):
                family.add_metric((str(code), _REASONS.get(code, "frames")), count)
            yield family
        requests = CounterMetricFamily("coplayer_http_requests", "HTTP requests.", labels=("method", "status"))
        for (method, status), count in sorted(tally.requests.items()):
            requests.add_metric((method, str(status)), count)
        yield requests

    def _gauges(self) -> Iterator[Metric]:
        hub = self._hub
        outboxes = [connection.outbox for connection in hub.connections]
        lives = [live for room in hub.rooms if (live := hub.rooms.get(room)) is not None]
        agents = sum(sum(bool(agent.slot) for agent in live.agents.values()) for live in lives)
        connections = GaugeMetricFamily("coplayer_connections", "Connections in rooms.", labels=("kind",))
        connections.add_metric(("people",), len(outboxes) - agents)
        connections.add_metric(("assistants",), agents)
        yield connections
        for name, text, value in (
            ("rooms", "Rooms in memory.", len(lives)),
            (
                "outbox_bytes",
                "Payload that waits for connections which read slowly.",
                sum(o.size_bytes for o in outboxes),
            ),
            ("outbox_bytes_max", "The largest of these outboxes.", max((o.size_bytes for o in outboxes), default=0)),
            ("lagging_connections", "Connections that get one summary later.", sum(o.is_lagging for o in outboxes)),
            ("pending_bytes", "Updates received and not durable yet.", sum(live.pending_bytes for live in lives)),
            ("faulty_rooms", "Rooms whose updates the store does not take.", sum(bool(v.fault) for v in lives)),
            ("draining", "1 while the server is stopping.", int(hub.rooms.is_draining)),
        ):
            yield GaugeMetricFamily(f"coplayer_{name}", text, value)
        if workers := hub.workers:
            yield GaugeMetricFamily("coplayer_room_workers", "Room workers that take connections.", workers.alive)
            yield CounterMetricFamily("coplayer_room_worker_starts", "Starts of room workers.", workers.starts)
            yield GaugeMetricFamily(
                "coplayer_room_worker_connections", "Connections passed on to room workers.", workers.connections
            )


async def metrics(request: Request) -> Response:
    """Metrics for Prometheus, as text or OpenMetrics; with a token where one is asked for."""
    settings = hub_of(request).settings
    if settings.metrics_token:
        if not hmac.compare_digest((token_of(request) or "").encode(), settings.metrics_token.encode()):
            raise NotAllowed(CloseCode.UNAUTHORIZED, "Show the token of COPLAYER_METRICS_TOKEN.")
    else:
        access = access_of(request)
        if access.role != "admin" or access.room != "*":
            raise NotAllowed(CloseCode.FORBIDDEN, "Only an admin of all boards may see this.")
    page, content_type = request.app.state.metrics.render(request.headers.get("accept", ""))
    return Response(page, headers={"content-type": content_type, "cache-control": "no-store"})


ROUTES: tuple[BaseRoute, ...] = (Route("/metrics", metrics, methods=["GET"]),)
