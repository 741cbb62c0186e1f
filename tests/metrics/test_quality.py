from __future__ import annotations

import math
from datetime import timedelta
from types import ModuleType

import pytest
from scipy.stats import binom

from airflow_ml_monitor.errors import TooFew, Undefined
from airflow_ml_monitor.metrics.quality.calls_per_version import calls_per_version
from airflow_ml_monitor.metrics.quality.completeness import completeness
from airflow_ml_monitor.metrics.quality.duplicate_rows import duplicate_rows
from airflow_ml_monitor.metrics.quality.freshness import freshness
from airflow_ml_monitor.metrics.quality.mean import mean
from airflow_ml_monitor.metrics.quality.outlier_share import outlier_share
from airflow_ml_monitor.metrics.quality.quantiles import quantiles
from airflow_ml_monitor.metrics.quality.row_count import row_count
from airflow_ml_monitor.metrics.quality.standard_deviation import standard_deviation
from airflow_ml_monitor.metrics.quality.unseen_share import unseen_share
from airflow_ml_monitor.metrics.quality.valid_share import valid_share
from airflow_ml_monitor.profile.ellipsoid import Ellipsoid

SLICE = (("country", "de"),)


def test_an_empty_window_has_zero_rows_and_that_is_a_value(rows: ModuleType) -> None:
    assert row_count(rows.data(0)).value == 0
    assert row_count(rows.data(7, slice=SLICE)).n == 7


def test_duplicates_are_counted_over_the_whole_only(rows: ModuleType) -> None:
    assert duplicate_rows(rows.data(9, duplicates=2)).value == 2
    with pytest.raises(Undefined, match="slice"):
        duplicate_rows(rows.data(9, duplicates=2, slice=SLICE))
    with pytest.raises(TooFew):
        duplicate_rows(rows.data(0))


def test_freshness_is_the_time_from_the_newest_event_to_the_end(rows: ModuleType) -> None:
    end = rows.DAY.end
    assert freshness(rows.data(1, newest=end - timedelta(hours=2))).value == 7200
    assert freshness(rows.data(1, newest=end + timedelta(hours=2))).value == 0
    with pytest.raises(TooFew):
        freshness(rows.data(0))
    with pytest.raises(Undefined, match="slice"):
        freshness(rows.data(1, newest=end, slice=SLICE))


def test_calls_are_counted_by_version(rows: ModuleType) -> None:
    found = calls_per_version(rows.data(9, versions={"b": 4, "a": 5}))
    assert {key: e.value for key, e in found.items()} == {"version=a": 5, "version=b": 4}
    with pytest.raises(Undefined, match="role 'version'"):
        calls_per_version(rows.data(9))
    with pytest.raises(Undefined, match="slice"):
        calls_per_version(rows.data(9, versions={"a": 9}, slice=SLICE))
    with pytest.raises(TooFew):
        calls_per_version(rows.data(0))


def test_null_is_incomplete_and_nan_is_invalid(rows: ModuleType) -> None:
    column = rows.column([1.0, 2.0, math.nan, math.inf], rows.few(1.0, 2.0), nulls=4)
    assert completeness(column).value == 0.5
    assert valid_share(column).value == 0.25
    assert completeness(column).n == valid_share(column).n == 8


def test_a_column_of_null_is_wholly_incomplete_and_has_no_mean(rows: ModuleType) -> None:
    column = rows.column([], rows.few(1.0, 2.0), nulls=20)
    # Clopper-Pearson with no event: 1 - 0.025^(1/20).
    assert completeness(column).high == pytest.approx(1 - 0.025 ** (1 / 20))
    assert (completeness(column).value, completeness(column).low) == (0, 0)
    for metric in (mean, standard_deviation, quantiles, unseen_share):
        with pytest.raises(TooFew):
            metric(column)


def test_unseen_values_are_a_share_of_the_rows_with_a_value(rows: ModuleType) -> None:
    column = rows.column(["a", "b", "z", "z"], rows.named("a", "b"), nulls=4)
    assert unseen_share(column).value == 0.5
    assert unseen_share(column).n == 4


