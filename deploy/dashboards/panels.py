"""How a panel looks: the same units, legends and sizes on every dashboard."""

from collections.abc import Sequence
from dataclasses import dataclass

from grafana_foundation_sdk.builders import common, dashboard, prometheus, stat, timeseries
from grafana_foundation_sdk.models.common import (
    GraphDrawStyle,
    GraphThresholdsStyleMode,
    LegendDisplayMode,
    LegendPlacement,
    StackingMode,
    TooltipDisplayMode,
)
from grafana_foundation_sdk.models.dashboard import (
    DashboardCursorSync,
    DataSourceRef,
    Threshold,
    ThresholdsMode,
    VariableRefresh,
)

SECONDS, PER_SECOND, SHARE, NUMBER, BYTES = "s", "reqps", "percentunit", "short", "bytes"
RATE = "$__rate_interval"

_SOURCE = DataSourceRef(type_val="prometheus", uid="${datasource}")
_WIDTH = 24
# Their buckets lead to traces (chassis/metrics.py): a point for each, which opens it.
_WITH_EXEMPLARS = (
    "examhall_http_request_seconds",
    "examhall_grpc_request_seconds",
    "examhall_event_lag_seconds",
    "examhall_alert_seconds",
)


@dataclass(frozen=True)
class Query:
    """A query in PromQL and what its lines are called."""

    expression: str
    legend: str = ""


@dataclass(frozen=True)
class Panel:
    """Lines over time; `limit` is where it becomes bad, drawn as a line. `about` says how to read it."""

    title: str
    queries: Sequence[Query]
    unit: str
    about: str
    limit: float | None = None
    is_stacked: bool = False
    width: int = 8


@dataclass(frozen=True)
class Number:
    """One number now; green below `limit` and red from there, or the other way round when more is better."""

    title: str
    query: str
    unit: str
    about: str
    limit: float | None = None
    is_more_better: bool = False
    decimals: int | None = None
    width: int = 4


@dataclass(frozen=True)
class Row:
    """Panels that belong together."""

    title: str
    panels: Sequence[Panel | Number]


@dataclass(frozen=True)
class Dashboard:
    """A dashboard, named by its file in deploy/grafana/."""

    name: str
    title: str
    about: str
    rows: Sequence[Row]
    has_services: bool = False
    since: str = "now-3h"


def quantile(share: float, metric: str, selector: str = "", by: str = "") -> str:
    """The PromQL of a histogram's quantile, one line for each value of the label `by`."""
    labels = ", ".join(filter(None, (by, "le")))
    return f"histogram_quantile({share}, sum by ({labels}) (rate({metric}_bucket{{{selector}}}[{RATE}])))"


def quantiles(metric: str, selector: str = "") -> list[Query]:
    """Median, 95 % and 99 % of a histogram."""
    return [
        Query(quantile(share, metric, selector), name)
        for share, name in ((0.5, "half"), (0.95, "95 %"), (0.99, "99 %"))
    ]


def rate(metric: str, selector: str = "", by: str = "") -> str:
    """The PromQL of a counter's rate a second, one line for each value of the label `by`."""
    grouped = f"sum by ({by})" if by else "sum"
    return f"{grouped} (rate({metric}{{{selector}}}[{RATE}]))"


def built(described: Dashboard) -> dashboard.Dashboard:
    """Grafana's builder of a dashboard."""
    made = (
        dashboard.Dashboard(f"Examhall: {described.title}")
        .uid(f"examhall-{described.name}")
        .description(described.about)
        .tags(["examhall"])
        .refresh("10s")
        .time(described.since, "now")
        .timezone("browser")
        .tooltip(DashboardCursorSync.CROSSHAIR)
        .with_variable(dashboard.DatasourceVariable("datasource").label("Prometheus").type("prometheus"))
    )
    if described.has_services:
        made = made.with_variable(
            dashboard.QueryVariable("service")
            .label("Service")
            .datasource(_SOURCE)
            .query('label_values(up{job="examhall"}, service)')
            .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
            .multi(True)
            .include_all(True)
            .all_value(".+")
        )
    for row in described.rows:
        made = made.with_row(dashboard.Row(row.title))
        for panel in row.panels:
            made = made.with_panel(_number(panel) if isinstance(panel, Number) else _lines(panel))
    return made


def _query(query: Query, number: int) -> prometheus.Dataquery:
    return (
        prometheus.Dataquery()
        .expr(query.expression)
        .legend_format(query.legend or "__auto")
        .ref_id(chr(ord("A") + number))
        .datasource(_SOURCE)
    )


def _lines(panel: Panel) -> timeseries.Panel:
    made = (
        timeseries.Panel()
        .title(panel.title)
        .description(panel.about)
        .datasource(_SOURCE)
        .unit(panel.unit)
        .min(0)
        .span(min(panel.width, _WIDTH))
        .height(8)
        .line_width(1)
        .fill_opacity(30 if panel.is_stacked else 8)
        .draw_style(GraphDrawStyle.LINE)
        .legend(
            common.VizLegendOptions()
            .display_mode(LegendDisplayMode.LIST)
            .placement(LegendPlacement.BOTTOM)
            .show_legend(True)
        )
        .tooltip(common.VizTooltipOptions().mode(TooltipDisplayMode.MULTI))
    )
    if panel.is_stacked:
        made = made.stacking(common.StackingConfig().mode(StackingMode.NORMAL))
    if panel.limit is not None:
        made = made.thresholds(_thresholds(panel.limit, is_more_better=False)).thresholds_style(
            common.GraphThresholdsStyleConfig().mode(GraphThresholdsStyleMode.DASHED)
        )
    has_points = False
    for number, query in enumerate(panel.queries):
        is_first = _has_exemplars(query) and not has_points  # several quantiles of one histogram have the same points
        made = made.with_target(_query(query, number).exemplar(is_first))
        has_points |= is_first
    return made


def _has_exemplars(query: Query) -> bool:
    return any(f"{metric}_bucket" in query.expression for metric in _WITH_EXEMPLARS)


def _number(panel: Number) -> stat.Panel:
    made = (
        stat.Panel()
        .title(panel.title)
        .description(panel.about)
        .datasource(_SOURCE)
        .unit(panel.unit)
        .span(panel.width)
        .height(4)
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
        .with_target(_query(Query(panel.query), 0).instant())
    )
    if panel.decimals is not None:
        made = made.decimals(panel.decimals)
    if panel.limit is not None:
        made = made.thresholds(_thresholds(panel.limit, panel.is_more_better))
    return made


def _thresholds(limit: float, is_more_better: bool) -> dashboard.ThresholdsConfig:
    below, above = ("red", "green") if is_more_better else ("green", "red")
    return (
        dashboard.ThresholdsConfig()
        .mode(ThresholdsMode.ABSOLUTE)
        .steps([Threshold(value=None, color=below), Threshold(value=limit, color=above)])
    )
