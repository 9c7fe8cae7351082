"""Databases: what services wait for, and PostgreSQL by its own exporter."""

from deploy.dashboards.panels import (
    BYTES,
    NUMBER,
    PER_SECOND,
    RATE,
    SECONDS,
    SHARE,
    Dashboard,
    Panel,
    Query,
    Row,
    quantile,
)

_DATABASE = 'datname=~"examhall_.*"'

DASHBOARD = Dashboard(
    "databases",
    "Databases",
    "What the services wait for, and PostgreSQL as its exporter tells (CloudNativePG brings one; without one that row is empty).",
    (
        Row(
            "As services see it",
            (
                Panel(
                    "Servers that answer",
                    [Query("min by (service, dependency) (examhall_dependency_up)", "{{service}} {{dependency}}")],
                    NUMBER,
                    "1 or 0, as each service sees its database, Kafka and Redis.",
                ),
                Panel(
                    "Saves: time to commit, 99 %",
                    [
                        Query(
                            quantile(0.99, "examhall_grpc_request_seconds", 'service="attempts", method=~".*Handle"'),
                            "attempts",
                        )
                    ],
                    SECONDS,
                    "A batch of saves from call to commit. Rises first when the disk is slow.",
                ),
                Panel(
                    "Replies that a database kept waiting, 95 %",
                    [
                        Query(
                            quantile(0.95, "examhall_http_request_seconds", 'service!="gateway"', "service"),
                            "{{service}}",
                        )
                    ],
                    SECONDS,
                    "All routes of a service.",
                    limit=1,
                ),
                Panel(
                    "503: away",
                    [
                        Query(
                            f'sum by (service) (rate(examhall_http_request_seconds_count{{status="503"}}[{RATE}]))'
                            f" or 0 * sum by (service) (rate(examhall_http_request_seconds_count[{RATE}]))",
                            "{{service}}",
                        )
                    ],
                    PER_SECOND,
                    "Requests refused because a database or a service behind did not answer.",
                ),
            ),
        ),
        Row(
            "PostgreSQL by CloudNativePG's exporter",
            (
                Panel(
                    "Connections",
                    [Query("sum by (datname, state) (cnpg_backends_total)", "{{datname}} {{state}}")],
                    NUMBER,
                    "Against max_connections.",
                ),
                Panel(
                    "Commits",
                    [
                        Query(
                            f"sum by (datname) (rate(cnpg_pg_stat_database_xact_commit{{{_DATABASE}}}[{RATE}]))",
                            "{{datname}}",
                        )
                    ],
                    PER_SECOND,
                    "A commit carries many saves.",
                ),
                Panel(
                    "Longest transaction",
                    [Query("max by (datname) (cnpg_backends_max_tx_duration_seconds)", "{{datname}}")],
                    SECONDS,
                    "Idle ones are ended after a minute.",
                    limit=60,
                ),
                Panel(
                    "Replication lag",
                    [Query("max by (pod) (cnpg_pg_replication_lag)", "{{pod}}")],
                    SECONDS,
                    "A failover loses nothing that a standby has; commits wait for one.",
                    limit=5,
                ),
                Panel(
                    "Size",
                    [Query(f"max by (datname) (cnpg_pg_database_size_bytes{{{_DATABASE}}})", "{{datname}}")],
                    BYTES,
                    "Outbox and inbox grow with every exam.",
                ),
                Panel(
                    "Disk used",
                    [
                        Query(
                            '1 - kubelet_volume_stats_available_bytes{persistentvolumeclaim=~".*postgres.*"} / kubelet_volume_stats_capacity_bytes',
                            "{{persistentvolumeclaim}}",
                        )
                    ],
                    SHARE,
                    "PostgreSQL stops taking answers when there is no room.",
                    limit=0.9,
                ),
            ),
        ),
    ),
)