def test_on_a_grid_nothing_is_unseen(rows: ModuleType) -> None:
    with pytest.raises(Undefined, match="grid"):
        unseen_share(rows.column([1.0, 2.0, 3.5]))


def test_the_mean_has_the_interval_of_student_where_nothing_is_skewed(rows: ModuleType) -> None:
    # 1, 2, …, 11: mean 6, variance 11, so 6 ± t(10) √(11/11), t = 2.228.
    found = mean(rows.column(range(1, 12)))
    assert (found.value, found.n) == (6, 11)
    assert found.low == pytest.approx(6 - 2.228, abs=1e-3)
    assert found.high == pytest.approx(6 + 2.228, abs=1e-3)


def test_a_flag_that_was_never_set_may_still_be_set_sometimes(rows: ModuleType) -> None:
    found = mean(rows.column([0.0] * 50, rows.few(0.0, 1.0)))
    assert found.value == found.low == 0
    assert found.high == pytest.approx(1 - 0.025 ** (1 / 50))


def test_one_row_has_a_mean_without_an_interval_and_no_deviation(rows: ModuleType) -> None:
    column = rows.column([3.0])
    assert (mean(column).value, mean(column).low) == (3, None)
    with pytest.raises(TooFew):
        standard_deviation(column)


def test_the_deviation_is_that_of_a_sample(rows: ModuleType) -> None:
    # 2, 4, 4, 4, 5, 5, 7, 9: squares about 5 sum to 32; √(32/7).
    found = standard_deviation(rows.column([2, 4, 4, 4, 5, 5, 7, 9]))
    assert found.value == pytest.approx(math.sqrt(32 / 7))
    assert found.low is not None
    assert found.low < found.value < (found.high or 0)


def test_a_constant_column_has_no_spread(rows: ModuleType) -> None:
    column = rows.column([4.0] * 30, rows.few(3.0, 4.0, 5.0))
    assert standard_deviation(column).value == 0
    assert (mean(column).low, mean(column).high) == (4, 4)
    assert {e.value for e in quantiles(column).values()} == {4.0}


def test_quantiles_have_an_interval_only_where_rows_lie_beyond(rows: ModuleType) -> None:
    found = quantiles(rows.column(range(100), rows.few(*map(float, range(100)))))
    assert found["q=0.5"].value == 49
    # Ranks 41 and 60 of 100 hold the median with 95 % (binomial): values 40 and 59.
    assert found["q=0.5"].low == pytest.approx(40, abs=1)
    assert found["q=0.5"].high == pytest.approx(59, abs=1)
    assert found["q=0.01"].low is None
    assert found["q=0.99"].high is None


def test_outliers_are_rows_farther_out_than_all_but_one_in_a_thousand_of_the_reference(rows: ModuleType) -> None:
    shape = Ellipsoid(("x", "y"), 10_000)
    found = outlier_share(rows.outlying({10: 9_991, 100: 9}, {10: 480, 99: 3, 100: 17}, shape))
    # The border lies between 11 and 100, as near as may be: 9 reference rows are beyond, (9 + ½) of 10,001 to be
    # expected. Wilson: 0.04 of 500 in [0.0260, 0.0610]; Clopper and Pearson: 9 of 10,000 in [0.000412, 0.001708].
    # 0.04 - √(0.0140² + 0.00076²), and 0.04 + √(0.0210² + 0.00054²).
    assert (found.value, found.n) == (20 / 500, 500)
    assert found.noise == pytest.approx(9.5 / 10_001, abs=1e-6)
    assert (found.low, found.high) == pytest.approx((0.0260, 0.0610), abs=1e-4)
    # As good as never: 20 of 29 such rows among 500 of 10,500.
    assert found.p_value == pytest.approx(binom.sf(19, 29, 500 / 10_500), rel=1e-6)
    same = outlier_share(rows.outlying({10: 9_991, 100: 9}, {10: 10_000}, shape))
    assert (same.value, same.low, same.p_value) == (0, 0, 1)
