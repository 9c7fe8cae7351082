"""The proctoring service's own metrics, beside those of every service."""

from prometheus_client import Counter, Histogram

SIGNALS_TAKEN = Counter("examhall_signals_total", "Signals of browsers taken in, by kind", ["kind"])
VIOLATIONS = Counter("examhall_violations_total", "Violations told to proctors")
ALERTS = Counter(
    "examhall_alerts_total", "Alerts raised, by kind and severity; one that grows counts once", ["kind", "severity"]
)
ALERT_SECONDS = Histogram(
    "examhall_alert_seconds",
    "From the observation that raised an alert, by the server's clock, to its being taken in here",
    buckets=(0.25, 0.5, 1, 2, 5, 10, 30, 60, 300),
)
PAIRS = Counter(
    "examhall_collusion_pairs_total", "Pairs whose verdict changed, by outcome (flagged, cleared)", ["outcome"]
)
