"""Prediction surplus."""

from __future__ import annotations

from airflow_ml_monitor.measurement import Estimate, Estimates, Family
from airflow_ml_monitor.metrics.metric import Subject, Worse, metric
from airflow_ml_monitor.metrics.paired import share_gain
from airflow_ml_monitor.metrics.performance import label_rate, prediction_rate
from airflow_ml_monitor.metrics.rate_gap import rate_gap
from airflow_ml_monitor.profile.cells import Floats
from airflow_ml_monitor.profile.labelled_view import LabelledView, ScoredCells
from airflow_ml_monitor.profile.task import TaskKind
from airflow_ml_monitor.profile.totals_view import TotalsView


def formula(cells: ScoredCells) -> Floats:
    """(FP - FN) / rows."""
    return prediction_rate.formula(cells) - label_rate.formula(cells)


def of_totals(rows: TotalsView) -> Estimate:
    """(Decided positive - positives) / rows."""
    return rate_gap(rows, rows.decided / rows.n)


@metric(
    Family.PERFORMANCE,
    Subject.LABELLED,
    range=(-1.0, 1.0),
    worse=Worse.BOTH,
    tasks=(TaskKind.BINARY, TaskKind.MULTICLASS, TaskKind.MULTILABEL),
    formula=formula,
    of_totals=of_totals,
)
def prediction_surplus(rows: LabelledView) -> Estimate | Estimates:
    """How much more often a positive is predicted than it is the label, as a share of the labelled rows.

    From -1 to 1, without a unit: predicted against realised distribution, whose shares are prediction_rate and
    label_rate. The interval joins those of the rows that are predicted so and are not, and are so and not predicted,
    with their correlation (Zou 2007); it assumes independent rows. TooFew without labels. Of several classes class=a
    for each; total_variation is one number for all of them. Of totals which predictions are wrong is not known: the
    interval is the label rate's, predictions taken as given.
    """
    rows.need(1)
    if rows.task.kind is TaskKind.BINARY:
        _, fp, fn, _ = rows.confusion()
        return share_gain(fp, fn, rows.n)
    table = rows.margins
    found = {}
    for k, name in enumerate(table.names):
        more, fewer = (int(margin[k] - table.right[k]) for margin in (table.predictions, table.labels))
        found[f"class={name}"] = share_gain(more, fewer, rows.n)
    return found
