"""Superseded revisions: which are read by none who may ask again."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Final

from airflow_ml_monitor.errors import StoreError
from airflow_ml_monitor.measurement import Family
from airflow_ml_monitor.monitor.estimates import NOWCAST_AT
from airflow_ml_monitor.monitor.retention.ages import Ages, Gone
from airflow_ml_monitor.store.records import Bearing, HeadHistory
from airflow_ml_monitor.store.repository import MetricsStore

OF_LABELS: Final = (Family.PERFORMANCE, Family.ESTIMATE)
"""The families that are revised as labels come, day after day."""
BYTES: Final = 150
"""Of a measurement with its index, about: tests/benchmarks/results/store.md."""
_MEASUREMENTS: Final = 10_000
"""So many measurements, or one head's, in one transaction."""
_TRIES: Final = 8

_Going = tuple[HeadHistory, list[int], int]
"""(head, its revisions that go, how many measurements they have)."""


def prune_knowledge(store: MetricsStore, monitor: str, ages: Ages, dry_run: bool) -> Iterator[Gone]:
    """Superseded revisions that nobody reads any more, with their measurements."""
    for _ in range(_TRIES):
        bearing, heads = store.archive.knowledge(monitor, OF_LABELS)
        is_whole = True
        for some in _batches(store, monitor, _going(store, monitor, ages, bearing, heads)):
            if not dry_run and not store.archive.forget(
                monitor, [(one, ids) for one, ids, _ in some], bearing.decisions
            ):
                is_whole = False  # a decision was made meanwhile: perhaps it rests on what was to go
                break
            for one, ids, rows in some:
                yield Gone(monitor, "revision", "superseded revisions", len(ids), 0, one.head.window)
                yield Gone(monitor, "measurement", "their measurements", rows, rows * BYTES, one.head.window)
        if is_whole:
            return
    raise StoreError(f"decisions of {monitor!r} were made {_TRIES} times while it was pruned; prune it again later")


def _batches(
    store: MetricsStore, monitor: str, going: Iterator[tuple[HeadHistory, list[int]]]
) -> Iterator[list[_Going]]:
    some: list[_Going] = []
    for one, ids in going:
        some.append((one, ids, store.archive.weigh(monitor, one, ids)))
        if sum(rows for *_, rows in some) >= _MEASUREMENTS:
            yield some
            some = []
    if some:
        yield some


def _going(
    store: MetricsStore, monitor: str, ages: Ages, bearing: Bearing, heads: Sequence[HeadHistory]
) -> Iterator[tuple[HeadHistory, list[int]]]:
    """Heads with revisions that go."""
    before = store.archive.now - ages.revisions
    horizons = _horizons(store, monitor)
    for one in heads:
        window = one.head.window
        looked_up = [window.end + horizon * NOWCAST_AT for horizon in horizons.get(one.head.dataset, ())]
        moments = sorted([*bearing.moments, *bearing.cited.get(window, ()), *looked_up])
        if ids := superseded(one, moments, before):
            judged = store.archive.first_judged(monitor, one)
            first = {mark.id for mark in one.revisions if mark.number in judged}
            ids = [id_ for id_ in ids if id_ not in first]
        if ids:
            yield one, ids


def superseded(one: HeadHistory, moments: Sequence[datetime], before: datetime) -> list[int]:
    """The revisions of a head that `as_of` reads neither at some moments, in order, nor at any since `before`; without
    its first, its current one, and those stored since."""
    marks = one.revisions
    kept = {marks[0].id, one.current, min(marks, key=lambda mark: mark.number).id}
    found = []
    for mark, then in pairwise(marks):
        at = bisect_left(moments, mark.known_at)
        is_read = at < len(moments) and moments[at] < then.known_at
        is_young = then.known_at > max(before, mark.known_at) or mark.recorded_at > before
        if not (is_read or is_young or mark.id in kept):
            found.append(mark.id)
    return found


def _horizons(store: MetricsStore, monitor: str) -> dict[str, set[timedelta]]:
    """How long labels were ever awaited, by label source."""
    found: dict[str, set[timedelta]] = defaultdict(set)
    for version in store.spec_versions(monitor):
        for labels in version.document.get("labels", ()):
            found[labels["name"]].add(timedelta(seconds=labels["horizon"]))
    return found
