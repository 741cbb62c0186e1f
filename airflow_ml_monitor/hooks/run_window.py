"""Which window a DAG run is about, and what was known then. Airflow leaves both open more often than not.

A run by hand or by an asset has no date; a run of "@daily" has an interval of no length; a partitioned run has
neither. Each resolves to exactly one calendar window, the same one for every rerun of the same run.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from airflow_ml_monitor.errors import SpecError
from airflow_ml_monitor.keys import Window, WindowRule, parse_moment

log = logging.getLogger(__name__)

Moment = str | datetime | None
"""An instant, or a template's rendering of one; '' and 'None' are what Jinja makes of a missing date."""


def resolve_window(context: Mapping[str, Any], rule: WindowRule, start: Moment = None, end: Moment = None) -> Window:
    """The window of a run; the first of these that the run has.

    1. `start` and `end`, as given; 2. `window_start` and `window_end` of the run's conf, as given; 3. the rule's window
    in which the partition date lies; 4. the newest window of the rule that was over at: the end of a data interval
    that has a length, the end of the newest window that a triggering asset event names, the logical date, the moment
    from which the run was allowed to start.
    So a weekly rule on a daily schedule measures the last whole week, every day of the next.

    SpecError: one of the two ends is missing, or the data interval holds several windows, of which one run can
    measure only one.
    """
    run = context["dag_run"]
    conf = run.conf or {}
    for first, last, where in (
        (start, end, "window_start, window_end"),
        (conf.get("window_start"), conf.get("window_end"), "conf.window_start, conf.window_end"),
    ):
        if window := _given(first, last, where):
            return window
    if partition := getattr(run, "partition_date", None):
        return rule.containing(parse_moment(partition))
    return rule.last_before(_moment_of(context, rule))


def resolve_known_at(context: Mapping[str, Any], window: Window | None) -> datetime | None:
    """What counts as known: `known_at` of the run's conf; in a backfill the end of the run's data interval.

    The interval of a backfill may be missing or end before a window that was asked for; then the window's end.
    None outside a backfill: the evidence is what is there now, and the caller says when now was. None as well in a
    backfill without interval and window.
    """
    run = context["dag_run"]
    if given := parsed((run.conf or {}).get("known_at")):
        return given
    if not is_backfill(context):
        return None
    ended = parsed(getattr(run, "data_interval_end", None))
    return max((moment for moment in (ended, window and window.end) if moment), default=None)


def is_backfill(context: Mapping[str, Any]) -> bool:
    """True where Airflow fills in the past; such a run measures and judges but does not act."""
    kind = context["dag_run"].run_type
    return str(getattr(kind, "value", kind)) == "backfill"


def _moment_of(context: Mapping[str, Any], rule: WindowRule) -> datetime:
    run = context["dag_run"]
    first, last = getattr(run, "data_interval_start", None), getattr(run, "data_interval_end", None)
    if first and last and last > first:
        _check_holds_one(rule, parse_moment(first), parse_moment(last))
        return parse_moment(last)
    if windows := _of_events(context):
        if len(windows) > 1:
            log.warning("assets of %d windows started this run; it measures the newest, %s", len(windows), windows[-1])
        return windows[-1].end
    return parse_moment(getattr(run, "logical_date", None) or run.run_after)


def _check_holds_one(rule: WindowRule, start: datetime, end: datetime) -> None:
    windows = list(rule.between(start, end))
    if len(windows) > 1:
        raise SpecError(
            f"the run's data interval {start.isoformat()}/{end.isoformat()} holds {len(windows)} windows of {rule}, "
            f"and a run measures one; schedule the DAG every {rule.unit}, or give the monitor a longer window",
            field="windows",
        )


def _of_events(context: Mapping[str, Any]) -> list[Window]:
    """The windows that triggering asset events name in their extra, each once, oldest first."""
    events = [event for found in (context.get("triggering_asset_events") or {}).values() for event in found]
    extras = (event.extra or {} for event in events)
    windows = (_given(extra.get("window_start"), extra.get("window_end"), "asset event's extra") for extra in extras)
    return sorted({window for window in windows if window})


def _given(first: Moment, last: Moment, where: str) -> Window | None:
    start, end = parsed(first), parsed(last)
    if (start is None) != (end is None):
        raise SpecError(f"one end of the window is missing: {first!r}, {last!r}; give both, or neither", field=where)
    return Window(start, end) if start and end else None


def parsed(moment: Moment) -> datetime | None:
    """The instant, in UTC; None where a template left nothing."""
    return None if moment in (None, "", "None") else parse_moment(moment)
