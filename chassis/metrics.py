"""The metrics every service has, and how a process tells them at /metrics.

Times of requests, calls and events carry an exemplar when their trace is sampled: the id of the latest trace in each bucket, which leads from
a slow bucket to what was slow. Only OpenMetrics has room for them; Prometheus asks for it.
"""

import os
from importlib.metadata import PackageNotFoundError, version

from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4, REGISTRY, Counter, Gauge, Histogram, generate_latest
from prometheus_client.openmetrics import exposition as openmetrics

from chassis.tracing import current_exemplar

_OPENMETRICS = "application/openmetrics-text"

REQUEST_SECONDS = Histogram(
    "examhall_http_request_seconds",
    "Time to answer an HTTP request, by route and status",
    ["method", "route", "status"],
    buckets=(0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.3, 0.5, 1, 2.5, 5, 10),
)
RPC_SECONDS = Histogram(
    "examhall_grpc_request_seconds",
    "Time to answer a gRPC call, by method and status",
    ["method", "status"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5),
)
EVENTS_PUBLISHED = Counter("examhall_events_published_total", "Events the relay published, by topic", ["topic"])
EVENTS_CONSUMED = Counter(
    "examhall_events_consumed_total",
    "Events taken in, by topic and outcome (handled, repeated, dead)",
    ["topic", "outcome"],
)
OUTBOX_WAITING = Gauge(
    "examhall_outbox_unacknowledged_bytes",
    "Bytes published and not yet taken in by every consumer, by topic",
    ["topic"],
)
EVENT_LAG_SECONDS = Histogram(
    "examhall_event_lag_seconds",
    "From an event's commit to its being taken in, by topic",
    ["topic"],
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15, 60, 300),
)
OUTBOX_EVENTS = Gauge("examhall_outbox_waiting_events", "Recorded events that are not published yet, 100,000 at most")
OUTBOX_OLDEST_SECONDS = Gauge(
    "examhall_outbox_oldest_seconds", "Age of the oldest event that is not published yet; 0 when none waits"
)
DEAD_LETTERS_WAITING = Gauge("examhall_dead_letters_waiting", "Events that could not be taken in and wait for somebody")
DEPENDENCY_UP = Gauge(
    "examhall_dependency_up",
    "Whether a server that this process needs (database, kafka, redis) answers it",
    ["dependency"],
)
COUNTS_FAILED = Counter(
    "examhall_counts_failed_total", "Gauges that could not be counted, by what they count", ["count"]
)
BUILD_INFO = Gauge(
    "examhall_build_info", "1, for the version and the source's revision that run", ["version", "revision"]
)


def observe(histogram: Histogram, seconds: float) -> None:
    """Observes a time, with the current trace as exemplar."""
    histogram.observe(seconds, current_exemplar())


def told(accept: str) -> tuple[bytes, str]:
    """Every metric of this process for a client with this Accept header, and its content type: OpenMetrics, or Prometheus's text format."""
    if any(kind.partition(";")[0].strip() == _OPENMETRICS for kind in accept.split(",")):
        return openmetrics.generate_latest(REGISTRY), openmetrics.CONTENT_TYPE_LATEST
    return generate_latest(REGISTRY), CONTENT_TYPE_PLAIN_0_0_4


def _version() -> str:
    try:
        return version("examhall")
    except PackageNotFoundError:  # run from its source, not installed
        return "unknown"


BUILD_INFO.labels(_version(), os.environ.get("EXAMHALL_REVISION") or "unknown").set(1)
