"""Matthews correlation."""

from __future__ import annotations

import numpy as np

from airflow_ml_monitor.errors import Undefined
from airflow_ml_monitor.measurement import Estimate, Family
from airflow_ml_monitor.metrics import class_agreement, interval
from airflow_ml_monitor.metrics.metric import Subject, Worse, metric
from airflow_ml_monitor.metrics.quotient import quotient
from airflow_ml_monitor.profile.cells import Floats
from airflow_ml_monitor.profile.labelled_view import LabelledView, ScoredCells
from airflow_ml_monitor.profile.task import TaskKind


def formula(cells: ScoredCells) -> Floats:
    """(TP TN - FP FN) / √((TP + FP)(TP + FN)(TN + FP)(TN + FN))."""
    return of_table(*cells.confusion)


def of_table(tp: Floats, fp: Floats, fn: Floats, tn: Floats) -> Floats:
    """The formula, of counts."""
    # Two roots of two products, so that a table without errors gives exactly 1.
    margins = np.sqrt((tp + fp) * (tp + fn)) * np.sqrt((tn + fp) * (tn + fn))
    return np.clip(quotient(tp * tn - fp * fn, margins), -1.0, 1.0)


@metric(
    Family.PERFORMANCE,
    Subject.LABELLED,
    range=(-1.0, 1.0),
    worse=Worse.DOWN,
    tasks=(TaskKind.BINARY, TaskKind.MULTICLASS),
    formula=formula,
)
def matthews_correlation(rows: LabelledView) -> Estimate:
    """Correlation of prediction and label: 1 is perfect, 0 is chance, -1 always wrong.

    From -1 to 1, without a unit; high only where all four cells of the confusion table are good. The interval is t on
    Fisher's scale with the variance of a correlation's influences, half a row added to each cell (Agresti 2013), joined
    with that of the share of errors where they are few; it assumes independent rows. n: labelled rows. Undefined if
    labels or predictions are of one class. TooFew without labels.
    Yule 1912; Matthews 1975; of several classes Gorodkin 2004.
    """
    rows.need(1)
    if rows.task.kind is TaskKind.MULTICLASS:
        return class_agreement.correlation(rows.table)
    table = rows.confusion()
    tp, fp, fn, tn = table
    if not (tp + fp) * (tn + fn) * (tp + fn) * (tn + fp):
        raise Undefined("the labels, or the predictions, are all of one class")
    value = float(formula(rows.scored))
    share = np.array([[tp, fn], [fp, tn]]) + 0.5
    share /= share.sum()
    # Prediction and label in standard deviations; a row's influence on their correlation.
    x, y = ((np.array([1, 0]) - p) / np.sqrt(p * (1 - p)) for p in (share[:, 0].sum(), share[0].sum()))
    centre = float((share * y[:, None] * x).sum())
    influence = y[:, None] * x - centre * (y[:, None] ** 2 + x**2) / 2
    variance = float((share * influence**2).sum()) / rows.n
    ends = [value, *(float(of_table(*np.array(found))) for found in interval.tables_of_few_errors(*table))]
    limits = interval.outer(interval.on_fisher(centre, variance, rows.n - 1), (min(ends), max(ends)))
    return Estimate(value, rows.n, *(limits or (None, None)))
