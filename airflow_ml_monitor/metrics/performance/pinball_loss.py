"""Pinball loss."""

from __future__ import annotations

from airflow_ml_monitor.measurement import Estimates, Family
from airflow_ml_monitor.metrics.forecast_losses import mean_of
from airflow_ml_monitor.metrics.metric import Subject, Worse, metric
from airflow_ml_monitor.profile.dataset import Role, TaskKind
from airflow_ml_monitor.profile.labelled_view import LabelledView


@metric(
    Family.PERFORMANCE,
    Subject.LABELLED,
    range=(0.0, float("inf")),
    worse=Worse.UP,
    unit="label",
    tasks=(TaskKind.REGRESSION,),
    role=Role.QUANTILE,
)
def pinball_loss(rows: LabelledView) -> Estimates:
    """Mean pinball loss of each quantile that is forecast: 'level=0.1' and so on, and over all: 'level=mean'.

    At least 0, in the label's unit. A unit too low costs the level, a unit too high one less the level: the true
    quantile costs least. Of the median it is half the mean absolute error; twice the mean over many even levels comes
    near the continuous ranked probability score. The interval is t on the log scale, with Hall's (1992) correction for
    skewness; it assumes independent rows. n: rows with a label and every quantile. TooFew without any.
    Koenker and Bassett 1978; Gneiting and Raftery 2007.
    """
    by_level = {f"level={level}": mean_of(rows, "pinball", f"@{level}") for level in rows.levels}
    return {**by_level, "level=mean": mean_of(rows, "pinball")}
