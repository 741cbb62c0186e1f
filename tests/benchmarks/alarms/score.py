"""How often alarms are false, and how soon true ones come, with intervals over model-years."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from performance import Performance
from scipy.stats import beta, chi2
from streams import Stream

QUIET = 3
"""Alarm days with fewer quiet days between them are one incident."""
LEVEL = 0.95


@dataclass(frozen=True, slots=True)
class Share:
    """count of trials; low, high: exact binomial interval (Clopper and Pearson 1934)."""

    count: int
    trials: int

    @property
    def value(self) -> float:
        return self.count / self.trials if self.trials else np.nan

    @property
    def low(self) -> float:
        return float(beta.ppf((1 - LEVEL) / 2, self.count, self.trials - self.count + 1)) if self.count else 0.0

    @property
    def high(self) -> float:
        if self.count == self.trials:
            return 1.0
        return float(beta.ppf((1 + LEVEL) / 2, self.count + 1, self.trials - self.count))


@dataclass(frozen=True, slots=True)
class Rate:
    """count in so many years; low, high: exact Poisson interval a year (Garwood 1936). Incidents, not days: alarm days
    come in runs, so for them it is too narrow."""

    count: int
    years: float

    @property
    def value(self) -> float:
        return self.count / self.years if self.years else np.nan

    @property
    def low(self) -> float:
        return float(chi2.ppf((1 - LEVEL) / 2, 2 * self.count) / 2 / self.years) if self.count else 0.0

    @property
    def high(self) -> float:
        return float(chi2.ppf((1 + LEVEL) / 2, 2 * self.count + 2) / 2 / self.years)


@dataclass(frozen=True, slots=True)
class Verdict:
    """Of one stream. false_days, false_incidents: within `years`, the monitored time before anything changes.

    delay: days from the change to the first alarm of any column, 1 = on the day itself; delay_of_it: of a column that
    changed; None: never, or nothing changes. limit: days in which it should be found. right, flagged: columns flagged
    on the first alarm day after the change that changed, and all. is_top: on that day the greatest score is a changed
    column's; None without scores.
    """

    years: float
    false_days: int
    false_incidents: int
    changes: bool = False
    delay: int | None = None
    delay_of_it: int | None = None
    limit: int = 30
    right: int = 0
    flagged: int = 0
    is_top: bool | None = None


@dataclass(frozen=True, slots=True)
class Summary:
    """Of many streams. days: median delay of any column, infinite if never, NaN where nothing changes; found: within
    the limit; of_it: the same of a changed column; right: of the columns flagged on that day, those that changed; top:
    as in Verdict."""

    false_days: Rate
    false_incidents: Rate
    days: float
    found: Share
    days_of_it: float
    found_of_it: Share
    right: Share
    top: Share


def incidents(alarm_days: np.ndarray, quiet: int = QUIET) -> int:
    """How many runs of alarm days there are, of days given as (T,) booleans."""
    at = np.flatnonzero(alarm_days)
    return int(len(at) > 0) + int((np.diff(at) > quiet).sum())


def judged(stream: Stream | Performance, alarms: np.ndarray, scores: np.ndarray | None = None) -> Verdict:
    """One stream's verdict. alarms: (T, columns); scores: (T, columns), the greater the more has changed."""
    any_column = np.asarray(alarms.any(axis=1))
    begun = min((one.day for one in stream.changed), default=len(stream.dates))
    quiet = any_column[stream.start : begun]
    false = (len(quiet) / 365, int(quiet.sum()), incidents(quiet))
    if not stream.changed:
        return Verdict(*false)
    of_it = np.asarray(alarms[:, stream.columns_changed].any(axis=1))
    limit = max(one.change.in_time for one in stream.changed)
    delay = _first(any_column[begun:])
    if delay is None:
        return Verdict(*false, changes=True, limit=limit)
    day = begun + delay - 1
    right = int(alarms[day, stream.columns_changed].sum())
    is_top = None if scores is None else bool(stream.columns_changed[int(np.nanargmax(scores[day]))])
    flagged = int(alarms[day].sum())
    return Verdict(*false, True, delay, _first(of_it[begun:]), limit, right, flagged, is_top)


def summed(verdicts: Sequence[Verdict]) -> Summary:
    """Many streams' verdicts as rates and shares."""
    years = sum(v.years for v in verdicts)
    changed = [v for v in verdicts if v.changes]
    ranked = [v for v in changed if v.is_top is not None]
    delays, of_it = [v.delay for v in changed], [v.delay_of_it for v in changed]
    return Summary(
        Rate(sum(v.false_days for v in verdicts), years),
        Rate(sum(v.false_incidents for v in verdicts), years),
        _median(delays),
        Share(sum(v.delay is not None and v.delay <= v.limit for v in changed), len(changed)),
        _median(of_it),
        Share(sum(v.delay_of_it is not None and v.delay_of_it <= v.limit for v in changed), len(changed)),
        Share(sum(v.right for v in changed), sum(v.flagged for v in changed)),
        Share(sum(bool(v.is_top) for v in ranked), len(ranked)),
    )


def _first(alarm_days: np.ndarray) -> int | None:
    """The number of the first alarm day, from 1."""
    return int(np.argmax(alarm_days)) + 1 if alarm_days.any() else None


def _median(delays: Sequence[int | None]) -> float:
    """Median with never as infinitely late; NaN of nothing."""
    return float(np.median([np.inf if one is None else one for one in delays])) if delays else np.nan
