"""A label source → its ledger: what became known since the last update, appended once."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from itertools import chain
from typing import Any, Final

import numpy as np

from airflow_ml_monitor.errors import SpecError, StoreError
from airflow_ml_monitor.keys import Window
from airflow_ml_monitor.monitor.freezing import frozen, meaning
from airflow_ml_monitor.monitor.run import FrozenReference, Monitor, Run
from airflow_ml_monitor.profile.codec import decode_entries, encode_entries
from airflow_ml_monitor.profile.dataset import Dataset
from airflow_ml_monitor.profile.engines.engine import LabelBatch, LabelRequest
from airflow_ml_monitor.profile.error_grid import ERROR_EDGES
from airflow_ml_monitor.profile.feature_parts import feature_part
from airflow_ml_monitor.profile.label_source import LabelMode, LabelSource, Several
from airflow_ml_monitor.profile.layout import SCORE_BUCKETS, SLICE_SCORE_JOIN, digest
from airflow_ml_monitor.profile.ledger import Entries, columns_digest, difference, micros, moment_of
from airflow_ml_monitor.profile.sums import EXACT, label_sums
from airflow_ml_monitor.store.records import EPOCH, LedgerPart

_TRIES: Final = 8
"""How often a ledger update starts again because another run was first; each time the other one has advanced."""

Ledger = Mapping[Window, list[tuple[str, Entries]]]
"""Day → (digest of the source, entries), in the order in which they were stored."""


@dataclass(frozen=True, slots=True)
class Besides:
    """What a label source holds besides, as LabelBatch counts it."""

    orphans: int
    repeats: int
    refused: Mapping[str, int]
    arrived: Mapping[Window, tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Terms:
    """By what a window's predictions and labels are read: the spec and the reference that are valid in it."""

    monitor: Monitor
    labels: LabelSource
    dataset: Dataset
    reference: FrozenReference

    @property
    def name(self) -> tuple[str, str]:
        """The digests of spec and reference."""
        return self.monitor.version, self.reference.digest

    @property
    def names(self) -> tuple[str, ...]:
        """Of the sums that its metrics ask for."""
        return label_sums(self.monitor.spec.task, self.dataset, self.labels)

    @property
    def meaning(self) -> list[Any]:
        """What ledger entries depend on, besides the bytes of predictions and labels."""
        labels = self.labels
        named: list[Any] = [labels.label, labels.key, labels.label_time, labels.zone, labels.mode]
        if labels.mode is LabelMode.IMPLICIT:
            named.append(labels.horizon)
        if labels.several is not Several.LAST:
            named.append(labels.several)
        if labels.censored is not None:
            named.append(["censored", labels.censored])
        if labels.are_totals:
            named.append(["total", labels.rows, labels.day, labels.by])
        cut = [self.reference.layout.digest, SCORE_BUCKETS, SLICE_SCORE_JOIN, ERROR_EDGES]
        task = self.monitor.spec.task
        return [meaning(self.dataset), named, asdict(task), cut, self.names]


@dataclass(frozen=True, slots=True)
class LabelTask:
    """One label source in one run."""

    monitor: Monitor
    run: Run
    labels: LabelSource

    @property
    def dataset(self) -> Dataset:
        return self.monitor.spec.dataset(self.labels.dataset)

    @property
    def names(self) -> tuple[str, ...]:
        """Of the sums that are asked for."""
        return label_sums(self.monitor.spec.task, self.dataset, self.labels)

    def terms(self, windows: Collection[Window]) -> dict[Window, Terms]:
        """Of each window; a source that its spec did not know yet is read as today."""
        found: dict[Window, Terms] = {}
        alike: dict[str, list[Window]] = {}
        monitors = self.monitor.by_spec(windows)
        for window, monitor in monitors.items():
            alike.setdefault(monitor.version, []).append(window)
        for of in alike.values():
            monitor = monitors[of[0]]
            labels = next((s for s in monitor.spec.labels if s.name == self.labels.name), self.labels)
            known = {dataset.name for dataset in monitor.spec.datasets}
            dataset = monitor.spec.dataset(labels.dataset) if labels.dataset in ("", *known) else self.dataset
            # A window's reference fits its own spec: columns that are declared since stand in newer ones only.
            references = monitor.references(dataset, of)
            found |= {window: Terms(monitor, labels, dataset, references[window]) for window in of}
        return {window: found[window] for window in monitors}


