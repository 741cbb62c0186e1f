"""Calibration curve."""

from __future__ import annotations

from typing import Final

import numpy as np

from airflow_ml_monitor.measurement import Estimate, Family
from airflow_ml_monitor.metrics import interval
from airflow_ml_monitor.metrics.metric import Subject, Worse, metric
from airflow_ml_monitor.profile.labelled_view import LabelledView
from airflow_ml_monitor.profile.task import TaskKind

BINS: Final = 10


@metric(Family.PERFORMANCE, Subject.LABELLED, range=(0.0, 1.0), worse=Worse.BOTH, tasks=(TaskKind.BINARY,))
def calibration_curve(rows: LabelledView) -> dict[str, Estimate]:
    """Share of positive labels by tenth of the score: where the scores are right, it lies inside the tenth.

    In [0, 1]; a value for every tenth that has rows. Rows of one bucket and decision lie whole in the tenth of their
    mean score. To be looked at; what can be judged is calibration_in_the_large, calibration_slope and
    expected_calibration_error. The interval (Wilson 1927, Clopper and Pearson 1934 for few) assumes independent rows.
    n: rows of the tenth. TooFew without labels.
    Sanders 1963.
    """
    rows.need(1)
    cells = rows.scored
    # A mean is a quotient of sums: scores that are all 0.3 must not fall below it.
    bins = np.clip(BINS * cells.score + 1e-9, 0, BINS - 1).astype(np.int64)
    count, positives = (np.bincount(bins, part, BINS).astype(int).tolist() for part in (cells.rows, cells.positives))
    return {
        f"score={i / BINS:.1f}-{(i + 1) / BINS:.1f}": interval.share_of(k, n)
        for i, (k, n) in enumerate(zip(positives, count, strict=True))
        if n
    }
