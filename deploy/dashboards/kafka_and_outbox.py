"""Kafka and outbox: do events get out, and are they taken in?"""

from deploy.dashboards.panels import (
    BYTES,
    NUMBER,
    PER_SECOND,
    SECONDS,
    Dashboard,
    Number,
    Panel,
    Query,
    Row,
    quantile,
    rate,
)

_LAG = "examhall_event_lag_seconds"
_BEHIND = 'kafka_consumergroup_lag{consumergroup=~"examhall[.].*"}'

DASHBOARD = Dashboard(
    "kafka-and-outbox",
    "Kafka and outbox",
    "Whether events get out of the services and are taken in by those who need them. Exams go on when they are not. The last row is empty"
    " where nobody scrapes Strimzi's exporter.",
    (
        Row(
            "Now",
            (
                Number(
                    "Dead letters",
                    "sum(max by (service) (examhall_dead_letters_waiting))",
                    NUMBER,
                    "Events that a service could not take in: `examhall dead-letters list`.",
                    limit=1,
                    decimals=0,
                ),
                Number(
                    "Oldest event in an outbox",
                    "max(examhall_outbox_oldest_seconds)",
                    SECONDS,
                    "Waits to be published.",
                    limit=60,
                ),
                Number(
                    "Not yet taken in",
                    "sum(examhall_outbox_unacknowledged_bytes)",
                    BYTES,
                    "Published, and some consumer is still behind.",
                ),
                Number(
                    "Events out a second",
                    rate("examhall_events_published_total"),
                    PER_SECOND,
                    "By all relays and the stream.",
                ),
                Number(
                    "Events in a second",
                    rate("examhall_events_consumed_total"),
                    PER_SECOND,
                    "An event counts for each who takes it in.",
                ),
            ),
        ),
        Row(
            "Events",
            (
                Panel(
                    "Out, by topic",
                    [Query(rate("examhall_events_published_total", "", "topic"), "{{topic}}")],
                    PER_SECOND,
                    "From outboxes and the stream.",
                    is_stacked=True,
                ),
                Panel(
                    "In, by service",
                    [Query(rate("examhall_events_consumed_total", 'outcome="handled"', "service"), "{{service}}")],
                    PER_SECOND,
                    "Taken in with effect.",
                    is_stacked=True,
                ),
                Panel(
                    "Repeated or not of interest",
                    [
                        Query(
                            rate("examhall_events_consumed_total", 'outcome!="handled"', "service, outcome")
                            + f" or 0 * {rate('examhall_events_consumed_total', '', 'service')}",
                            "{{service}} {{outcome}}",
                        )
                    ],
                    PER_SECOND,
                    "Repeats are dropped by the inbox: after a restart or a replay there are many.",
                ),
                Panel(
                    "Time to be taken in, 95 %",
                    [Query(quantile(0.95, _LAG, "", "service, topic"), "{{service}} {{topic}}")],
                    SECONDS,
                    "From the commit of an event to its effect: normally well under a second.",
                    limit=60,
                    width=12,
                ),
                Panel(
                    "Waiting in outboxes",
                    [Query("max by (service) (examhall_outbox_waiting_events)", "{{service}}")],
                    NUMBER,
                    "Committed and not published: grows while Kafka is away, and goes down by itself.",
                    width=12,
                ),
                Panel(
                    "Oldest in outboxes",
                    [Query("max by (service) (examhall_outbox_oldest_seconds)", "{{service}}")],
                    SECONDS,
                    "Published within a tenth of a second, normally.",
                    limit=60,
                    width=12,
                ),
                Panel(
                    "Waiting for a consumer",
                    [Query("sum by (service, topic) (examhall_outbox_unacknowledged_bytes)", "{{service}} {{topic}}")],
                    BYTES,
                    "Near zero; what grows has a consumer that stands still.",
                    width=12,
                ),
            ),
        ),
        Row(
            "Kafka by Strimzi's exporter",
            (
                Panel(
                    "Behind, by consumer and topic",
                    [Query(f"sum by (consumergroup, topic) ({_BEHIND})", "{{consumergroup}} {{topic}}")],
                    NUMBER,
                    "Events that a consumer has not committed, by the broker's own count. An alert fires above 50,000.",
                    limit=50_000,
                    width=12,
                ),
                Panel(
                    "Behind, the worst partition of each consumer",
                    [Query(f"max by (consumergroup) ({_BEHIND})", "{{consumergroup}}")],
                    NUMBER,
                    "Far above the others: one very large exam, or a key that is parked.",
                    width=12,
                ),
            ),
        ),
    ),
)
