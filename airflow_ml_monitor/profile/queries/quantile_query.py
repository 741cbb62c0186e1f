"""What a ledger sums over rows whose quantiles were forecast: pinball losses, and intervals' coverage, width, score."""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce
from operator import add

import sqlalchemy as sa

from airflow_ml_monitor.profile.queries.query import Expression, number, part_where
from airflow_ml_monitor.profile.sums import WITH_POWERS, pairs_of


def quantile_parts(forecasts: Mapping[float, Expression], label: Expression) -> dict[str, Expression]:
    """What is known of a labelled row, by the names of the sums: of quantiles by ascending level and a finite label.

    Nothing where a quantile is missing or infinite; quantile_rows counts the other rows. pinball@{level}: its loss
    (Koenker and Bassett 1978), pinball: their mean; below@{level}: whether the label is at or below it, and
    pinball_below@{level}: the loss if so. inside@{low}-{high}: whether the label is in the interval, its ends with it;
    width@…: the interval's; winkler@…: that, and what a label outside is away over the share meant for that tail
    (Winkler 1972); winkler_inside@…: that of a label inside.
    """
    losses = {level: _pinball(level, q, label) for level, q in forecasts.items()}
    found: dict[str, Expression] = {"quantile_rows": number(1)}
    found |= {f"pinball@{level}": loss for level, loss in losses.items()}
    for level, q in forecasts.items():
        found[f"below@{level}"] = part_where(label <= q, number(1))
        found[f"pinball_below@{level}"] = part_where(label <= q, losses[level])
    found["pinball"] = reduce(add, losses.values()) / number(len(losses))
    for name, (a, b) in pairs_of(tuple(forecasts)).items():
        low, high = forecasts[a], forecasts[b]
        below, above = (part_where(gap > number(0), gap) for gap in (low - label, label - high))
        is_inside = sa.and_(label >= low, label <= high)
        found[f"inside@{name}"] = part_where(is_inside, number(1))
        found[f"width@{name}"] = high - low
        found[f"winkler@{name}"] = (high - low) + below / number(a) + above / number(1 - b)
        found[f"winkler_inside@{name}"] = part_where(is_inside, high - low)
    # What is less itself is 0 only if it is finite.
    finite = reduce(add, [q - q for q in forecasts.values()]) == number(0)
    return {name: part_where(finite, part) for name, part in found.items()}


def quantile_sums(rows: sa.FromClause) -> dict[str, Expression]:
    """By their names in sums.sums_of, of rows that hold their quantile_parts."""
    found: dict[str, Expression] = {}
    for column in rows.c:
        stem, at, of = column.name.partition("@")
        if stem in WITH_POWERS:
            found |= {f"{stem}2{at}{of}": column * column, f"{stem}3{at}{of}": column * column * column}
        if stem in (*WITH_POWERS, "below", "inside", "quantile_rows"):
            found[column.name] = column
    return found


def _pinball(level: float, q: Expression, label: Expression) -> Expression:
    gap = label - q
    return sa.case((gap >= number(0), number(level) * gap), else_=number(level - 1) * gap)
