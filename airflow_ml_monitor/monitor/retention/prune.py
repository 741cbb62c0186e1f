"""Everything that is too old, let go of."""

from __future__ import annotations

from airflow_ml_monitor.monitor.retention.ages import Ages, Gone
from airflow_ml_monitor.monitor.retention.knowledge import prune_knowledge
from airflow_ml_monitor.monitor.retention.profiles import prune_profiles
from airflow_ml_monitor.store.repository import MetricsStore


def prune(store: MetricsStore, monitor: str, ages: Ages, *, dry_run: bool = False) -> list[Gone]:
    """Let go of what is too old, or (dry_run) only say what would go; one entry for each kind of it.

    In small transactions, beside whoever writes; interrupted, the next one goes on. A second one finds nothing.
    """
    parts = [*prune_profiles(store, monitor, ages, dry_run), *prune_knowledge(store, monitor, ages, dry_run)]
    found: dict[str, Gone] = {}
    for part in parts:
        found[part.what] = found[part.what] + part if part.what in found else part
    return list(found.values())
