"""Mean absolute error."""

from __future__ import annotations

import math

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
    unit="label",
    tasks=(TaskKind.REGRESSION,),
)
def mae(rows: LabelledView) -> Estimate:
    """Mean absolute error.

    At least 0, in the label's unit. The interval bounds the third moment of |e| by the root of the second times the
    fourth (Cauchy and Schwarz), with Hall's (1992) correction for skewness; it assumes independent rows. None for a
    single row. TooFew without labels.
    """
    return mean_error(rows)


def mean_error(rows: LabelledView) -> Estimate:
    """The mean absolute error, with its interval."""
    rows.need(1)
    first, second, fourth = (rows.total(name) / rows.n for name in ("error_abs", "error2", "error4"))
    limits = interval.positive_mean(first, second, math.sqrt(second * fourth), rows.n)
    return Estimate(first, rows.n, *(limits or (None, None)))
