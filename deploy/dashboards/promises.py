"""SLO: what was promised, and how much of a month's allowance is left."""

from deploy.dashboards.panels import NUMBER, PER_SECOND, SHARE, Dashboard, Number, Panel, Query, Row

_BUDGET = 0.0001
_SAVES = 'service="gateway", route="hot", method="PUT"'

DASHBOARD = Dashboard(
    "slo",
    "SLO",
    "99.99 % of saves answered, 99 % of them within 300 ms; 99 % of alerts within 5 s. Needs the rules of deploy/prometheus/slo.rules.yaml.",
    (
        Row(
            "Kept",
            (
                Number(
                    "Saves answered in 30 days",
                    f'1 - (sum(increase(examhall_http_request_seconds_count{{{_SAVES}, status=~"5.."}}[30d])) or vector(0))'
                    f" / sum(increase(examhall_http_request_seconds_count{{{_SAVES}}}[30d]))",
                    SHARE,
                    "Promised: 99.99 %.",
                    limit=1 - _BUDGET,
                    is_more_better=True,
                    decimals=4,
                    width=8,
                ),
                Number(
                    "Saves within 300 ms in a day",
                    f'sum(increase(examhall_http_request_seconds_bucket{{{_SAVES}, le="0.3"}}[1d]))'
                    f" / sum(increase(examhall_http_request_seconds_count{{{_SAVES}}}[1d]))",
                    SHARE,
                    "Promised: 99 %.",
                    limit=0.99,
                    is_more_better=True,
                    decimals=2,
                    width=8,
                ),
                Number(
                    "Alerts within 5 s in a day",
                    'sum(increase(examhall_alert_seconds_bucket{le="5.0"}[1d])) / sum(increase(examhall_alert_seconds_count[1d]))',
                    SHARE,
                    "Promised: 99 %.",
                    limit=0.99,
                    is_more_better=True,
                    decimals=2,
                    width=8,
                ),
            ),
        ),
        Row(
            "How fast the allowance goes",
            (
                Panel(
                    "Saves that fail, in times of what may",
                    [
                        Query(f"examhall:saves_failed:ratio_{window} / {_BUDGET}", window)
                        for window in ("5m", "1h", "6h", "3d")
                    ],
                    NUMBER,
                    "At 1 the allowance lasts a month; at 14.4 two days, and somebody is woken.",
                    limit=14.4,
                    width=12,
                ),
                Panel(
                    "Saves that are slow",
                    [Query(f"examhall:saves_slow:ratio_{window}", window) for window in ("5m", "1h")],
                    SHARE,
                    "Above 300 ms; 1 % may be.",
                    limit=0.01,
                    width=12,
                ),
                Panel(
                    "Saves a second",
                    [Query("examhall:saves:rate5m", "saves")],
                    PER_SECOND,
                    "What the shares are of.",
                    width=12,
                ),
                Panel(
                    "Alerts that come late",
                    [Query("examhall:alerts_late:ratio_5m", "alerts")],
                    SHARE,
                    "After more than 5 s; 1 % may.",
                    limit=0.01,
                    width=12,
                ),
            ),
        ),
    ),
    since="now-7d",
)
