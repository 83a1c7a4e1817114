"""OpenTelemetry spans, where its SDK is installed and somebody wants them; otherwise a `with` that does nothing.

Nothing is traced per message: HTTP requests, joins, and of commits and flushes one in SPAN_EVERY. A span holds names,
counts and kinds of errors; what exceptions say, and all content, is left out.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Any, Literal

from sync.tally import Tally

if TYPE_CHECKING:
    from opentelemetry.trace import Tracer, TracerProvider

SPAN_EVERY = 100  # commits, or flushes, for one of them that is shown
ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
"""OpenTelemetry's own variables: where spans go. The rest of its variables hold as well."""
Value = str | int | float | bool
Kind = Literal["internal", "server", "client"]

_tracer: Tracer | None = None


class Span:
    """What is going on; without a tracer, nobody looks."""

    def set(self, attributes: Mapping[str, Value]) -> None:
        """Add these."""

    def failed(self, kind: str) -> None:
        """It went wrong; `kind` is a class or code, no sentence."""


class _Traced(Span):
    def __init__(self, span: Any) -> None:
        self._span = span

    def set(self, attributes: Mapping[str, Value]) -> None:
        self._span.set_attributes(attributes)

    def failed(self, kind: str) -> None:
        from opentelemetry.trace import StatusCode

        self._span.set_status(StatusCode.ERROR)
        self._span.set_attribute("error.type", kind)


_NOTHING: AbstractContextManager[Span] = nullcontext(Span())


def use(provider: TracerProvider | None) -> None:
    """Spans go to this provider from now on; None: nowhere."""
    global _tracer  # one process, one place where its spans go
    _tracer = None if provider is None else provider.get_tracer("coplayer")


def use_environment(service: str) -> None:
    """As OpenTelemetry's variables say; nothing without an endpoint. Raises ImportError where the SDK is missing."""
    if not any(os.environ.get(name) for name in ENDPOINTS):
        return
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    named = {} if os.environ.get("OTEL_SERVICE_NAME") else {"service.name": service}
    provider = TracerProvider(resource=Resource.create(named))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    use(provider)


def span(
    name: str,
    attributes: Mapping[str, Value] | None = None,
    kind: Kind = "internal",
    headers: Mapping[str, str] | None = None,
) -> AbstractContextManager[Span]:
    """A span for as long as the context lasts; an exception that leaves it is told by its class.

    `headers` are those of a request: it goes on with the trace that they name.
    """
    return _NOTHING if _tracer is None else _traced(_tracer, name, attributes, kind, headers)


@contextmanager
def _traced(
    tracer: Tracer, name: str, attributes: Mapping[str, Value] | None, kind: Kind, headers: Mapping[str, str] | None
) -> Iterator[Span]:
    from opentelemetry import propagate
    from opentelemetry.trace import SpanKind

    with tracer.start_as_current_span(
        name,
        None if headers is None else propagate.extract(headers),
        SpanKind[kind.upper()],
        attributes,
        record_exception=False,
        set_status_on_exception=False,
    ) as current:
        mine = _Traced(current)
        try:
            yield mine
        except BaseException as error:
            mine.failed(type(error).__name__)
            raise


def pass_on(headers: MutableMapping[str, str]) -> None:
    """Add the trace that we are in to a request's headers (`traceparent`)."""
    if _tracer is not None:
        from opentelemetry import propagate

        propagate.inject(headers)


def watch(tally: Tally) -> None:
    """Show one in SPAN_EVERY commits and flushes. Only where spans go somewhere already."""
    if _tracer is not None:
        tally.observe_commit = _sampled(_tracer, "commit", tally.observe_commit)
        tally.observe_flush = _sampled(_tracer, "flush", tally.observe_flush)


def _sampled(tracer: Tracer, name: str, observe: Callable[[float], None]) -> Callable[[float], None]:
    count = 0

    def observed(seconds: float) -> None:
        nonlocal count
        observe(seconds)
        if count % SPAN_EVERY == 0:
            end = time.time_ns()
            tracer.start_span(name, start_time=end - int(seconds * 1e9)).end(end)
        count += 1

    return observed
