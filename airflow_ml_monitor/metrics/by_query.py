"""Means over queries of what each is worth by its first k items, with intervals. All assume independent queries."""

from __future__ import annotations

from airflow_ml_monitor.measurement import Estimate
from airflow_ml_monitor.metrics import interval
from airflow_ml_monitor.metrics.interval import Interval, Losses
from airflow_ml_monitor.profile.labelled_view import LabelledView
from airflow_ml_monitor.profile.sums import HIT, of_query


def query_means(rows: LabelledView, name: str) -> dict[str, Estimate]:
    """Of a value in sums.OF_QUERIES, by the first k items of each query: at=k. n: labelled queries."""
    rows.need(1)
    return {f"at={k}": _mean(rows, name, k) for k in rows.task.cutoffs}


def query_hits(rows: LabelledView) -> dict[str, Estimate]:
    """Share of the queries with a relevant item among their first k: at=k. n: labelled queries."""
    rows.need(1)
    return {f"at={k}": _share(_hits(rows, k), rows.n) for k in rows.task.cutoffs}


def share_without_relevant(rows: LabelledView) -> Estimate:
    """Share of the labelled queries none of whose items is relevant."""
    rows.need(1)
    return _share(round(rows.total("no_relevant")), rows.n)


def _hits(rows: LabelledView, k: int) -> int:
    return round(rows.total(of_query(HIT, k)))


def _share(events: int, n: int) -> Estimate:
    return interval.share_of(events, n)


def _mean(rows: LabelledView, name: str, k: int) -> Estimate:
    powers = [rows.total(of_query(name, k, power)) for power in (1, 2, 3)]
    value = min(max(powers[0] / rows.n, 0.0), 1.0)
    low, high = _limits(powers, _hits(rows, k), rows.n)
    return Estimate(value, rows.n, min(low, value), max(high, value))


def _limits(powers: list[float], hits: int, n: int) -> Interval:
    """Of a mean of values in [0, 1], which are 0 but for the hits: of what is gained, or missed if that is less.

    Queries without a hit are a class of their own: where fewer than ten were seen, more may have been missed by chance.
    Covers 94–99.9 % with 5 to 600 queries, of values rare, even and nearly always 1: more than 97 % where fewer than
    ten queries have a hit, or have none.
    """
    first, second, third = powers
    misses = n - hits
    if first <= n / 2 and misses >= interval.FEW:
        low, high = interval.mean_loss([Losses(hits, first, second, third, 1.0), Losses(misses, 0, 0, 0, 0)]) or (0, 1)
        return low, min(high, 1.0)
    lost = (hits - first, hits - 2 * first + second, hits - 3 * first + 3 * second - third)
    total, squares, cubes = (max(power, 0.0) for power in lost)
    classes = [Losses(hits, total, squares, cubes, 1.0), Losses(misses, misses, misses, misses, 1.0)]
    low, high = interval.mean_loss(classes) or (0, 1)
    return max(1 - high, 0.0), 1 - low
