"""Pearson's correlation of prediction and label."""

from __future__ import annotations

import math
from typing import Final

from airflow_ml_monitor.errors import Undefined
from airflow_ml_monitor.measurement import Estimate, Family
from airflow_ml_monitor.metrics import interval
from airflow_ml_monitor.metrics.metric import Subject, Worse, metric
from airflow_ml_monitor.profile.labelled_view import LabelledView
from airflow_ml_monitor.profile.task import TaskKind

SHRINK: Final = 10
"""The rows of a normal sample that the fourth moments, which few rows cannot show, are joined with."""


@metric(
    Family.PERFORMANCE,
    Subject.LABELLED,
    range=(-1.0, 1.0),
    worse=Worse.DOWN,
    tasks=(TaskKind.REGRESSION,),
)
def pearson_correlation(rows: LabelledView) -> Estimate:
    """Linear correlation of prediction and label: what is left of r2 once bias and scale are set right.

    From -1 to 1, without a unit; 0 where predictions tell nothing of the labels, on a straight line at least. The
    interval is t on Fisher's scale, its variance from the fourth moments (Hawkins 1989) shrunk to the normal's as ten
    more rows would; it assumes independent rows. It covers 95 % of normal labels, 97–99 % of uniform, 90–95 % of
    exponential ones; with lognormal labels and errors (of a normal's deviation 0.8) 88 % at 30 to 100 rows. None below
    four rows. Undefined if labels or predictions do not vary. TooFew without labels.
    Fisher 1915.
    """
    rows.need(1)
    moments = _moments(rows)
    labels, predictions, both = rows.label_variance, moments[2, 0], moments[1, 1]
    size = rows.total("truth2") + rows.total("error2")
    if predictions <= 1e-10 * size / rows.n:
        raise Undefined("the predictions do not vary, or by less than rounding can tell beside their size")
    value = min(max(both / math.sqrt(labels * predictions), -1.0), 1.0)
    if rows.n < 4 or labels < 1e-6 * rows.total("truth2") / rows.n:
        return Estimate(value, rows.n)
    if 1 - value**2 < 1e-12:
        return Estimate(value, rows.n, value, value)
    # Of prediction and label in standard deviations.
    z = {(i, j): found / predictions ** (i / 2) / labels ** (j / 2) for (i, j), found in moments.items()}
    spread = z[2, 2] - value * (z[3, 1] + z[1, 3]) + value**2 / 4 * (z[4, 0] + z[0, 4] + 2 * z[2, 2])
    normal = (1 - value**2) ** 2
    variance = (rows.n * max(spread, 0.0) + SHRINK * normal) / (rows.n + SHRINK) * (1 + 4 / rows.n)
    return Estimate(value, rows.n, *interval.on_fisher(value, variance / (rows.n - 3), rows.n - 1))


def _moments(rows: LabelledView) -> dict[tuple[int, int], float]:
    """{(i, j): mean of (prediction - its mean)^i (label - its mean)^j} of second and fourth order."""
    mean_error = rows.total("error") / rows.n
    # A prediction's distance from its mean is the error's plus the label's.
    return {
        (i, j): sum(math.comb(i, k) * rows.moment(k, i - k + j, mean_error) for k in range(i + 1))
        for i, j in ((2, 0), (1, 1), (0, 2), (4, 0), (3, 1), (2, 2), (1, 3), (0, 4))
    }
