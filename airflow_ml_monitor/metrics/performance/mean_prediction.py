"""Mean prediction."""

from __future__ import annotations

from airflow_ml_monitor.measurement import Estimate, Family
from airflow_ml_monitor.metrics import interval
from airflow_ml_monitor.metrics.metric import Subject, Worse, metric
from airflow_ml_monitor.profile.labelled_view import LabelledView
from airflow_ml_monitor.profile.task import TaskKind
from airflow_ml_monitor.profile.totals_view import TotalsView


def of_totals(rows: TotalsView) -> Estimate:
    """Sum of predictions / rows."""
    return Estimate(rows.mean_score, rows.n)


@metric(
    Family.PERFORMANCE,
    Subject.LABELLED,
    range=(-float("inf"), float("inf")),
    worse=Worse.BOTH,
    unit="label",
    tasks=(TaskKind.REGRESSION,),
    of_totals=of_totals,
)
def mean_prediction(rows: LabelledView) -> Estimate:
    """Mean prediction of the labelled rows.

    In the label's unit; mean_label is its counterpart, and bias the difference of the two. Of rows with a label only:
    the mean of all predictions is the prediction column's own. The interval is Student's t (1908), widened for
    skewness (Hall 1992) as bias's is; it assumes independent rows. None for a single row, and beside totals.
    TooFew without labels.
    """
    rows.need(1)
    # Powers of error + label.
    ways = (
        {"error": 1, "truth": 1},
        {"error2": 1, "error_truth": 2, "truth2": 1},
        {"error3": 1, "error2_truth": 3, "error_truth2": 3, "truth3": 1},
    )
    first, second, third = (sum(k * rows.total(name) for name, k in way.items()) / rows.n for way in ways)
    return Estimate(first, rows.n, *(interval.moments_mean(first, second, third, rows.n) or (None, None)))
