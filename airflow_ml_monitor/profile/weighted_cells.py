"""Labelled rows that do not count alike: what a metric's formula is given where rows have weights."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from airflow_ml_monitor.profile.cells import Floats
    from airflow_ml_monitor.profile.labelled_view import ScoredCells

DRAWS: Final = 200
"""The standard deviation of so many draws is known to 5 %."""


@dataclass(frozen=True, eq=False)
class WeightedCells:
    """cells: their positives and negatives are sums of weights. squares: the sums of squared weights, (2, C), of each.

    rows: those whose weight is above 0.
    """

    cells: ScoredCells
    squares: Floats
    rows: int

    @cached_property
    def design_effect(self) -> float:
        """By how much the weights multiply the variance of a mean; 1 where all are equal. Kish 1965."""
        total = float(self.cells.rows.sum())
        return max(self.rows * float(self.squares.sum()) / total**2, 1.0) if total > 0 else 1.0

    @cached_property
    def fewest(self) -> float:
        """The effective rows, (Σw)² / Σw², of the rarest of the four outcomes. Kish 1965."""
        sums = np.stack([self.cells.positives, self.cells.negatives])
        parts = [
            (float(sums[i, mine].sum()), float(self.squares[i, mine].sum()))
            for i in (0, 1)
            for mine in (self.cells.prediction == 0, self.cells.prediction == 1)
        ]
        return min(total**2 / squares if squares > 0 else 0.0 for total, squares in parts)

    @cached_property
    def draws(self) -> ScoredCells:
        """What other windows of as many such rows could hold: DRAWS of them.

        In each cell a gamma variable with the mean and the variance of a Poisson bootstrap of its rows: Σw and Σw².
        """
        random = np.random.default_rng(20_230_112)
        sums = np.stack([self.cells.positives, self.cells.negatives])
        there = (sums > 0) & (self.squares > 0)
        shape = np.divide(sums**2, self.squares, out=np.ones_like(sums), where=there)
        scale = np.divide(self.squares, sums, out=np.zeros_like(sums), where=there)
        drawn = random.gamma(shape, scale, (DRAWS, *sums.shape))
        return replace(self.cells, positives=drawn[:, 0], negatives=drawn[:, 1])
