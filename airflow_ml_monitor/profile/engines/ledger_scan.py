"""Predictions and labels that are open → entries of the ledger."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from airflow_ml_monitor.errors import DataFault, MissingColumn, WrongType
from airflow_ml_monitor.keys import EVER, Window
from airflow_ml_monitor.profile.dataset import Dataset, Kind, Role
from airflow_ml_monitor.profile.engines import memory
from airflow_ml_monitor.profile.engines.engine import LabelBatch, LabelRequest
from airflow_ml_monitor.profile.engines.label_types import COUNTED, is_list, is_number, key_readings
from airflow_ml_monitor.profile.engines.ledger_entries import by_day, entries_of, feature_entries, together
from airflow_ml_monitor.profile.engines.opening import Opening
from airflow_ml_monitor.profile.engines.profile_scan import multiplied
from airflow_ml_monitor.profile.engines.scan import TIMES, Array, Scan, is_any
from airflow_ml_monitor.profile.engines.single_join import Answers, SingleJoin
from airflow_ml_monitor.profile.feature_parts import feature_columns
from airflow_ml_monitor.profile.label_source import LabelMode, LabelSource
from airflow_ml_monitor.profile.layout import Layout
from airflow_ml_monitor.profile.ledger import Entries, micros
from airflow_ml_monitor.profile.queries import label_events, label_query
from airflow_ml_monitor.profile.queries.baseline_query import decides
from airflow_ml_monitor.profile.queries.ledger_columns import LedgerColumns
from airflow_ml_monitor.profile.sums import entry_names, summed_columns, sums_of
from airflow_ml_monitor.profile.task import Task, TaskKind


def predictions_opening(task: Task, dataset: Dataset, window: Window, label: str = "") -> Opening:
    """The predictions, for the columns that the ledger reads (and the label, where it stands beside them)."""
    roles = (Role.SCORE, Role.PREDICTION, Role.VERSION, Role.QUERY, Role.DELAY_STRATUM)
    read = [*(c for c in dataset.columns if c.role in roles), *summed_columns(task, dataset)]
    names = [dataset.event_time, *dataset.entity_key, *(column.name for column in read)]
    names += [*dataset.slice_by, *(column.name for column in feature_columns(dataset))]
    wanted = tuple(dict.fromkeys([*names, *([label] if label else [])]))
    classes = (c.name for c in read if c.role in (Role.PREDICTION, Role.BASELINE) and c.name not in dataset.slice_by)
    return Opening(dataset, wanted, window, counted=(*classes, label))


def labels_opening(labels: LabelSource) -> Opening:
    """A label source, all of it."""
    return Opening(labels, labels.columns, counted=(labels.label,))


def label_batch(scan: Scan, request: LabelRequest) -> LabelBatch:
    """The entries asked for, from the sources `source` and `labels`."""
    labels = request.labels
    need_labels(scan, labels)
    scan.within(request.dataset, Window(min(day.start for day in request.days), request.upto))
    columns = _columns(scan, request.dataset, request.task, request.layout, labels)
    known = register_days(scan, request)
    _register_places(scan, request.dataset, request.task)
    if labels.label_time:
        scan.shared["since"] = scan.terms("labels", labels, request.since)
        scan.shared["upto"] = scan.terms("labels", labels, request.upto)
    arrived = register_arrived(scan, request)
    answers = _answers(scan, request, columns, known=known, arrived=arrived)
    orphans, repeats = (sum(counted[i] for counted in answers.counts.values()) for i in (1, 2))
    by_arrival = {day: answers.counts.get(at, (0, 0, 0))[:2] for at, day in enumerate(arrived)}
    entries, predicted = answers.labelled, answers.predicted
    ends = np.array([micros(day.end) for day in request.days], np.int64)
    names = sums_of(request.task, request.dataset)
    parts = [
        (entries["day"], entries_of(entries, columns, known[entries["known"]], names)),
        (predicted["day"], entries_of(predicted, columns, ends[predicted["day"]], names)),
    ]
    if about := _of_features(scan, columns, request.layout):
        told = _answers(scan, request, about, known=known, arrived=arrived).labelled
        parts.append(feature_entries(told, about, known[told["known"]]))
    left_out = tuple(scan.faults(feature_columns(request.dataset)))
    return LabelBatch(by_day(request, parts), orphans, repeats, arrived=by_arrival, left_out=left_out)


def _answers(
    scan: Scan, request: LabelRequest, columns: LedgerColumns, *, known: Array, arrived: Sequence[Window]
) -> Answers:
    """Of one join, where the engine and the request allow it; else of each key's labels in their order."""
    labels = replace(request.labels, source=None)

    def in_order(scan: Scan) -> Answers:
        if columns.features:
            return Answers(scan.columns(label_query.label_entries, columns, labels), {}, {})
        counts = scan.rows(label_events.label_counts, columns, labels)
        return Answers(
            scan.columns(label_query.label_entries, columns, labels),
            scan.columns(label_query.prediction_entries, columns),
            {int(at): (int(keys), int(orphans), int(repeats)) for at, keys, orphans, repeats in counts},
        )

    joined = SingleJoin(request=request, columns=columns, known=known, arrived=arrived)
    found = joined.answers(scan, in_order) if scan.joins_at_once and joined.may_be else None
    return found or in_order(scan)