def label_tasks(monitor: Monitor, run: Run) -> list[LabelTask]:
    """Every label source; SpecError where a backfill cannot tell what was known when."""
    for labels in monitor.spec.labels:
        if labels.label_time is None and run.is_backfill:
            raise SpecError(
                "labels without a time of arrival cannot be backfilled: what was known when cannot be told; "
                "declare label_time, or run without backfill",
                field=f"labels.{labels.name}.label_time",
            )
    tasks = [LabelTask(monitor, run, labels) for labels in monitor.spec.labels]
    for task in tasks:
        frozen(monitor, task.dataset, run.known_at)
    return tasks


def update(task: LabelTask) -> Besides:
    """Append what became known since the last update; what besides is known at the run's known_at."""
    store, key, labels, engine = task.monitor.store, task.monitor.key, task.labels, task.monitor.engine
    for _ in range(_TRIES):
        state = store.ledger.state(key, labels.name)
        known = store.ledger.days(key, labels.name)
        since = state.known_at or EPOCH
        upto = max(task.run.known_at, since)
        days = _days(task, known)
        terms = task.terms(days)
        prints = dict(zip(days, engine.fingerprints(task.dataset, days), strict=True))
        sources = sources_of(terms, prints)
        mark = engine.watermark(labels, since, upto)
        rewritten = state.version > 0 and mark.since != state.watermark
        stale = [day for day in days if rewritten or known.get(day) != sources[day]]
        is_silent = not any(_falls_due(day, one.labels, since, upto) for day, one in terms.items())
        if not stale and state.version and mark.upto == mark.since and is_silent:
            break
        batches = [_request(task, terms, days, own, (since, upto)) for own in _alike(terms, stale)]
        if engine.fingerprints(task.dataset, stale) != [prints[day] for day in stale]:
            continue  # predictions were rewritten while they were read
        parts = [part for request, batch in batches for part in _parts(task, request, batch, sources, known)]
        if store.ledger.append(key, labels.name, state.version, upto, mark.upto, parts):
            if upto == task.run.known_at:
                return _besides(batches[-1][1])
            break
    else:
        raise StoreError(f"the ledger of {labels.name!r} was changed by other runs {_TRIES} times; run the task again")
    # Nothing new, or the ledger is ahead of the run: only what the source held besides is asked for.
    at = task.run.known_at
    _, batch = _request(task, terms, days, ({*days}, frozenset()), (at, at))
    return _besides(batch)


def _besides(batch: LabelBatch) -> Besides:
    return Besides(batch.orphans, batch.repeats, batch.refused, batch.arrived)


def read(task: LabelTask, days: Collection[Window]) -> Ledger:
    """The stored entries of some days."""
    found: dict[Window, list[tuple[str, Entries]]] = {day: [] for day in sorted(days)}
    for part in task.monitor.store.ledger.parts_of(task.monitor.key, task.labels.name, days):
        if part.day in found:
            found[part.day].append((part.source_digest, decode_entries(part.payload)))
    return found


def known_by(
    days: Iterable[Sequence[tuple[str, Entries]]], moment: datetime, names: tuple[str, ...]
) -> tuple[Entries, str]:
    """What was known of some days at a moment, added up, and the digest of what that depends on.

    The digest is the same however the knowledge came in, day by day or at once; sums, being floats, are no part of it:
    the sources' digests stand for them.
    """
    known = [[(s, e) for s, e in of_day if (e.known <= micros(moment)).any()] for of_day in days]
    parts = [_completed([e for _, e in of_day], names) for of_day in known]
    folded = Entries.together(chain(*parts), names).upto(moment).known_as(moment).added()
    used, place = np.unique(folded.group, return_inverse=True)
    exact = (np.nan_to_num(folded.sums[:, i]) for i, name in enumerate(folded.names) if name in EXACT)
    columns = (place, folded.label, folded.prediction, folded.bucket, folded.count, *exact)
    named = columns_digest(json.dumps([folded.groups[i] for i in used]), *columns)
    sources = sorted({source for of_day in known for source, _ in of_day})
    return folded, digest([sources, named])


