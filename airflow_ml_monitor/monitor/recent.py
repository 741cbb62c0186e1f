"""Drift from what lately was usual: a window's distances from the sum of those before it, as they are stored.

The frozen reference still owns the buckets, and all that charts watch is measured from it: they are calibrated on it,
and a level that stays would soon be the trailing reference's own. What a window's reference was made of is part of its
numbers' identity: one of those days read anew is a new revision of every window that it was the reference of. A window
counts as it was known at the run's cut-off, and an incident as the last decision before that left it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from itertools import compress
from typing import Any, Final

from airflow_ml_monitor.keys import Window, WindowRule
from airflow_ml_monitor.measurement import Estimate, Family, Measurement, Status
from airflow_ml_monitor.metrics.metric import Subject, metrics
from airflow_ml_monitor.metrics.names import REFERENCE_WINDOWS
from airflow_ml_monitor.monitor.checks.trailing import Trailing, windows_before
from airflow_ml_monitor.monitor.looking_back import Profiled, anew, due_again, profiled_before
from airflow_ml_monitor.monitor.measure import kept_of, of_kept, pair_rows
from airflow_ml_monitor.monitor.run import Monitor, Run
from airflow_ml_monitor.monitor.stored import Place, total_of
from airflow_ml_monitor.policy.chart import SHIFT
from airflow_ml_monitor.policy.decision import Event
from airflow_ml_monitor.policy.feedback import newest
from airflow_ml_monitor.profile.cells import Profile, drawn_alike
from airflow_ml_monitor.profile.codec import decode_profile
from airflow_ml_monitor.report.calendar import named, some_named
from airflow_ml_monitor.store.records import Numbers, ProfileKey

IN_INCIDENT: Final = "in an incident"
UNMEASURED: Final = "not measured"
OTHERWISE_CUT: Final = "cut by another reference"
GONE: Final = "no longer kept as it was, or with another sampling_fraction"
BROKEN: Final = "arrived broken"


@dataclass(frozen=True, slots=True)
class _Chosen:
    """The windows that make a reference, and why others do not."""

    wanted: Sequence[Window]
    keys: Sequence[ProfileKey]
    without: Mapping[Window, str]

    @property
    def names(self) -> list[Any]:
        """What names the reference: the profiles that are in it, and why others are not."""
        inside = [[str(key.window), key.input_digest] for key in self.keys]
        return [inside, [[str(window), why] for window, why in self.without.items()]]


@dataclass(frozen=True, slots=True)
class _Recent:
    """A reference that was added up. told: of how many windows; untold: why a column has none, though others have."""

    profile: Profile
    told: Measurement
    untold: Mapping[str, str] = field(default_factory=dict)


def recent_drift(given: Monitor, of_run: Monitor, scanned: Profiled, run: Run) -> tuple[Sequence[Measurement], int]:
    """A window's drift, and again that of later windows whose reference it is in; and how many revisions were new.

    of_run: the monitor by the window's own spec.
    """
    numbers, wrote = _settled(of_run, scanned, run)
    for one in due_again(of_run, scanned.dataset, run, Family.DRIFT, _reach(_trailing(of_run), run)):
        own = given.at(one.window, one.known_at)
        trailing = own.spec.reference.trailing
        again = profiled_before(own, scanned.dataset.name, one) if trailing and trailing.is_of(one.rule) else None
        wrote += _settled(own, again, one)[1] if again else 0
    return numbers.measurements, wrote


def _settled(monitor: Monitor, scanned: Profiled, run: Run) -> tuple[Numbers, int]:
    """A window's drift, stored; anew where meanwhile another run brought it otherwise, or a window of its reference."""
    wrote, chosen = 0, _chosen(monitor, scanned, run)
    while True:
        rows = _rows(monitor, scanned, _added(monitor, scanned, run.rule, chosen))
        inputs = [scanned.key.input_digest, scanned.key.layout_digest, scanned.reference.digest, monitor.spec.measured]
        inputs += [str(_trailing(monitor)), chosen.names]
        head = monitor.head(Family.DRIFT, scanned.dataset, run, scanned.reference)
        numbers = monitor.numbers(head, run, inputs, rows)
        wrote += monitor.write([numbers])
        before = scanned, chosen
        scanned = anew(monitor, scanned, run)
        chosen = _chosen(monitor, scanned, run)
        if scanned is before[0] and chosen == before[1]:
            return numbers, wrote


def _trailing(monitor: Monitor) -> Trailing:
    trailing = monitor.spec.reference.trailing
    assert trailing is not None  # or nobody would ask
    return trailing


def _reach(trailing: Trailing, run: Run) -> Window:
    """From the first window that the run's looks back at to the last that may look back at it."""
    before = windows_before(trailing, run.rule, run.window)
    # A window of the rule more, and a day for the clocks.
    after = trailing.reach + (run.window.end - run.window.start) + timedelta(days=1)
    return Window(before[0].start if before else run.window.start, run.window.end + after)


