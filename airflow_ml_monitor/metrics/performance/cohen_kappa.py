"""Cohen's kappa."""

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
    """Agreement above chance over the most that it could be: 2 (TP TN - FP FN) over both margins' cross products."""
    return of_table(*cells.confusion)


def of_table(tp: Floats, fp: Floats, fn: Floats, tn: Floats) -> Floats:
    """The formula, of counts."""
    return quotient(2 * (tp * tn - fp * fn), (tp + fp) * (fp + tn) + (tp + fn) * (fn + tn))


@metric(
    Family.PERFORMANCE,
    Subject.LABELLED,
    range=(-1.0, 1.0),
    worse=Worse.DOWN,
    tasks=(TaskKind.BINARY, TaskKind.MULTICLASS),
    formula=formula,
)
def cohen_kappa(rows: LabelledView) -> Estimate:
    """How far predictions agree with labels beyond what their class shares alone would give.

    From -1 to 1, without a unit; 1 is perfect, 0 is chance. The interval is t on Fisher's scale with the variance of
    Fleiss, Cohen and Everitt (1969), half a row added to each cell of the confusion table, joined with that of the
    share of errors where they are few; it assumes independent rows. n: labelled rows. Undefined if labels and
    predictions are all of one and the same class. TooFew without labels. Of several classes likewise.
    Cohen 1960.
    """
    rows.need(1)
    if rows.task.kind is TaskKind.MULTICLASS:
        return class_agreement.kappa(rows.table)
    table = rows.confusion()
    tp, fp, fn, tn = table
    if rows.n in (tp, tn):
        raise Undefined("labels and predictions are all of one class")
    value = float(formula(rows.scored))
    share = np.array([[tp, fn], [fp, tn]]) + 0.5
    share /= share.sum()
    label, prediction = share.sum(axis=1), share.sum(axis=0)
    right, chance = float(np.trace(share)), float(label @ prediction)
    centre = (right - chance) / (1 - chance)
    # A row's influence: on the agreement, and on the agreement by chance.
    by_chance = prediction[:, None] + label - 2 * chance
    influence = (np.eye(2) - right) / (1 - chance) - (1 - right) * by_chance / (1 - chance) ** 2
    variance = float((share * influence**2).sum()) / rows.n
    ends = [value, *(float(of_table(*np.array(found))) for found in interval.tables_of_few_errors(*table))]
    limits = interval.outer(interval.on_fisher(centre, variance, rows.n - 1), (min(ends), max(ends)))
    return Estimate(value, rows.n, *(limits or (None, None)))
