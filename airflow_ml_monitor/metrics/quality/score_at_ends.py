"""Share of scores at 0 and at 1."""

from __future__ import annotations

import math
from typing import Final

from airflow_ml_monitor.measurement import Estimates, Family
from airflow_ml_monitor.metrics.counted_share import counted_share
from airflow_ml_monitor.metrics.metric import Subject, Worse, metric
from airflow_ml_monitor.profile.dataset import Kind
from airflow_ml_monitor.profile.score_view import ScoreView
from airflow_ml_monitor.profile.task import TaskKind

AT: Final = 0.001
"""So near is at the end: what lies exactly on 0 no cell tells that holds other scores as well."""


@metric(
    Family.QUALITY,
    Subject.SCORE_COLUMN,
    range=(0.0, 1.0),
    worse=Worse.UP,
    kinds=(Kind.NUMERIC,),
    tasks=(TaskKind.BINARY, TaskKind.MULTICLASS, TaskKind.MULTILABEL),
)
def score_at_ends(scores: ScoreView) -> Estimates:
    """Share of the scores at 0 (`at=0`) and at 1 (`at=1`), to a thousandth: clipped, saturated or overruled scores.

    In [0, 1]; scores beyond 0 and 1 count as well. The cells of a scan cannot tell 0 from a score just above it, so
    0.001 or less is at 0, and 0.999 or more at 1: a model of rare events has many there by right, and is held against
    its reference (`rise: 0.05`). A cell that reaches across tells in part how many of its rows are at the end (Markov):
    the value is the middle of what is possible, and the interval (Wilson 1927, Clopper and Pearson 1934 for few) goes
    from the fewest's lower to the most's upper limit. It assumes independent rows. TooFew without scores.
    """
    scores.need(1)
    ends = {"at=0": (-math.inf, AT), "at=1": (1 - AT, math.inf)}
    return {name: counted_share(scores.between(*end), scores.n) for name, end in ends.items()}
