"""What a score came true at in the reference: isotonic regression of the label on the score, from cells."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from airflow_ml_monitor.errors import TooFew
from airflow_ml_monitor.estimation.predictions import Predictions, scores
from airflow_ml_monitor.profile.cells import Floats
from airflow_ml_monitor.profile.labelled_view import LabelledView


@dataclass(frozen=True, slots=True, eq=False)
class Scored:
    """Labelled rows by ascending score, equal scores joined: arrays of K. positives: rows (or weight) of label 1."""

    score: Floats
    positives: Floats
    rows: Floats

    @classmethod
    def of(cls, view: LabelledView, window: Predictions) -> Scored:
        """By bucket: each at the score that a window's predictions in it are given too."""
        cells = view.scored
        positives, negatives = cells.by_bucket
        return cls(scores(np.unique(cells.bucket), is_slice=window.is_slice), positives, positives + negatives)


@dataclass(frozen=True, slots=True, eq=False)
class Calibration:
    """The share of positives at a score: rates, never falling, at scores that ascend; straight between them, level
    beyond.
    """

    score: Floats
    rate: Floats

    @classmethod
    def fitted(cls, reference: Scored) -> Calibration:
        """Least squares among all that never fall (pool adjacent violators). TooFew without labelled rows.

        Ayer, Brunk, Ewing, Reid and Silverman 1955.
        """
        from scipy.optimize import isotonic_regression

        # Below it a weight is rounding, and a share of it no number.
        there = reference.rows > 1e-12 * reference.rows.sum()
        if not there.any():
            raise TooFew("the reference has no labelled row with a score to calibrate by")
        rows = reference.rows[there]
        rate = isotonic_regression(reference.positives[there] / rows, weights=rows).x
        return cls(reference.score[there], np.clip(rate, 0.0, 1.0))

    def __call__(self, score: Floats) -> Floats:
        found: Floats = np.interp(score, self.score, self.rate)
        return found


def calibrated(reference: Scored, window: Predictions, draws: int, random: np.random.Generator) -> Floats:
    """The chance of label 1 in each cell of a window by `draws` references that might as well have been, (draws, C)."""
    negatives = reference.rows - reference.positives
    found = np.empty((draws, len(window.score)))
    for draw in range(draws):
        positives, others = redrawn(reference.positives, negatives, random)
        found[draw] = Calibration.fitted(Scored(reference.score, positives, positives + others))(window.score)
    return found


def redrawn(positives: Floats, negatives: Floats, random: np.random.Generator) -> tuple[Floats, Floats]:
    """Rows by cell as they might as well have been: Poisson bootstrap; one that came out empty is drawn again."""
    while True:
        drawn = random.poisson(positives).astype(np.float64), random.poisson(negatives).astype(np.float64)
        if (drawn[0] + drawn[1]).any() or not (positives + negatives).any():
            return drawn
