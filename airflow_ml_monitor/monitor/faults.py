"""Named faults of a window, and of the later ones whose usual it is."""

from __future__ import annotations

from typing import Final

from airflow_ml_monitor.keys import Window
from airflow_ml_monitor.measurement import Family, Measurement
from airflow_ml_monitor.monitor.done import Done
from airflow_ml_monitor.monitor.looking_back import Profiled, due_again, profiled_before, profiles_before
from airflow_ml_monitor.monitor.measure import fault_rows
from airflow_ml_monitor.monitor.run import Monitor, Run, profiled
from airflow_ml_monitor.profile.codec import decode_profile
from airflow_ml_monitor.profile.feed_view import FeedView
from airflow_ml_monitor.store.records import Numbers, ProfileKey

EARLIER: Final = 14
"""So many windows before, of those that were profiled, are looked at for faults: two weeks, to know a weekday."""


def name_faults(monitor: Monitor, run: Run) -> Done:
    """Look for named faults in a window, and again in those later ones whose usual it became."""
    every: list[Measurement] = []
    wrote = 0
    of_run = monitor.at(run.window, run.known_at)
    for dataset in of_run.spec.datasets:
        key, profile, reference = profiled(of_run, dataset, run)
        numbers, written = _settled(of_run, Profiled(dataset, reference, key, profile), run)
        every += numbers.measurements
        wrote += written
        for one in due_again(of_run, dataset, run, Family.FAULT, _reach(run)):
            # Its numbers are its own spec's.
            wrote += _again(monitor.at(one.window, one.known_at), dataset.name, one)
    return Done.of(every, wrote)


def _again(monitor: Monitor, name: str, run: Run) -> int:
    """Look again at a window that was profiled before; how many revisions were new.

    Where its profile has gone since, or that of a window before (`monitor.retention`), what is stored of it stays.
    """
    scanned = profiled_before(monitor, name, run)
    if scanned is None or None in (monitor.store.profile(monitor.key, k) for k in _before(monitor, scanned.key, run)):
        return 0
    return _settled(monitor, scanned, run)[1]


def _settled(monitor: Monitor, scanned: Profiled, run: Run) -> tuple[Numbers, int]:
    """A window's faults, stored; anew where meanwhile another run brought a window that they look back at.

    Windows before whose profiles have gone are left out. That they have gone is no news of this one.
    """
    dataset, reference, key, wrote = scanned.dataset, scanned.reference, scanned.key, 0
    before = _before(monitor, key, run)
    while True:
        looked = (monitor.store.profile(monitor.key, one) for one in before)
        earlier = [decode_profile(payload) for payload in looked if payload]
        rows = fault_rows(FeedView(dataset, reference.layout, reference.profile, scanned.profile, earlier))
        inputs = [key.input_digest, key.layout_digest, reference.digest, [one.input_digest for one in before]]
        numbers = monitor.numbers(monitor.head(Family.FAULT, dataset, run, reference), run, inputs, rows)
        wrote += monitor.write([numbers])
        if (now := _before(monitor, key, run)) == before:
            return numbers, wrote
        before = now


def _before(monitor: Monitor, key: ProfileKey, run: Run) -> list[ProfileKey]:
    """The profiles of the windows before, as known then, cut by the same layout; the newest first."""
    return profiles_before(monitor, key, Window(_reach(run).start, run.window.start), run.known_at)


def _reach(run: Run) -> Window:
    """From the first window that the run's looks back at to the last that looks back at it."""
    oldest = newest = run.window
    for _ in range(EARLIER):
        oldest, newest = run.rule.last_before(oldest.start), run.rule.containing(newest.end)
    return Window(oldest.start, newest.end)
