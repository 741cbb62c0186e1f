"""Columns of 0 and 1 of which exactly one is 1 in every row: a category, encoded one column a value."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from airflow_ml_monitor.keys import WHOLE
from airflow_ml_monitor.profile.cells import Floats, Profile
from airflow_ml_monitor.profile.layout import SPECIAL, Binning, Layout
from airflow_ml_monitor.profile.traces import Products

MOST_STEPS: Final = 20_000
"""Of the search for groups; 24 columns of one group take a few dozen."""


@dataclass(frozen=True, slots=True)
class Indicators:
    """Columns of 0 and 1: rows, how many are 1 in each, and in each two of them together."""

    columns: tuple[str, ...]
    n: int
    ones: Floats
    both: Floats

    @classmethod
    def of(cls, products: Products, layout: Layout, columns: Iterable[str]) -> Indicators:
        """From the sums of u, which takes one value for 0 and another for 1."""
        names = tuple(name for name in columns if name in products.columns)
        place = [products.columns.index(name) for name in names]
        zero, one = (np.array([_u(layout[name], x) for name in names]) for x in (0.0, 1.0))
        sums, matrix = products.sums[place], products.matrix[np.ix_(place, place)]
        step = one - zero
        ones = (sums - products.n * zero) / step
        # Σ (uᵢ - zᵢ)(uⱼ - zⱼ) = Σ uᵢuⱼ - zᵢ Σ uⱼ - zⱼ Σ uᵢ + n zᵢ zⱼ
        crossed = matrix - np.outer(zero, sums) - np.outer(sums, zero) + products.n * np.outer(zero, zero)
        return cls(names, products.n, np.round(ones), np.round(crossed / np.outer(step, step)))

    def groups(self) -> list[tuple[str, ...]]:
        """The sets of columns, each with a 1 somewhere, of which exactly one is 1 in every row."""
        used = [i for i in range(len(self.columns)) if 0 < self.ones[i] < self.n]
        found: set[tuple[int, ...]] = set()
        budget = [MOST_STEPS]
        for at, first in enumerate(used):
            self._search((first,), self.ones[first], used[at + 1 :], found, budget)
        return [tuple(self.columns[i] for i in group) for group in sorted(found)]

    def _search(
        self, chosen: tuple[int, ...], rows: float, rest: Sequence[int], found: set[tuple[int, ...]], budget: list[int]
    ) -> None:
        """Columns that exclude one another and whose ones are as many as rows: they make every row's one."""
        budget[0] -= 1
        if rows == self.n:
            found.add(chosen)
            return
        open_ones = [i for i in rest if self.both[i, list(chosen)].sum() == 0 and rows + self.ones[i] <= self.n]
        if budget[0] < 0 or rows + self.ones[open_ones].sum() < self.n:
            return
        for at, i in enumerate(open_ones):
            self._search((*chosen, i), rows + self.ones[i], open_ones[at + 1 :], found, budget)

    def wrong(self, group: Sequence[str]) -> tuple[float, float]:
        """(rows of which none of a group is 1 or several are, at most; those where several are, in pairs)."""
        place = [self.columns.index(name) for name in group]
        pairs = float(np.triu(self.both[np.ix_(place, place)], 1).sum())
        # Σ (s - 1)² of the number s of ones in a row: 1 for none and for two.
        return max(self.n - float(self.ones[place].sum()) + 2 * pairs, 0.0), pairs


def indicator_columns(layout: Layout, reference: Profile) -> tuple[str, ...]:
    """Columns that were 0 or 1, and nothing else, in every row of the reference."""
    found = []
    for binning in layout.binnings:
        cells = reference.cells.get((WHOLE, binning.column))
        if binning.values == (0.0, 1.0) and cells is not None and not (cells.bucket < SPECIAL).any():
            found.append(binning.column)
    return tuple(found)


def _u(binning: Binning, x: float) -> float:
    d = x - binning.centre
    return d / (binning.scale + abs(d))
