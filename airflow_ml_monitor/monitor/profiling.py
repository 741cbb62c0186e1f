"""The profile of a window, which every measurement begins with: stored of the same inputs, scanned, or added up."""

from __future__ import annotations

from typing import Any

from airflow_ml_monitor.monitor.added import added_up
from airflow_ml_monitor.monitor.freezing import besides, check_unchanged, frozen, meaning
from airflow_ml_monitor.monitor.run import FrozenReference, Monitor, Run
from airflow_ml_monitor.monitor.stored import Place
from airflow_ml_monitor.profile.cells import CONTENTS, Profile
from airflow_ml_monitor.profile.codec import decode_profile, encode_profile
from airflow_ml_monitor.profile.dataset import Dataset
from airflow_ml_monitor.profile.layout import digest
from airflow_ml_monitor.store.records import ProfileKey


def profiled(monitor: Monitor, dataset: Dataset, run: Run) -> tuple[ProfileKey, Profile, FrozenReference]:
    """The profile of a dataset in the run's window: the stored one of the same inputs, or a new scan; or a sum."""
    frozen(monitor, dataset, run.known_at)
    reference = monitor.reference(dataset, run.window)
    if run.rule.added:
        place = Place(monitor.store, monitor.key, dataset.name, run.rule)
        return *added_up(place, reference.layout, run.window, run.known_at), reference
    key, fingerprint = window_key(monitor, dataset, run)
    if payload := monitor.store.profile(monitor.key, key):
        monitor.store.saw_profile(monitor.key, key, run.known_at)
        return key, decode_profile(payload), reference
    profile = monitor.engine.profile(dataset, reference.layout, run.window)
    check_unchanged(monitor, dataset, run.window, fingerprint)
    payload = encode_profile(profile)
    monitor.store.save_profile(monitor.key, key, payload, run.known_at)
    # As it is stored: what is measured now and what a later run measures of it are the same numbers.
    return key, decode_profile(payload), reference


def window_key(monitor: Monitor, dataset: Dataset, run: Run) -> tuple[ProfileKey, str]:
    """(where the profile of the run's window is stored, the fingerprint of what it is scanned from)."""
    fingerprint = monitor.engine.fingerprints(dataset, [run.window])[0]
    inputs = digest([fingerprint, *profiled_by(dataset)])
    layout = monitor.reference(dataset, run.window).layout
    return ProfileKey(dataset.name, str(run.rule), run.window, layout.digest, inputs), fingerprint


def profiled_by(dataset: Dataset) -> list[Any]:
    """What a profile depends on besides the bytes that it is made of."""
    drawn = [["sampling_fraction", dataset.sampling_fraction]] if dataset.sampling_fraction < 1 else []
    return [meaning(dataset), CONTENTS, *besides(dataset), *drawn]
