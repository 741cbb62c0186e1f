"""Numbers of a window that look back at the windows before it, and what is due when one of those comes late.

Whatever the order of runs (a backfill from behind, several days at once, an earlier day mended): what is stored in the
end is what the windows in their order would have left.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from airflow_ml_monitor.keys import Window
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


def profiles_before(monitor: Monitor, key: ProfileKey, span: Window, known_at: datetime) -> list[ProfileKey]:
    """The profiles of the windows in a span, as known at a moment, cut by the layout of another; the newest first."""
    seen = monitor.store.profiles_seen(monitor.key, key.dataset, key.rule, span, known_at)
    return [one for one in seen if one.layout_digest == key.layout_digest]


def profiled_before(monitor: Monitor, name: str, run: Run) -> Profiled | None:
    """What was profiled of a window; None where its profile has gone since, or was cut by another layout."""
    dataset = monitor.spec.dataset(name)
    reference = monitor.reference(dataset, run.window)
    seen = monitor.store.profiles_seen(monitor.key, name, str(run.rule), run.window, run.known_at)
    if not seen or seen[0].layout_digest != reference.layout.digest:
        return None
    payload = monitor.store.profile(monitor.key, seen[0])
    return Profiled(dataset, reference, seen[0], decode_profile(payload)) if payload else None


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
