"""What charts found and can see: a picture of each change, with the days between which it began."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from functools import partial
from typing import Any, Final

from airflow_ml_monitor.measurement import Family, Status
from airflow_ml_monitor.report.blocks import Block, Gallery, Picture, Table
from airflow_ml_monitor.report.figures.trend import Point, Trend, trend
from airflow_ml_monitor.report.scope import Scope
from airflow_ml_monitor.report.wording import NOTHING, number, valued, where
from airflow_ml_monitor.store.records import Recorded

WINDOWS: Final = 60
_NOTE: Final = (
    "A chart spends a part of the false alarms that its monitor may raise a year. The last two columns: the shift that "
    "it finds within a week as often as not, in the value's unit, of the column of which it sees most and least."
)
_FAMILIES: Final = (Family.DRIFT, Family.PERFORMANCE, Family.QUALITY)


def chart_blocks(scope: Scope) -> Iterator[Block]:
    """Nothing where no chart looks; else what changed, if anything did, and what charts can see."""
    charts = scope.decision.evidence.get("charts", ()) if scope.decision else ()
    pictures = [picture for i, chart in enumerate(charts) for picture in _pictures(scope, chart, i)]
    if pictures:
        note = "Shaded: when the change began, with 95 % certainty."
        yield Gallery("What charts say changed", tuple(pictures), note)
    if charts:
        head = ("chart", "of", "windows", "to full power", "false alarms a year", "sees most", "sees least")
        yield Table("What charts can see", head, tuple(_row(chart) for chart in charts), _NOTE)


def _row(chart: Mapping[str, Any]) -> tuple[str, ...]:
    seen = sorted(chart["detectable"]["by_column"].items(), key=lambda pair: pair[1])
    ends = [f"{name} {number(size)}".strip() for name, size in (seen[0], seen[-1])] if seen else [NOTHING] * 2
    short = chart["windows_needed"]
    state = f"{chart['windows']}" + (f", judged in {short} more" if short else "")
    of = " · ".join(part for part in (chart["dataset"], chart["version"]) if part)
    budget = number(chart["false_alarms_per_year"])
    return chart["chart"], of, state, number(chart["windows_to_full_power"]), budget, *ends


def _pictures(scope: Scope, chart: Mapping[str, Any], place: int) -> Iterator[Picture]:
    for i, change in enumerate(chart["changes"]):
        rows = list(_rows(scope, chart, change))
        if not rows:
            continue
        of = f" of {change['column']}" if change["column"] else ""
        sliced = where(tuple(change["slice"].items())) if change["slice"] else ""
        name = (change["component"] or chart["metric"]) + of + (f", {sliced}" if sliced else "")
        title = f"{name}: {change['shape']}, from {change['at']}"
        said = f"{title}, began between {change['first']} and {change['last']}. {change['advice']}"
        days = [scope.date(window) for window in scope.windows(WINDOWS)]
        began = tuple(date.fromisoformat(change[name]) for name in ("first", "last"))
        shown = Trend([("", [_point(scope, r) for r in rows])], days, began=began)
        body = tuple((str(scope.date(r.head.window)), valued(r.measurement.estimate)) for r in reversed(rows))
        table = Table(name, ("window", f"{name} (95 % interval)"), body)
        yield Picture(f"change-{place}-{i}", title, said, partial(trend, shown=shown), table)


def _rows(scope: Scope, chart: Mapping[str, Any], change: Mapping[str, Any]) -> Iterator[Recorded]:
    """The values that the chart looks at, oldest first."""
    found = scope.read(WINDOWS, families=_FAMILIES, metrics={chart["metric"]}, whole=not change["slice"])
    about = (change["column"], change["component"], tuple(sorted(change["slice"].items())))
    for r in sorted(found, key=lambda r: r.head.window):
        m = r.measurement
        of = (r.head.dataset, r.head.model_version) == (chart["dataset"], chart["version"])
        if of and (m.column, m.parameters, tuple(sorted(m.slice))) == about and m.status is Status.OK and m.estimate:
            yield r


def _point(scope: Scope, r: Recorded) -> Point:
    e = r.measurement.estimate
    assert e is not None  # chosen so
    return Point(scope.date(r.head.window), e.value, e.low, e.high)
