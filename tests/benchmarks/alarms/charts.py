"""The package's charts on a stream: its own components, panel and fold, on daily counts per cell."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
from performance import Performance
from streams import FIRST, MISSING, OTHER, Feature, Stream

from airflow_ml_monitor.keys import Window, WindowRule, WindowUnit
from airflow_ml_monitor.metrics.components import Cut, components
from airflow_ml_monitor.policy.chart import Chart
from airflow_ml_monitor.policy.charts.charted import Charted, Part
from airflow_ml_monitor.policy.charts.watch import Watched, watch

DIAL = 1.0
DAY = WindowRule(WindowUnit.DAY)


def charts(stream: Stream, dial: float = DIAL) -> tuple[np.ndarray, np.ndarray]:
    """(alarms, scores), each (T, columns): how far the furthest component of a column is beyond its limit."""
    charted = of_stream(stream)
    found = watched(charted, stream.start, dial)
    columns = {feature.name: number for number, feature in enumerate(stream.features)}
    place = np.array([columns[name] for name in charted.columns])
    alarms, scores = np.zeros((2, len(stream.dates), len(columns)))
    for j, column in enumerate(place):
        alarms[:, column] = np.maximum(alarms[:, column], found.alarm[:, j])
        scores[:, column] = np.maximum(scores[:, column], found.excess[:, j])
    return alarms > 0, scores


def charted_auc(series: Performance, dial: float = DIAL) -> np.ndarray:
    """(T, 3): alarms of realised ROC AUC alone, the first of the metrics; only a loss is one."""
    value, variance = series.values[:, :1], series.errors[:, None] ** 2
    chart, count = Chart("roc_auc"), np.full(value.shape, float(series.labels))
    charted = Charted(chart, "", DAY, "", _windows(series.dates), (Part("", ""),), value, variance, count, worse=-1)
    alarm = watched(charted, series.start, dial).alarm
    return np.column_stack([alarm, np.zeros((len(alarm), series.values.shape[1] - 1), bool)])


def watched(charted: Charted, start: int, dial: float = DIAL) -> Watched:
    """The fold, with so many first days known to be in control."""
    return watch(replace(charted.panel(()), trusted=start), dial)


def of_stream(stream: Stream) -> Charted:
    """Every column's components, day by day."""
    names, values, rows = [], [], []
    for feature in stream.features:
        days = feature.days.astype(float)
        for name, (value, n) in components(_cut(feature), feature.reference.astype(float), days).items():
            names.append(Part(feature.name, name))
            values.append(value)
            rows.append(n)
    value, count = np.array(values).T, np.array(rows).T
    variance = 1 / np.maximum(count, 1)
    return Charted(Chart(), "", DAY, "", _windows(stream.dates), tuple(names), value, variance, count)


def _cut(feature: Feature) -> Cut:
    every = np.arange(len(feature.reference))
    shares = {"missing": every == MISSING}
    if feature.is_numeric:
        return Cut({**shares, "outside": np.isin(every, (FIRST, every[-1]))}, every[FIRST:])
    known = {f"{number}": int(number) for number in every[FIRST:]}
    return Cut.of_categories({**shares, "other": every == OTHER}, known, feature.reference.astype(float))


def _windows(dates: np.ndarray) -> tuple[Window, ...]:
    days = [datetime.fromisoformat(str(day)).replace(tzinfo=UTC) for day in dates]
    return tuple(Window(day, day + timedelta(days=1)) for day in days)
