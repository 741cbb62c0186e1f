"""Hours without rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from airflow_ml_monitor.measurement import Estimate, Estimates
from airflow_ml_monitor.metrics import interval
from airflow_ml_monitor.metrics.metric import Subject, fault
from airflow_ml_monitor.profile.feed_view import FeedView
from airflow_ml_monitor.profile.traces import WEEK_HOURS

FEWEST: Final = 5
"""Windows before in each of which the hours that are empty now had rows."""
EXPECTED: Final = 25.0
"""Rows that would be there by the other hours: of so many independent ones all are missing with a chance of 1e-11."""
LEAST: Final = 0.04
"""Share of the window's rows that is missing: an hour of a day."""
DAY_HOURS: Final = 24


@fault(Subject.FEED)
def partial_load(feed: FeedView) -> Estimates:
    """Hours in a row without any row, in which every window before had some: a part of the load is missing.

    Value: share of the window's rows that is missing, by the share that those hours had in the windows before;
    parameters: the first and the last of them, 'hours=13-23', in the clock of the event time. Asked for: five windows
    before, one of them of the same weekday, none without rows in those hours; fewer rows than then; 25 rows and 4 % of
    the window that should be there. Windows of less than a day, whose hours differ, and missing parts that are no hours
    (a region, a file of many) are not seen.
    """
    width = round((feed.current.window.end - feed.current.window.start).total_seconds() / 3600)
    now = _by_hour(feed.current.traces.hours)
    earlier = [_by_hour(profile.traces.hours) for profile in feed.before if profile.traces.hours]
    if width < DAY_HOURS - 1 or not now.sum() or len(earlier) < FEWEST or not feed.alike:
        return {}
    share = np.mean([then / then.sum() for then in earlier], axis=0)
    found = {}
    for first, last in _gaps(now):
        hours = np.arange(first, last + 1)
        missing = float(share[hours].sum())
        expected = now.sum() * missing / (1 - missing) if missing < 1 else 0.0
        is_usual = any(then[hours].sum() == 0 for then in earlier)
        # As many rows as ever came at other hours.
        is_late = feed.rows > feed.usual_rows * (1 - missing / 2)
        if missing < LEAST or expected < EXPECTED or is_usual or is_late:
            continue
        low, high = _interval([float(then[hours].sum()) for then in earlier], [float(then.sum()) for then in earlier])
        found[f"hours={first}-{last}"] = Estimate(missing, feed.rows, min(low, missing), max(high, missing))
    return found


def _by_hour(hours: Mapping[int, int]) -> NDArray[np.float64]:
    """Rows by hour of the day."""
    found = np.zeros(WEEK_HOURS)
    for hour, rows in hours.items():
        found[hour] = rows
    return np.asarray(found.reshape(-1, DAY_HOURS).sum(axis=0))


def _gaps(rows: NDArray[np.float64]) -> list[tuple[int, int]]:
    """(first, last) of the longest runs of empty hours."""
    empty = np.flatnonzero(rows == 0)
    if not len(empty):
        return []
    parts = np.split(empty, np.flatnonzero(np.diff(empty) > 1) + 1)
    return [(int(part[0]), int(part[-1])) for part in parts]


def _interval(inside: list[float], every: list[float]) -> tuple[float, float]:
    """Of the share of the rows that the windows before had in those hours, which varies more than rows do."""
    low, high = interval.share(int(sum(inside)), int(sum(every)))
    each = np.array(inside) / np.array(every)
    spread = 2.0 * float(each.std(ddof=1))
    return max(min(low, float(each.mean()) - spread), 0.0), min(max(high, float(each.mean()) + spread), 1.0)
