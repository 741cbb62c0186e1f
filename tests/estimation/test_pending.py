"""How much what is awaited may vary: as much as its bunches do, however small the cells are."""

from __future__ import annotations

import numpy as np
import pytest

from airflow_ml_monitor.estimation.likelihood import AWAITED, Seen
from airflow_ml_monitor.estimation.pending import finals

STRATA, CELLS, DAYS, DRAWS = 2, 40, 7, 4000


def awaited(rows: float) -> Seen:
    """So many awaited rows in every cell of every day, of which the curve tells nothing."""
    counts = np.zeros((3, DAYS, CELLS))
    counts[AWAITED] = rows
    chances = np.zeros((1, 3, 2, DAYS, STRATA))
    chances[:, AWAITED] = 1.0
    return Seen(counts, chances, np.arange(CELLS) % STRATA)


@pytest.mark.parametrize("overdispersion", [1.0, 3.0, 9.0])
def test_the_sum_of_a_stratum_varies_as_much_as_its_bunches(overdispersion):
    seen, logit = awaited(1.0), np.full((1, CELLS), -0.8)
    rng = np.random.default_rng(1)
    found = finals(seen, seen, logit, np.repeat(logit, DRAWS, axis=0), overdispersion, rng)
    share = 1 / (1 + np.exp(0.8))
    alone = DAYS * CELLS / STRATA * share * (1 - share)
    for stratum in range(STRATA):
        positives = found.drawn[:, 1, seen.stratum == stratum].sum(axis=1)
        # Half of the excess is by cell, where a shift of several logits can do no more than all or nothing.
        # A little less where cells of a few rows are all or nothing.
        assert positives.var() / alone == pytest.approx(overdispersion, rel=0.2)
        assert positives.mean() == pytest.approx(found.expected[1, seen.stratum == stratum].sum(), rel=0.02)
    np.testing.assert_allclose(found.drawn.sum(axis=1), DAYS)
