"""Which undeclared columns may be a declared one that is missing, under a new name."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from airflow_ml_monitor.profile.names import likeness
from airflow_ml_monitor.profile.traces import MOST_CANDIDATES


def likely(missing: Sequence[str], undeclared: Iterable[str]) -> tuple[str, ...]:
    """The undeclared columns whose names are most like one of the missing ones; in the order in which they arrived."""
    found = list(undeclared)
    best = sorted(found, key=lambda name: (-max(likeness(name, one) for one in missing), found.index(name)))
    chosen = set(best[:MOST_CANDIDATES])
    return tuple(name for name in found if name in chosen)
