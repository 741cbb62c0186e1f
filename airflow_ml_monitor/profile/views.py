"""What metrics see of a profile: read-only, and with what several metrics share."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from airflow_ml_monitor.errors import DataFault, TooFew, Undefined
from airflow_ml_monitor.keys import WHOLE, Slice
from airflow_ml_monitor.profile.cells import Cells, Counts, Floats, Profile
from airflow_ml_monitor.profile.dataset import Kind
from airflow_ml_monitor.profile.layout import MINUS_INF, NAN, NULL, OTHER, PLUS_INF, SPECIAL, Binning, Layout


@dataclass(frozen=True)
class DatasetView:
    """The rows of one slice of a profile, without their columns."""

    profile: Profile
    slice: Slice = WHOLE

    def __post_init__(self) -> None:
        if "" in self.profile.faults:
            raise DataFault(self.profile.faults[""])

    @property
    def rows(self) -> int:
        """Of the whole every row, drawn or not; of a slice those that its cells hold."""
        return self.profile.population if self.slice == WHOLE else int(self.profile.rows.get(self.slice, 0))


@dataclass(frozen=True)
class DatasetPair:
    """A dataset in the reference and in the current window: what only its columns together tell."""

    layout: Layout
    reference: Profile
    current: Profile

    def __post_init__(self) -> None:
        if "" in self.current.faults:
            raise DataFault(self.current.faults[""])

    @property
    def is_reference(self) -> bool:
        """True if the reference is looked at itself."""
        return self.current is self.reference


@dataclass(frozen=True)
class ColumnView:
    """One column in one slice of a profile.

    `values` are finite numbers, or categories (`other` included); NULL, NaN and ±inf are apart.
    """

    binning: Binning
    cells: Cells

    @classmethod
    def of(cls, profile: Profile, layout: Layout, column: str, slice: Slice = WHOLE) -> ColumnView:
        """Raises DataFault where the column did not arrive as declared."""
        for name in ("", column):
            if name in profile.faults:
                raise DataFault(profile.faults[name])
        return cls(layout[column], profile.cells.get((slice, column), Cells.empty()))

    @property
    def kind(self) -> Kind:
        return self.binning.kind

    @property
    def rows(self) -> int:
        return self.cells.rows

    @property
    def nulls(self) -> int:
        return self.cells.at(NULL)

    @property
    def not_finite(self) -> int:
        """Rows with NaN or ±inf."""
        return sum(self.cells.at(bucket) for bucket in (NAN, MINUS_INF, PLUS_INF))

    @property
    def other(self) -> int:
        """Rows whose value has no bucket of its own: unseen in the reference, or too rare there to be kept."""
        return self.cells.at(OTHER)

    @cached_property
    def _valued(self) -> Counts:
        order = np.flatnonzero((self.cells.bucket > SPECIAL) | (self.cells.bucket == OTHER))
        return order.astype(np.int64)

    @cached_property
    def n(self) -> int:
        """Rows with a value."""
        return int(self.cells.count[self._valued].sum())

    def need(self, rows: int, why: str = "") -> None:
        """Raise TooFew unless at least `rows` rows have a value."""
        if self.n < rows:
            raise TooFew(f"{self.n} rows with a value, {rows} needed{why and ' ' + why}")

    @cached_property
    def _ranked(self) -> tuple[Counts, Counts]:
        """(place, rows up to and with it) of the cells with a value, by their lowest."""
        pick = self._valued[np.argsort(self.cells.low[self._valued], kind="stable")]
        return pick, np.cumsum(self.cells.count[pick])

    @cached_property
    def atoms(self) -> tuple[Floats, Counts, Floats]:
        """Numeric cells as (mean of x, rows, variance within), by ascending mean."""
        pick = self._valued
        count = self.cells.count[pick]
        shift = self.cells.d1[pick] / np.maximum(count, 1)
        within = np.maximum(self.cells.d2[pick] / np.maximum(count, 1) - shift**2, 0.0)
        order = np.argsort(shift, kind="stable")
        return self.binning.centre + shift[order], count[order], within[order]

    @cached_property
    def mean(self) -> float:
        self.need(1)
        return float(self.binning.centre + self.cells.d1[self._valued].sum() / self.n)

    @cached_property
    def variance(self) -> float:
        """Of the sample, n - 1 in the denominator; about the mean, from sums about the reference's centre."""
        self.need(2)
        d1, d2 = self.cells.d1[self._valued].sum(), self.cells.d2[self._valued].sum()
        return float(max(d2 - d1 * d1 / self.n, 0.0) / (self.n - 1))

    @cached_property
    def extremes(self) -> tuple[float, float]:
        self.need(1)
        return float(np.nanmin(self.cells.low[self._valued])), float(np.nanmax(self.cells.high[self._valued]))

    @cached_property
    def shape(self) -> tuple[float, float]:
        """(skewness, kurtosis) from the atoms, each cell's rows taken as even about its mean; (0, 1) without spread."""
        self.need(1)
        x, count, within = self.atoms
        share, d = count / self.n, x - self.mean
        second = float(share @ (d**2 + within))
        if second <= 0:
            return 0.0, 1.0
        # In standard deviations: the fourth power of a stray 1e100 would be no number.
        z, within = d / np.sqrt(second), within / second
        return float(share @ (z**3 + 3 * z * within)), float(share @ (z**4 + 6 * z**2 * within + 1.8 * within**2))

    def order_statistic(self, rank: float) -> float:
        """The value of a rank from 1 to n; straight between neighbours where the rank is not whole."""
        below, part = divmod(rank, 1)
        low = self.quantile((below - 0.5) / self.n)
        return low + part * (self.quantile((below + 0.5) / self.n) - low) if part else low

    def quantile(self, p: float) -> float:
        """The p-quantile; straight between a cell's extremes, exact where a cell holds one value."""
        self.need(1)
        pick, upto = self._ranked
        rank = min(max(p * self.n, 0.0), float(self.n))
        i = min(int(np.searchsorted(upto, rank, side="left")), len(upto) - 1)
        inside = (rank - (upto[i] - self.cells.count[pick[i]])) / self.cells.count[pick[i]]
        low, high = self.cells.low[pick[i]], self.cells.high[pick[i]]
        return float(low + (high - low) * min(max(inside, 0.0), 1.0))


