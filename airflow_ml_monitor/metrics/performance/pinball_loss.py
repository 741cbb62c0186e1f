"""Pinball loss."""

from __future__ import annotations

from airflow_ml_monitor.measurement import Estimate, Estimates, Family
from airflow_ml_monitor.metrics import interval
from airflow_ml_monitor.metrics.forecast_losses import level_classes, mean_of, moments_of
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
def pinball_loss(rows: LabelledView) -> Estimates:
    """Mean pinball loss of each quantile that is forecast: 'level=0.1' and so on, and over all: 'level=mean'.

    At least 0, in the label's unit. A unit too low costs the level, a unit too high one less the level: the true
    quantile costs least. Of the median it is half the mean absolute error; twice the mean over many even levels comes
    near the continuous ranked probability score. The interval is t on the log scale, with Hall's (1992) correction for
    skewness; of fewer than ten labels above, or below, that of a rare loss (Fay and Feuer 1997), one of them as far off
    as those of the other side. It assumes independent rows: lognormal labels (of a normal's deviation 0.5) are covered
    at 92 % with 20 above. n: rows with a label and every quantile. TooFew without any.
    Koenker and Bassett 1978; Gneiting and Raftery 2007.
    """
    n = rows.quantile_rows
    classes = {level: level_classes(rows, level) for level in rows.levels}
    by_level = {f"level={level}": mean_of(pair) for level, pair in classes.items()}
    first, second, third = (total / n for total in moments_of(rows, "pinball"))
    limits = interval.positive_mean(first, second, third, n)
    if any(part.rows < interval.FEW for pair in classes.values() for part in pair):
        # The rows of all levels are the same: their limits are joined as if all went wrong together.
        ends = [(e.low, e.high) for e in by_level.values() if e.low is not None and e.high is not None]
        together = [sum(end) / len(classes) for end in zip(*ends, strict=True)]
        limits = interval.outer(limits, (together[0], together[1]) if together else None)
    return {**by_level, "level=mean": Estimate(first, n, *(limits or (None, None)))}
