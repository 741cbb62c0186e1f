"""Average precision."""

from __future__ import annotations

import numpy as np

from airflow_ml_monitor.errors import Undefined
from airflow_ml_monitor.measurement import Estimate, Estimates, Family
from airflow_ml_monitor.metrics import interval
from airflow_ml_monitor.metrics.by_label import of_each_class
from airflow_ml_monitor.metrics.metric import Subject, Worse, metric
from airflow_ml_monitor.metrics.quotient import quotient
from airflow_ml_monitor.profile.cells import Counts, Floats
from airflow_ml_monitor.profile.labelled_view import LabelledView, ScoredCells
from airflow_ml_monitor.profile.task import TaskKind


def formula(cells: ScoredCells) -> Floats:
    """The sum over buckets, best first, of the recall gained times the precision so far."""
    p, n = (part[..., ::-1] for part in cells.by_bucket)
    found, rows = np.cumsum(p, axis=-1), np.cumsum(p + n, axis=-1)
    # Before the first row of a draw there is nothing to be precise about, and no recall is gained.
    precision = np.nan_to_num(quotient(found, rows))
    return np.minimum(quotient((p * precision).sum(axis=-1), p.sum(axis=-1)), 1.0)


@metric(
    Family.PERFORMANCE,
    Subject.LABELLED,
    range=(0.0, 1.0),
    worse=Worse.DOWN,
    tasks=(TaskKind.BINARY, TaskKind.MULTILABEL),
    version=2,
    formula=formula,
    by_draws=True,
)
def average_precision(rows: LabelledView) -> Estimate | Estimates:
    """Mean of the precision at every positive's score: the area under the precision-recall curve, in steps.

    In [0, 1]; chance is the share of positives, so values from windows of different base rates do not compare; a
    bucket of scores is one threshold. The interval is the infinitesimal jackknife on the logit scale, t with the
    positives less one; its lower end allows for each positive counting itself. Where few positives, or few right or
    wrong among the best scored, are behind it, it is joined with one drawn to the middle. It assumes independent rows.
    n: labelled rows. Undefined without positives. TooFew without labels.
    Where a row may have several classes: class=a for each, and average=macro, over classes that have a value; undefined
    without scores.
    Davis and Goadrich 2006; Efron 1982.
    """
    rows.need(1)
    if rows.task.kind is TaskKind.MULTILABEL:
        return of_each_class(rows, _of_scores)
    return _of_scores(rows)


def _of_scores(rows: LabelledView) -> Estimate:
    _, positives, negatives, _ = rows.by_score
    if not positives.sum():
        raise Undefined("no label is positive")
    p, n = positives[::-1], negatives[::-1]
    value = float(formula(rows.scored))
    return Estimate(value, rows.n, *_limits(value, p, n))


def _limits(value: float, p: Counts, n: Counts) -> interval.Interval:
    """From positives and negatives by descending score."""
    found, false, total = np.cumsum(p), np.cumsum(n), int(p.sum())
    rows = found + false
    # What one more row in a cell does: to its own precision, and to that of every lower score.
    later = np.cumsum((p * false / rows**2)[::-1])[::-1]
    by_positive = (found / rows - value + later) / total
    by_negative = -np.cumsum((p * found / rows**2)[::-1])[::-1] / total
    variance = float(p @ by_positive**2 + n @ by_negative**2)
    limits = None
    if 0 < value < 1 and variance > 0:
        others = np.where(rows > 1, (found - 1) / np.maximum(rows - 1, 1), total / rows[-1])
        without_itself = min(max(float(p @ others) / total, total / int(rows[-1]) / 2), value)
        limits = interval.outer(
            interval.on_logit(value, variance, total - 1),
            (interval.on_logit(without_itself, variance, total - 1)[0], value),
        )
    if total * min(1.0, value, 1 - value) < interval.FEW:
        drawn = (value * total + 0.5) / (total + 1)
        wide = interval.on_logit(drawn, variance + drawn * (1 - drawn) / total**1.5, total - 1)
        limits = interval.outer(limits, wide, (value, value))
    return limits or (0.0, 1.0)
