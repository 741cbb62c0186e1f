"""What a ledger sums over rows whose quantiles were forecast: pinball losses, and intervals' coverage, width, score."""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce
from operator import add

import sqlalchemy as sa

from airflow_ml_monitor.profile.query import Expression, number
from airflow_ml_monitor.profile.sums import pairs_of


def quantile_sums(forecasts: Mapping[float, Expression], label: Expression) -> dict[str, Expression]:
    """By their names in sums.sums_of, of quantiles by ascending level and a finite label.

    Nothing of rows of which a quantile is missing or infinite; quantile_rows counts the others. pinball@{level}: its
    loss (Koenker and Bassett 1978). below@{level}: labels at or below it. inside@{low}-{high}: labels in the interval,
    its ends with it. winkler@…: its width, and what a label outside is away over the share meant for that tail (Winkler
    1972). pinball: the mean over the levels.
    """
    losses = {level: _pinball(level, q, label) for level, q in forecasts.items()}
    found: dict[str, Expression] = {"quantile_rows": number(1)}
    for level, loss in losses.items():
        found |= _powers("pinball", loss, f"@{level}") | {f"below@{level}": _one(label <= forecasts[level])}
    found |= _powers("pinball", reduce(add, losses.values()) / number(len(losses)))
    for name, (a, b) in pairs_of(tuple(forecasts)).items():
        low, high = forecasts[a], forecasts[b]
        below, above = (sa.case((gap > number(0), gap), else_=number(0)) for gap in (low - label, label - high))
        score = (high - low) + below / number(a) + above / number(1 - b)
        found[f"inside@{name}"] = _one(sa.and_(label >= low, label <= high))
        found |= _powers("width", high - low, f"@{name}") | _powers("winkler", score, f"@{name}")
    # A difference of two infinities is none: all are finite if their sum of differences is 0.
    finite = reduce(add, [q - q for q in forecasts.values()]) == number(0)
    return {name: sa.case((finite, part), else_=number(0)) for name, part in found.items()}


def _pinball(level: float, q: Expression, label: Expression) -> Expression:
    gap = label - q
    return sa.case((gap >= number(0), number(level) * gap), else_=number(level - 1) * gap)


def _powers(name: str, x: Expression, of: str = "") -> dict[str, Expression]:
    return {f"{name}{of}": x, f"{name}2{of}": x * x, f"{name}3{of}": x * x * x}


def _one(holds: Expression) -> Expression:
    return sa.case((holds, number(1)), else_=number(0))
