"""Symmetric mean absolute percentage error."""

from __future__ import annotations

from airflow_ml_monitor.measurement import Estimate, Family
from airflow_ml_monitor.metrics import interval
from airflow_ml_monitor.metrics.metric import Subject, Worse, metric
from airflow_ml_monitor.profile.labelled_view import LabelledView
from airflow_ml_monitor.profile.task import TaskKind


@metric(
    Family.PERFORMANCE,
    Subject.LABELLED,
    range=(0.0, 2.0),
    worse=Worse.UP,
    tasks=(TaskKind.REGRESSION,),
)
def smape(rows: LabelledView) -> Estimate:
    """Mean of the absolute error over the mean of |label| and |prediction|; 0 where both are 0.

    At least 0 and at most 2, without a unit; no single row can rule it. The interval is t on the log scale, with Hall's
    (1992) correction for skewness, joined below ten rows with one that knows the largest share, 2 (Fay and Feuer 1997);
    it assumes independent rows. TooFew without labels.
    Makridakis 1993.
    """
    rows.need(1)
    first, second, third = (rows.total(name) / rows.n for name in ("symmetric", "symmetric2", "symmetric3"))
    limits = interval.positive_mean(first, second, third, rows.n)
    if rows.n < interval.FEW:
        # Few rows seldom hold one of the small labels whose share is near 2, the largest.
        low, high = interval.rare_sum(rows.total("symmetric"), rows.total("symmetric2"), 2.0)
        limits = interval.outer(limits, (low / rows.n, high / rows.n))
    low, high = limits or (0.0, 2.0)
    return Estimate(first, rows.n, low, min(high, 2.0))
