"""What a score came true at in the reference: isotonic regression of the label on the score, from cells."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from airflow_ml_monitor.errors import TooFew
from airflow_ml_monitor.estimation.drawing import DRAWS, generator
from airflow_ml_monitor.estimation.isotonic import never_falling
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
        [rate] = curves(reference.score, reference.positives[None], reference.rows[None])
        return cls(reference.score, rate)

    def __call__(self, score: Floats) -> Floats:
        found: Floats = np.interp(score, self.score, self.rate)
        return found


def calibrated(reference: Scored, window: Predictions) -> Floats:
    """The chance of label 1 in each cell of a window by references that might as well have been, (DRAWS, C)."""
    known, positives = reference.score, reference.positives
    drawn = _drawn_curves(*(part.tobytes() for part in (known, positives, reference.rows - positives)))
    return between(drawn, known, window.score)


def curves(score: Floats, positives: Floats, rows: Floats) -> Floats:
    """`Calibration.fitted` of each of many references, at the scores of its cells; all (D, K).

    TooFew where one has no labelled row.
    """
    # Below it a weight is rounding, and a share of it no number.
    there = rows > 1e-12 * rows.sum(axis=1, keepdims=True)
    if not there.any(axis=1).all():
        raise TooFew("the reference has no labelled row with a score to calibrate by")
    found = never_falling(positives, np.where(there, rows, 0.0))
    np.clip(found, 0.0, 1.0, out=found)
    for curve, known in zip(found, there, strict=True):
        if not known.all():
            curve[~known] = np.interp(score[~known], score[known], curve[known])
    return found


def between(rate: Floats, known: Floats, score: Floats) -> Floats:
    """Rates at known scores, (D, K), read at others as a `Calibration` is: (D, C)."""
    left = np.clip(np.searchsorted(known, score, "right") - 1, 0, len(known) - 1)
    right = np.minimum(left + 1, len(known) - 1)
    share = np.clip((score - known[left]) / np.maximum(known[right] - known[left], 1e-300), 0.0, 1.0)
    found, above = rate[:, left], rate[:, right]
    # In place, as an array of draws is 8 MB of 4,096 cells.
    found *= 1 - share
    above *= share
    found += above
    return found


def redrawn(positives: Floats, negatives: Floats) -> tuple[Floats, Floats]:
    """Rows by cell as they might as well have been, (DRAWS, K) each: Poisson bootstrap, none without a row."""
    return _redrawn(positives.tobytes(), negatives.tobytes())


# Every window of a reference asks for the same.
@lru_cache(maxsize=8)
def _redrawn(*parts: bytes) -> tuple[Floats, Floats]:
    positives, negatives = (np.frombuffer(part) for part in parts)
    random, shape = generator(stream=1), (DRAWS, len(positives))
    drawn = random.poisson(positives, shape), random.poisson(negatives, shape)
    while (positives + negatives).any() and (empty := ~(drawn[0] + drawn[1]).any(axis=1)).any():
        for made, rows in zip(drawn, (positives, negatives), strict=True):
            made[empty] = random.poisson(rows, (int(empty.sum()), len(rows)))
    return drawn[0].astype(np.float64), drawn[1].astype(np.float64)


@lru_cache(maxsize=8)
def _drawn_curves(score: bytes, *parts: bytes) -> Floats:
    """(DRAWS, K): each redrawn reference's calibration at the reference's scores."""
    positives, others = _redrawn(*parts)
    return curves(np.frombuffer(score), positives, positives + others)
