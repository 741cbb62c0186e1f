from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from airflow_ml_monitor.metrics import interval


def test_common_shares_have_the_interval_of_wilson_and_rare_ones_that_of_clopper_and_pearson() -> None:
    for events, n, method in ((40, 100, "wilson"), (3, 100, "exact"), (98, 100, "exact"), (0, 7, "exact")):
        expected = stats.binomtest(events, n).proportion_ci(method=method)
        assert interval.share(events, n) == pytest.approx((expected.low, expected.high))


def test_events_that_come_in_groups_are_as_many_as_they_vary_like() -> None:
    # 500 groups of four events, of which three in ten hit: as 500 events, 2,000, or between.
    doubt = (stats.norm.ppf(0.975) / stats.t.ppf(0.975, 499)) ** 2
    for events in (500, 1000, 2000):
        found = interval.clustered_share(0.3, 0.21 / events, 500, 2000, 500)
        assert found == pytest.approx(interval.share(0.3 * max(events * doubt, 500), max(events * doubt, 500)))
    # Where nothing varies, or what does is rounding, groups count once; never do they count for less.
    alike = interval.share(150, 500)
    for variance in (0.0, 1e-18, 0.21 / 100):
        assert interval.clustered_share(0.3, variance, 500, 2000, 500) == pytest.approx(alike)
    assert interval.clustered_share(1.0, 0.0, 500, 2000, 500) == interval.share(500, 500)


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


def test_the_sum_of_two_estimates_has_the_interval_of_newcombe() -> None:
    # Newcombe 1998, table II, contrast (a), method 10: 56 of 70 less 48 of 80.
    less = (-limit for limit in reversed(interval.share(48, 80)))
    low, high = interval.added((56 / 70, interval.share(56, 70)), (-48 / 80, tuple(less)))
    assert (low, high) == pytest.approx((0.0524, 0.3339), abs=1e-4)
    assert interval.added((1.0, (0.5, 3.0))) == (0.5, 3.0)


def test_the_interval_on_fishers_scale_is_that_of_a_correlation() -> None:
    rng = np.random.default_rng(1)
    x = rng.normal(0, 1, 50)
    found = stats.pearsonr(x, x + rng.normal(0, 1, 50))
    r = found.statistic
    expected = found.confidence_interval(0.95)
    assert interval.on_fisher(r, (1 - r**2) ** 2 / 47, 1e9) == pytest.approx((expected.low, expected.high))


def test_the_interval_on_the_log_scale_is_as_far_up_as_down_by_factors() -> None:
    low, high = interval.on_log(3.0, 0.25, 9)
    assert low * high == pytest.approx(9)
    assert high == pytest.approx(3 * np.exp(stats.t.ppf(0.975, 9) * 0.5 / 3))


def test_a_mean_from_moments_is_the_mean_of_the_rows_they_come_from() -> None:
    x = np.random.default_rng(2).exponential(1, 40)
    moments = (float((x**k).mean()) for k in (1, 2, 3))
    expected = interval.mean(x.mean(), x.var(ddof=1), 40, stats.skew(x))
    assert interval.moments_mean(*moments, 40) == pytest.approx(expected)
    # Far from 0 the third moment is rounding, and no skewness is read from it.
    far = 1e8 + x
    low, high = interval.moments_mean(*(float((far**k).mean()) for k in (1, 2, 3)), 40) or (0, 0)
    assert high - far.mean() == pytest.approx(far.mean() - low, rel=1e-3)


def test_gaps_of_many_rows_of_both_classes_are_a_mean_and_of_few_allow_for_the_largest() -> None:
    many = interval.Losses(50, 20.0, 10.0, 6.0, 0.9)
    other = interval.Losses(40, 20.0, 12.0, 8.0, 0.9)
    assert interval.mean_gap(many, other) == interval.moments_mean(0.0, 22 / 90, -2 / 90, 90)
    none = interval.Losses(0, 0.0, 0.0, 0.0, 0.9)
    low, high = interval.mean_gap(many, none) or (0, 0)
    assert low < 20 / 50 - 0.9 / 50 < 20 / 50 < high
    assert high == pytest.approx((interval.positive_mean(20 / 50, 10 / 50, 6 / 50, 50) or (0, 0))[1])


def test_tables_of_few_errors_have_the_limits_of_their_share() -> None:
    low, high = interval.tables_of_few_errors(30, 1, 2, 67)
    for table, error in zip((low, high), interval.share(3, 100), strict=True):
        assert sum(table) == pytest.approx(100)
        assert (table[1] + table[2]) / 100 == pytest.approx(error)
    assert interval.tables_of_few_errors(30, 12, 12, 46) == []
