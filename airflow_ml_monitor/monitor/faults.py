"""Named faults of a window, and of the later ones whose usual it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from airflow_ml_monitor.keys import Window
from airflow_ml_monitor.measurement import Family, Measurement
from airflow_ml_monitor.monitor.done import Done
from airflow_ml_monitor.monitor.looking_back import Seen, due_again
from airflow_ml_monitor.monitor.measure import fault_rows
from airflow_ml_monitor.monitor.profiling import profiled
from airflow_ml_monitor.monitor.run import FrozenReference, Monitor, Run
from airflow_ml_monitor.profile.cells import Profile
from airflow_ml_monitor.profile.codec import decode_profile
from airflow_ml_monitor.profile.dataset import Dataset
from airflow_ml_monitor.profile.feed_view import FeedView
from airflow_ml_monitor.store.records import Numbers, ProfileKey

EARLIER: Final = 14
"""So many windows before, of those that were profiled, are looked at for faults: two weeks, to know a weekday."""


@dataclass(frozen=True, slots=True)
class _Looked:
    """A window that is looked at: by its own spec, as known at its run's cut-off.

    key: its profile, where one was just scanned; None of a window that was profiled before.
    """

    monitor: Monitor
    dataset: Dataset
    reference: FrozenReference
    run: Run
    key: ProfileKey | None = None

    def basis(self, seen: Seen) -> list[ProfileKey]:
        """What its faults are told by: its profile, then those of the windows before, cut by the same layout, the
        newest first; nothing where its own has gone, or was cut by another."""
        at, layout = self.run.known_at, self.reference.layout.digest
        own = seen.known(self.run.window, at, layout) or ([self.key] if self.key else [])
        before = seen.known(Window(_reach(self.run).start, self.run.window.start), at, layout)
        return [*own, *before] if own else []

    def numbers(self, basis: Sequence[ProfileKey], profiles: Mapping[ProfileKey, Profile]) -> Numbers:
        """Its faults. Windows before whose profiles have gone are left out: that they have gone is no news of it."""
        reference, (key, *before) = self.reference, basis
        earlier = [profiles[one] for one in before if one in profiles]
        rows = fault_rows(FeedView(self.dataset, reference.layout, reference.profile, profiles[key], earlier))
        inputs = [key.input_digest, key.layout_digest, reference.digest, [one.input_digest for one in before]]
        head = self.monitor.head(Family.FAULT, self.dataset, self.run, reference)
        return self.monitor.numbers(head, self.run, inputs, rows)


def name_faults(monitor: Monitor, run: Run) -> Done:
    """Look for named faults in a window, and again in those later ones whose usual it became."""
    every: list[Measurement] = []
    wrote = 0
    of_run = monitor.at(run.window, run.known_at)
    for dataset in of_run.spec.datasets:
        key, profile, reference = profiled(of_run, dataset, run)
        profiles = {key: profile}
        found, written = _settled([_Looked(of_run, dataset, reference, run, key)], _reach(run), profiles)
        every += found[run.window].measurements
        due = due_again(of_run, dataset, run, Family.FAULT, _reach(run))
        wrote += written + _settled(_again(monitor, dataset.name, due), _reach(run), profiles)[1]
    return Done.of(every, wrote)


def _again(monitor: Monitor, name: str, due: Sequence[Run]) -> list[_Looked]:
    """Windows to look at again, each by its own spec and reference."""
    runs = {one.window: one for one in due}
    found = []
    # One that was edited since has windows by either; most have one.
    by_spec: dict[str, tuple[Monitor, list[Window]]] = {}
    for window, own in monitor.by_spec(runs).items():
        by_spec.setdefault(own.version, (own, []))[1].append(window)
    for own, windows in by_spec.values():
        dataset = own.spec.dataset(name)
        references = own.references(dataset, windows)
        found += [_Looked(own, dataset, references[window], runs[window]) for window in windows]
    return found


def _settled(
    windows: Sequence[_Looked], reach: Window, profiles: dict[ProfileKey, Profile]
) -> tuple[dict[Window, Numbers], int]:
    """Windows' faults, stored together; of those anew that another run meanwhile brought otherwise, or a window that
    they look back at. profiles: those at hand; what is read comes in.

    Where the profile of one that was profiled before has gone since, or that of a window that it looks back at
    (`monitor.retention`), what is stored of it stays.
    """
    made: dict[Window, Numbers] = {}
    wrote, before = 0, dict[Window, list[ProfileKey]]()
    while windows:
        monitor, dataset, rule = windows[0].monitor, windows[0].dataset.name, windows[0].run.rule
        seen = Seen.of(monitor, dataset, rule, Window(_reach_of(windows).start, reach.end))
        basis = {one.run.window: one.basis(seen) for one in windows}
        windows = [one for one in windows if basis[one.run.window] != before.get(one.run.window, [])]
        wanted = {key for one in windows for key in basis[one.run.window]} - profiles.keys()
        read = monitor.store.profiles(monitor.key, wanted) if wanted else {}
        profiles |= {key: decode_profile(payload) for key, payload in read.items()}
        told_by = {one.run.window: basis[one.run.window][: 1 if one.key else None] for one in windows}
        whole = [one for one in windows if profiles.keys() >= {*told_by[one.run.window]}]
        found = {one.run.window: one.numbers(basis[one.run.window], profiles) for one in whole}
        wrote += monitor.write([*found.values()])
        made |= found
        before |= basis
    return made, wrote


def _reach_of(windows: Sequence[_Looked]) -> Window:
    """From the first window that one of these looks back at to their last."""
    reaches = [_reach(one.run) for one in windows]
    return Window(min(one.start for one in reaches), max(one.run.window.end for one in windows))


def _reach(run: Run) -> Window:
    """From the first window that the run's looks back at to the last that looks back at it."""
    oldest = newest = run.window
    for _ in range(EARLIER):
        oldest, newest = run.rule.last_before(oldest.start), run.rule.containing(newest.end)
    return Window(oldest.start, newest.end)