def reference_entries(scan: Scan, dataset: Dataset, task: Task, layout: Layout, label: str, window: Window) -> Entries:
    """Entries of the rows of `source`, which carry their label."""
    timeless = not scan.within(dataset, window)
    columns = _columns(scan, dataset, task, layout, None, label)
    start, end = (EVER.start, EVER.end) if timeless else (scan.shared["start"], scan.shared["end"])
    scan.register("days", memory.days([0], [start], [end], [True]))
    _register_places(scan, dataset, task)
    labelled = scan.columns(label_query.reference_entries, columns, label, timeless)
    predicted = scan.columns(label_query.prediction_entries, columns, timeless)
    names = sums_of(task, dataset)
    parts = [entries_of(part, columns, np.zeros(len(part["count"]), np.int64), names) for part in (labelled, predicted)]
    if about := _of_features(scan, columns, layout):
        told = scan.columns(label_query.reference_entries, about, label, timeless)
        parts.append(feature_entries(told, about, np.zeros(len(told["count"]), np.int64))[1])
    return together(task, parts, entry_names(task, dataset))


def need_labels(scan: Scan, labels: LabelSource) -> None:
    """Raise MissingColumn or WrongType unless the label source has what the spec declares."""
    for name in labels.columns:
        if name == labels.label_time:
            continue
        if name not in scan.types["labels"]:
            raise MissingColumn(f"column {name!r} is missing in the labels of {labels.name!r}")
    if labels.censored and not is_any(arrived := scan.types["labels"][labels.censored], COUNTED):
        raise WrongType(f"column {labels.censored!r} (censored) arrived as {arrived}, not as true or false")
    if labels.label_time:
        scan.need_time("labels", labels)


def _columns(
    scan: Scan, dataset: Dataset, task: Task, layout: Layout, labels: LabelSource | None, label: str = ""
) -> LedgerColumns:
    """What the ledger reads; raises DataFault where a column that it needs is missing or of another type."""
    mine, theirs = scan.types["source"], scan.types["labels" if labels else "source"]
    version = dataset.column(Role.VERSION)
    needed = [*dataset.entity_key, *([version.name] if version else [])] if labels else []
    if task.kind is TaskKind.RANKING:
        needed += [*dataset.entity_key, *(c.name for c in dataset.columns if c.role is Role.QUERY)]
    found = predicted_columns(scan, dataset, task, layout, needed)
    label_type = theirs[labels.label if labels else label]
    pairs = zip(dataset.entity_key, labels.key, strict=True) if labels else ()
    return replace(
        found,
        label_is_number=is_number(label_type, task, labels.label if labels else label),
        keys=tuple(key_readings(mine[a], theirs[b]) for a, b in pairs),
        label_is_list=is_list(label_type),
        is_dated=labels is None and is_any(mine.get(dataset.event_time, ""), TIMES),
    )


