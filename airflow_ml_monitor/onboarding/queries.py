"""How the rows of one query stand to each other: when they were scored, and in which order. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd

_LOOKED: Final = 2000
"""Queries whose pairs are counted."""
_LONGEST: Final = 100
"""Items of a query that are compared with each other."""
_SURE: Final = 4.0
"""Standard errors from chance: one column in 16,000 that has nothing to do with the label."""
_LEAST: Final = 0.02

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, slots=True)
class Order:
    """share: of the pairs of one query's items the part in which the more relevant stands further up, the mean over
    queries; 0.5 is chance, a tie half. error: its standard error. queries: those with a pair of unequal relevance."""

    share: float
    error: float
    queries: int

    @property
    def is_sure(self) -> bool:
        """Whether the order has to do with what is relevant, either way."""
        away = abs(self.share - 0.5)
        return self.queries >= 30 and away > max(_LEAST, _SURE * self.error)


def order(query: pd.Series[Any], score: pd.Series[Any], label: pd.Series[Any], *, falls: bool) -> Order:
    """How items stand by a score, or, where it falls, by a rank: of two that are unequally relevant."""
    up = score.to_numpy(float, na_value=np.nan) * (-1 if falls else 1)
    worth = label.to_numpy(float, na_value=np.nan)
    shares = []
    for place in _groups(query):
        a, b = up[place][:_LONGEST], worth[place][:_LONGEST]
        better = b[:, None] > b[None, :]
        if pairs := int(better.sum()):
            ahead = (a[:, None] > a[None, :]) + 0.5 * (a[:, None] == a[None, :])
            shares.append(float(ahead[better].sum()) / pairs)
    if len(shares) < 2:
        return Order(0.5, 0.5, len(shares))
    return Order(float(np.mean(shares)), float(np.std(shares, ddof=1) / np.sqrt(len(shares))), len(shares))


def are_ranks(query: pd.Series[Any], values: pd.Series[Any]) -> bool:
    """Whether the items of nearly every query have the numbers from 1 (or 0) on, each once."""
    x, fitting = values.to_numpy(float, na_value=np.nan), []
    first = np.nanmin(x)
    for place in _groups(query):
        fitting.append(bool((np.sort(x[place]) == first + np.arange(len(place))).all()))
    return first in (0.0, 1.0) and len(fitting) > 0 and float(np.mean(fitting)) > 0.95


def moments_apart(query: pd.Series[Any], at: pd.Series[Any]) -> float:
    """Seconds between a query's first row and its last, of nineteen in twenty queries at most."""
    spans = [np.ptp(seconds[place]) for seconds in [_seconds(at)] for place in _groups(query) if len(place) > 1]
    return float(np.quantile(spans, 0.95)) if spans else float("inf")


def _seconds(at: pd.Series[Any]) -> Array:
    return pd.to_datetime(at, utc=True).astype("datetime64[us, UTC]").astype("int64").to_numpy() / 1e6


def _groups(query: pd.Series[Any]) -> list[Array]:
    """The places of the rows of some queries."""
    places = pd.Series(np.arange(len(query))).groupby(query.to_numpy(), sort=False).indices
    return [np.asarray(place) for place in list(places.values())[:_LOOKED]]