@dataclass(frozen=True)
class PairView:
    """One column in the reference and in the current window, cut into the same buckets."""

    reference: ColumnView
    current: ColumnView

    def need(self, rows: int) -> None:
        """Raise TooFew unless both sides have at least `rows` rows with a value."""
        self.reference.need(rows, "in the reference")
        self.current.need(rows)

    @cached_property
    def aligned(self) -> tuple[Counts, Counts, Counts]:
        """(bucket, reference rows, current rows) over every bucket that either side has, special ones too."""
        a, b = self.reference.cells, self.current.cells
        bucket = np.union1d(a.bucket, b.bucket)
        rows = []
        for cells in (a, b):
            found = np.zeros(len(bucket), np.int64)
            found[np.searchsorted(bucket, cells.bucket)] = cells.count
            rows.append(found)
        return bucket, rows[0], rows[1]

    def shares(self, bins: int) -> tuple[Counts, Counts]:
        """Rows (reference, current) in bins of about equal reference share; empty bins left out.

        Numeric grids are joined into `bins` quantile bins of the reference; values and categories keep their own.
        NULL, NaN, ±inf and `other` are bins of their own.
        """
        bucket, reference, current = self.aligned
        if not self.reference.binning.is_grid:
            bin_of = np.arange(len(bucket))
        else:
            valued = bucket > SPECIAL
            inside = np.where(valued, reference, 0)
            middle = np.cumsum(inside) - inside / 2
            quantile = np.floor(bins * middle / max(int(inside.sum()), 1)).astype(np.int64)
            bin_of = np.where(valued, np.minimum(quantile, bins - 1), bucket)
        _, where = np.unique(bin_of, return_inverse=True)
        sums = [np.bincount(where, weights=part).astype(np.int64) for part in (reference, current)]
        kept = (sums[0] + sums[1]) > 0
        return sums[0][kept], sums[1][kept]

    @cached_property
    def steps(self) -> tuple[Floats, Floats, Floats]:
        """(x, reference share, current share) of the numeric cells of both sides, by ascending x.

        x is the mean of both sides' rows in the bucket; shares sum to 1 each.
        """
        self.need(1)
        if self.reference.kind not in (Kind.NUMERIC, Kind.DATETIME, Kind.BOOLEAN):
            raise Undefined("the column's values have no order")
        bucket, reference, current = self.aligned
        pick = (bucket > SPECIAL) | (bucket == OTHER)
        d1 = np.zeros(len(bucket))
        for cells in (self.reference.cells, self.current.cells):
            d1[np.searchsorted(bucket, cells.bucket)] += cells.d1
        x = self.reference.binning.centre + d1[pick] / (reference + current)[pick]
        order = np.argsort(x, kind="stable")
        shares = (part[pick][order] / part[pick].sum() for part in (reference, current))
        return (x[order], *shares)
