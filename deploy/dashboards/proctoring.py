"""Proctoring: from browsers' signals to what a proctor sees, and how late."""

from deploy.dashboards.panels import (
    NUMBER,
    PER_SECOND,
    SECONDS,
    Dashboard,
    Number,
    Panel,
    Query,
    Row,
    quantile,
    quantiles,
    rate,
)

_LEGS = 'topic=~"proctoring.(signals|alerts|risk|collusion).v1|attempts.answers.v1"'

DASHBOARD = Dashboard(
    "proctoring",
    "Proctoring",
    "From the signals of browsers to what a proctor sees. It never holds up an answer.",
    (
        Row(
            "Now",
            (
                Number("Signals a second", rate("examhall_signals_total"), PER_SECOND, "Of all attempts under watch."),
                Number(
                    "Violations in an hour",
                    "sum(increase(examhall_violations_total[1h]))",
                    NUMBER,
                    "Told to proctors.",
                    decimals=0,
                ),
                Number(
                    "Alerts, 99 % within",
                    quantile(0.99, "examhall_alert_seconds"),
                    SECONDS,
                    "From what was observed to the alert. Promised: 5 s.",
                    limit=5,
                ),
                Number("Proctors' sockets", 'sum(examhall_sockets_open{channel="exam"})', NUMBER, "Open boards."),
            ),
        ),
        Row(
            "What is seen",
            (
                Panel(
                    "Signals, by kind",
                    [Query(rate("examhall_signals_total", "", "kind"), "{{kind}}")],
                    PER_SECOND,
                    "Counts and timings, never content.",
                    is_stacked=True,
                ),
                Panel(
                    "Alerts, by kind",
                    [Query("sum by (kind, severity) (increase(examhall_alerts_total[5m]))", "{{kind}} {{severity}}")],
                    NUMBER,
                    "In five minutes; an alert that grows counts once.",
                    is_stacked=True,
                ),
                Panel(
                    "Pairs whose verdict changed",
                    [
                        Query(
                            "(sum by (outcome) (increase(examhall_collusion_pairs_total[5m])) or vector(0))",
                            "{{outcome}}",
                        )
                    ],
                    NUMBER,
                    "In five minutes: flagged, or cleared by later answers.",
                ),
            ),
        ),
        Row(
            "How late",
            (
                Panel(
                    "From observation to alert",
                    quantiles("examhall_alert_seconds"),
                    SECONDS,
                    "By the server's clock.",
                    limit=5,
                ),
                Panel(
                    "Events: time to be taken in, 95 %",
                    [Query(quantile(0.95, "examhall_event_lag_seconds", _LEGS, "topic"), "{{topic}}")],
                    SECONDS,
                    "Each leg of the way.",
                    limit=5,
                ),
                Panel(
                    "From Kafka to sockets", quantiles("examhall_live_push_seconds"), SECONDS, "The last leg.", limit=2
                ),
            ),
        ),
        Row(
            "The stream",
            (
                Panel(
                    "Events taken in",
                    [
                        Query(
                            rate("examhall_events_consumed_total", 'service="proctoring-stream"', "topic"), "{{topic}}"
                        )
                    ],
                    PER_SECOND,
                    "By topic.",
                    is_stacked=True,
                ),
                Panel(
                    "Time for a batch, 95 %",
                    [Query(quantile(0.95, "examhall_stream_batch_seconds", "", "agent"), "{{agent}}")],
                    SECONDS,
                    "What computing takes.",
                ),
                Panel(
                    "Events in a batch, half",
                    [Query(quantile(0.5, "examhall_stream_batch_events", "", "agent"), "{{agent}}")],
                    NUMBER,
                    "At 200 it is as busy as it gets.",
                    limit=200,
                ),
                Panel(
                    "State written",
                    [Query(rate("examhall_stream_rows_stored_total", "", "table"), "{{table}}")],
                    PER_SECOND,
                    "Rows to changelogs; a restart reads them again.",
                ),
                Panel(
                    "Sockets",
                    [Query("sum by (channel) (examhall_sockets_open)", "{{channel}}")],
                    NUMBER,
                    "`exam` are boards of proctors, `attempt` are students.",
                ),
                Panel(
                    "Pages fetched, sockets closed",
                    [
                        Query(rate("examhall_feed_fetches_total", "", "channel"), "fetched {{channel}}"),
                        Query(f"({rate('examhall_sockets_closed_total', '', 'code')} or vector(0))", "closed {{code}}"),
                    ],
                    PER_SECOND,
                    "A socket that missed something fetches it. 4408 are slow readers, 1012 an upgrade.",
                ),
            ),
        ),
    ),
)
