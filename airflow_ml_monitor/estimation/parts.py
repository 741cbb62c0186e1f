"""The ledgers of reference and window → the parts into which their rows are divided."""

from __future__ import annotations

import numpy as np

from airflow_ml_monitor.estimation.estimator import Part
from airflow_ml_monitor.estimation.predictions import Predictions
from airflow_ml_monitor.keys import WHOLE, Slice
from airflow_ml_monitor.profile.ledger import Entries
from airflow_ml_monitor.profile.task import Task


def by_stratum(
    task: Task, reference: Entries, window: Entries, slice: Slice = WHOLE, version: str | None = None
) -> tuple[Part, ...]:
    """A part of a slice for each delay stratum that either has. version: of the window's model; None: all."""
    names = sorted({t for s, t, _ in (*_groups(reference), *_groups(window)) if s == slice})
    return tuple(
        Part(
            name,
            _of_stratum(reference, name).view(task, slice),
            Predictions.of(window, slice, version, name),
            _of_stratum(window, name).view(task, slice, version),
        )
        for name in names
    )


def by_slice(
    task: Task, reference: Entries, window: Entries, column: str, version: str | None = None
) -> tuple[Part, ...]:
    """A part for each value of a slice column; its scores are in the wider buckets of slices."""
    slices = sorted({s for s, _, _ in (*_groups(reference), *_groups(window)) if [name for name, _ in s] == [column]})
    return tuple(
        Part(
            slice[0][1],
            reference.view(task, slice),
            Predictions.of(window, slice, version),
            window.view(task, slice, version),
        )
        for slice in slices
    )


def _groups(entries: Entries) -> list[tuple[Slice, str, str]]:
    """Those that have an entry: the list itself may name groups of which nothing is left."""
    return [entries.groups[group] for group in sorted(set(entries.group.tolist()))]


def _of_stratum(entries: Entries, name: str) -> Entries:
    wanted = np.array([stratum == name for _, stratum, _ in entries.groups], bool)
    return entries.picked(wanted[entries.group])