def predicted_columns(scan: Scan, dataset: Dataset, task: Task, layout: Layout, needed: Sequence[str]) -> LedgerColumns:
    """What the ledger reads of predictions alone, as `_columns`. needed: columns that must be there besides."""
    mine = scan.types["source"]
    predicted = [c for c in dataset.columns if c.role in (Role.SCORE, Role.PREDICTION)]
    predicted += [c for c in summed_columns(task, dataset) if c not in predicted]
    predicted += [c for c in dataset.strata if c.kind is Kind.NUMERIC]
    if faults := scan.faults(predicted):
        raise DataFault("; ".join(faults.values()))
    needed = [*dataset.slice_by, *(column.name for column in dataset.strata), *needed]
    if missing := [name for name in needed if name not in mine]:
        raise MissingColumn(f"column {missing[0]!r} is missing")
    version = dataset.column(Role.VERSION)
    decided, baseline = dataset.column(Role.PREDICTION), dataset.column(Role.BASELINE)
    return LedgerColumns(
        replace(dataset, source=None, replay=None),
        task,
        slices=tuple(layout[name] for name in layout.slice_by),
        strata=tuple(layout[column.name] for column in dataset.strata),
        version=version.name if version and version.name in mine else "",
        class_is_number=is_number(mine[decided.name], task, decided.name) if decided else True,
        baseline_is_number=(
            is_number(mine[baseline.name], task, baseline.name) if baseline and decides(baseline, task) else True
        ),
        class_is_list=is_list(mine[decided.name]) if decided else False,
    )


def _of_features(scan: Scan, columns: LedgerColumns, layout: Layout) -> LedgerColumns | None:
    """What is read to tell what features do together with labels; None where it is not asked for.

    One that did not arrive as declared is left out, as LabelBatch says.
    """
    asked = feature_columns(columns.dataset)
    there = {column.name for column in asked} - scan.faults(asked).keys()
    found = multiplied(b for b in layout.binnings if b.column in there)
    if not found:
        return None
    decided = columns.dataset.column(Role.PREDICTION)
    label = None
    if decided and columns.task.kind is TaskKind.REGRESSION:
        # The label is a number, whatever is predicted.
        label = replace(layout[decided.name], kind=Kind.NUMERIC)
    return replace(columns, slices=(), strata=(), features=found, label_binning=label)


def register_days(scan: Scan, request: LabelRequest) -> Array:
    """Register `days` and `known`; returns when each known day is over, in microseconds."""
    labels = request.labels
    terms = [[scan.terms("source", request.dataset, t) for t in (d.start, d.end)] for d in request.days]
    stale = [day in request.stale for day in request.days]
    starts, ends = [t[0] for t in terms], [t[1] for t in terms]
    # Without a time of arrival labels have no clock of their own, and silence no moment at which it is a label.
    due = [scan.terms("labels", labels, d.end + labels.horizon) for d in request.days] if labels.label_time else ends
    scan.register("days", memory.days(list(range(len(starts))), starts, ends, stale, due))
    if not labels.label_time:
        return np.array([micros(request.upto)], np.int64)
    first = request.days[0].start
    cuts = {min(first, request.upto), request.upto}
    day = request.rule.containing(first)
    while day.start < request.upto:
        cuts.add(min(day.end, request.upto))
        day = request.rule.containing(day.end)
    if labels.mode is LabelMode.IMPLICIT:
        # Silence is known when it falls due, and its window final: not at the end of that day.
        cuts |= {d.end + labels.horizon for d in request.days if d.end + labels.horizon < request.upto}
    upto = sorted(cuts)
    after = [EVER.start, *upto[:-1]]
    spans = [[scan.terms("labels", labels, t) for t in span] for span in (after, upto)]
    scan.register("known", memory.known(*spans))
    return np.array([micros(moment) for moment in upto], np.int64)


def _register_places(scan: Scan, dataset: Dataset, task: Task) -> None:
    """Register `places`, if a row has several labels."""
    if task.kind is TaskKind.MULTILABEL:
        scan.register("places", memory.places(len(task.classes), is_scored=bool(dataset.scores(task))))


def register_arrived(scan: Scan, request: LabelRequest) -> list[Window]:
    """Register `arrived`, the calendar days that are over up to `upto`; returns them. None without label times."""
    labels = request.labels
    if not labels.label_time:
        return []
    first = min(day.start for day in request.days)
    days = list(request.rule.between(first, request.upto))
    after, upto = ([scan.terms("labels", labels, getattr(day, edge)) for day in days] for edge in ("start", "end"))
    scan.register("arrived", memory.arrived(after, upto))
    scan.shared["first_arrival"] = scan.terms("labels", labels, first)
    return days
