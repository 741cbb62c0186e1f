"""Stored measurements → what charts judge: a matrix of windows × components for each chart and source."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from airflow_ml_monitor.measurement import Status
from airflow_ml_monitor.metrics.interval import Z
from airflow_ml_monitor.metrics.metric import Worse, metric_named
from airflow_ml_monitor.policy.chart import Chart
from airflow_ml_monitor.policy.charts.charted import Charted
from airflow_ml_monitor.store.records import Recorded

_WORSE = {Worse.UP: 1, Worse.DOWN: -1, Worse.BOTH: 0}


def charted(charts: Sequence[Chart], found: Sequence[Recorded]) -> list[Charted]:
    """Each chart's series, one for each source, model version and reference that measured it.

    found: current measurements of one window rule, the whole only. Where versions are measured one by one, the value
    of all of them together is left out.
    """
    made = []
    for chart in charts:
        parts: dict[tuple[str, str, str], list[Recorded]] = defaultdict(list)
        for r in found:
            is_mine = r.measurement.metric == chart.metric and _looked_at(chart, r.measurement.column)
            if is_mine and r.measurement.status is Status.OK and r.measurement.estimate is not None:
                parts[r.head.dataset, r.head.model_version, r.head.reference].append(r)
        versioned = {(dataset, r.head.window) for (dataset, version, _), rows in parts.items() if version for r in rows}
        for (dataset, version, _), rows in sorted(parts.items()):
            mine = [r for r in rows if version or (dataset, r.head.window) not in versioned]
            if mine:
                made.append(_matrix(chart, dataset, version, mine))
    return made


def _looked_at(chart: Chart, column: str) -> bool:
    return not chart.columns or column in chart.columns


def _matrix(chart: Chart, dataset: str, version: str, rows: Sequence[Recorded]) -> Charted:
    windows = sorted({r.head.window for r in rows})
    names = sorted({(r.measurement.column, r.measurement.parameters) for r in rows})
    at, of = {window: i for i, window in enumerate(windows)}, {name: i for i, name in enumerate(names)}
    value, variance, count = (np.full((len(windows), len(names)), np.nan) for _ in range(3))
    for r in rows:
        place = at[r.head.window], of[r.measurement.column, r.measurement.parameters]
        e = r.measurement.estimate
        assert e is not None  # chosen by the caller
        value[place], count[place] = e.value, e.n
        if e.low is not None and e.high is not None:
            variance[place] = ((e.high - e.low) / (2 * Z)) ** 2
    # What has no interval is not told apart from its noise.
    value = np.where(np.isfinite(variance), value, np.nan)
    worse = _WORSE[metric_named(chart.metric).worse]
    about = (rows[0].head.rule, version, tuple(windows), tuple(names))
    return Charted(chart, dataset, *about, value, variance, count, worse)
