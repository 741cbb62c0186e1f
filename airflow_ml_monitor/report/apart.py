"""One value in many places, each with its interval: a metric in slices, what features tell of the label."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from airflow_ml_monitor.keys import WHOLE, Window
from airflow_ml_monitor.measurement import Estimate, Family
from airflow_ml_monitor.metrics.names import LABEL_CORRELATION
from airflow_ml_monitor.report.blocks import Picture, Table
from airflow_ml_monitor.report.drawn import is_judged
from airflow_ml_monitor.report.figures.intervals import intervals
from airflow_ml_monitor.report.scope import Scope
from airflow_ml_monitor.report.trends import Realised
from airflow_ml_monitor.report.wording import number, shortened, valued, where

SHOWN = 12
"""Places in the picture: those furthest from what they are compared with."""
LISTED = 60


def slice_pictures(scope: Scope, realised: Realised) -> list[Picture]:
    """The first metric in every slice of the newest judged window; of all versions together where there are several."""
    drawn = next((one for one in realised.drawn if one.slice == WHOLE), None)
    if realised.judged is None or drawn is None:
        return []
    source = scope.sources[0]["name"]
    found = scope.read_of(realised.judged, families=[Family.PERFORMANCE], metrics={drawn.metric}, dataset=source)
    together = min((r.head.model_version for r in found), default="")
    rows = {
        r.measurement.slice: r.measurement.estimate
        for r in found
        if r.head.model_version == together
        and r.measurement.estimate is not None
        and r.measurement.parameters == drawn.parameters
    }
    whole = rows.pop(WHOLE, None)
    title = f"{drawn.title} by slice, {scope.named(realised.judged)}"
    places = {where(slice): rows[slice] for slice in sorted(rows)}
    beside = (whole.value, "all rows") if whole else None
    return _pictures("slices", title, (drawn.title, "slice"), places, beside)


def feature_pictures(scope: Scope, realised: Realised) -> list[Picture]:
    """What features tell of the label against the reference, in the newest window of which it is known."""
    source = scope.sources[0]["name"] if scope.sources else ""
    mine = (r for r in realised.rows if r.measurement.metric == LABEL_CORRELATION and r.measurement.parameters)
    found = [r for r in mine if r.head.dataset == source and is_judged(r)]
    if not found:
        return []
    window: Window = max(r.head.window for r in found)
    of_window = [r for r in found if r.head.window == window]
    together = min(r.head.model_version for r in of_window)
    places = {
        r.measurement.parameters: r.measurement.estimate
        for r in sorted(of_window, key=lambda r: r.measurement.parameters)
        if r.head.model_version == together and r.measurement.estimate is not None
    }
    title = f"{LABEL_CORRELATION} by feature, {scope.named(window)}"
    return _pictures("features", title, (LABEL_CORRELATION, "feature"), places, (0.0, "the reference"))


def _pictures(
    name: str,
    title: str,
    named: tuple[str, str],
    places: Mapping[str, Estimate],
    beside: tuple[float, str] | None,
) -> list[Picture]:
    """One, where there are places. named: what is shown, and what a place is; beside: a value of other rows."""
    if not places:
        return []
    what, place = named
    centre = beside[0] if beside else 0.0
    # Of those as far those that come first.
    ordered = sorted(places.items(), key=lambda row: -abs(row[1].value - centre))
    shown = [row for row in places.items() if row in ordered[:SHOWN]]
    other = beside[1] if beside else "0"
    left = f" ({len(places) - len(shown)} {place}s nearer to {other} left out)" if len(places) > len(shown) else ""
    compared = f" from {other} ({number(centre)})" if beside else ""
    furthest = f"furthest{compared} is {shortened(ordered[0][0], 60)}, {valued(ordered[0][1])}"
    body = tuple((at, valued(e), number(e.n)) for at, e in ordered[:LISTED])
    return [
        Picture(
            name,
            title + left,
            f"{title}: {furthest}.",
            partial(intervals, rows=shown, beside=beside),
            Table(title, (place, f"{what} (95 % interval)", "labels"), body),
            height=max(130, 60 + 18 * len(shown)),
        )
    ]
