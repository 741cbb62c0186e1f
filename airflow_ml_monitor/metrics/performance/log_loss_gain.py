"""Log loss gain."""

from __future__ import annotations

from airflow_ml_monitor.measurement import Estimate, Family
from airflow_ml_monitor.metrics.metric import Subject, Worse, metric
from airflow_ml_monitor.metrics.paired import score_gain
from airflow_ml_monitor.metrics.performance import log_loss
from airflow_ml_monitor.profile.labelled_view import LabelledView
from airflow_ml_monitor.profile.task import TaskKind


@metric(
    Family.PERFORMANCE,
    Subject.LABELLED,
    range=(-float("inf"), float("inf")),
    worse=Worse.DOWN,
    unit="nat",
    tasks=(TaskKind.BINARY,),
)
def log_loss_gain(rows: LabelledView) -> Estimate:
    """By how much the model's log loss is below the baseline's, on the rows that have both.

    In nats, the unit of log_loss; above 0 the model is better. Scores are clipped to 1e-15, so that one row of which a
    baseline was certain and wrong counts for 34.5. The interval is brier_gain's. n: labelled rows with a baseline.
    Undefined where the baseline is a class and no score. TooFew without such rows.
    """
    return score_gain(rows, "log_loss", log_loss.worst)
