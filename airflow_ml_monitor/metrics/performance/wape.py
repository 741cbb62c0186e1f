"""Weighted absolute percentage error."""

from __future__ import annotations

from airflow_ml_monitor.errors import Undefined
from airflow_ml_monitor.measurement import Estimate, Family
from airflow_ml_monitor.metrics import interval
from airflow_ml_monitor.metrics.metric import Subject, Worse, metric
from airflow_ml_monitor.profile.labelled_view import LabelledView
from airflow_ml_monitor.profile.task import TaskKind


@metric(
    Family.PERFORMANCE,
    Subject.LABELLED,
    range=(0.0, float("inf")),
    worse=Worse.UP,
    tasks=(TaskKind.REGRESSION,),
)
def wape(rows: LabelledView) -> Estimate:
    """Sum of the absolute errors over the sum of the absolute labels.

    At least 0; 0.1 is ten per cent. Every unit counts alike, whether its row is small or large. The interval is t on
    the log scale, its variance that of a ratio of means (delta method); it assumes independent rows: labels and errors
    that are lognormal (of a normal's deviation 0.8) are covered at 89–92 % with 10 to 30 rows. None for a single row.
    Undefined if every label is 0. TooFew without labels.
    Kolassa and Schütz 2007.
    """
    rows.need(1)
    n, error, label = rows.n, rows.total("error_abs"), rows.total("truth_abs")
    if not label:
        raise Undefined("every label is 0")
    value = error / label
    if n < 2:
        return Estimate(value, n)
    if not error:
        return Estimate(value, n, value, value)
    both = rows.total("error_truth_abs") / (error * label)
    variance = n * (rows.total("error2") / error**2 - 2 * both + rows.total("truth2") / label**2)
    # Where all rows err by one share, what is left is rounding.
    return Estimate(value, n, *interval.on_log(value, value**2 * max(variance, 0.0) / (n - 1), n - 1))
