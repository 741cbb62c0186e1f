"""A week, month or quarter that is the sum of its days as they were profiled: no row is read again.

It holds what one scan of it would, but for what days do not tell: a key that comes again on another day, and the name
of a new category of which no day has enough rows. Of a column that arrived broken on one day nothing is told. A day
that was never measured is not passed over: the window is `failed` then, and says which. Its days were asked by the
contract, and compared with their replay: it is not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from airflow_ml_monitor.keys import WHOLE, Window, WindowRule
from airflow_ml_monitor.measurement import Measurement, Status
from airflow_ml_monitor.monitor.stored import Place, total_of
from airflow_ml_monitor.profile.cells import CONTENTS, Profile
from airflow_ml_monitor.profile.codec import decode_profile, encode_profile
from airflow_ml_monitor.profile.layout import Layout, digest
from airflow_ml_monitor.report.calendar import some_named
from airflow_ml_monitor.store.records import ProfileKey

ADDED: Final = "added/"
"""What the inputs of a window begin with that was added up from its days."""


GONE: Final = "no longer kept, or with another sampling_fraction"


def added_up(place: Place, layout: Layout, window: Window, known_at: datetime) -> tuple[ProfileKey, Profile]:
    """The profile of a window, of its days as they were known at a moment; stored as a scan's is. place: the window's
    own rule."""
    store, monitor, days = place.store, place.monitor, place.rule.days
    found = {key.window: key for key in store.profiles_seen(monitor, place.dataset, str(days), window, known_at)}
    keys = [found[day] for day in days.between(window.start, window.end) if day in found]
    inputs = digest([[[str(key.window), key.layout_digest, key.input_digest] for key in keys], CONTENTS])
    key = ProfileKey(place.dataset, str(place.rule), window, layout.digest, ADDED + inputs)
    if payload := store.profile(monitor, key):
        store.saw_profile(monitor, key, known_at)
        return key, decode_profile(payload)
    alike = [one for one in keys if one.layout_digest == layout.digest]
    total = total_of(replace(place, rule=days), layout, alike) if alike else None
    of_days = {one.window for one in keys}, {one.window for one in alike}, {*total.windows} if total else set()
    if why := _missing(days, list(days.between(window.start, window.end)), of_days):
        # Otherwise one day that is profiled again, and is what it was, would change nothing.
        key = replace(key, input_digest=ADDED + digest([inputs, why]))
        made = Profile(place.dataset, window, layout.digest, {WHOLE: 0}, {}, faults={"": why})
    else:
        assert total is not None  # no day is missing
        faults = {name: f"{reason}, on one day or more" for name, reason in total.profile.faults.items()}
        made = replace(total.profile, window=window, faults=faults)
    store.save_profile(monitor, key, encode_profile(made), known_at)
    return key, made


def _missing(rule: WindowRule, days: Sequence[Window], of: tuple[set[Window], set[Window], set[Window]]) -> str:
    """Why a window cannot be added up; empty if it can. of: days that were measured, that were cut by its own
    reference, and that are still kept."""
    measured, alike, kept = of
    for there, why in (
        (measured, "not measured"),
        (alike, "cut by another reference"),
        (kept, GONE),
    ):
        if gone := [day for day in days if day not in there]:
            return f"{len(gone)} of its {len(days)} days cannot be added: {some_named(rule, gone)} ({why})"
    return ""


def as_told_by_days(rows: Sequence[Measurement]) -> list[Measurement]:
    """A window's quality where it was added up: rows that repeat a key of their own day are at least so many."""
    return [_repeats(row) if row.metric == "duplicate_rows" and row.status is Status.OK else row for row in rows]


def _repeats(row: Measurement) -> Measurement:
    told = "keys were compared within each day; repeats on other days are not seen"
    assert row.estimate is not None  # its status is ok
    return replace(row, status=Status.OK if row.estimate.value else Status.UNDEFINED, reason=told)
