"""Traces: one trace id from the request through services, outbox and Kafka to the consumer (W3C Trace Context, OpenTelemetry).

Without an OTLP endpoint spans are not recorded, but their ids still travel, so that logs of one request can be found together.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from opentelemetry import trace
from opentelemetry.propagate import extract, inject
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanLimits, TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ParentBased, TraceIdRatioBased
from opentelemetry.trace import Link, Span, SpanKind, Status, StatusCode

TRACEPARENT = "traceparent"
_TRACEPARENT_LENGTH = 55
# As many as events that are taken in at once (chassis/consuming.py) and more; by default 128 are kept.
_MOST_LINKS = 500


def set_up_tracing(service: str, otlp_endpoint: str, ratio: float) -> TracerProvider:
    """Installs the process's tracer; spans go to `otlp_endpoint` (OTLP over HTTP) when there is one."""
    sampler = ParentBased(TraceIdRatioBased(ratio)) if otlp_endpoint else ALWAYS_OFF
    provider = TracerProvider(
        resource=Resource.create({"service.name": f"examhall-{service}"}),
        sampler=sampler,
        span_limits=SpanLimits(max_links=_MOST_LINKS),
    )
    if otlp_endpoint:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.trace.export import BatchSpanProcessor

        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(otlp_endpoint.rstrip("/") + "/v1/traces")))
    trace.set_tracer_provider(provider)
    return provider


@contextmanager
def span(
    name: str,
    kind: SpanKind = SpanKind.INTERNAL,
    parent: str | None = None,
    beside: Sequence[str] = (),
    **attributes: str | int,
) -> Iterator[Span]:
    """A span around a piece of work; `parent` is a traceparent from outside, otherwise the current span.

    It is linked to the traceparents `beside`, when the same piece of work was done for them too.
    """
    context = extract({TRACEPARENT: parent}) if parent else None
    links = [Link(trace.get_current_span(extract({TRACEPARENT: each})).get_span_context()) for each in beside]
    with trace.get_tracer("examhall").start_as_current_span(
        name,
        context=context,
        kind=kind,
        attributes=attributes,
        links=links,
        record_exception=False,
        set_status_on_exception=False,
    ) as current:
        try:
            yield current
        except Exception as error:
            current.set_status(Status(StatusCode.ERROR, type(error).__name__))
            raise


def current_traceparent() -> str | None:
    """The traceparent of the current span, to be carried elsewhere; None outside a trace."""
    carrier: dict[str, str] = {}
    inject(carrier)
    return carrier.get(TRACEPARENT)


def is_recorded(traceparent: str) -> bool:
    """Whether a traceparent says that its trace is sampled (W3C Trace Context, section 3.2.2.5)."""
    return traceparent.endswith("1") and len(traceparent) == _TRACEPARENT_LENGTH


def current_exemplar() -> dict[str, str] | None:
    """What leads from an observed time to the current trace; None outside a trace and in one that is not sampled, which nobody could look up."""
    context = trace.get_current_span().get_span_context()
    return {"trace_id": trace.format_trace_id(context.trace_id)} if context.trace_flags.sampled else None


def exemplar_of(traceparent: str | None) -> dict[str, str] | None:
    """The same for a traceparent from outside."""
    return {"trace_id": traceparent[3:35]} if traceparent is not None and is_recorded(traceparent) else None


def current_trace_id() -> str | None:
    """The current trace id as 32 hex digits, for logs and problems."""
    context = trace.get_current_span().get_span_context()
    return trace.format_trace_id(context.trace_id) if context.is_valid else None


def traceparent_in(headers: Mapping[str, str]) -> str | None:
    """The traceparent of incoming headers or metadata."""
    return headers.get(TRACEPARENT)
