"""What a scan leaves besides cells: traces of faults that no column's cells can show. They add, too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from airflow_ml_monitor.profile.row_sample import RowSample
from airflow_ml_monitor.profile.scatter import Scatter

Matrix = NDArray[np.float64]
K = TypeVar("K")

WEEK_HOURS: Final = 168
"""Rows are counted by hour of the week, from Thursday 00:00 (the weekday of 1 January 1970) in the data's own clock."""
MOST_PRODUCTS: Final = 24
"""Columns whose products are summed, the first ones: 300 sums. What the model says is among them, or comes besides."""
MOST_OUTPUTS: Final = 2
"""Of what the model says, so many columns at most come besides."""
MOST_UNSEEN: Final = 50
"""Values without a bucket that are named, the most frequent ones of a column."""
MOST_CANDIDATES: Final = 30
"""Undeclared columns that are looked at where a declared one is missing: those whose names are most alike."""


@dataclass(frozen=True, slots=True, eq=False)
class Products:
    """Sums of products of columns, row by row: what correlations are made of.

    A column's value is the u of its buckets, d / (scale + |d|) in (-1, 1), which no outlier carries away; a category's
    is whether it is the first one; a missing value counts as 0. matrix: k × k, Σ uᵢuⱼ; sums: Σ uᵢ; n: rows.
    pairs: k × k, rows with a value in both columns; shared: Σ uᵢ over those; None where no value is missing.
    """

    columns: tuple[str, ...]
    n: int
    sums: Matrix
    matrix: Matrix
    pairs: Matrix | None = None
    shared: Matrix | None = None

    def __add__(self, other: Products) -> Products:
        """Of the columns that both have."""
        shared = tuple(column for column in self.columns if column in other.columns)
        mine, its = self.of(shared), other.of(shared)
        sums, matrix = mine.sums + its.sums, mine.matrix + its.matrix
        if mine.pairs is None and its.pairs is None:
            return Products(shared, self.n + other.n, sums, matrix)
        (rows, of_each), (more_rows, of_more) = mine.by_pair, its.by_pair
        return Products(shared, self.n + other.n, sums, matrix, rows + more_rows, of_each + of_more)

    def of(self, columns: Sequence[str]) -> Products:
        """Of some of its columns, in their order."""
        place = [self.columns.index(column) for column in columns]
        both = np.ix_(place, place)
        parts = (None if part is None else part[both] for part in (self.pairs, self.shared))
        return Products(tuple(columns), self.n, self.sums[place], self.matrix[both], *parts)

    @property
    def by_pair(self) -> tuple[Matrix, Matrix]:
        """(pairs, shared), also where no value is missing."""
        if self.pairs is not None and self.shared is not None:
            return self.pairs, self.shared
        size = len(self.columns)
        return np.full((size, size), float(self.n)), np.repeat(self.sums[:, None], size, axis=1)

    @property
    def moments(self) -> tuple[Matrix, Matrix, Matrix]:
        """(rows, means, covariances) of the rows with a value in both of two columns; k × k, means those of the first.
        NaN without such rows."""
        rows, sums = self.by_pair
        with np.errstate(invalid="ignore", divide="ignore"):
            mean = sums / rows
            return rows, mean, self.matrix / rows - mean * mean.T

    @property
    def correlations(self) -> Matrix:
        """k × k Pearson correlations of the u; NaN for a column without spread."""
        mean = self.sums / max(self.n, 1)
        covariance = self.matrix / max(self.n, 1) - np.outer(mean, mean)
        spread = np.sqrt(np.maximum(np.diag(covariance), 0.0))
        # Less than a sum's rounding is none.
        spread[spread < 1e-9] = np.nan
        return np.asarray(np.clip(covariance / np.outer(spread, spread), -1.0, 1.0))


@dataclass(frozen=True, slots=True)
class Traces:
    """Traces of one scan.

    columns: of the source, declared or not, with the engine's name of their type. hours: rows by hour of the week.
    unseen: by categorical column, values without a bucket that at least RARE rows have → rows; rarer ones, which may
    identify someone, are not named. products: None of a profile without rows, or that was made before there were any.
    damaged: by categorical column, rows whose value has no bucket and looks wrongly decoded (text_forms.DAMAGE).
    forms: by column that is declared a number, time or boolean and arrived as text, form of the text → rows; '' where
    it has none that is known (text_forms.VALUES). candidates: by declared column that did not arrive, undeclared column
    → bucket of the missing one's → rows; grids as coarse as a slice's, without sums and extremes: nobody declared it.
    distances: rows by bucket of their distance from the reference's ellipsoid (outlying.py). scatter: of the products;
    None of too few rows, or of a release that did not look. sample: rows, where the dataset asks for them.
    """

    columns: Mapping[str, str] = field(default_factory=dict)
    hours: Mapping[int, int] = field(default_factory=dict)
    unseen: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    products: Products | None = None
    damaged: Mapping[str, int] = field(default_factory=dict)
    forms: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    candidates: Mapping[str, Mapping[str, Mapping[int, int]]] = field(default_factory=dict)
    distances: Mapping[int, int] = field(default_factory=dict)
    scatter: Scatter | None = None
    sample: RowSample | None = None

    def __add__(self, other: Traces) -> Traces:
        products = self.products or other.products
        if self.products is not None and other.products is not None:
            products = self.products + other.products
        scatter = self.scatter or other.scatter
        if self.scatter is not None and other.scatter is not None:
            scatter = self.scatter + other.scatter
        sample = self.sample or other.sample
        if self.sample is not None and other.sample is not None:
            sample = self.sample + other.sample
        candidates = {
            name: by_name(self.candidates.get(name, {}), other.candidates.get(name, {}))
            for name in {**self.candidates, **other.candidates}
        }
        return Traces(
            {**other.columns, **self.columns},
            added(self.hours, other.hours),
            by_name(self.unseen, other.unseen),
            products,
            added(self.damaged, other.damaged),
            by_name(self.forms, other.forms),
            candidates,
            added(self.distances, other.distances),
            scatter,
            sample,
        )


def by_name(a: Mapping[str, Mapping[K, int]], b: Mapping[str, Mapping[K, int]]) -> dict[str, dict[K, int]]:
    """Counts by name and key, of both."""
    return {name: added(a.get(name, {}), b.get(name, {})) for name in {**a, **b}}


def added(a: Mapping[K, int], b: Mapping[K, int]) -> dict[K, int]:
    """Counts by key, of both."""
    return {key: a.get(key, 0) + b.get(key, 0) for key in {**a, **b}}
