"""Stored measurements → what charts judge: a matrix of windows × components for each chart and source."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from airflow_ml_monitor.keys import Window, WindowRule
from airflow_ml_monitor.measurement import Status
from airflow_ml_monitor.metrics.interval import Z
from airflow_ml_monitor.metrics.metric import Worse, metric_named
from airflow_ml_monitor.monitor.spec import MonitorSpec
from airflow_ml_monitor.policy.chart import CALLS, TOGETHER, Chart
from airflow_ml_monitor.policy.charts.charted import Charted, Part, shared
from airflow_ml_monitor.policy.charts.panel import Flags
from airflow_ml_monitor.store.records import Recorded

OTHER_MODELS: Final = 0.2
"""From such a share of calls on that other versions answer, what the model makes is another thing."""
_WORSE = {Worse.UP: 1, Worse.DOWN: -1, Worse.BOTH: 0}


def charted(spec: MonitorSpec, found: Sequence[Recorded]) -> list[Charted]:
    """Each chart's series, one for each source, model version and reference that measured it.

    found: current measurements of the first window rule; with `CALLS` of datasets whose model's own columns begin anew
    with each other version. Where versions are measured one by one, the value of all of them together is left out.
    """
    made = []
    outputs = {dataset.name: frozenset(column.name for column in dataset.outputs) for dataset in spec.datasets}
    for chart in spec.charts:
        parts: dict[tuple[str, str, str], list[Recorded]] = defaultdict(list)
        for r in found:
            m = r.measurement
            is_mine = m.metric == chart.metric and chart.looks_at(m.column, m.slice)
            # What is largest of many has no sign: its parts are watched.
            is_mine &= chart.metric not in TOGETHER or bool(m.parameters)
            if is_mine and r.measurement.status is Status.OK and r.measurement.estimate is not None:
                parts[r.head.dataset, r.head.model_version, r.head.reference].append(r)
        versioned = {(dataset, r.head.window) for (dataset, version, _), rows in parts.items() if version for r in rows}
        for (dataset, version, _), rows in sorted(parts.items()):
            mine = [r for r in rows if version or (dataset, r.head.window) not in versioned]
            if mine:
                matrix = _matrix(chart, dataset, spec.windows[0], version, mine)
                models = _other_models(matrix.windows, _calls(found, dataset))
                own, holidays = outputs.get(dataset, frozenset()), frozenset(spec.policy.holidays)
                made.append(replace(matrix, models=models, made=own, holidays=holidays))
    return shared(made, sum(chart.weight for chart in spec.charts))


def _calls(found: Sequence[Recorded], dataset: str) -> dict[Window, dict[str, float]]:
    """{window: {version: share of the calls that it answered}} of a dataset."""
    calls: dict[Window, dict[str, float]] = defaultdict(dict)
    for r in found:
        m = r.measurement
        if m.metric == CALLS and r.head.dataset == dataset and m.estimate is not None:
            calls[r.head.window][m.parameters] = m.estimate.value / m.estimate.n
    return calls


def _other_models(windows: Sequence[Window], calls: Mapping[Window, Mapping[str, float]]) -> Flags:
    """(T,): the windows from which on other versions answer than since the last such one."""
    usual: Mapping[str, float] = {}
    found = np.zeros(len(windows), bool)
    for t, now in enumerate(calls.get(window, {}) for window in windows):
        if not now:
            continue
        moved = sum(abs(now.get(v, 0.0) - usual.get(v, 0.0)) for v in {*now, *usual}) / 2
        found[t] = bool(usual) and moved >= OTHER_MODELS
        usual = now if found[t] or not usual else usual
    return found


def _matrix(chart: Chart, dataset: str, rule: WindowRule, version: str, rows: Sequence[Recorded]) -> Charted:
    windows = sorted({r.head.window for r in rows})
    names = sorted({_part(r) for r in rows})
    at, of = {window: i for i, window in enumerate(windows)}, {name: i for i, name in enumerate(names)}
    value, variance, count = (np.full((len(windows), len(names)), np.nan) for _ in range(3))
    for r in rows:
        place = at[r.head.window], of[_part(r)]
        e = r.measurement.estimate
        assert e is not None  # chosen by the caller
        value[place], count[place] = e.value, e.n
        if e.low is not None and e.high is not None:
            variance[place] = ((e.high - e.low) / (2 * Z)) ** 2
    # What has no interval is not told apart from its noise.
    value = np.where(np.isfinite(variance), value, np.nan)
    worse = _WORSE[metric_named(chart.metric).worse]
    return Charted(chart, dataset, rule, version, tuple(windows), tuple(names), value, variance, count, worse)


def _part(r: Recorded) -> Part:
    return Part(r.measurement.column, r.measurement.parameters, r.measurement.slice)
