"""Jensen-Shannon distance of the labels."""

from __future__ import annotations

import numpy as np

from airflow_ml_monitor.errors import TooFew
from airflow_ml_monitor.measurement import Estimate, Family
from airflow_ml_monitor.metrics.drift.jensen_shannon import by_chance, distance
from airflow_ml_monitor.metrics.metric import Subject, Worse, metric
from airflow_ml_monitor.metrics.no_change import compared_counts
from airflow_ml_monitor.profile.cells import Counts
from airflow_ml_monitor.profile.labelled_view import LabelledPair, LabelledView
from airflow_ml_monitor.profile.task import TaskKind


def _by_class(rows: LabelledView) -> Counts:
    """Labelled rows of each class; of several the undeclared come last."""
    classes = len(rows.task.classes) + 1 if rows.task.classes else 2
    return np.bincount(rows.label, weights=rows.count, minlength=classes).round().astype(np.int64)


@metric(
    Family.PERFORMANCE,
    Subject.LABELLED_PAIR,
    range=(0.0, 1.0),
    worse=Worse.UP,
    tasks=(TaskKind.BINARY, TaskKind.MULTICLASS),
    symmetric=True,
)
def label_drift(pair: LabelledPair) -> Estimate:
    """Root of the Jensen-Shannon divergence, in bits, between the labels' classes in the reference and in the window.

    In [0, 1]; 1 where no class is shared. On the scale of `jensen_shannon` of columns, that of a prediction's among
    them: predictions that drift while labels do not are a model's fault. Undeclared classes count as one. Given once
    a window's labels are judged; before, those of one class may have come first. `label_rate` tells in which direction.
    noise, p_value: the divergence is (1/n + 1/m)/(8 ln 2) times chi-square, or the labels are redrawn where a class
    expects fewer than ten rows; both assume independent rows. TooFew without labels on either side.
    Lin 1991; Endres and Schindelin 2003; Lipton, Wang and Smola 2018.
    """
    if not pair.reference.n or not pair.current.n:
        raise TooFew(f"{pair.reference.n} labels in the reference and {pair.current.n} in the window; both need some")
    reference, current = _by_class(pair.reference), _by_class(pair.current)
    there = reference + current > 0
    return compared_counts(reference[there], current[there], distance, by_chance)
