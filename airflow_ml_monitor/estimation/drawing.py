"""The chance of a label in each cell → the labels to expect, and draws of them."""

from __future__ import annotations

from typing import Final

import numpy as np

from airflow_ml_monitor.errors import TooFew
from airflow_ml_monitor.estimation.expected import Expected
from airflow_ml_monitor.estimation.predictions import Predictions
from airflow_ml_monitor.profile.cells import Floats
from airflow_ml_monitor.profile.labelled_view import ScoredCells

DRAWS: Final = 240
"""The standard deviation of so many draws is known to 4.6 %."""


def generator(stream: int = 0) -> np.random.Generator:
    """The same numbers for every question: an estimate depends on its question alone. Streams are independent."""
    return np.random.default_rng([20_230_112, stream])


def expect(
    window: Predictions,
    chance: Floats,
    drawn: Floats,
    random: np.random.Generator,
    known: tuple[Floats, Floats] | None = None,
) -> Expected:
    """Labels to expect where each cell's label is 1 by a chance, (C,), that might as well be one of `drawn`, (D, C).

    known: (positives, negatives) in each cell that need not be expected; the chances are then of the others. What
    another window could show has as many rows as this one on average, none of them known. TooFew without predictions.
    """
    return expect_of_pending(window, (chance, drawn), (chance, drawn), random, known)


def expect_of_pending(
    window: Predictions,
    pending: tuple[Floats, Floats],
    every: tuple[Floats, Floats],
    random: np.random.Generator,
    known: tuple[Floats, Floats] | None = None,
) -> Expected:
    """As `expect`, with (chance, drawn) of the rows whose label is awaited, and of all rows, where these differ."""
    if not window.n:
        raise TooFew("no prediction of the window has a score")
    none = np.zeros(len(window.count))
    positives, negatives = (none, none) if known is None else known
    left = np.maximum(window.count - positives - negatives, 0.0)
    cells = _cells(window, positives + left * pending[0], negatives + left * (1 - pending[0]))
    later = random.binomial(left.astype(np.int64), pending[1]).astype(np.float64)
    final = _cells(window, positives + later, negatives + left - later)
    rows = random.poisson(window.count, every[1].shape)
    others = random.binomial(rows, every[1]).astype(np.float64)
    return Expected(cells, final, _cells(window, others, rows - others))


def _cells(window: Predictions, positives: Floats, negatives: Floats) -> ScoredCells:
    return ScoredCells(window.bucket, window.prediction, window.score, positives, negatives)
