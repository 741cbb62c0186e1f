"""Sampled rows: how they add, and what is told of them: p-values, power, oracles."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from functools import reduce
from itertools import permutations
from operator import add
from types import ModuleType

import numpy as np
import pytest
import scipy.stats
from scipy.spatial.distance import cdist
from sklearn.metrics import roc_auc_score

from airflow_ml_monitor.errors import TooFew, Undefined
from airflow_ml_monitor.measurement import Estimate
from airflow_ml_monitor.metrics.drift.domain_auc import domain_auc
from airflow_ml_monitor.metrics.drift.energy_distance import energy_distance
from airflow_ml_monitor.metrics.sampled import LEAST_ROWS
from airflow_ml_monitor.profile.row_sample import RowSample
from airflow_ml_monitor.profile.traces import Traces
from airflow_ml_monitor.profile.views import DatasetPair

METRICS: list[Callable[[DatasetPair], Estimate]] = [domain_auc, energy_distance]
Rng = np.random.Generator


def parts_of(rng: Rng, rows: int, most: int) -> tuple[RowSample, list[RowSample]]:
    """A sample of all rows, some of them with the same hash, and samples of three parts."""
    hashes, values = rng.integers(0, rows, rows), rng.integers(-3, 3, (rows, 2))
    part = rng.integers(0, 3, rows)
    whole = RowSample.lowest(["a", "b"], most, hashes, values)
    return whole, [RowSample.lowest(["a", "b"], most, hashes[part == i], values[part == i]) for i in range(3)]


def is_same(a: RowSample, b: RowSample) -> bool:
    return (a.columns, a.most) == (b.columns, b.most) and np.array_equal(
        np.column_stack([a.hashes, a.values]), np.column_stack([b.hashes, b.values])
    )


@pytest.mark.parametrize("rows", [0, 5, 60, 1_000])
@pytest.mark.parametrize("seed", range(5))
def test_samples_of_parts_add_to_that_of_the_whole_in_any_order(rows: int, seed: int) -> None:
    whole, parts = parts_of(np.random.default_rng(seed), rows, 50)
    for order in permutations(parts):
        assert is_same(reduce(add, order), whole)
        first, second, third = order
        assert is_same(first + (second + third), whole)


def test_of_two_sizes_the_smaller_is_kept_and_of_columns_those_of_both() -> None:
    rng = np.random.default_rng(3)
    large = RowSample.lowest(["a", "b"], 40, rng.permutation(100), rng.integers(0, 9, (100, 2)))
    small = RowSample.lowest(["b", "c"], 10, 100 + rng.permutation(100), rng.integers(0, 9, (100, 2)))
    both = large + small
    assert (both.columns, both.most, both.hashes.tolist()) == (("b",), 10, list(range(10)))
    np.testing.assert_array_equal(both.values[:, 0], large.values[:10, 1])


def test_traces_add_their_samples_and_one_without_takes_the_others() -> None:
    whole, parts = parts_of(np.random.default_rng(1), 200, 50)
    found = reduce(add, [Traces(sample=part) for part in parts]) + Traces()
    assert found.sample is not None
    assert is_same(found.sample, whole)


def test_no_value_of_a_row_is_written_into_a_message() -> None:
    whole, _ = parts_of(np.random.default_rng(1), 200, 50)
    assert repr(whole) == "RowSample(columns=('a', 'b'), most=50)"


def plain(rng: Rng, rows: int) -> np.ndarray:
    """Five columns that hang together a little."""
    return 0.8 * rng.normal(size=(5, rows)) + 0.6 * rng.normal(size=rows)


def holes(rng: Rng, rows: int) -> np.ndarray:
    """Flags, heavy tails and missing values."""
    x = np.sinh(3 * plain(rng, rows))
    x[:2] = x[:2] > 1
    x[3, rng.random(rows) < 0.3] = np.nan
    return x


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("world", [plain, holes])
def test_without_change_p_values_are_even(
    metric: Callable[[DatasetPair], Estimate], world: Callable[[Rng, int], np.ndarray], rows: ModuleType
) -> None:
    rng = np.random.default_rng(9)
    found = [metric(rows.sampled(world(rng, 120), world(rng, 80))) for _ in range(60)]
    p_values = np.array([one.p_value for one in found], float)
    assert scipy.stats.kstest(p_values, "uniform").pvalue > 0.01
    for level in (0.05, 0.2):
        assert scipy.stats.binomtest(int((p_values <= level).sum()), len(found), level).pvalue > 0.01
    assert np.mean([one.value for one in found]) == pytest.approx(np.mean([one.noise for one in found]), rel=0.03)


def correlated(rng: Rng, rows: int) -> np.ndarray:
    """The first two columns hang together more; each alone is what it was."""
    x = plain(rng, rows)
    x[0] = 0.75 * x[1] + math.sqrt(1 - 0.75**2) * rng.normal(size=rows)
    return x


@pytest.mark.parametrize(
    ("metric", "change"),
    [
        (domain_auc, correlated),
        (domain_auc, lambda rng, rows: plain(rng, rows) + 0.25),
        (domain_auc, lambda rng, rows: plain(rng, rows) * 1.25),
        (energy_distance, lambda rng, rows: plain(rng, rows) + 0.15),
        (energy_distance, lambda rng, rows: plain(rng, rows) * 1.4),
    ],
)
def test_a_change_of_rows_is_found_in_most_windows(
    metric: Callable[[DatasetPair], Estimate], change: Callable[[Rng, int], np.ndarray], rows: ModuleType
) -> None:
    rng = np.random.default_rng(4)
    found = [metric(rows.sampled(plain(rng, 1_000), change(rng, 600))) for _ in range(5)]
    assert sum(one.p_value is not None and one.p_value <= 0.02 for one in found) >= 4


def test_columns_that_hang_together_otherwise_are_told_apart_by_a_classifier_alone(rows: ModuleType) -> None:
    rng = np.random.default_rng(6)
    before, now = plain(rng, 1_000), correlated(rng, 1_000)
    for a, b in zip(before, now, strict=True):
        assert scipy.stats.ks_2samp(a, b).pvalue > 0.02
    found = domain_auc(rows.sampled(before, now))
    assert found.low is not None
    assert found.low > 0.55
    assert found.p_value == 0.002


@pytest.mark.parametrize("shift", [0.0, 0.5, 1.5])
def test_the_area_is_that_of_the_best_classifier_and_its_interval_holds_it(shift: float, rows: ModuleType) -> None:
    rng = np.random.default_rng(5)
    # Of two normal distributions of one width: Φ(shift / √2).
    expected = scipy.stats.norm.cdf(shift / math.sqrt(2))
    found = [domain_auc(rows.sampled(rng.normal(size=(1, 300)), rng.normal(shift, 1, (1, 300)))) for _ in range(16)]
    assert np.mean([one.value for one in found]) == pytest.approx(expected, abs=0.02)
    inside = sum(one.low <= expected <= one.high for one in found if one.low is not None and one.high is not None)
    assert inside >= 13


def test_the_area_over_one_flag_is_worked_by_hand(rows: ModuleType) -> None:
    before, now = (np.resize([0.0] * zeros + [1.0] * (10 - zeros), 500) for zeros in (7, 4))
    found = domain_auc(rows.sampled([before], [now]))
    # 3 in 10 against 6 in 10: ½ + (0.6 - 0.3) / 2, half of the ties counted, which folds keep but for a row.
    assert found.value == pytest.approx(0.65, abs=1e-3)
    is_now = np.repeat([0, 1], 500)
    assert found.value == pytest.approx(roc_auc_score(is_now, np.r_[before, now]), abs=1e-3)


@pytest.mark.parametrize("seed", range(3))
def test_the_energy_distance_of_one_column_is_that_of_scipy(seed: int, rows: ModuleType) -> None:
    rng = np.random.default_rng(seed)
    a, b = rng.normal(size=300), rng.normal(0.3, 1.2, 200)
    u = [np.rint(32_000 * x / (1 + np.abs(x))) for x in (a, b)]
    deviation = np.concatenate(u).std()
    expected = scipy.stats.energy_distance(*(x / deviation for x in u))
    assert energy_distance(rows.sampled([a], [b])).value == pytest.approx(expected, abs=1e-4)


def test_the_energy_distance_of_several_columns_is_its_formula(rows: ModuleType) -> None:
    rng = np.random.default_rng(2)
    sides = [plain(rng, 150), plain(rng, 100) + 0.3]
    codes = [rng.integers(0, 3, (1, 150)), rng.integers(0, 2, (1, 100))]
    u = [np.rint(32_000 * x / (1 + np.abs(x))) for x in sides]
    deviation = np.concatenate(u, axis=1).std(axis=1, keepdims=True)
    marks = [np.stack([of[0] == code for code in range(3)]).astype(float) for of in codes]
    x, y = (np.concatenate([part / deviation, of]).T for part, of in zip(u, marks, strict=True))
    expected = math.sqrt(2 * cdist(x, y).mean() - cdist(x, x).mean() - cdist(y, y).mean())
    assert energy_distance(rows.sampled(*sides, codes)).value == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("metric", METRICS)
def test_a_category_that_moves_is_seen(metric: Callable[[DatasetPair], Estimate], rows: ModuleType) -> None:
    rng = np.random.default_rng(8)
    codes = [rng.integers(0, 4, (1, 400)), rng.integers(0, 3, (1, 400))]
    found = metric(rows.sampled(plain(rng, 400), plain(rng, 400), codes)).p_value
    assert found is not None
    assert found <= 0.01


@pytest.mark.parametrize("metric", METRICS)
def test_what_cannot_be_told_says_why(metric: Callable[[DatasetPair], Estimate], rows: ModuleType) -> None:
    rng = np.random.default_rng(1)
    x = plain(rng, 200)
    with pytest.raises(Undefined, match="no rows in the reference were kept; give the dataset sample_rows"):
        metric(rows.together(x, x))
    with pytest.raises(TooFew, match=f"49 rows in the window, {LEAST_ROWS} needed"):
        metric(rows.sampled(x, x[:, :49]))
    with pytest.raises(Undefined, match="no column that the reference and the window both have varies"):
        metric(rows.sampled(np.zeros((2, 60)), np.zeros((2, 60))))
    pair = rows.sampled(x, x)
    without = replace(pair.current, rows={(): 0}, traces=Traces())
    with pytest.raises(TooFew, match="0 rows in the window"):
        metric(replace(pair, current=without))


@pytest.mark.parametrize("metric", METRICS)
def test_the_same_rows_give_the_same_numbers(metric: Callable[[DatasetPair], Estimate], rows: ModuleType) -> None:
    rng = np.random.default_rng(1)
    pair = rows.sampled(holes(rng, 100), holes(rng, 70))
    assert metric(pair) == metric(pair)
