"""Do rows find themselves in the replay, with every column that is to be compared?"""

from __future__ import annotations

from collections.abc import Iterator

from airflow_ml_monitor.metrics.fault.training_serving_skew import LEAST, LEAST_ROWS
from airflow_ml_monitor.onboarding.case import Case
from airflow_ml_monitor.onboarding.checks.columns import faults
from airflow_ml_monitor.onboarding.finding import Finding, error, ok, warning
from airflow_ml_monitor.profile.dataset import Dataset
from airflow_ml_monitor.profile.engines.preview import Preview


def check(case: Case) -> Iterator[Finding]:
    """Every dataset that has one: its columns and key, then the newest whole window whose rows have partners."""
    for dataset in case.spec.datasets:
        if dataset.replay is None:
            continue
        field, replayed = f"datasets.{dataset.name}.replay", dataset.replayed
        seen = case.seen[replayed.name]
        if not isinstance(seen, Preview):
            continue
        yield from faults(seen, replayed.columns, f"{field}.columns", "the replay")
        missing = [name for name in replayed.entity_key if name not in seen.types]
        for name in missing:
            yield error(f"{field}.key", f"column {name!r} is missing in the replay", "name the columns of its key")
        if not missing:
            yield from _joined(case, dataset, field)


def _joined(case: Case, dataset: Dataset, field: str) -> Iterator[Finding]:
    over = sorted(case.whole_windows(dataset), reverse=True)[:7]
    skews = ((window, case.engine.skew(dataset, window)) for window in over)
    found = next(((window, skew) for window, skew in skews if skew.joined >= LEAST_ROWS), None)
    if found is None:
        told = f"of the newest {len(over)} windows none has {LEAST_ROWS} rows that are in the replay once"
        if over:
            yield warning(f"{field}.key", told, "right if it comes later; else put key or source right")
        return
    window, skew = found
    day = case.first_day(window)
    yield ok(f"{field}.key", f"{skew.coverage:.1%} of the {skew.rows:,} rows of {day} are in the replay")
    for name, differing in skew.differing.items():
        if differing > LEAST * skew.joined:
            told = f"{differing / skew.joined:.1%} of the rows of {day} have another {name!r} there"
            yield warning(f"{field}.columns.{name}", told, "find out which of the two codes is right")
