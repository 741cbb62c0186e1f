"""Quantiles."""

from __future__ import annotations

from typing import Final

from airflow_ml_monitor.measurement import Estimate, Family
from airflow_ml_monitor.metrics import interval
from airflow_ml_monitor.metrics.metric import Subject, Worse, metric
from airflow_ml_monitor.profile.dataset import Kind
from airflow_ml_monitor.profile.views import ColumnView

POINTS: Final = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)


@metric(
    Family.QUALITY,
    Subject.COLUMN,
    range=(-float("inf"), float("inf")),
    worse=Worse.BOTH,
    unit="column",
    kinds=(Kind.NUMERIC,),
)
def quantiles(column: ColumnView) -> dict[str, Estimate]:
    """Quantiles of the finite values; parameters 'q=0.01' to 'q=0.99'.

    In the column's unit; straight between a cell's extremes, exact where it holds one value. The interval lies between
    the order statistics that the binomial law gives, whatever the distribution; it assumes independent rows, and there
    is none where fewer than about four rows are expected beyond the quantile. TooFew without values.
    Thompson 1936.
    """
    column.need(1)
    return {f"q={q}": _one(column, q) for q in POINTS}


def _one(column: ColumnView, q: float) -> Estimate:
    ranks = interval.quantile_ranks(q, column.n)
    low, high = (None, None) if ranks is None else (column.order_statistic(ranks[0]), column.order_statistic(ranks[1]))
    return Estimate(column.quantile(q), column.n, low, high)
