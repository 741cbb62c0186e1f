"""Total variation distance of predicted and realised classes."""

from __future__ import annotations

import numpy as np

from airflow_ml_monitor.measurement import Estimate, Family
from airflow_ml_monitor.metrics.metric import Subject, Worse, metric
from airflow_ml_monitor.metrics.no_change import DRAWS, judged
from airflow_ml_monitor.profile.cells import Counts, Floats
from airflow_ml_monitor.profile.labelled_view import LabelledView
from airflow_ml_monitor.profile.task import TaskKind


@metric(Family.PERFORMANCE, Subject.LABELLED, range=(0.0, 1.0), worse=Worse.UP, tasks=(TaskKind.MULTICLASS,))
def total_variation(rows: LabelledView) -> Estimate:
    """Distance between the shares in which classes are predicted and those in which they are the label.

    In [0, 1]: the share of the labelled rows that would have to be predicted otherwise for every class to be predicted
    as often as it is the label; half the sum of prediction_surplus over the classes, whatever its signs. An undeclared
    class counts as one. Errors that cancel are not seen: 0 says that the shares are right, not the predictions. Its
    noise and p-value are those of windows in which the errors from any class to another are as likely as back, drawn
    from the errors at hand (Bowker 1948). TooFew without labels.
    """
    rows.need(1)
    counts = rows.table.counts
    value = float(_moved(counts.sum(axis=0) - counts.sum(axis=1))) / rows.n
    noise, p = judged(value * rows.n, _drawn(counts))
    return Estimate(value, rows.n, p_value=p, noise=noise / rows.n)


def _moved(surplus: Counts) -> Floats:
    """Rows that make up a surplus of predictions over labels, by class on the last axis."""
    found: Floats = np.abs(surplus).sum(axis=-1) / 2
    return found


def _drawn(counts: Counts) -> Floats:
    """The same of tables in which each error is as likely to be its own reverse."""
    first, second = np.triu_indices(len(counts), 1)
    errors = counts[first, second] + counts[second, first]
    swapped = 2 * np.random.default_rng(19480).binomial(errors, 0.5, (DRAWS, len(errors))) - errors
    surplus = np.zeros((DRAWS, len(counts)), np.int64)
    for i, (a, b) in enumerate(zip(first.tolist(), second.tolist(), strict=True)):
        surplus[:, a] += swapped[:, i]
        surplus[:, b] -= swapped[:, i]
    return _moved(surplus)
