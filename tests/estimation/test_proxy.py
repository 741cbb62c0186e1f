"""What a proxy has been worth: the correlation is SciPy's, and its interval knows that days resemble each other."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.stats

from airflow_ml_monitor.errors import TooFew, Undefined
from airflow_ml_monitor.estimation.proxy import LEAST, proxy_correlation

DRAWS = 400


def together(rng: np.random.Generator, n: int, memory: float, correlation: float) -> np.ndarray:
    """Two series of the same memory, row by row, which have this correlation."""
    step = rng.normal(size=(n + 60, 2))
    step[:, 1] = correlation * step[:, 0] + math.sqrt(1 - correlation**2) * step[:, 1]
    found = np.zeros_like(step)
    for i in range(1, len(step)):
        found[i] = memory * found[i - 1] + step[i]
    return found[60:]


def test_the_correlation_is_that_of_scipy_and_its_interval_that_of_fisher() -> None:
    x, y = np.random.default_rng(4).normal(size=(2, 60))
    y += x
    found, expected = proxy_correlation(x, y), scipy.stats.pearsonr(x, y)
    assert found.estimate.value == pytest.approx(expected.statistic, abs=1e-12)
    assert found.estimate.n == 60
    assert 50 < found.independent <= 60
    low, high = expected.confidence_interval()
    # Student's t and a few windows less make it a little wider.
    assert low - 0.05 < found.estimate.low < low
    assert high < found.estimate.high < high + 0.05


@pytest.mark.parametrize("n", [10, 20, 60, 180])
@pytest.mark.parametrize("memory", [0.0, 0.5, 0.8])
@pytest.mark.parametrize("correlation", [0.0, 0.6])
def test_the_interval_covers_although_windows_resemble_those_before(n: int, memory: float, correlation: float) -> None:
    rng = np.random.default_rng(2026)
    hits = []
    for _ in range(DRAWS):
        try:
            found = proxy_correlation(*together(rng, n, memory, correlation).T).estimate
        except TooFew:
            continue
        assert found.low is not None
        assert found.high is not None
        hits.append(found.low <= correlation <= found.high)
    coverage = float(np.mean(hits))
    print(f"| n={n} | memory={memory} | {correlation} | {coverage:.3f} | {len(hits) / DRAWS:.0%} |")
    assert len(hits) > 0.9 * DRAWS
    assert coverage >= 0.93 - 2.6 * math.sqrt(0.93 * 0.07 / len(hits))


def test_two_walks_that_have_nothing_to_do_with_each_other_are_worth_few_windows() -> None:
    x, y = together(np.random.default_rng(3), 100, 0.95, 0.0).T
    assert proxy_correlation(x, y).independent < 40


def test_what_cannot_be_told_is_said() -> None:
    x = np.arange(LEAST - 1.0)
    with pytest.raises(TooFew, match="9 final windows with both, 10 needed"):
        proxy_correlation(x, x)
    with pytest.raises(Undefined, match="the proxy was the same in all of 12 windows"):
        proxy_correlation([0.1] * 12, range(12))
    with pytest.raises(Undefined, match="the performance was the same"):
        proxy_correlation(range(12), [0.7] * 12)
    with pytest.raises(TooFew, match="no more than four"):
        proxy_correlation(range(10), range(10))


def test_two_trends_that_merely_go_up_together_are_worth_nothing() -> None:
    rng = np.random.default_rng(2)
    found = proxy_correlation(np.arange(60) + rng.normal(size=60), np.arange(60) + rng.normal(size=60)).estimate
    assert found.value > 0.99
    assert found.low is not None
    assert found.low < 0


def test_a_proxy_that_is_the_metric_itself_has_no_interval() -> None:
    x = np.random.default_rng(1).normal(size=30)
    found = proxy_correlation(x, 2 * x + 1).estimate
    assert found.value == pytest.approx(1)
    assert found.low is None
