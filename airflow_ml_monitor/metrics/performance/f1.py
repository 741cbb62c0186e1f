"""F1."""

from __future__ import annotations

from airflow_ml_monitor.errors import Undefined
from airflow_ml_monitor.measurement import Estimate, Family
from airflow_ml_monitor.metrics import interval
from airflow_ml_monitor.metrics.metric import Subject, Worse, metric
from airflow_ml_monitor.profile.dataset import TaskKind
from airflow_ml_monitor.profile.views import LabelledView


@metric(Family.PERFORMANCE, Subject.LABELLED, range=(0.0, 1.0), worse=Worse.DOWN, tasks=(TaskKind.BINARY,))
def f1(rows: LabelledView) -> Estimate:
    """Harmonic mean of precision and recall.

    In [0, 1]. The interval is that of the share J = TP/(TP + FP + FN), from which F1 = 2J/(1 + J) follows; it assumes
    independent rows. n: rows that are positive or predicted so. Undefined if there is none. TooFew without labels.
    van Rijsbergen 1979.
    """
    rows.need(1)
    tp, fp, fn, _ = rows.confusion()
    n = tp + fp + fn
    if not n:
        raise Undefined("no labelled row is positive or predicted positive")
    low, high = (2 * share / (1 + share) for share in interval.share(tp, n))
    return Estimate(2 * tp / (n + tp), n, low, high)
