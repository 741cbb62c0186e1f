"""A history frame → the pictures that fit what is in it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from airflow_ml_monitor.errors import SpecError
from airflow_ml_monitor.measurement import Status
from airflow_ml_monitor.report.calendar import rule_of
from airflow_ml_monitor.report.figures.heat import Heat, heat
from airflow_ml_monitor.report.figures.trend import Point, Trend, trend

if TYPE_CHECKING:
    import pandas
    from matplotlib.axes import Axes

MOST: Final = 12
"""Pictures of one figure, and columns of a heat map: those with the largest values."""


def pictures_of(frame: pandas.DataFrame) -> list[tuple[str, Callable[[Axes], None]]]:
    """(title, drawing) of each picture. SpecError where no row has a value, or families are mixed."""
    whole = frame[frame["slice"] == "{}"]
    every = whole if len(whole) else frame
    rows = every.dropna(subset=["value"])
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
    days = sorted({rule.date_of(moment) for moment in every["window_start"]})
    made: list[tuple[str, Callable[[Axes], None]]] = []
    for (metric, parameters), part in rows.groupby(["metric", "parameters"], sort=True):
        title = f"{metric} [{parameters}]" if parameters else str(metric)
        draw = _heat(part, days) if part["column"].nunique() > 1 else _trend(part, days)
        made.append((title, draw))
    if len(made) > MOST:
        raise SpecError(
            f"the frame holds {len(made)} metrics, {MOST} fit a figure; choose, e.g. frame[frame.metric == 'psi']",
            field="plot",
        )
    return made


def _heat(part: pandas.DataFrame, days: list[date]) -> Callable[[Axes], None]:
    """In multiples of chance where the metric knows its noise, else in sixths of its largest value."""
    is_known = bool((part["noise"] > 0).all())
    value = part["value"] / part["noise"] if is_known else part["value"]
    part = part.assign(shown=value)
    largest = part.groupby("column")["shown"].max().sort_values(ascending=False, kind="stable")
    columns = [str(name) for name in largest.index[:MOST]]
    cells: dict[Any, float | None] = {
        (str(c), d): float(v) for c, d, v in zip(part["column"], part["day"], part["shown"], strict=True)
    }
    if is_known:
        return partial(heat, shown=Heat(columns, days, cells))
    top = float(part["shown"].max()) or 1.0
    return partial(heat, shown=Heat(columns, days, cells, [top * i / 6 for i in range(1, 6)], ""))


def _trend(part: pandas.DataFrame, days: list[date]) -> Callable[[Axes], None]:
    """A line a model version, and a slice where only slices are there."""
    by = ["model_version"] if part["slice"].nunique() == 1 else ["slice"]
    lines = []
    for (name,), line in part.groupby(by, sort=True):
        points = [_point(row) for row in line.sort_values("window_start").itertuples()]
        lines.append((str(name), points))
    if len(lines) > 1:
        # All versions together beside each of them would be drawn twice.
        lines = [line for line in lines if line[0]]
    return partial(trend, shown=Trend(lines, days))


def _point(row: Any) -> Point:
    low, high = (None if x != x else float(x) for x in (row.low, row.high))
    return Point(row.day, float(row.value), low, high, row.status == Status.OK)
