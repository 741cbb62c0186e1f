"""Share of scores near the threshold."""

from __future__ import annotations

from typing import Final

from airflow_ml_monitor.measurement import Estimates, Family
from airflow_ml_monitor.metrics.counted_share import counted_share
from airflow_ml_monitor.metrics.metric import Subject, Worse, metric
from airflow_ml_monitor.profile.dataset import Kind
from airflow_ml_monitor.profile.score_view import ScoreView
from airflow_ml_monitor.profile.task import TaskKind

NEAR: Final = 0.05
"""On either side."""


@metric(
    Family.QUALITY,
    Subject.SCORE_COLUMN,
    range=(0.0, 1.0),
    worse=Worse.UP,
    kinds=(Kind.NUMERIC,),
    tasks=(TaskKind.BINARY, TaskKind.MULTILABEL),
)
def score_near_threshold(scores: ScoreView) -> Estimates:
    """Share of the scores within 0.05 of the threshold: what a small shift of the scores would decide otherwise.

    In [0, 1]; `threshold=0.5` for the task's own threshold and for each of its others. A cell of scores that reaches
    across a limit tells in part how many of its rows lie within (Markov): the value is the middle of what is possible,
    and the interval (Wilson 1927, Clopper and Pearson 1934 for few) goes from the fewest's lower to the most's upper
    limit. It assumes independent rows. TooFew without scores.
    """
    scores.need(1)
    thresholds = dict.fromkeys((scores.task.threshold, *scores.task.thresholds))
    return {f"threshold={t}": counted_share(scores.between(t - NEAR, t + NEAR), scores.n) for t in thresholds}
