"""The kinds of panel that dashboards are built from, in one style.

A title says what is drawn, a description which question it answers, and a panel without data says
why. Colours have one meaning everywhere: red is an error, orange is pending, green is good.
"""

from collections.abc import Sequence
from string import ascii_uppercase
from typing import Literal

from grafana_foundation_sdk.builders import common, dashboard, prometheus, stat, timeseries
from grafana_foundation_sdk.models import common as common_models
from grafana_foundation_sdk.models import dashboard as models

SOURCE = models.DataSourceRef(type_val="prometheus", uid="prometheus")
COLUMNS = 24

NO_TRAFFIC = "No traffic yet: start some with `make load`"
NO_EVENTS = "No such event yet"
ONLY_IN_A_CLUSTER = "In a cluster only: the metric comes from kube-state-metrics"

Unit = Literal["reqps", "s", "percentunit", "short", "cps"]


def query(expression: str, legend: str) -> prometheus.Dataquery:
    """A PromQL query; `legend` may use `{{label}}`."""
    return prometheus.Dataquery().expr(expression).legend_format(legend).range()


def graph(
    title: str,
    question: str,
    queries: Sequence[prometheus.Dataquery],
    *,
    unit: Unit,
    width: int = 8,
    height: int = 8,
    when_empty: str = NO_TRAFFIC,
    steps: bool = False,
    stacked: bool = False,
) -> timeseries.Panel:
    """A time series from zero; `steps` draws counts, which have no values in between."""
    panel = (
        timeseries.Panel()
        .title(title)
        .description(question)
        .datasource(SOURCE)
        .unit(unit)
        .min(0)
        .span(width)
        .height(height)
        .no_value(when_empty)
        .line_width(2)
        .fill_opacity(0)
        .show_points(common_models.VisibilityMode.NEVER)
        .legend(
            common.VizLegendOptions()
            .display_mode(common_models.LegendDisplayMode.LIST)
            .placement(common_models.LegendPlacement.BOTTOM)
            .show_legend(True)
        )
        .tooltip(
            common.VizTooltipOptions()
            .mode(common_models.TooltipDisplayMode.MULTI)
            .sort(common_models.SortOrder.DESCENDING)
        )
    )
    if steps:
        panel = panel.line_interpolation(common_models.LineInterpolation.STEP_AFTER).decimals(0)
    if stacked:
        panel = panel.fill_opacity(30).stacking(
            common.StackingConfig().mode(common_models.StackingMode.NORMAL)
        )
    for letter, target in zip(ascii_uppercase, queries, strict=False):
        panel = panel.with_target(target.ref_id(letter))
    return panel


def number(
    title: str,
    question: str,
    expression: str,
    *,
    unit: Unit,
    width: int = 4,
    when_empty: str = NO_TRAFFIC,
    bad_above: float | None = None,
) -> stat.Panel:
    """One current value; red from `bad_above` on."""
    steps = [models.Threshold(value=None, color="text")]
    if bad_above is not None:
        steps.append(models.Threshold(value=bad_above, color="red"))
    return (
        stat.Panel()
        .title(title)
        .description(question)
        .datasource(SOURCE)
        .unit(unit)
        .span(width)
        .height(4)
        .no_value(when_empty)
        .thresholds(dashboard.ThresholdsConfig().mode(models.ThresholdsMode.ABSOLUTE).steps(steps))
        .with_target(query(expression, "").ref_id("A"))
    )


def page(uid: str, title: str, description: str) -> dashboard.Dashboard:
    """An empty dashboard: the last 15 minutes, refreshed every 5 s."""
    return (
        dashboard.Dashboard(title)
        .uid(uid)
        .description(description)
        .tags(["cartwheel"])
        .time("now-15m", "now")
        .refresh("5s")
        .timezone("browser")
        .tooltip(models.DashboardCursorSync.CROSSHAIR)
        .readonly()
    )


def row(title: str) -> dashboard.Row:
    """A heading for the panels that follow."""
    return dashboard.Row(title)
