from __future__ import annotations

import pytest
from scipy import stats

from airflow_ml_monitor.metrics import interval


def test_common_shares_have_the_interval_of_wilson_and_rare_ones_that_of_clopper_and_pearson() -> None:
    for events, n, method in ((40, 100, "wilson"), (3, 100, "exact"), (98, 100, "exact"), (0, 7, "exact")):
        expected = stats.binomtest(events, n).proportion_ci(method=method)
        assert interval.share(events, n) == pytest.approx((expected.low, expected.high))


def test_the_mean_of_unskewed_rows_has_the_interval_of_student() -> None:
    assert interval.mean(1.0, 4.0, 25) == pytest.approx(stats.t.interval(0.95, 24, 1.0, 0.4))


def test_right_skewed_rows_have_a_longer_upper_arm() -> None:
    low, high = interval.mean(1.0, 1.0, 30, skewness=2.0) or (0, 0)
    assert high - 1 > 1 - low


def test_no_interval_comes_from_a_single_row() -> None:
    assert interval.mean(1.0, 0.0, 1) is None
    assert interval.positive_mean(1.0, 1.0, 1.0, 1) is None
    assert interval.mean_square(1.0, 1.0, 1, 0) is None


def test_a_rare_sum_of_ones_has_the_exact_interval_of_poisson() -> None:
    # Garwood 1936: χ²(2k)/2 at 0.025 and χ²(2k + 2)/2 at 0.975.
    low, high = interval.rare_sum(4.0, 4.0, 1.0)
    assert (low, high) == pytest.approx((stats.chi2.ppf(0.025, 8) / 2, stats.chi2.ppf(0.975, 10) / 2))
    assert interval.rare_sum(0.0, 0.0, 2.0) == pytest.approx((0.0, 2 * 3.6889), abs=1e-3)


def test_the_ranks_about_a_median_are_symmetric_and_hold_it() -> None:
    low, high = interval.quantile_ranks(0.5, 100) or (0, 0)
    assert low + high == pytest.approx(101)
    assert stats.binom.cdf(int(low) - 1, 100, 0.5) <= 0.025 < stats.binom.cdf(int(low), 100, 0.5)


def test_there_are_no_ranks_beyond_the_rows() -> None:
    assert interval.quantile_ranks(0.01, 100) is None
    assert interval.quantile_ranks(0.99, 400) is not None


def test_the_outer_of_nothing_is_nothing() -> None:
    assert interval.outer(None, None) is None
    assert interval.outer(None, (1.0, 2.0), (0.5, 1.5)) == (0.5, 2.0)
