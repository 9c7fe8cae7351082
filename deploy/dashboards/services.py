"""Services: rate, errors and duration of every route and call, and what each process uses."""

from deploy.dashboards.panels import (
    BYTES,
    NUMBER,
    PER_SECOND,
    RATE,
    SECONDS,
    Dashboard,
    Panel,
    Query,
    Row,
    quantile,
    rate,
)

_REQUESTS, _CALLS = "examhall_http_request_seconds", "examhall_grpc_request_seconds"
_HERE = 'service=~"$service"'

DASHBOARD = Dashboard(
    "services",
    "Services",
    "Every route, call and process: how many, how many fail, how long they take.",
    (
        Row(
            "Requests",
            (
                Panel(
                    "Requests",
                    [Query(rate(f"{_REQUESTS}_count", _HERE, "service"), "{{service}}")],
                    PER_SECOND,
                    "By service.",
                    is_stacked=True,
                ),
                Panel(
                    "Requests that fail",
                    [
                        Query(
                            f'topk(10, sum by (service, route, status) (rate({_REQUESTS}_count{{{_HERE}, status=~"5.."}}[{RATE}])))'
                            f" or 0 * sum by (service) (rate({_REQUESTS}_count{{{_HERE}}}[{RATE}]))",
                            "{{service}} {{route}} {{status}}",
                        )
                    ],
                    PER_SECOND,
                    "The ten routes with most 5xx.",
                ),
                Panel(
                    "Slowest routes, 95 %",
                    [
                        Query(
                            f"topk(10, {quantile(0.95, _REQUESTS, _HERE, 'service, method, route')} > 0)",
                            "{{service}} {{method}} {{route}}",
                        )
                    ],
                    SECONDS,
                    "Exports may be slow, lists may not.",
                    limit=1,
                ),
                Panel(
                    "Refused",
                    [
                        Query(
                            rate(f"{_REQUESTS}_count", f'{_HERE}, status=~"4.."', "service, status"),
                            "{{service}} {{status}}",
                        )
                    ],
                    PER_SECOND,
                    "401 no or an old token, 403 may never, 404 may not see, 409 and 412 somebody was faster, 422 not valid, 429 too many.",
                    is_stacked=True,
                ),
                Panel(
                    "Busiest routes",
                    [
                        Query(
                            f"topk(10, {rate(f'{_REQUESTS}_count', _HERE, 'service, method, route')})",
                            "{{service}} {{method}} {{route}}",
                        )
                    ],
                    PER_SECOND,
                    "`hot` are saves (PUT), heartbeats and signals (POST).",
                    width=16,
                ),
            ),
        ),
        Row(
            "Calls between services",
            (
                Panel(
                    "Calls",
                    [Query(rate(f"{_CALLS}_count", _HERE, "service, method"), "{{service}} {{method}}")],
                    PER_SECOND,
                    "By who is asked.",
                ),
                Panel(
                    "Calls by outcome",
                    [Query(rate(f"{_CALLS}_count", _HERE, "status"), "{{status}}")],
                    PER_SECOND,
                    "UNAVAILABLE and DEADLINE_EXCEEDED: the service is away or too slow.",
                    is_stacked=True,
                ),
                Panel(
                    "Calls: time to answer, 99 %",
                    [Query(quantile(0.99, _CALLS, _HERE, "service, method"), "{{service}} {{method}}")],
                    SECONDS,
                    "A call is given up after 3 s.",
                ),
            ),
        ),
        Row(
            "Processes",
            (
                Panel(
                    "Replicas that answer",
                    [Query(f'sum by (service) (up{{job="examhall", {_HERE}}})', "{{service}}")],
                    NUMBER,
                    "As Prometheus finds them.",
                ),
                Panel(
                    "CPU",
                    [
                        Query(
                            f'sum by (service) (rate(process_cpu_seconds_total{{job="examhall", {_HERE}}}[{RATE}]))',
                            "{{service}}",
                        )
                    ],
                    NUMBER,
                    "Cores; a process uses one at most, but the stream uses threads besides.",
                ),
                Panel(
                    "Memory",
                    [
                        Query(
                            f'sum by (service) (process_resident_memory_bytes{{job="examhall", {_HERE}}})',
                            "{{service}}",
                        )
                    ],
                    BYTES,
                    "Of all replicas. The stream grows with the attempts under watch.",
                ),
                Panel(
                    "Open files and connections",
                    [Query(f'sum by (service) (process_open_fds{{job="examhall", {_HERE}}})', "{{service}}")],
                    NUMBER,
                    "The gateway has one for each browser.",
                ),
                Panel(
                    "Age of the youngest process",
                    [
                        Query(
                            f'min by (service) (time() - process_start_time_seconds{{job="examhall", {_HERE}}})',
                            "{{service}}",
                        )
                    ],
                    SECONDS,
                    "Falls to nothing when one restarts.",
                ),
                Panel(
                    "Time lost to garbage collection",
                    [
                        Query(
                            f'sum by (service) (rate(python_gc_collections_total{{job="examhall", {_HERE}, generation="2"}}[{RATE}]))',
                            "{{service}}",
                        )
                    ],
                    PER_SECOND,
                    "Full collections a second; each makes a reply wait.",
                ),
            ),
        ),
    ),
    has_services=True,
)
