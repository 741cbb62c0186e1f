"""Charts' alarms in the words of a decision, and how much they can see."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from airflow_ml_monitor.keys import WHOLE, Slice, Window
from airflow_ml_monitor.policy.alarms import Alarmed
from airflow_ml_monitor.policy.case import Case
from airflow_ml_monitor.policy.chart import SHIFT
from airflow_ml_monitor.policy.charts.change import ADVICE, change_of
from airflow_ml_monitor.policy.charts.charted import Charted
from airflow_ml_monitor.policy.charts.limits import WITHIN
from airflow_ml_monitor.policy.charts.panel import YEAR, Floats
from airflow_ml_monitor.policy.charts.watch import FULL_POWER, LEAST_WINDOWS, LOOK_BACK, Watched, watch
from airflow_ml_monitor.policy.decision import Alarm

MOST_RENEWED: Final = 5
"""So many new levels are told in words."""
MOST_CHANGES: Final = 3
"""Of so many columns it is told when and how they changed."""
_HALF_WEEK: Final = 3.5


@dataclass(frozen=True, slots=True)
class Judged:
    """What charts conclude. alarmed: as of rules; told: what else a decision says in words; document: plain JSON of
    what each chart can see."""

    alarmed: list[Alarmed]
    told: list[str]
    document: list[dict[str, Any]]


def judge_charts(case: Case, false_alarms: float, held: Collection[Window]) -> Judged:
    """Every chart of a case at its part of so many false alarms a year; nothing where none may be spent."""
    found = Judged([], [], [])
    if not false_alarms:
        return found
    for charted in case.charted:
        watched = watch(charted.panel(held, case.accepted), false_alarms)
        budget = false_alarms * charted.spent
        alarms = [alarm for t, part in enumerate(budget) for alarm in _alarms(charted, watched, t, float(part))]
        changes = _changes(case, charted, watched)
        free = np.flatnonzero(charted.free(held)[watched.first :]) + watched.first
        places = frozenset((charted.model_version, str(charted.rule), charted.windows[t]) for t in free)
        found.alarmed.append(Alarmed(charted.chart.action, tuple(alarms), places, metric=charted.chart.metric))
        found.told.extend([*_renewed(case, charted, watched), *(change.pop("text") for change in changes)])
        found.document.append({**_document(charted, watched, float(budget[-1])), "changes": changes})
    return found


def _alarms(charted: Charted, watched: Watched, t: int, budget: float) -> Iterator[Alarm]:
    """One alarm for each column and slice of a window, worst first."""
    chart = charted.chart
    for (column, slice), j in _worst(charted, watched, t).items():
        text = _words(charted, watched, t, j, budget)
        about = (chart.metric, column, slice, charted.model_version, text, str(charted.rule))
        yield Alarm(f"chart of {chart.title}", chart.action, chart.severity, charted.windows[t], *about)


def _worst(charted: Charted, watched: Watched, t: int) -> dict[tuple[str, Slice], int]:
    """{(column, slice): its component that is furthest beyond its limit} of what alarms in a window, furthest first."""
    worst: dict[tuple[str, Slice], int] = {}
    alarmed = np.flatnonzero(watched.alarm[t])
    for place in alarmed[np.argsort(-watched.excess[t, alarmed], kind="stable")]:
        part = charted.names[place]
        worst.setdefault((part.column, part.slice), int(place))
    return worst


def _words(charted: Charted, watched: Watched, t: int, j: int, budget: float) -> str:
    """e.g. 'location of income moved by +0.21 (0.04 would matter), 1.4 times its limit at 1 false alarm a year'"""
    least, rows = charted.least[j], charted.rows[t, j]
    size, excess = watched.size[t, j], watched.excess[t, j]
    version = f" of {charted.model_version}" if charted.model_version else ""
    far = f"{excess:.1f} times its limit" if excess >= 1 else "back within its limit, not yet for sure"
    return (
        f"{_name(charted, j)}{version} moved by {size:+.2g} ({least:g} would matter; {rows:.0f} rows), {far} at "
        f"{budget:.2g} false alarm{'s' * (budget != 1)} a year"
    )


def _name(charted: Charted, j: int) -> str:
    column, parameters, slice = charted.names[j]
    if charted.chart.metric == SHIFT:
        return f"{parameters} of {column}"
    of = f" of {column}" if column else ""
    where = f" where {', '.join(f'{name} is {value}' for name, value in slice)}" if slice != WHOLE else ""
    return charted.chart.metric + (f" [{parameters}]" if parameters else "") + of + where


def _changes(case: Case, charted: Charted, watched: Watched) -> list[dict[str, Any]]:
    """When and how what alarms in the newest window changed: of its worst columns."""
    if not len(charted.windows):
        return []
    newest, score = len(charted.windows) - 1, np.where(np.isfinite(charted.value), watched.score, np.nan)
    found = []
    for j in list(_worst(charted, watched, newest).values())[:MOST_CHANGES]:
        begun = np.flatnonzero(charted.fresh[:, j])[-1:] if len(charted.fresh) else ()
        recent = slice(max(0, newest + 1 - LOOK_BACK, *begun), newest + 1)
        change = change_of(
            score[recent, j], watched.lag[j], watched.error[j], _year_before(charted, score[:, j], recent)
        )
        began, first, last = (
            case.date(charted.windows[recent.start + i].start) for i in (change.at, change.first, change.last)
        )
        between = f"between {first} and {last}" if first != last else "for sure"
        text = f"{_name(charted, j)} changed on {began} ({between}), {change.shape}: {ADVICE[change.shape]}"
        found.append({
            "column": charted.names[j].column, "slice": dict(charted.names[j].slice),
            "component": charted.names[j].parameters, "at": began, "first": first, "last": last,
            "shape": change.shape.value, "advice": ADVICE[change.shape], "text": text.rstrip("."),
        })  # fmt: skip
    return found


def _year_before(charted: Charted, score: Floats, recent: slice) -> Floats | None:
    """The same windows' scores a year before, each the mean of a week; None where the history is shorter."""
    day = np.array([window.start.timestamp() / 86_400 for window in charted.windows])
    then = day[recent] - YEAR
    if then[0] < day[0]:
        return None
    near = np.abs(day[:, None] - then) <= _HALF_WEEK
    known = near & np.isfinite(score)[:, None]
    found: Floats = (np.nan_to_num(score) @ known) / np.where(known.any(axis=0), known.sum(axis=0), np.nan)
    return found


