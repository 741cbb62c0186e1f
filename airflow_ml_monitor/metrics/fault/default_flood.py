"""One value in the place of others."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Final

import numpy as np

from airflow_ml_monitor.measurement import Estimates
from airflow_ml_monitor.metrics.metric import Subject, fault
from airflow_ml_monitor.profile.dataset import Kind
from airflow_ml_monitor.profile.feed_view import FeedColumn
from airflow_ml_monitor.profile.layout import OTHER, Binning
from airflow_ml_monitor.profile.mixture import Fit, Rows, Usual, place_of_name, places

NUMBERS: Final = frozenset({0.0, -1.0, *(sign * (10.0**k - 1) for sign in (1, -1) for k in range(2, 11))})
"""What stands for no value in columns that have few of them."""
EXTREMES: Final = frozenset({2.0**31 - 1, -(2.0**31), 2.0**16 - 1, 2.0**15 - 1, -(2.0**15)})
TIMES: Final = ("1970-01-01", "1900-01-01", "1899-12-30", "2000-01-01", "0001-01-01", "9999-12-31")
NAMES: Final = frozenset(
    {
        *("", "-", "--", "?", ".", "0", "-1", "99", "999", "9999", "n/a", "na", "<na>", "nan", "nil", "none", "null"),
        *(
            "(none)",
            "(null)",
            "(unknown)",
            "unknown",
            "unk",
            "undefined",
            "default",
            "missing",
            "empty",
            "blank",
            "tbd",
        ),
        *("not set", "not available", "unspecified", "other", "others", "unbekannt", "inconnu", "desconocido"),
    }
)
ATOMS: Final = 0.1
"""A column of numbers is continuous if at most so many of the reference's rows have a value that many others have."""
SELDOM: Final = 0.01
SURE: Final = 60
"""So many rows must have come to a bucket that holds others too, to be known as one value; a third of a well-known one.
"""
A_FEW: Final = 0.2
NONE: Final = 0.02
"""Of fewer others in the bucket than a few, usually, there are none; fewer than that do not stand beside a known one.
"""
OFTEN: Final = 0.5
"""Where a value is not seldom anyway, so many of the rows must be flooded: a few more of it are an ordinary drift."""


@fault(
    Subject.FEED_COLUMN,
    kinds=(Kind.NUMERIC, Kind.DATETIME, Kind.CATEGORICAL),
    yields_to=("all_missing", "constant", "swapped", "clipped", "score_collapsed"),
)
def default_flood(column: FeedColumn) -> Estimates:
    """One value stands where others should: 0, -1, 999, the mean, 1970-01-01, "unknown".

    The share of rows; parameters name the value. Asked for: the window is the usual rows with a share of them replaced
    by the one value; in a column of few values, of times or of categories, one that commonly stands for no value. More
    of a category is an ordinary drift otherwise.
    """
    for usual in column.usuals:
        found = _of_category(column, usual) if column.kind is Kind.CATEGORICAL else _of_number(column, usual)
        for name, fit in found:
            if fit.explains():
                return {f"value={name}": fit.estimate(column.current)}
    return {}


def _of_category(column: FeedColumn, usual: Usual) -> Iterator[tuple[str, Fit]]:
    unseen = column.feed.current.traces.unseen.get(column.name, {})
    # Where others are unseen as well, it is not one value that floods.
    unseen = {name: rows for name, rows in unseen.items() if rows >= 0.9 * column.current.cells.at(OTHER)}
    for name in (*column.binning.categories, *unseen):
        if name.strip().lower() in NAMES:
            place = place_of_name(column.binning, name)
            fit = usual.fit(_all_at(usual, place))
            if fit.share >= _least(float(usual.rows.share[place])):
                yield name, fit


def _least(share: float) -> float:
    return 0.0 if share < SELDOM else OFTEN


def _of_number(column: FeedColumn, usual: Usual) -> Iterator[tuple[str, Fit]]:
    """Of the place that gained most."""
    place = int(np.argmax(usual.now.share - usual.rows.share))
    spike = _spike(column, usual, place)
    if spike is None:
        return
    fit = usual.fit(_all_at(usual, place))
    name, is_known = _name(column.kind, spike)
    if (is_known or _is_continuous(column)) and fit.share >= _least(float(usual.rows.share[place])):
        yield name, fit


def _is_continuous(column: FeedColumn) -> bool:
    """True if hardly any value of the reference is had by many rows."""
    if not column.binning.is_grid or column.kind is not Kind.NUMERIC:
        return False
    cells = column.reference.cells
    atoms = cells.count[(cells.low == cells.high) & (cells.count >= 10)].sum()
    # Beside an atom there may be others in the bucket; the outermost are endlessly wide.
    inner = (cells.bucket > -column.binning.resolution) & (cells.bucket < column.binning.resolution - 1)
    return max(int(atoms), int(cells.count[inner].max(initial=0))) <= ATOMS * column.reference.n


def _spike(column: FeedColumn, usual: Usual, place: int) -> float | None:
    """The one value that rows came to have in a place; None if they are not of one."""
    cells, now = column.current.cells, usual.now
    at = np.flatnonzero((places(column.binning, cells.bucket) == place) & (cells.bucket >= OTHER))
    rows = float(cells.count[at].sum())
    low, high = float(cells.low[at].min(initial=math.inf)), float(cells.high[at].max(initial=-math.inf))
    if low == high:
        return low
    gained = (rows / now.n - usual.rows.share[place]) / (1 - usual.rows.share[place])
    stayed = (1 - gained) * float(usual.rows.share[place]) * now.n
    came = rows - stayed
    if came < SURE / 3 or stayed < NONE:
        return None
    # The mean of the rows that came, those that were there before taken off.
    d = (rows * float(now.mean[place]) - stayed * float(usual.rows.mean[place])) / came
    others = stayed + 3 * math.sqrt(stayed) + 1
    scattered = rows * max(float(now.square[place]) - 2 * d * float(now.mean[place]) + d * d, 0.0)
    # Even over a bucket, others lie a sixth of its width squared from a value in it, on average, and a third at most.
    wide = high - low if place in (0, len(now.share) - 1) else _width(column.binning, d)
    if scattered > others * wide * wide / 3:
        return None
    about, near = column.binning.centre + d, (math.sqrt(others) + 3) * wide / came
    known = min(NUMBERS | EXTREMES, key=lambda value: abs(value - about))
    if abs(known - about) <= near:
        return known
    # What a division makes lies beside 0, and is not one value.
    if came < SURE or stayed < A_FEW or abs(about) <= wide:
        return None
    digits = next((k for k in range(1, 10) if abs(float(f"{about:.{k}g}") - about) <= near), 9)
    return float(f"{about:.{digits}g}")


def _width(binning: Binning, d: float) -> float:
    """Of the grid's bucket about d."""
    return binning.scale * (slope := 1 + abs(d) / binning.scale) * slope / binning.resolution


def _name(kind: Kind, value: float) -> tuple[str, bool]:
    """(how it is written, whether it commonly stands for no value)."""
    if kind is not Kind.DATETIME:
        return f"{value:.9g}", value in NUMBERS | EXTREMES
    try:
        day = (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=value)).date().isoformat()
    except OverflowError:
        return "", False
    return day, day in TIMES


def _all_at(usual: Usual, place: int) -> Rows:
    """Every row at one place."""
    one = np.zeros(len(usual.rows.share))
    one[place] = 1.0
    return Rows(one, one * math.nan, one * math.nan, usual.rows.n)
