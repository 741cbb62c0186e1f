"""Values cut off at a bound."""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from airflow_ml_monitor.measurement import Estimates
from airflow_ml_monitor.metrics import interval
from airflow_ml_monitor.metrics.metric import Subject, fault
from airflow_ml_monitor.profile.dataset import Kind
from airflow_ml_monitor.profile.feed_view import FeedColumn
from airflow_ml_monitor.profile.mixture import Usual, bucket_of, places

LEAST: Final = 0.05
"""Of the usual rows must lie beyond the bound."""
ALL: Final = 0.95
"""Of the rows beyond, the fitted share must reach."""
AT_BOUND: Final = 0.6
"""Of those the window must have so many at it."""


@fault(
    Subject.FEED_COLUMN,
    kinds=(Kind.NUMERIC,),
    yields_to=(
        *("all_missing", "constant", "swapped", "unit_changed", "sign_flipped"),
        *("score_inverted", "score_out_of_range", "score_collapsed"),
    ),
)
def clipped(column: FeedColumn) -> Estimates:
    """All values beyond a bound are moved to it.

    The share of rows at the bound that lay beyond it; parameters name the bound. Asked for: at least 5 % of the usual
    rows beyond the window's extreme, about as many rows of one value there, and the rest as usual.
    """
    for usual in column.usuals:
        low, high = column.current.extremes
        for bound, side in ((high, 1.0), (low, -1.0)):
            x, weight = usual.points
            beyond = float(weight[side * (x - bound) > 0].sum())
            if not LEAST <= beyond <= 0.9 or not _is_spike(usual, bound, beyond):
                continue
            fit = usual.altered(lambda x, bound=bound, side=side: side * np.minimum(side * x, side * bound))  # type: ignore[misc]
            if fit.explains() and fit.high >= ALL:
                moved = interval.share_of(beyond * column.current.n, column.current.rows)
                return {f"{'most' if side > 0 else 'least'}={bound:.9g}": moved}
    return {}


def _is_spike(usual: Usual, bound: float, beyond: float) -> bool:
    """True if the window has so many rows of one value at the bound."""
    place = int(places(usual.binning, bucket_of(usual.binning, np.array([bound])))[0])
    share = float(usual.now.share[place])
    spread = math.sqrt(max(float(usual.now.square[place] - usual.now.mean[place] ** 2), 0.0))
    return share >= AT_BOUND * beyond and spread <= 0.5 * abs(bound - usual.view.quantile(0.5))