def _renewed(case: Case, charted: Charted, watched: Watched) -> Iterator[str]:
    """What begins with the newest window: levels that are the usual ones from now on, and columns of another model."""
    if not charted.windows:
        return
    day = case.date(charted.windows[-1].start)
    if watched.renewed[-1].any():
        names = _several([_name(charted, int(j)) for j in np.flatnonzero(watched.renewed[-1])])
        was_said = charted.accepted(case.accepted)[-1]
        why = "its alarm was called false" if was_said else "it stayed where it moved"
        yield f"new normal from {day}, as {why}: {names}"
    if len(charted.fresh) and charted.fresh[-1].any():
        about = {name for j in np.flatnonzero(charted.fresh[-1]) for name in charted.names[j].about}
        names = _several(sorted(about & charted.made))
        yield f"other model versions answer from {day} on: {names} charted anew, after {LEAST_WINDOWS} windows"
    if charted.is_holiday(charted.windows[-1]):
        yield f"{day} is a holiday: charts do not judge it"


def _several(names: Sequence[str]) -> str:
    more = f" and {len(names) - MOST_RENEWED} more" if len(names) > MOST_RENEWED else ""
    return ", ".join(names[:MOST_RENEWED]) + more


def _document(charted: Charted, watched: Watched, budget: float) -> dict[str, Any]:
    """How long a chart has looked, and from what shift on it finds one within a week as often as not."""
    behind = float(np.median(watched.windows)) if len(watched.windows) else 0.0
    windows = len(charted.windows)
    seen: dict[str, float] = {}
    for part, size in zip(charted.names, watched.detectable, strict=True):
        if np.isfinite(size) and part.slice == WHOLE:
            seen[part.column] = min(round(float(size), 4), seen.get(part.column, np.inf))
    return {
        "chart": charted.chart.title,
        "metric": charted.chart.metric,
        "dataset": charted.dataset,
        "version": charted.model_version,
        "components": len(charted.names),
        "windows": windows,
        "false_alarms_per_year": round(budget, 4),
        "status": "ok" if windows > LEAST_WINDOWS else "too_few",
        "windows_needed": max(LEAST_WINDOWS + 1 - windows, 0),
        "windows_to_full_power": max(FULL_POWER - int(behind), 0),
        "detectable": {"within_windows": WITHIN, "by_column": seen},
    }
