"""Interval score."""

from __future__ import annotations

from airflow_ml_monitor.measurement import Estimates, Family
from airflow_ml_monitor.metrics.forecast_losses import intervals_of, mean_of
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
def interval_score(rows: LabelledView) -> Estimates:
    """Mean interval (Winkler) score: how wide forecast intervals are, and what labels outside them cost.

    At least 0, in the label's unit; a value for each interval, 'levels=0.1-0.9'. A label outside costs its distance
    from the interval over the share of labels meant to lie beyond that end (2/alpha of equal tails): wide intervals and
    missed labels weigh against each other, and the true quantiles cost least. Intervals are the widest and all of
    equal tails. The interval is t on the log scale, with Hall's (1992) correction for skewness; it assumes independent
    rows. n: rows with a label and every quantile. Undefined with one level. TooFew without labels.
    Winkler 1972; Gneiting and Raftery 2007.
    """
    rows.need(1)
    return {f"levels={name}": mean_of(rows, "winkler", f"@{name}") for name in intervals_of(rows)}
