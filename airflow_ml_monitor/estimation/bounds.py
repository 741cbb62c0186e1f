"""What a metric can be at worst and at best, whatever the labels are that will never be known."""

from __future__ import annotations

from typing import Final

import numpy as np

from airflow_ml_monitor.errors import Undefined
from airflow_ml_monitor.estimation.predictions import Predictions
from airflow_ml_monitor.metrics.interval import Interval
from airflow_ml_monitor.metrics.metric import Metric
from airflow_ml_monitor.profile.cells import Floats
from airflow_ml_monitor.profile.labelled_view import LabelledView, ScoredCells

SPLITS: Final = 400
"""Ways in which the unknown labels are divided by score, each way round. A bound of a rank metric, whose extreme lies
at some number of positives, is known to a four-hundredth of that number; those of confusion counts exactly."""


def bounds_of(metric: Metric, window: Predictions, labels: LabelledView) -> Interval:
    """The lowest and highest value that a metric can have over all predictions of a window, given its known labels.

    Nothing is assumed of rows without a label: neither that they resemble the others nor that the score tells. They
    are taken as positive above some score and negative below, or the other way round, and by decided class: no other
    labels bring a metric of ranks or confusion counts further. No interval of chance is in it. Undefined where no
    assignment gives a value. Manski 1990.
    """
    formula = metric.formula
    assert formula is not None  # only such a metric is asked
    positives, negatives = window.known(labels)
    unknown = np.maximum(window.count - positives - negatives, 0.0)
    taken = _assignments(window, unknown)
    values = formula(_cells(window, positives + taken, negatives + unknown - taken))
    found = values[np.isfinite(values)]
    if not len(found):
        raise Undefined("no labels of the rows without one would give it a value")
    return float(found.min()), float(found.max())


def _assignments(window: Predictions, unknown: Floats) -> Floats:
    """Unknown rows that are taken as positive, by cell, one assignment a row."""
    below = np.cumsum(unknown) - unknown
    cuts = np.linspace(0.0, unknown.sum(), SPLITS + 1)[:, None]
    # Rows above the cut; a cell that it divides is divided.
    upper = unknown - np.clip(cuts - below, 0.0, unknown)
    decided = np.stack([unknown * (window.prediction == 1), unknown * (window.prediction == 0)])
    return np.concatenate([upper, unknown - upper, decided])


def _cells(window: Predictions, positives: Floats, negatives: Floats) -> ScoredCells:
    return ScoredCells(window.bucket, window.prediction, window.score, positives, negatives)
