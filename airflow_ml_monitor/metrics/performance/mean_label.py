"""Mean label."""

from __future__ import annotations

from airflow_ml_monitor.measurement import Estimate, Family
from airflow_ml_monitor.metrics import interval
from airflow_ml_monitor.metrics.metric import Subject, Worse, metric
from airflow_ml_monitor.profile.labelled_view import LabelledView
from airflow_ml_monitor.profile.task import TaskKind
from airflow_ml_monitor.profile.totals_view import TotalsView


def of_totals(rows: TotalsView) -> Estimate:
    """Sum of labels / rows."""
    return Estimate(rows.mean_label, rows.n)


@metric(
    Family.PERFORMANCE,
    Subject.LABELLED,
    range=(-float("inf"), float("inf")),
    worse=Worse.BOTH,
    unit="label",
    tasks=(TaskKind.REGRESSION,),
    of_totals=of_totals,
)
def mean_label(rows: LabelledView) -> Estimate:
    """Mean of the labels: what the model should predict on average.

    In the label's unit; mean_prediction is its counterpart, and bias the difference of the two. The interval is
    Student's t (1908), widened for skewness (Hall 1992) as bias's is; it assumes independent rows. None for a single
    row, and of totals, which do not tell how labels vary. TooFew without labels.
    """
    rows.need(1)
    first, second, third = (rows.total(name) / rows.n for name in ("truth", "truth2", "truth3"))
    return Estimate(first, rows.n, *(interval.moments_mean(first, second, third, rows.n) or (None, None)))
