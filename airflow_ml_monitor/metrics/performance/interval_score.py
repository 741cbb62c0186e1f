"""Interval score."""

from __future__ import annotations

from airflow_ml_monitor.measurement import Estimates, Family
from airflow_ml_monitor.metrics.forecast_losses import intervals_of, mean_of, pair_classes
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
def interval_score(rows: LabelledView) -> Estimates:
    """Mean interval (Winkler) score: how wide forecast intervals are, and what labels outside them cost.

    At least 0, in the label's unit; a value for each interval, 'levels=0.1-0.9'. A label outside costs its distance
    from the interval over the share of labels meant to lie beyond that end (2/alpha of equal tails): wide intervals and
    missed labels weigh against each other, and the true quantiles cost least. Intervals are the widest and all of
    equal tails. The interval is t on the log scale, with Hall's (1992) correction for skewness; of fewer than ten rows
    outside, or inside, that of a rare loss (Fay and Feuer 1997), one of them a mean width outside. It assumes
    independent rows: lognormal labels (of a normal's deviation 0.5) are covered at 91-94 % with 20 to 40 outside. n:
    rows with a label and every quantile. Undefined with one level. TooFew without labels.
    Winkler 1972; Gneiting and Raftery 2007.
    """
    rows.need(1)
    pairs = intervals_of(rows).items()
    return {f"levels={name}": mean_of(pair_classes(rows, name, (a, 1 - b))) for name, (a, b) in pairs}
