"""What stored cells lose: nothing of counts, of sums a 10⁻⁹, of extremes nothing that a bound would see."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given, seed, settings
from hypothesis import strategies as st

from airflow_ml_monitor.keys import WHOLE, Window
from airflow_ml_monitor.measurement import Estimate
from airflow_ml_monitor.metrics.drift.jensen_shannon import jensen_shannon
from airflow_ml_monitor.metrics.drift.kolmogorov_smirnov import kolmogorov_smirnov
from airflow_ml_monitor.metrics.drift.psi import psi
from airflow_ml_monitor.metrics.drift.wasserstein import wasserstein
from airflow_ml_monitor.profile.cells import Cells, Floats, Profile
from airflow_ml_monitor.profile.codec import encode_profile
from airflow_ml_monitor.profile.dataset import Kind
from airflow_ml_monitor.profile.kernel.kernel import column_cells
from airflow_ml_monitor.profile.layout import Binning
from airflow_ml_monitor.profile.packed_cells import SUMS, WIDTH, packed_cells, unpacked_cells
from airflow_ml_monitor.profile.views import ColumnView, PairView

ROWS = 20_000
Draw = Callable[[np.random.Generator], Floats]
KINDS: dict[str, tuple[Draw, float, float]] = {
    "normal": (lambda rng: rng.normal(3, 2, ROWS), 3.01, 1.3),
    "two decimals": (lambda rng: np.round(rng.gamma(2, 30, ROWS), 2), 52.37, 31.0),
    "counts": (lambda rng: rng.poisson(40, ROWS).astype(float), 40.0, 5.0),
    "32 bits": (lambda rng: rng.normal(size=ROWS).astype(np.float32).astype(np.float64), 0.003, 0.7),
    "heavy tails": (lambda rng: rng.standard_cauchy(ROWS), 0.0, 1.0),
    "no mean at all": (lambda rng: rng.pareto(0.1, ROWS), 500.0, 900.0),
    "mostly zero": (lambda rng: np.where(rng.random(ROWS) < 0.7, 0.0, rng.lognormal(0, 2, ROWS)), 0.0, 0.4),
    "far from zero": (lambda rng: 1e12 + rng.normal(size=ROWS), 1e12 + 0.02, 0.7),
    "tiny": (lambda rng: rng.normal(size=ROWS) * 1e-120, 0.0, 1e-120),
    "huge": (lambda rng: rng.normal(size=ROWS) * 1e120, 1e118, 1e120),
    "another unit": (lambda rng: rng.normal(3, 2, ROWS) * 1000, 3.01, 1.3),
    "of two sizes": (lambda rng: rng.normal(size=ROWS) * np.where(rng.random(ROWS) < 0.5, 1e-9, 1e9), 0.0, 1e-3),
}


def cut(kind: str, which: int = 0) -> tuple[Binning, Cells]:
    draw, centre, scale = KINDS[kind]
    binning = Binning("x", Kind.NUMERIC, centre, scale)
    x = draw(np.random.default_rng([which, *map(ord, kind)]))
    return binning, column_cells(binning, np.ma.masked_invalid(x), {})[WHOLE, "x"]


def stored(cells: Cells) -> Cells:
    return unpacked_cells(packed_cells([cells]))[0]


def check_kept(cells: Cells, again: Cells) -> None:
    np.testing.assert_array_equal(again.bucket, cells.bucket)
    np.testing.assert_array_equal(again.count, cells.count)
    np.testing.assert_allclose(again.d1, cells.d1, rtol=SUMS, atol=0)
    np.testing.assert_allclose(again.d2, cells.d2, rtol=SUMS, atol=0)
    one = ~(cells.low < cells.high)
    np.testing.assert_array_equal(again.low[one], cells.low[one])
    np.testing.assert_array_equal(again.high[one], cells.high[one])
    for mine, its in ((again.low, cells.low), (again.high, cells.high)):
        way = cells.high[~one] - cells.low[~one]
        assert (np.abs(mine[~one] - its[~one]) <= WIDTH * way).all()
    assert (again.low[~one] < again.high[~one]).all()
    if np.isfinite(cells.low).any():
        assert (np.nanmin(again.low), np.nanmax(again.high)) == (np.nanmin(cells.low), np.nanmax(cells.high))


@pytest.mark.parametrize("kind", KINDS)
def test_cells_of_every_kind_of_data_are_kept_within_the_law(kind: str) -> None:
    _, cells = cut(kind)
    check_kept(cells, stored(cells))


@pytest.mark.parametrize("kind", ["two decimals", "counts"])
def test_short_decimals_are_kept_to_the_bit(kind: str) -> None:
    _, cells = cut(kind)
    again = stored(cells)
    np.testing.assert_array_equal(again.low, cells.low)
    np.testing.assert_array_equal(again.high, cells.high)


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_stored_again_does_not_drift_away(kind: str) -> None:
    _, cells = cut(kind)
    again = cells
    for _ in range(5):
        again = stored(again)
    np.testing.assert_allclose(again.d1, cells.d1, rtol=2 * SUMS, atol=0)
    np.testing.assert_allclose(again.d2, cells.d2, rtol=2 * SUMS, atol=0)


@pytest.mark.parametrize("kind", KINDS)
def test_metrics_of_stored_cells_are_those_of_fresh_ones(kind: str) -> None:
    (binning, before), (_, now) = cut(kind), cut(kind, 1)
    fresh = PairView(*(ColumnView(binning, cells) for cells in (before, now)))
    kept = PairView(*(ColumnView(binning, stored(cells)) for cells in (before, now)))
    for metric in (psi, jensen_shannon, kolmogorov_smirnov):
        one, other = metric(fresh), metric(kept)
        assert isinstance(one, Estimate)
        assert isinstance(other, Estimate)
        assert other.value == pytest.approx(one.value, rel=1e-12)
    assert wasserstein(kept).value == pytest.approx(wasserstein(fresh).value, rel=1e-6)
    column, same = kept.current, fresh.current
    reach = math.sqrt(same.variance)
    assert column.extremes == same.extremes
    assert abs(column.mean - same.mean) <= 1e-9 * reach + 1e-15 * abs(same.mean)
    assert column.variance == pytest.approx(same.variance, rel=1e-8)
    for p in (0.001, 0.1, 0.25, 0.5, 0.75, 0.9, 0.999):
        i = min(int(np.searchsorted(np.cumsum(now.count), p * same.n)), len(now.bucket) - 1)
        assert abs(column.quantile(p) - same.quantile(p)) <= WIDTH * (now.high[i] - now.low[i])


def test_no_value_passes_a_short_bound_that_it_kept() -> None:
    rng = np.random.default_rng(5)
    x = np.concatenate([rng.normal(size=ROWS), [0.1, 0.1 + 1e-13, 0.1 - 1e-13, 0.25, np.nextafter(0.25, 1)]])
    cells = column_cells(Binning("x", Kind.NUMERIC, 0.013, 0.7), np.ma.masked_invalid(x), {})[WHOLE, "x"]
    again = stored(cells)
    for bound in (0.1, 0.25, 0.0, -0.5, 1.0):
        assert (again.low[cells.low >= bound] >= bound).all()
        assert (again.high[cells.high <= bound] <= bound).all()


@pytest.mark.parametrize(
    ("kind", "most"), [("normal", 13.0), ("two decimals", 11.0), ("counts", 9.0), ("32 bits", 13.0)]
)
def test_a_cell_weighs_less_than_half_of_four_doubles(kind: str, most: float) -> None:
    window = Window(datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 2, tzinfo=UTC))
    cells = {(WHOLE, f"x{i}"): cut(kind, i)[1] for i in range(8)}
    payload = encode_profile(Profile("d", window, "layout", {WHOLE: ROWS}, cells))
    assert len(payload) / sum(len(one.bucket) for one in cells.values()) < most


@seed(20260304)
@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.integers(-(2**63), 2**63 - 1),
            st.integers(0, 2**63 - 1),
            *(st.floats() for _ in range(4)),
        ),
        unique_by=lambda row: row[0],
    ),
    st.integers(1, 3),
)
def test_cells_that_no_data_makes_survive_too(rows: list[tuple[int, int, float, float, float, float]], of: int) -> None:
    bucket, count = (np.array([row[i] for row in rows], np.int64) for i in range(2))
    parts = [Cells(bucket, count, *(np.array([row[i] for row in rows], np.float64) for i in range(2, 6)))] * of
    for again in unpacked_cells(packed_cells(parts)):
        check_kept_of_any(parts[0], again)


def check_kept_of_any(cells: Cells, again: Cells) -> None:
    """Of numbers that need not belong together."""
    np.testing.assert_array_equal(again.bucket, cells.bucket)
    np.testing.assert_array_equal(again.count, cells.count)
    np.testing.assert_allclose(again.d1, cells.d1, rtol=SUMS, atol=0)
    np.testing.assert_allclose(again.d2, cells.d2, rtol=SUMS, atol=0)
    for mine, its in ((again.low, cells.low), (again.high, cells.high)):
        moved = ~((mine == its) | (np.isnan(mine) & np.isnan(its)))
        with np.errstate(over="ignore"):
            way = WIDTH * np.abs(cells.high[moved] - cells.low[moved])
            assert (np.abs(mine[moved] - its[moved]) <= way).all()