def _completed(of_day: list[Entries], names: tuple[str, ...]) -> list[Entries]:
    """A day's entries, with 0 for sums that a later reading of its rows added: that one holds all there is of them."""
    if not any(entries.names == names for entries in of_day):
        return of_day
    return [entries if entries.names == names else Entries.together([entries], names, 0.0) for entries in of_day]


def _days(task: LabelTask, known: Collection[Window]) -> list[Window]:
    """Every calendar day from the first in the ledger (or the run's window) to the last."""
    first = min([task.run.window.start, *(day.start for day in known)])
    last = max([task.run.window.end, *(day.end for day in known)])
    return list(task.run.rule.days.between(first, last))


def _falls_due(day: Window, labels: LabelSource, since: datetime, upto: datetime) -> bool:
    """True if silence about a day's predictions became a label."""
    return labels.mode is LabelMode.IMPLICIT and since < day.end + labels.horizon <= upto


def sources_of(terms: Mapping[Window, Terms], prints: Mapping[Window, str]) -> dict[Window, str]:
    """What each day's entries depend on, besides the labels."""
    meanings: dict[tuple[str, str], str] = {}
    found = {}
    for day, one in terms.items():
        if one.name not in meanings:
            meanings[one.name] = digest(one.meaning)
        found[day] = digest([prints[day], meanings[one.name]])
    return found


def _alike(terms: Mapping[Window, Terms], stale: Collection[Window]) -> list[tuple[set[Window], frozenset[Window]]]:
    """(days, stale among them) that are read by one spec and one reference, oldest first."""
    found: dict[tuple[str, str], set[Window]] = {}
    for day, one in terms.items():
        found.setdefault(one.name, set()).add(day)
    return [(days, frozenset(days.intersection(stale))) for days in found.values()]


def _request(
    task: LabelTask,
    terms: Mapping[Window, Terms],
    days: list[Window],
    own: tuple[set[Window], frozenset[Window]],
    span: tuple[datetime, datetime],
) -> tuple[LabelRequest, LabelBatch]:
    """What became known in a span of knowledge of the days that are `own`; (request of those days, what came).

    All days are read, or labels of the others would pass for orphans.
    """
    one = terms[max(own[0])]
    request = LabelRequest(
        one.dataset,
        one.monitor.spec.task,
        one.reference.layout,
        one.labels,
        task.run.rule.days,
        tuple(days),
        own[1],
        *span,
    )
    batch = task.monitor.engine.label_entries(request)
    return replace(request, days=tuple(sorted(own[0]))), batch


def _parts(
    task: LabelTask,
    request: LabelRequest,
    batch: LabelBatch,
    sources: Mapping[Window, str],
    known: Mapping[Window, str],
) -> list[LedgerPart]:
    """What to append: of days seen before and read anew the difference, of others what came.

    A day that was read without a feature that should be there names another source until that one arrives as declared
    again: then it is read anew.
    """
    again = [day for day in request.stale if day in known]
    stored = read(task, again) if again else {}
    parts = []
    for day in request.days:
        entries = batch.entries.get(day, Entries.empty(label_sums(request.task, request.dataset, request.labels)))
        if day in again:
            # What these same rows told of it before stands: it is not known to have changed.
            is_same = sources[day] in {source for source, _ in stored[day]}
            kept = {feature_part(column) for column in batch.left_out if is_same}
            before = Entries.together([e for _, e in stored[day]], entries.names, 0.0)
            entries = difference(entries, before.without(kept), request.upto)
        elif request.labels.label_time is None and day not in request.stale:
            continue  # without a time of arrival all labels come every time; if one changed, the day is stale
        is_partial = batch.left_out and (day in request.stale or entries.size)
        source = digest([sources[day], batch.left_out]) if is_partial else sources[day]
        if not entries.size and known.get(day) == source:
            continue
        moment = moment_of(int(entries.known.max())) if entries.size else request.upto
        parts.append(LedgerPart(day, moment, source, encode_entries(entries)))
    return parts
