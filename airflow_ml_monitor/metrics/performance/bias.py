"""Bias."""

from __future__ import annotations

from airflow_ml_monitor.measurement import Estimate, Family
from airflow_ml_monitor.metrics import interval
from airflow_ml_monitor.metrics.metric import Subject, Worse, metric
from airflow_ml_monitor.profile.labelled_view import LabelledView
from airflow_ml_monitor.profile.task import TaskKind
from airflow_ml_monitor.profile.totals_view import TotalsView


def of_totals(rows: TotalsView) -> Estimate:
    """(Sum of predictions - sum of labels) / rows."""
    return Estimate(rows.mean_score - rows.mean_label, rows.n)


@metric(
    Family.PERFORMANCE,
    Subject.LABELLED,
    range=(-float("inf"), float("inf")),
    worse=Worse.BOTH,
    unit="label",
    tasks=(TaskKind.REGRESSION,),
    of_totals=of_totals,
)
def bias(rows: LabelledView) -> Estimate:
    """Mean error, prediction less label.

    In the label's unit; 0 is unbiased, above 0 the model predicts too much. The interval is Student's t (1908), widened
    for skewness (Hall 1992), at the 99 % level with fewer than ten rows: exponential errors are covered at 94–98 %,
    lognormal ones (of a normal's deviation 1) with 10 to 30 rows at 90–94 %. It assumes independent rows. None for a
    single row, and of totals, which do not tell how errors vary. TooFew without labels.
    """
    rows.need(1)
    value, second, third = (rows.total(name) / rows.n for name in ("error", "error2", "error3"))
    return Estimate(value, rows.n, *(interval.moments_mean(value, second, third, rows.n) or (None, None)))
