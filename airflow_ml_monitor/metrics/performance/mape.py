"""Mean absolute percentage error."""

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
def mape(rows: LabelledView) -> Estimate:
    """Mean absolute error as a share of the label, over the labels that are not 0.

    At least 0; 0.1 is ten per cent. Ruled by the smallest labels, and easier on predictions that are too low than too
    high: wape is the steadier one. The interval is t on the log scale, with Hall's (1992) correction for skewness; it
    assumes independent rows. n: rows whose label is not 0. None for a single one. Undefined if every label is 0.
    TooFew without labels.
    """
    rows.need(1)
    if not (n := round(rows.total("relative_rows"))):
        raise Undefined("every label is 0")
    first, second, third = (rows.total(name) / n for name in ("relative", "relative2", "relative3"))
    return Estimate(first, n, *(interval.positive_mean(first, second, third, n) or (None, None)))
