"""Accuracy over the majority."""

from __future__ import annotations

import numpy as np
from scipy.special import ndtri

from airflow_ml_monitor.measurement import Estimate, Family
from airflow_ml_monitor.metrics import interval
from airflow_ml_monitor.metrics.metric import Subject, Worse, metric
from airflow_ml_monitor.metrics.paired import share_difference
from airflow_ml_monitor.metrics.performance import accuracy, label_rate
from airflow_ml_monitor.profile.cells import Floats
from airflow_ml_monitor.profile.labelled_view import LabelledView, ScoredCells
from airflow_ml_monitor.profile.task import TaskKind


def formula(cells: ScoredCells) -> Floats:
    """Accuracy - the larger share of labels."""
    rate = label_rate.formula(cells)
    return accuracy.formula(cells) - np.maximum(rate, 1 - rate)


@metric(
    Family.PERFORMANCE,
    Subject.LABELLED,
    range=(-1.0, 1.0),
    worse=Worse.DOWN,
    tasks=(TaskKind.BINARY, TaskKind.MULTICLASS),
    formula=formula,
)
def accuracy_over_majority(rows: LabelledView) -> Estimate:
    """How much more often the model is right than always predicting the window's most frequent class.

    From -1 to 1, without a unit; 0 is the no-information rate, below 0 the model does worse than that. The interval is
    paired, as accuracy_gain's; every class that could be the most frequent one counts. It assumes independent rows.
    Of several classes an undeclared one is never right and never predicted. TooFew without labels.
    Kuhn 2008.
    """
    rows.need(1)
    if rows.task.kind is TaskKind.MULTICLASS:
        labels, right = rows.table.labels[:-1].tolist(), rows.table.right.tolist()
    else:
        tp, fp, fn, tn = rows.confusion()
        labels, right = [tn + fp, tp + fn], [tn, tp]
    value = (sum(right) - max(labels)) / rows.n
    could_be = [(n, k) for n, k in zip(labels, right, strict=True) if share_difference(max(labels), n, rows.n)[0] <= 0]
    limits = [share_difference(sum(right) - k, n - k, rows.n) for n, k in could_be]
    # The largest of shares that are alike is above them all: of several upper limits the least is too low.
    wider = float(ndtri(1 - 2 * interval.TAIL / max(len(could_be), 2))) / interval.Z
    ends = [((sum(right) - n) / rows.n, high) for (n, _), (_, high) in zip(could_be, limits, strict=True)]
    high = min(min(middle + wider * (end - middle) for middle, end in ends), 1.0)
    return Estimate(value, rows.n, min(low for low, _ in limits), max(value, high))
