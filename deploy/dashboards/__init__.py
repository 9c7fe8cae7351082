"""Grafana's dashboards, written in Python and kept as JSON in deploy/grafana/: `python -m deploy.dashboards write`, or `check`."""

import warnings

# Grafana's sidecar and every Grafana in use read the classic format; its successor is not stable yet.
warnings.filterwarnings("ignore", "Prefer using dashboardv2", DeprecationWarning)
