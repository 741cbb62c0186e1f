"""Numbers of a window that look back at the windows before it, and what is due when one of those comes late.

Whatever the order of runs (a backfill from behind, several days at once, an earlier day mended): what is stored in the
end is what the windows in their order would have left.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from airflow_ml_monitor.keys import Window, WindowRule
from airflow_ml_monitor.measurement import Family
from airflow_ml_monitor.monitor.run import FrozenReference, Monitor, Run
from airflow_ml_monitor.profile.cells import Profile
from airflow_ml_monitor.profile.codec import decode_profile
from airflow_ml_monitor.profile.dataset import Dataset
from airflow_ml_monitor.store.records import ProfileKey


@dataclass(frozen=True, slots=True)
class Profiled:
    """A dataset's window with its stored profile, and the reference that it was cut by."""

    dataset: Dataset
    reference: FrozenReference
    key: ProfileKey
    profile: Profile


@dataclass(frozen=True, slots=True)
class Seen:
    """Which profiles were seen of a dataset's windows, in the order of knowledge: asked once, for many windows."""

    every: Sequence[tuple[datetime, ProfileKey]]

    @classmethod
    def of(cls, monitor: Monitor, dataset: str, rule: WindowRule, span: Window) -> Seen:
        return cls(monitor.store.sightings(monitor.key, dataset, str(rule), span))

    def known(self, within: Window, at: datetime, layout: str) -> list[ProfileKey]:
        """Of each window in a span its profile as known at a moment, if it was cut by a layout; the newest first."""
        newest = {key.window: key for known_at, key in self.every if known_at <= at}
        inside = (w for w in newest if within.start <= w.start and w.end <= within.end)
        found = [newest[window] for window in sorted(inside, key=lambda window: window.start, reverse=True)]
        return [key for key in found if key.layout_digest == layout]


def profiled_before(monitor: Monitor, name: str, run: Run) -> Profiled | None:
    """What was profiled of a window; None where its profile has gone since, or was cut by another layout."""
    dataset = monitor.spec.dataset(name)
    reference = monitor.reference(dataset, run.window)
    seen = monitor.store.profiles_seen(monitor.key, name, str(run.rule), run.window, run.known_at)
    if not seen or seen[0].layout_digest != reference.layout.digest:
        return None
    payload = monitor.store.profile(monitor.key, seen[0])
    return Profiled(dataset, reference, seen[0], decode_profile(payload)) if payload else None


def anew(monitor: Monitor, scanned: Profiled, run: Run) -> Profiled:
    """What is known by now of a window that was looked at: the same, or what another run brought meanwhile."""
    seen = monitor.store.profiles_seen(monitor.key, scanned.key.dataset, scanned.key.rule, run.window, run.known_at)
    if seen in ([], [scanned.key]):
        return scanned
    return profiled_before(monitor, scanned.dataset.name, run) or scanned


def due_again(monitor: Monitor, dataset: Dataset, run: Run, family: Family, span: Window) -> list[Run]:
    """Later windows of a span that have a family's numbers already, as known at least then; and the run's own, as known
    when one of those before was measured last, if that was later.

    span: from the first window that the run's looks back at to the last that looks back at it.
    """
    rule, stage = str(run.rule), monitor.spec.stage
    heads = monitor.store.heads(monitor.key, family, rule=rule, dataset=dataset.name, stage=stage, within=span)
    known = {state.head.window: state.known_at for state in heads}
    since = [at for window, at in known.items() if window.end <= run.window.start and at > run.known_at]
    own = [replace(run, known_at=max(since))] if since else []
    later = [(window, at) for window, at in known.items() if window.start >= run.window.end]
    return own + [replace(run, window=window, known_at=max(run.known_at, at)) for window, at in later]
