"""What a fresh window may show, against exact sums over what a reference may have shown."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from scipy.stats import binom

from airflow_ml_monitor.expectations.chance import RISK, WINDOW_ROWS, most_of_window, most_outside, mostly

_most = cache(most_of_window)


def rate(p: float, reference: int, window: int) -> float:
    """How often a window breaks the rule that a reference of the same share gave, over all references and windows."""
    hits = np.arange(reference + 1)
    weight = binom.pmf(hits, reference, p)
    likely = np.flatnonzero(weight > 1e-9)
    allowed = np.array([1 - mostly(_most(int(h), reference)) for h in likely])
    # The window keeps the rule at exactly the share it allows.
    return float(weight[likely] @ binom.sf(np.floor(allowed * window + 1e-9), window, p))


@pytest.mark.parametrize("reference", [200, 2_000])
@pytest.mark.parametrize("window", [500, 501, 999, 5_000])
def test_a_share_breaks_its_rule_at_most_as_often_as_stated(reference: int, window: int) -> None:
    rates = [rate(p, reference, window) for p in (0.0, 0.003, 0.05, 0.8)]
    # Just above 500 a window may have no row more that breaks a rule, and a tenth more risk.
    assert max(rates) <= RISK * (1 if window == WINDOW_ROWS else 1.2)
    if window == WINDOW_ROWS:
        # And no rarer than it must: a rule that never breaks catches nothing.
        assert max(rates) >= RISK / 10


def test_a_share_that_every_row_had_allows_every_row() -> None:
    assert most_of_window(100, 100) == WINDOW_ROWS
    assert mostly(WINDOW_ROWS) == 0


def test_without_a_hit_more_rows_allow_less() -> None:
    # P(k hits) is about (500 / (n + 500))^k: of 500 rows k = log(30,000) / log(2) = 14.9, of 49,500 rows 2.2.
    assert most_of_window(0, 500) == pytest.approx(14, abs=1)
    assert most_of_window(0, 49_500) == 2


@pytest.mark.parametrize(("rank", "rows"), [(3, 200), (20, 2_000)])
def test_values_outside_two_order_statistics_are_as_many_as_drawn_ones(rank: int, rows: int) -> None:
    random = np.random.default_rng(0)
    outside = []
    for _ in range(4_000):
        known = np.sort(random.standard_cauchy(rows))
        fresh = random.standard_cauchy(WINDOW_ROWS)
        outside.append(np.sum((fresh < known[rank - 1]) | (fresh > known[rows - rank])))
    # 4,000 draws do not reach one in 30,000: none breaks, and the worst comes near.
    assert max(outside) <= most_outside(rank, rows)
    assert max(outside) >= most_outside(rank, rows) / 2


def test_ranks_that_meet_leave_no_range() -> None:
    assert most_outside(3, 5) == WINDOW_ROWS
    assert most_outside(3, 60) < WINDOW_ROWS
