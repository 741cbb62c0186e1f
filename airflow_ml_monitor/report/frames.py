"""A history frame → the pictures that fit what is in it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from airflow_ml_monitor.errors import SpecError
from airflow_ml_monitor.measurement import Status
from airflow_ml_monitor.report.calendar import rule_of
from airflow_ml_monitor.report.figures.heat import Heat, heat
from airflow_ml_monitor.report.figures.trend import Point, Trend, trend
from airflow_ml_monitor.report.wording import where
from airflow_ml_monitor.store.series import slice_of

if TYPE_CHECKING:
    import pandas
    from matplotlib.axes import Axes

MOST: Final = 12
"""Pictures of one figure, and columns of a heat map: those with the largest values."""

MOST_LINES: Final = 8
"""Lines of one picture: the whole, then those with the most rows behind them."""

_BANDS: Final = 3
"""Of more lines only the first has its interval: bands upon bands hide the lines."""

_LINE: Final = ("slice", "parameters", "dataset", "stage", "model_version")
"""What may tell the lines of a picture apart; what is the same in all of them is not said."""


def pictures_of(frame: pandas.DataFrame) -> list[tuple[str, Callable[[Axes], None]]]:
    """(title, drawing) of each picture. SpecError where no row has a value, or families are mixed."""
    rows = frame.dropna(subset=["value"])
    if rows.empty:
        raise SpecError("no row of the frame has a value; choose another metric or span", field="plot")
    if rows["family"].nunique() > 1 or rows["rule"].nunique() > 1:
        found = sorted({*rows["family"], *rows["rule"]})
        raise SpecError(
            f"the frame mixes {', '.join(found)}; choose one family and window rule, e.g. history(…, metric='roc_auc')",
            field="plot",
        )
    rule = rule_of(rows["rule"].iloc[0])
    rows = rows.assign(day=[rule.date_of(moment) for moment in rows["window_start"]])
    # Windows without a value too: they are gaps, not neighbours left out.
    days = sorted({rule.date_of(moment) for moment in frame["window_start"]})
    made = [drawn for _, part in rows.groupby("metric", sort=True) for drawn in _of_metric(part, days)]
    if len(made) > MOST:
        raise SpecError(
            f"the frame holds {len(made)} pictures, {MOST} fit a figure; choose, e.g. frame[frame.metric == 'psi']",
            field="plot",
        )
    return made


def _of_metric(part: pandas.DataFrame, days: list[date]) -> Iterator[tuple[str, Callable[[Axes], None]]]:
    """A map of several columns; else lines: of slices a picture for each parameter, without slices all in one."""
    if part["column"].nunique() == 1 and part["slice"].nunique() == 1:
        yield _trend(part, days)
        return
    for _, one in part.groupby("parameters", sort=True):
        if one["column"].nunique() == 1:
            yield _trend(one, days)
            continue
        whole = one[one["slice"] == "{}"]
        yield _title(one), _heat(whole if len(whole) else one, days)


def _title(part: pandas.DataFrame) -> str:
    """The metric, with its parameters where all have the same."""
    metric, parameters = str(part["metric"].iloc[0]), part["parameters"].unique()
    return f"{metric} [{parameters[0]}]" if len(parameters) == 1 and parameters[0] else metric


def _heat(part: pandas.DataFrame, days: list[date]) -> Callable[[Axes], None]:
    """In multiples of chance where the metric knows its noise, else in sixths of its largest value."""
    is_known = bool((part["noise"] > 0).all())
    value = part["value"] / part["noise"] if is_known else part["value"]
    part = part.assign(shown=value)
    if part["slice"].nunique() > 1:
        part = part.assign(column=[f"{c}, {_named(s)}" for c, s in zip(part["column"], part["slice"], strict=True)])
    largest = part.groupby("column")["shown"].max().sort_values(ascending=False, kind="stable")
    columns = [str(name) for name in largest.index[:MOST]]
    cells: dict[Any, float | None] = {
        (str(c), d): float(v) for c, d, v in zip(part["column"], part["day"], part["shown"], strict=True)
    }
    if is_known:
        return partial(heat, shown=Heat(columns, days, cells))
    top = float(part["shown"].max()) or 1.0
    return partial(heat, shown=Heat(columns, days, cells, [top * i / 6 for i in range(1, 6)], ""))


def _trend(part: pandas.DataFrame, days: list[date]) -> tuple[str, Callable[[Axes], None]]:
    """(title, drawing): a line for each slice, or each of what else tells its rows apart, such as the version."""
    if part["model_version"].nunique() > 1:
        # All versions together beside each of them would be drawn twice.
        part = part[part["model_version"] != ""]
    by = [name for name in _LINE if part[name].nunique() > 1] or ["model_version"]
    lines = {}
    for told, line in part.groupby(by, sort=True):
        named = [_named(str(text)) if name == "slice" else str(text) for name, text in zip(by, told, strict=True)]
        lines[", ".join(named)] = line
    parts = {name: "{}" not in set(line["slice"]) for name, line in lines.items()}
    most = sorted(lines, key=lambda name: (parts[name], -lines[name]["n"].sum()))[:MOST_LINES]
    most.sort(key=lambda name: (parts[name], *_numbered(name)))
    drawn = [(name, [_point(row) for row in lines[name].sort_values("window_start").itertuples()]) for name in most]
    if len(drawn) > _BANDS:
        drawn[1:] = [(name, [replace(point, low=None, high=None) for point in line]) for name, line in drawn[1:]]
    left = f", {len(lines) - MOST_LINES} of {len(lines)} left out" if len(lines) > MOST_LINES else ""
    return _title(part) + left, partial(trend, shown=Trend(drawn, days))


def _numbered(name: str) -> tuple[str | int, ...]:
    """A name to sort by: at=5 before at=10."""
    return tuple(int(part) if part.isdigit() else part for part in re.split(r"(\d+)", name))


def _named(slice: str) -> str:
    """A stored slice in words.

    >>> _named('{"purpose":"car"}'), _named("{}")
    ('purpose=car', 'all rows')
    """
    return where(slice_of(slice)).replace(" = ", "=")


def _point(row: Any) -> Point:
    low, high = (None if x != x else float(x) for x in (row.low, row.high))
    return Point(row.day, float(row.value), low, high, row.status == Status.OK)
