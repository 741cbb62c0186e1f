"""Rules on a whole window: how many rows, by weekday where weeks are there, and how fresh the newest one is."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Final

import numpy as np
from scipy.stats import chi2, poisson, t

from airflow_ml_monitor.expectations.chance import RISK
from airflow_ml_monitor.expectations.feed import WEEKDAYS, Feed, FeedWindow
from airflow_ml_monitor.expectations.rule import Rule, rule
from airflow_ml_monitor.keys import WindowUnit

_LEAST: Final = 7
"""Windows from which anything is said: fewer leave their variation unknown."""
_LEAST_ENDS: Final = 14
"""Windows from which freshness is said: the time between chance arrivals varies more than their number."""
_WEEKS: Final = 4
"""Of so many weeks each weekday has a range of its own."""

_Bounds = tuple[int, int]


def feed_rules(feed: Feed | None) -> list[Rule]:
    """Volume and freshness; that there are rows at all where too few windows are known."""
    if feed is None or len(feed.windows) < _LEAST:
        return [rule("expect_table_row_count_to_be_between", "a window has rows", min_value=1)]
    return [_volume(feed), *_freshness(feed)]


def _volume(feed: Feed) -> Rule:
    """Between which numbers of rows a window lies, as the windows themselves vary.

    Logarithms of the rows vary about their weekday's mean, pooled over weekdays; at least as counts do. The range is
    Student's prediction interval at RISK. A weekday mostly without rows may stay so. Holidays are not known.
    """
    kind, windows = "expect_table_row_count_to_be_between", feed.windows
    weekly = feed.rule.unit is WindowUnit.DAY and len(windows) >= 7 * _WEEKS
    groups: dict[str, list[FeedWindow]] = {day: [] for day in (WEEKDAYS if weekly else ("",))}
    for one in windows:
        groups[one.weekday if weekly else ""].append(one)
    bounds = _bounds(groups)
    low, high = min(low for low, _ in bounds.values()), max(high for _, high in bounds.values())
    unit = str(feed.rule.unit)
    about = {"window": unit, **({"by_weekday": {d: list(b) for d, b in bounds.items()}} if weekly else {})}
    pattern = ", by weekday" if weekly else ""
    why = f"rows a {unit}, of {len(windows)} {unit}s as they vary{pattern}; once in 30,000 {unit}s outside"
    return rule(kind, why, about=about, min_value=low, max_value=high)


def _bounds(groups: dict[str, list[FeedWindow]]) -> dict[str, _Bounds]:
    """The range of each group of windows, their variation pooled."""
    rows = {name: np.array([w.rows for w in group if w.rows], float) for name, group in groups.items()}
    # A window without rows is an outage or a holiday, unless half of them are: then it is a day off.
    off = {name for name, group in groups.items() if 2 * len(rows[name]) <= len(group)}
    known = {name: np.log(counts) for name, counts in rows.items() if name not in off}
    free = sum(len(logs) - 1 for logs in known.values())
    squares = sum(float(((logs - logs.mean()) ** 2).sum()) for logs in known.values())
    found: dict[str, _Bounds] = {}
    for name, logs in known.items():
        mean = math.exp(logs.mean())
        deviation = math.sqrt(max(squares / max(free, 1), 1 / mean))
        reach = float(t.isf(RISK / 2, max(free, 1))) * deviation * math.sqrt(1 + 1 / len(logs))
        low = min(mean * math.exp(-reach), float(poisson.ppf(RISK / 2, mean)))
        found[name] = (max(_rounded(low, math.floor), 1), _rounded(mean * math.exp(min(reach, 20.0)), math.ceil))
    most = max((high for _, high in found.values()), default=0)
    return {name: found.get(name, (0, most or max(1, *(w.rows for w in groups[name])))) for name in groups}


def _freshness(feed: Feed) -> list[Rule]:
    """How long before its window's end the newest row may be; none where that is the whole window.

    Mean and deviation over the windows, the deviation as great as its 99 % bound, and a tail as long as that of the
    time between chance arrivals.
    """
    late = [(one.window.end - one.last).total_seconds() for one in feed.windows if one.last is not None]
    if len(late) < _LEAST_ENDS:
        return []
    free, step = len(late) - 1, feed.step.total_seconds()
    deviation = max(float(np.std(late, ddof=1)) * math.sqrt(free / float(chi2.ppf(0.01, free))), step / math.sqrt(12))
    seconds = int(math.ceil((float(np.mean(late)) + math.log(1 / RISK) * deviation) / step) * step)
    newest: Sequence[FeedWindow] = [one for one in feed.windows if one.last is not None]
    if seconds >= min((one.window.end - one.window.start).total_seconds() for one in newest):
        return []
    mean, most, allowed = (timedelta(minutes=round(x / 60)) for x in (float(np.mean(late)), max(late), seconds))
    why = f"{len(late)} windows ended {mean} after their newest row on average, {most} at most; allowed are {allowed}"
    # True of every later window as it stands; each window asks for what is newer by itself.
    earliest = newest[-1].window.end - timedelta(seconds=seconds)
    about = {"window": str(feed.rule.unit), "seconds_before_end": seconds}
    kwargs = {"column": feed.event_time, "min_value": earliest.isoformat()}
    return [rule("expect_column_max_to_be_between", why, about=about, **kwargs)]


def _rounded(rows: float, to: Callable[[float], int]) -> int:
    """Two digits, outwards: 437 is 430 or 440."""
    step: int = 10 ** max(math.floor(math.log10(max(rows, 1))) - 1, 0)
    return to(rows / step) * step
