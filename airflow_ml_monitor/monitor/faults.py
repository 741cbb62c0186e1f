"""Named faults of a window, and of the later ones whose usual it is."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from airflow_ml_monitor.keys import Window
from airflow_ml_monitor.measurement import Family, Measurement
from airflow_ml_monitor.monitor.done import Done
from airflow_ml_monitor.monitor.measure import fault_rows
from airflow_ml_monitor.monitor.run import FrozenReference, Monitor, Run, profiled
from airflow_ml_monitor.profile.cells import Profile
from airflow_ml_monitor.profile.codec import decode_profile
from airflow_ml_monitor.profile.dataset import Dataset
from airflow_ml_monitor.profile.feed_view import FeedView
from airflow_ml_monitor.store.records import Numbers, ProfileKey

EARLIER: Final = 14
"""So many windows before, of those that were profiled, are looked at for faults: two weeks, to know a weekday."""


def name_faults(monitor: Monitor, run: Run) -> Done:
    """Look for named faults in a window, and again in those later ones whose usual it became.

    Whatever the order of runs (a backfill from behind, several days at once, an earlier day mended): the faults that
    are stored in the end are those that the days in their order would have left.
    """
    every: list[Measurement] = []
    wrote = 0
    of_run = monitor.at(run.window, run.known_at)
    for dataset in of_run.spec.datasets:
        key, profile, reference = profiled(of_run, dataset, run)
        numbers, written = _settled(of_run, dataset, reference, (key, profile), run)
        every += numbers.measurements
        wrote += written
        for one in _anew(of_run, dataset, run):
            # Its numbers are its own spec's.
            wrote += _again(monitor.at(one.window, one.known_at), dataset.name, one)
    return Done.of(every, wrote)


def _again(monitor: Monitor, name: str, run: Run) -> int:
    """Look again at a window that was profiled before; how many revisions were new.

    Where its profile has gone since, or that of a window before (`monitor.retention`), what is stored of it stays.
    """
    dataset = monitor.spec.dataset(name)
    reference = monitor.reference(dataset, run.window)
    seen = monitor.store.profiles_seen(monitor.key, name, str(run.rule), run.window, run.known_at)
    if not seen or seen[0].layout_digest != reference.layout.digest:
        return 0
    own, *before = (monitor.store.profile(monitor.key, key) for key in (seen[0], *_before(monitor, seen[0], run)))
    if own is None or None in before:
        return 0
    return _settled(monitor, dataset, reference, (seen[0], decode_profile(own)), run)[1]


def _settled(
    monitor: Monitor, dataset: Dataset, reference: FrozenReference, scanned: tuple[ProfileKey, Profile], run: Run
) -> tuple[Numbers, int]:
    """A window's faults, stored; anew where meanwhile another run brought a window that they look back at.

    Windows before whose profiles have gone are left out. That they have gone is no news of this one.
    """
    (key, current), wrote = scanned, 0
    before = _before(monitor, key, run)
    while True:
        looked = (monitor.store.profile(monitor.key, one) for one in before)
        earlier = [decode_profile(payload) for payload in looked if payload]
        rows = fault_rows(FeedView(dataset, reference.layout, reference.profile, current, earlier))
        inputs = [key.input_digest, key.layout_digest, reference.digest, [one.input_digest for one in before]]
        numbers = monitor.numbers(monitor.head(Family.FAULT, dataset, run, reference), run, inputs, rows)
        wrote += monitor.write([numbers])
        if (now := _before(monitor, key, run)) == before:
            return numbers, wrote
        before = now


def _before(monitor: Monitor, key: ProfileKey, run: Run) -> list[ProfileKey]:
    """The profiles of the windows before, as known then, cut by the same layout; the newest first."""
    span = Window(_reach(run).start, run.window.start)
    seen = monitor.store.profiles_seen(monitor.key, key.dataset, key.rule, span, run.known_at)
    return [one for one in seen if one.layout_digest == key.layout_digest]


def _anew(monitor: Monitor, dataset: Dataset, run: Run) -> list[Run]:
    """Later windows that were looked at for faults already, as known at least then; and the run's own, as known when
    one of those before was looked at last, if that was later."""
    span, rule, stage = _reach(run), str(run.rule), monitor.spec.stage
    heads = monitor.store.heads(monitor.key, Family.FAULT, rule=rule, dataset=dataset.name, stage=stage, within=span)
    known = {state.head.window: state.known_at for state in heads}
    since = [at for window, at in known.items() if window.end <= run.window.start and at > run.known_at]
    own = [replace(run, known_at=max(since))] if since else []
    later = [(window, at) for window, at in known.items() if window.start >= run.window.end]
    return own + [replace(run, window=window, known_at=max(run.known_at, at)) for window, at in later]


def _reach(run: Run) -> Window:
    """From the first window that the run's looks back at to the last that looks back at it."""
    oldest = newest = run.window
    for _ in range(EARLIER):
        oldest, newest = run.rule.last_before(oldest.start), run.rule.containing(newest.end)
    return Window(oldest.start, newest.end)
