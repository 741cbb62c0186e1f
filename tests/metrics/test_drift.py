from __future__ import annotations

import math
from types import ModuleType

import numpy as np
import pytest

from airflow_ml_monitor.errors import TooFew, Undefined
from airflow_ml_monitor.metrics.drift.jensen_shannon import jensen_shannon
from airflow_ml_monitor.metrics.drift.kolmogorov_smirnov import kolmogorov_smirnov
from airflow_ml_monitor.metrics.drift.psi import psi
from airflow_ml_monitor.metrics.drift.shift import shift
from airflow_ml_monitor.metrics.drift.wasserstein import wasserstein
from airflow_ml_monitor.metrics.metric import Subject, metrics
from airflow_ml_monitor.profile.views import PairView

DISTANCES = [m.function for m in metrics().values() if m.subject is Subject.PAIR and m.range[0] == 0]
ALL = [*DISTANCES, shift]


def test_psi_adds_half_a_row_to_every_bin(rows: ModuleType) -> None:
    pair = rows.pair([1, 1, 1, 2], [1, 2, 2, 2], rows.few(1.0, 2.0))
    # Shares 3.5/5 and 1.5/5, then the other way round: 2 · 0.4 ln(0.7/0.3).
    assert psi(pair).value == pytest.approx(0.8 * math.log(7 / 3))
    assert psi(pair).n == 4


def test_jensen_shannon_is_one_where_nothing_is_shared(rows: ModuleType) -> None:
    assert jensen_shannon(rows.pair(["a"] * 9, ["b"] * 9, rows.named("a", "b"))).value == pytest.approx(1)
    # Shares (1, 0) and (½, ½), middle (¾, ¼): divergence ½ log₂(4/3) + ½ (½ log₂(2/3) + ½ log₂ 2) = 0.3113.
    half = jensen_shannon(rows.pair(["a"] * 4, ["a", "a", "b", "b"], rows.named("a", "b")))
    assert half.value == pytest.approx(math.sqrt(0.311278), abs=1e-6)


def test_kolmogorov_smirnov_is_the_largest_gap(rows: ModuleType) -> None:
    # Shares up to 1: ½ and 0; up to 2: 1 and ½.
    assert kolmogorov_smirnov(rows.pair([1, 2], [2, 3], rows.few(1.0, 2.0, 3.0))).value == pytest.approx(0.5)


def test_wasserstein_is_in_deviations_of_the_reference(rows: ModuleType) -> None:
    # Every value moves by 1; the deviation of 0 and 2 is √2.
    found = wasserstein(rows.pair([0, 2], [1, 3], rows.few(0.0, 1.0, 2.0, 3.0)))
    assert found.value == pytest.approx(1 / math.sqrt(2))


def test_a_shift_of_one_deviation_is_a_wasserstein_of_one(rows: ModuleType) -> None:
    x = np.random.default_rng(1).normal(0, 3, 4000)
    assert wasserstein(rows.pair(x, x + 3)).value == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize("metric", [psi, jensen_shannon])
def test_a_column_that_turned_to_null_has_drifted(metric: type, rows: ModuleType) -> None:
    cut = rows.grid([1.0, 2.0, 3.0])
    reference, current = rows.column([1.0, 2.0, 3.0] * 40, cut), rows.column([], cut, nulls=120)
    found = metric(PairView(reference, current))
    assert found.value > 0.9
    assert found.p_value < 0.01


@pytest.mark.parametrize("metric", [kolmogorov_smirnov, wasserstein])
def test_a_column_that_turned_to_null_has_no_distance_between_values(metric: type, rows: ModuleType) -> None:
    cut = rows.grid([1.0, 2.0, 3.0])
    with pytest.raises(TooFew):
        metric(PairView(rows.column([1.0, 2.0], cut), rows.column([], cut, nulls=9)))


@pytest.mark.parametrize("metric", ALL)
def test_neither_side_may_be_empty(metric: type, rows: ModuleType) -> None:
    cut = rows.few(1.0, 2.0)
    for one, other in (([1.0, 2.0], []), ([], [1.0, 2.0])):
        with pytest.raises(TooFew):
            metric(rows.pair(one, other, cut))


@pytest.mark.parametrize("metric", [psi, jensen_shannon, kolmogorov_smirnov])
def test_one_bucket_is_no_drift(metric: type, rows: ModuleType) -> None:
    found = metric(rows.pair([2.0] * 30, [2.0] * 20, rows.few(2.0)))
    assert (found.value, found.noise, found.p_value) == (0, 0, 1)


def test_wasserstein_needs_spread_in_the_reference(rows: ModuleType) -> None:
    with pytest.raises(Undefined, match="no spread"):
        wasserstein(rows.pair([2.0] * 30, [2.0, 3.0], rows.few(2.0, 3.0)))


def test_the_noise_floor_falls_with_more_rows_and_the_distance_does_not(rows: ModuleType) -> None:
    rng = np.random.default_rng(2)
    reference, current = rng.normal(0, 1, 20_000), rng.normal(0.5, 1, 20_000)
    for metric in DISTANCES:
        many, few = metric(rows.pair(reference, current)), metric(rows.pair(reference, current[:1000]))
        assert many.value == pytest.approx(few.value, rel=0.25)
        assert many.noise < few.noise / 2


def test_an_unseen_category_is_drift(rows: ModuleType) -> None:
    cut = rows.named("a", "b")
    found = psi(rows.pair(list("aabb") * 100, list("aabbz") * 100, cut))
    assert found.p_value < 0.001


def test_many_categories_are_redrawn_in_finite_time(rows: ModuleType) -> None:
    names = [f"c{i}" for i in range(400)]
    found = psi(rows.pair(names * 3, names * 2, rows.named(*names)))
    assert found.p_value > 0.9
    assert found.value < found.noise