def _chosen(monitor: Monitor, scanned: Profiled, run: Run) -> _Chosen:
    wanted = windows_before(_trailing(monitor), run.rule, run.window)
    span = Window(wanted[0].start, wanted[-1].end)
    seen = monitor.store.profiles_seen(monitor.key, scanned.dataset.name, str(run.rule), span, run.known_at)
    found = {key.window: key for key in seen}
    unsound = _in_incidents(monitor, run)
    without = {}
    for window in wanted:
        if any(one.start < window.end and window.start < one.end for one in unsound):
            without[window] = IN_INCIDENT
        elif window not in found:
            without[window] = UNMEASURED
        elif found[window].layout_digest != scanned.key.layout_digest:
            without[window] = OTHERWISE_CUT
    return _Chosen(wanted, [found[window] for window in wanted if window not in without], without)


def _in_incidents(monitor: Monitor, run: Run) -> list[Window]:
    """The spans that are not sound, as was known: of incidents that nobody retracted or called false."""
    last = monitor.store.last_decision(monitor.key, run.known_at)
    words = newest(monitor.store.feedback(monitor.key, run.known_at)) if last else {}
    return [
        Window(incident.first.start, incident.last.end)
        for incident in (last.incidents if last else ())
        if incident.action in _trailing(monitor).without
        and incident.status is not Event.RETRACTED
        and not (incident.id in words and not words[incident.id].is_true)
    ]


def _added(monitor: Monitor, scanned: Profiled, rule: WindowRule, chosen: _Chosen) -> _Recent:
    place = Place(monitor.store, monitor.key, scanned.dataset.name, rule)
    layout, needed = scanned.reference.layout, _trailing(monitor).needed(len(chosen.wanted))
    total = total_of(place, layout, chosen.keys) if chosen.keys else None
    found, without = total.windows if total else (), dict(chosen.without)
    profile, untold = total.profile if total else None, dict[str, str]()
    if profile is not None and profile.faults:
        found, profile, untold = _sound(monitor, chosen.keys, needed)
    for key in chosen.keys:
        if key.window not in found:
            is_there = total is not None and key.window in total.windows
            without[key.window] = BROKEN if is_there else GONE
    told = _told(rule, chosen.wanted, without)
    if profile is None or len(found) < needed:
        reason = f"{len(found)} of the {len(chosen.wanted)} windows before are there, {needed} needed; {told}"
        nothing = Profile(scanned.dataset.name, scanned.key.window, layout.digest, {}, {})
        return _Recent(nothing, Measurement(REFERENCE_WINDOWS, Status.TOO_FEW, None, reason), {"": reason})
    estimate = Estimate(float(len(found)), profile.population)
    return _Recent(profile, Measurement(REFERENCE_WINDOWS, Status.OK, estimate, told), untold)


def _sound(
    monitor: Monitor, keys: Sequence[ProfileKey], needed: int
) -> tuple[tuple[Window, ...], Profile | None, dict[str, str]]:
    """(windows that arrived, their sum, why a column has none): a column is of those that brought it as declared."""
    looked = ((key.window, monitor.store.profile(monitor.key, key)) for key in keys)
    read = {window: decode_profile(payload) for window, payload in looked if payload}
    days = {window: profile for window, profile in read.items() if "" not in profile.faults}
    if not days:
        return (), None, {}
    days = dict(compress(days.items(), drawn_alike([*days.values()])))
    total = Profile.total([replace(profile, faults={}) for profile in days.values()])
    untold = {}
    for column in {name for profile in days.values() for name in profile.faults}:
        there = sum(column not in profile.faults for profile in days.values())
        if there < needed:
            told = f"arrived as declared in {there} of the {len(days)} windows before that are there, {needed} needed"
            untold[column] = f"column {column!r} {told}"
    cells = {key: cells for key, cells in total.cells.items() if key[1] not in untold}
    return tuple(days), replace(total, cells=cells), untold


def _told(rule: WindowRule, wanted: Sequence[Window], without: Mapping[Window, str]) -> str:
    """Which windows these are, and which of them are left out, in words."""
    told = f"{named(rule, wanted[0])} to {named(rule, wanted[-1])}"
    for why in sorted({*without.values()}):
        told += f"; without {some_named(rule, [window for window in wanted if without.get(window) == why])} ({why})"
    return told


def _rows(monitor: Monitor, scanned: Profiled, recent: _Recent) -> list[Measurement]:
    """Distances of columns from the recent reference, all else from the frozen one."""
    names, layout = monitor.spec.measured, scanned.reference.layout
    every = [m for m in metrics().values() if m.family is Family.DRIFT and (not names or m.name in names)]
    distances = tuple(m.name for m in every if m.subject is Subject.PAIR and m.name != SHIFT)
    kept = kept_of(layout, scanned.reference.profile, scanned.profile)
    asked = [m.name for m in of_kept(every, kept, names)]
    others = tuple(name for name in asked if name not in distances)
    rows = [recent.told]
    if others:
        rows += pair_rows(scanned.reference.profile, scanned.profile, layout, others)
    for row in pair_rows(recent.profile, scanned.profile, layout, distances) if distances else ():
        why = recent.untold.get(row.column) or recent.untold.get("")
        rows.append(replace(row, reason=why) if why and row.status is Status.TOO_FEW else row)
    return rows
