"""What metrics see of a score column: its cells as probabilities, and how surely they tell where a score lies."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np

from airflow_ml_monitor.errors import TooFew
from airflow_ml_monitor.profile.cells import Counts, Floats
from airflow_ml_monitor.profile.layout import SPECIAL
from airflow_ml_monitor.profile.task import Task
from airflow_ml_monitor.profile.views import ColumnView

ROUNDING: Final = 1e-9
"""A score so near to a limit is on it: 0.3 + 0.05 is more than 0.35."""


@dataclass(frozen=True)
class ScoreView:
    """One score column in one slice of a profile, and the task whose thresholds decide."""

    column: ColumnView
    task: Task

    def need(self, rows: int) -> None:
        """Raise TooFew unless so many rows have a score."""
        self.column.need(rows)

    @property
    def n(self) -> int:
        """Rows with a finite score."""
        return self.column.n

    @cached_property
    def _valued(self) -> tuple[Floats, Floats, Floats, Counts]:
        """(lowest, highest, mean score, rows) of the cells with a score."""
        cells = self.column.cells
        pick = (cells.bucket > SPECIAL) | np.isfinite(cells.low)
        low, high, rows = cells.low[pick], cells.high[pick], cells.count[pick]
        # A mean of equal scores may round beyond them.
        return low, high, np.clip(self.column.binning.centre + cells.d1[pick] / np.maximum(rows, 1), low, high), rows

    @cached_property
    def probabilities(self) -> tuple[Floats, Floats, Floats, Counts]:
        """(lowest, highest, mean score, rows) of the cells whose scores are in [0, 1]; TooFew without any.

        A cell in which some lie beyond is left out: of its rows not all are probabilities.
        """
        self.need(1)
        low, high, mean, rows = self._valued
        inside = (low >= -ROUNDING) & (high <= 1 + ROUNDING)
        if not inside.any():
            raise TooFew("no score in [0, 1]")
        lowest, highest, middle = (np.clip(part[inside], 0.0, 1.0) for part in (low, high, mean))
        return lowest, highest, middle, rows[inside]

    def between(self, least: float, most: float) -> tuple[float, float]:
        """(fewest, most) rows whose score is in [least, most]: cells that reach across a limit tell it in part."""
        below, upto = self._upto(least - 2 * ROUNDING), self._upto(most)
        return max(upto[0] - below[1], 0.0), upto[1] - below[0]

    def _upto(self, limit: float) -> tuple[float, float]:
        """(fewest, most) rows whose score is at most a limit, from each cell's rows, mean and extremes.

        Of a cell with scores on both sides: as few as lie below where those above are all at the limit and those below
        at the lowest; as many where those below are at the limit and those above at the highest; one at least on each
        side (Markov).
        """
        low, high, mean, rows = self._valued
        limit += ROUNDING
        all_of = float(rows[high <= limit].sum())
        across = (low <= limit) & (high > limit)
        low, high, mean, count = low[across], high[across], mean[across], rows[across].astype(np.float64)
        fewest = np.clip(count * (limit - mean) / np.maximum(limit - low, 1e-300), 1.0, count - 1)
        most = np.clip(count * (high - mean) / (high - limit), 1.0, count - 1)
        return all_of + float(fewest.sum()), all_of + float(most.sum())
