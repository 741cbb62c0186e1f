"""Isotonic regression against scipy's, of every shape of data."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import isotonic_regression

from airflow_ml_monitor.estimation.isotonic import never_falling


@pytest.mark.parametrize("k", [1, 2, 3, 40, 500])
@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_each_draw_is_scipys(k: int, share: float) -> None:
    """share: of the cells without rows."""
    rng = np.random.default_rng([k, int(10 * share)])
    rows = np.where(rng.random((30, k)) < share, 0, rng.poisson(5, (30, k))).astype(float)
    positives = rng.binomial(rows.astype(int), np.linspace(0.2, 0.7, k)).astype(float)
    found = never_falling(positives, rows)
    for one, p, n in zip(found, positives, rows, strict=True):
        np.testing.assert_array_equal(np.isnan(one), n == 0)
        if (there := n > 0).any():
            expected = isotonic_regression(p[there] / n[there], weights=n[there]).x
            np.testing.assert_allclose(one[there], expected, rtol=1e-12, atol=1e-15)


def test_a_low_end_joins_a_long_rise() -> None:
    """Of 1 … 300 and then -10⁵ each round joins two: what is left is joined one by one, in its own draw."""
    rise = np.append(np.arange(1.0, 301.0), -1e5)
    both = np.stack([rise, np.arange(301.0)])
    found = never_falling(both, np.ones_like(both))
    np.testing.assert_allclose(found[0], isotonic_regression(rise).x, rtol=1e-12)
    np.testing.assert_array_equal(found[1], both[1])


def test_worked_by_hand() -> None:
    # 3 of 4 before 1 of 4 fall: both become 4 of 8; 6 of 8 lies above.
    found = never_falling(np.array([[3.0, 1.0, 0.0, 6.0]]), np.array([[4.0, 4.0, 0.0, 8.0]]))
    np.testing.assert_array_equal(found, [[0.5, 0.5, np.nan, 0.75]])
