"""Prediction rate."""

from __future__ import annotations

from airflow_ml_monitor.measurement import Estimate, Estimates, Family
from airflow_ml_monitor.metrics import interval
from airflow_ml_monitor.metrics.metric import Subject, Worse, metric
from airflow_ml_monitor.metrics.quotient import quotient
from airflow_ml_monitor.profile.cells import Floats
from airflow_ml_monitor.profile.labelled_view import LabelledView, ScoredCells
from airflow_ml_monitor.profile.task import UNDECLARED, TaskKind
from airflow_ml_monitor.profile.totals_view import TotalsView


def formula(cells: ScoredCells) -> Floats:
    """(TP + FP) / rows."""
    tp, fp, fn, tn = cells.confusion
    return quotient(tp + fp, tp + fp + fn + tn)


def of_totals(rows: TotalsView) -> Estimate:
    """Decided positive / rows."""
    return interval.share_of(rows.decided, rows.n)


@metric(
    Family.PERFORMANCE,
    Subject.LABELLED,
    range=(0.0, 1.0),
    worse=Worse.BOTH,
    tasks=(TaskKind.BINARY, TaskKind.MULTICLASS, TaskKind.MULTILABEL),
    formula=formula,
    of_totals=of_totals,
)
def prediction_rate(rows: LabelledView) -> Estimate | Estimates:
    """Share of the labelled rows that were predicted positive.

    In [0, 1]. Of rows with a label only: the share among all predictions is the prediction column's own mean. The
    interval (Wilson 1927, Clopper and Pearson 1934 for few) assumes independent rows.
    TooFew without labels. Of several classes: class=a for each, class=undeclared for predictions of any other.
    Of totals that are not of all rows: the share among the predictions of the same day and part.
    """
    rows.need(1)
    if rows.task.classes:
        counts = zip((*rows.margins.names, UNDECLARED), rows.margins.predictions.tolist(), strict=True)
        return {f"class={name}": interval.share_of(k, rows.n) for name, k in counts}
    tp, fp, _, _ = rows.confusion()
    return Estimate(float(formula(rows.scored)), rows.n, *interval.share(tp + fp, rows.n))
