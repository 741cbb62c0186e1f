"""Distances from cells are those of the rows, on every kind of data of `make bench NAME=distances`."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType

import numpy as np
import pytest
import scipy.stats

from airflow_ml_monitor.metrics.drift.wasserstein import wasserstein
from airflow_ml_monitor.profile.dataset import Kind
from airflow_ml_monitor.profile.layout import FEW_VALUES, Binning

ROWS = 20_000
OFF = {
    "normal": 2e-3,
    "uniform": 2e-3,
    "Student, 2 degrees": 2e-3,
    "Cauchy": 2e-3,
    "counts up to 20": 1e-12,
    "counts of many": 1e-12,
    "two decimals": 2e-3,
    "70 % zeros": 2e-3,
    "scale 10⁻¹²": 2e-3,
    "10¹² + noise": 2e-3,
    # Narrow peaks far from the centre, and what lies many scales below it, have fewer buckets.
    "lognormal, σ = 2": 8e-3,
    "four peaks": 1.5e-2,
    "four needles": 4e-2,
}
"""How far KS, and JS over deciles, may be off: some times the worst of results/distances.md, for fewer rows."""


@pytest.fixture(scope="module")
def distances(builders: Callable[[str], ModuleType]) -> ModuleType:
    return builders("benchmarks/distances.py")


def binning(reference: np.ndarray) -> Binning:
    """As engines choose it."""
    values = np.unique(reference)
    low, middle, high = np.quantile(reference, (0.25, 0.5, 0.75))
    # Three quarters are one value.
    scale = (high - low) / 1.349 or reference.std()
    return Binning("x", Kind.NUMERIC, middle, scale, values=tuple(values) if len(values) <= FEW_VALUES else ())


@pytest.mark.parametrize("kind", OFF)
@pytest.mark.parametrize("how", ["all", "the upper half"])
def test_distances_of_cells_are_those_of_the_rows(kind: str, how: str, distances: ModuleType, rows: ModuleType) -> None:
    rng = np.random.default_rng([3, *map(ord, kind)])
    reference, current = distances.KINDS[kind][0](rng, ROWS), distances.moved(kind, how, rng, ROWS)
    pair = rows.pair(reference, current, binning(reference))
    found, expected = distances.of_cells(pair), distances.of_rows(reference, current)
    assert found["kolmogorov_smirnov"] == pytest.approx(expected["kolmogorov_smirnov"], abs=OFF[kind])
    assert abs(found["kolmogorov_smirnov"] - expected["kolmogorov_smirnov"]) <= distances.largest(pair)
    assert found["jensen_shannon"] == pytest.approx(expected["jensen_shannon"], abs=4 * OFF[kind])
    # Less only where the two distribution functions cross within a bucket.
    assert found["wasserstein"] <= expected["wasserstein"] * (1 + 1e-9)
    assert found["wasserstein"] == pytest.approx(expected["wasserstein"], rel=2e-2, abs=4e-3)


def test_every_kind_of_the_benchmark_is_looked_at(distances: ModuleType) -> None:
    assert set(OFF) == set(distances.KINDS)


def test_a_stray_value_beyond_the_grid_is_as_far_as_it_is(rows: ModuleType) -> None:
    x = np.random.default_rng(4).normal(size=2_000)
    far, further = np.r_[x, 1e6, 2e6], np.r_[x, 1e6, 7e6]
    # One row of 2,002 lies 5e6 further.
    expected = 5e6 / 2_002 / far.std(ddof=1)
    found = wasserstein(rows.pair(far, further, Binning("x", Kind.NUMERIC)))
    assert found.value == pytest.approx(expected)


@pytest.mark.parametrize("law", ["exponential", "Student, 3 degrees"])
def test_p_values_of_wasserstein_are_as_rare_as_they_say_in_heavy_tails(law: str, rows: ModuleType) -> None:
    rng = np.random.default_rng(12)
    draw = rng.exponential if law == "exponential" else lambda size: rng.standard_t(3, size)
    cut = Binning("x", Kind.NUMERIC, 0.3, 1.0)
    found = [wasserstein(rows.pair(draw(size=800), draw(size=400), cut)).p_value for _ in range(200)]
    for level in (0.01, 0.05, 0.2):
        assert scipy.stats.binomtest(sum(p <= level for p in found), 200, level).pvalue > 0.01
