"""Means over the rows that have all of their forecast quantiles, from the ledger's sums of a loss and its powers."""

from __future__ import annotations

from collections.abc import Callable

from airflow_ml_monitor.errors import Undefined
from airflow_ml_monitor.measurement import Estimate
from airflow_ml_monitor.metrics import interval
from airflow_ml_monitor.profile.labelled_view import LabelledView
from airflow_ml_monitor.profile.sums import pairs_of

Limits = Callable[[float, float, float, int], interval.Interval | None]


def mean_of(rows: LabelledView, loss: str, of: str = "", limits: Limits = interval.positive_mean) -> Estimate:
    """A mean with the interval that its first three moments give. of: of which level or interval, '@0.1'."""
    n = rows.quantile_rows
    first, second, third = (rows.total(f"{loss}{power}{of}") / n for power in ("", "2", "3"))
    return Estimate(first, n, *(limits(first, second, third, n) or (None, None)))


def intervals_of(rows: LabelledView) -> dict[str, tuple[float, float]]:
    """The levels of each forecast interval, by name. Undefined where there is but one level."""
    found = pairs_of(rows.levels)
    if not found:
        raise Undefined("one level makes no interval; declare a second column of role quantile")
    return found


def share_of(rows: LabelledView, name: str, less: float = 0.0) -> Estimate:
    """The share of the rows that a sum counts, less a constant."""
    n, k = rows.quantile_rows, round(rows.total(name))
    low, high = interval.share(k, n)
    return Estimate(k / n - less, n, low - less, high - less)
