"""Prediction surplus."""

from __future__ import annotations

import math

from airflow_ml_monitor.measurement import Estimate, Estimates, Family
from airflow_ml_monitor.metrics import interval
from airflow_ml_monitor.metrics.metric import Subject, Worse, metric
from airflow_ml_monitor.profile.dataset import TaskKind
from airflow_ml_monitor.profile.labelled_view import LabelledView


@metric(
    Family.PERFORMANCE,
    Subject.LABELLED,
    range=(-1.0, 1.0),
    worse=Worse.BOTH,
    tasks=(TaskKind.MULTICLASS, TaskKind.MULTILABEL),
)
def prediction_surplus(rows: LabelledView) -> Estimates:
    """How much more often each class is predicted than it is the label, as a share of the labelled rows: class=a.

    From -1 to 1, without a unit: predicted against realised distribution, whose shares are prediction_rate and
    label_rate. The interval joins those of the rows that are predicted so and are not, and are so and not predicted,
    with their correlation (Zou 2007); it assumes independent rows. TooFew without labels.
    """
    rows.need(1)
    table = rows.margins
    found = {}
    for k, name in enumerate(table.names):
        more, fewer = (int(margin[k] - table.right[k]) for margin in (table.predictions, table.labels))
        found[f"class={name}"] = Estimate((more - fewer) / table.n, table.n, *_limits(more, fewer, table.n))
    return found


def _limits(more: int, fewer: int, n: int) -> interval.Interval:
    """Of the difference of two shares of the same rows, none of which has both."""
    a, b = more / n, fewer / n
    (low, high), (least, most) = interval.share(more, n), interval.share(fewer, n)
    # Shares of a multinomial: where one is larger the other is smaller.
    tie = math.sqrt(a * b / ((1 - a) * (1 - b))) if 0 < a < 1 and 0 < b < 1 else 0.0
    down, up = _joined(a - low, most - b, tie), _joined(high - a, b - least, tie)
    return max(a - b - down, -1.0), min(a - b + up, 1.0)


def _joined(one: float, other: float, correlation: float) -> float:
    return math.sqrt(one**2 + other**2 + 2 * correlation * one * other)
