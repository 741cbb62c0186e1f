"""Log loss."""

from __future__ import annotations

import math
from typing import Final

from airflow_ml_monitor.measurement import Estimate, Family
from airflow_ml_monitor.metrics import interval
from airflow_ml_monitor.metrics.interval import Losses
from airflow_ml_monitor.metrics.metric import Subject, Worse, metric
from airflow_ml_monitor.profile.dataset import TaskKind
from airflow_ml_monitor.profile.views import LabelledView

CLIP: Final = 1e-15


@metric(
    Family.PERFORMANCE,
    Subject.LABELLED,
    range=(0.0, float("inf")),
    worse=Worse.UP,
    unit="nat",
    tasks=(TaskKind.BINARY,),
)
def log_loss(rows: LabelledView) -> Estimate:
    """Mean negative log-likelihood of the labels under the scores.

    At least 0, in nats; scores are clipped to 1e-15. Defined with one class only.
    The interval comes from the cells' sums and squares, with a correction for skewness; a class of fewer than ten
    rows is taken as a rare event whose loss may be as large as the scores at hand allow. It assumes independent rows.
    TooFew without labels.
    Good 1952.
    """
    rows.need(1)
    _, positives, negatives, total = rows.by_score
    scores = total / (positives + negatives)
    worst = {1: -math.log(max(scores[0], CLIP)), 0: -math.log(max(1 - scores[-1], CLIP))}
    limits = interval.mean_loss([Losses(*rows.losses("log_loss", label), float(worst[label])) for label in (0, 1)])
    low, high = limits or (None, None)
    return Estimate(rows.total("log_loss") / rows.n, rows.n, low, high)
