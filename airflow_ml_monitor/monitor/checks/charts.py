"""Whether what charts look at can be there, as far as the spec tells. Light, as spec.py."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_ml_monitor.errors import SpecError, UnknownName
from airflow_ml_monitor.metrics.names import labelled_names, quality_names
from airflow_ml_monitor.monitor.checks.conditions import check_slices, of_no_column
from airflow_ml_monitor.monitor.checks.values import check_need
from airflow_ml_monitor.policy.chart import SHIFT, TOGETHER, Chart

if TYPE_CHECKING:
    from airflow_ml_monitor.monitor.spec import MonitorSpec


def check_charts(spec: MonitorSpec) -> None:
    """SpecError for the first chart that could never be judged."""
    columns = {column.name for dataset in spec.datasets for column in dataset.columns}
    for chart in spec.policy.charts:
        field = f"policy.charts.{chart.title}"
        _check_metric(spec, chart, field)
        check_slices(spec, chart.slices, f"{field}.slices")
        for name, asked in (("columns", chart.columns), ("importance", chart.importance)):
            if unknown := sorted(set(asked) - columns):
                raise UnknownName("column", unknown[0], columns, field=f"{field}.{name}")


def _check_metric(spec: MonitorSpec, chart: Chart, field: str) -> None:
    check_need(spec, chart.metric, f"{field}.metric")
    if chart.metric not in (known := {SHIFT, *TOGETHER} | labelled_names() | quality_names()):
        raise UnknownName("metric that can be charted", chart.metric, known, field=f"{field}.metric")
    if chart.metric in (SHIFT, *TOGETHER) and chart.slices:
        raise SpecError(f"{chart.metric} is measured of the whole only; leave slices out", field=f"{field}.slices")
    if chart.metric not in labelled_names():
        return
    if chart.columns or chart.importance:
        told = f"{of_no_column(chart.metric)}; leave columns and importance out"
        raise SpecError(told, field=f"{field}.columns")
    if not spec.labels:
        raise SpecError(f"{chart.metric!r} needs labels; declare where they come from", field=f"{field}.metric")
