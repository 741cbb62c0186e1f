"""Values in another unit, or on another scale."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from airflow_ml_monitor.measurement import Estimates
from airflow_ml_monitor.metrics.metric import Subject, fault
from airflow_ml_monitor.profile.dataset import Kind
from airflow_ml_monitor.profile.feed_view import FeedColumn
from airflow_ml_monitor.profile.mixture import REST, WHOLE, Alter, Fit

APART: Final = 0.65
"""Of the rows in the new unit must lie apart: a normal's shift by 1 deviation reaches 0.38, by 2 0.68."""
CLOSE: Final = 15.0
"""Below such a factor a drift may come near it, so that more of the change must be explained."""
REST_CLOSE: Final = 0.03
ROWS_CLOSE: Final = 300
"""And so many rows must have a value, as for a part of the rows: of fewer, chance explains as much."""


@dataclass(frozen=True)
class Conversion:
    """From one unit to another."""

    name: str
    alter: Alter
    rest: float = REST
    kinds: tuple[Kind, ...] = (Kind.NUMERIC,)


def _by_factor(factor: float, *units: str) -> Iterator[Conversion]:
    """There and back. units: of the smaller number and of the larger, where the factor alone tells them."""
    rest = REST if factor >= CLOSE else REST_CLOSE
    # Times in milliseconds, read as seconds.
    kinds = {1e3: (Kind.NUMERIC, Kind.DATETIME), 1e9: (Kind.DATETIME,)}.get(factor, (Kind.NUMERIC,))
    there, back = (f"from={a},to={b}" for a, b in (units, units[::-1])) if units else ("times", "divided_by")
    end = "" if units else f"={factor:.0f}"
    yield Conversion(there + end, lambda x: x * factor, rest, kinds)
    yield Conversion(back + end, lambda x: x / factor, rest, kinds)


CONVERSIONS: Final = (
    *(c for factor in (1e3, 100, 60, 3600, 24, 12, 7, 10, 86400, 1e6, 1e9) for c in _by_factor(factor)),
    *_by_factor(2.2046226218, "kg", "lb"),
    *_by_factor(1.609344, "miles", "km"),
    *_by_factor(3.280839895, "m", "feet"),
    *_by_factor(2.54, "inches", "cm"),
    Conversion("from=celsius,to=fahrenheit", lambda x: 1.8 * x + 32, REST_CLOSE),
    Conversion("from=fahrenheit,to=celsius", lambda x: (x - 32) / 1.8, REST_CLOSE),
    Conversion("from=celsius,to=kelvin", lambda x: x + 273.15, REST_CLOSE),
    Conversion("from=kelvin,to=celsius", lambda x: x - 273.15, REST_CLOSE),
    Conversion("to=ln", lambda x: np.log(x)),
    Conversion("to=log10", lambda x: np.log10(x)),
)


@fault(
    Subject.FEED_COLUMN,
    kinds=(Kind.NUMERIC, Kind.DATETIME),
    yields_to=(
        "all_missing",
        "constant",
        "swapped",
        "default_flood",
        "sign_flipped",
        "score_out_of_range",
        "score_inverted",
    ),
)
def unit_changed(column: FeedColumn) -> Estimates:
    """A column's values, or those of a part of the rows, are in another unit: times 1,000, from °C to °F.

    The share of rows; parameters name the conversion. Asked for: the window is the usual rows with a share of them
    converted, and at least 0.65 of the converted ones lie apart from the usual, so that no ordinary drift looks like
    it. Factors of less than about 2.8 are therefore seen in columns that vary little for their size, not in incomes.
    """
    for usual in column.usuals:
        found: list[tuple[float, str, Fit]] = []
        for conversion in CONVERSIONS:
            if _fits(conversion, column):
                fit = usual.altered(conversion.alter)
                is_sure = fit.low >= WHOLE or column.current.n >= ROWS_CLOSE
                if is_sure and fit.explains(apart=APART, rest=conversion.rest):
                    found.append((fit.rest, conversion.name, fit))
        if found:
            _, name, fit = min(found, key=lambda one: one[0])
            return {name: fit.estimate(column.current)}
    return {}


def _fits(conversion: Conversion, column: FeedColumn) -> bool:
    if conversion.rest < REST and column.current.n < ROWS_CLOSE:
        return False
    has_logarithm = column.reference.extremes[0] > 0 or not conversion.name.startswith("to=")
    return column.kind in conversion.kinds and has_logarithm
