"""Predictions and label totals that are open → entries of the ledger."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa

from airflow_ml_monitor.errors import DataFault, WrongType
from airflow_ml_monitor.profile.dataset import Dataset, Role
from airflow_ml_monitor.profile.engines.engine import LabelBatch, LabelRequest
from airflow_ml_monitor.profile.engines.label_types import key_readings
from airflow_ml_monitor.profile.engines.ledger_entries import by_day, entries_of
from airflow_ml_monitor.profile.engines.ledger_scan import need_labels, predicted_columns, register_days
from airflow_ml_monitor.profile.engines.opening import Opening
from airflow_ml_monitor.profile.engines.scan import NUMBERS, TIMES, Array, Scan, is_any
from airflow_ml_monitor.profile.label_source import LabelSource
from airflow_ml_monitor.profile.ledger import micros
from airflow_ml_monitor.profile.queries import label_query, total_query
from airflow_ml_monitor.profile.queries.ledger_columns import LedgerColumns
from airflow_ml_monitor.profile.queries.total_query import REFUSED, TakenFor
from airflow_ml_monitor.profile.sums import label_sums


def totals_opening(labels: LabelSource, dataset: Dataset) -> Opening:
    """A source of totals, all of it, and columns by which it could be told that they are of parts."""
    return Opening(labels, tuple(dict.fromkeys([*labels.columns, *dataset.slice_by])))


def total_batch(scan: Scan, request: LabelRequest) -> LabelBatch:
    """The entries asked for, from the sources `source` and `labels`."""
    dataset, labels = request.dataset, request.labels
    need_totals(scan, labels, dataset)
    scan.need_time("source", dataset)
    columns, about = _columns(scan, request), replace(labels, source=None, key=labels.by)
    known = register_days(scan, request)
    _register_dates(scan, request)
    for name in ("since", "upto"):
        scan.shared[name] = scan.terms("labels", labels, getattr(request, name))
    entries = scan.columns(total_query.total_entries, columns, about)
    predicted = scan.columns(label_query.prediction_entries, columns)
    counts = scan.rows(total_query.total_counts, columns, about)
    counted = {str(verdict): (int(n), int(again)) for verdict, n, again in counts}
    ends: Array = np.array([micros(day.end) for day in request.days], np.int64)
    names = label_sums(request.task, dataset, labels)
    parts = [
        (entries["day"], entries_of(entries, columns, known[entries["known"]], names)),
        (predicted["day"], entries_of(predicted, columns, ends[predicted["day"]], names)),
    ]
    refused = {str(verdict): counted[verdict][0] for verdict in REFUSED if verdict in counted}
    orphans, repeats = counted.get(TakenFor.ORPHAN, (0, 0))[0], counted.get(TakenFor.GIVEN, (0, 0))[1]
    return LabelBatch(by_day(request, parts), orphans, repeats, refused)


def need_totals(scan: Scan, labels: LabelSource, dataset: Dataset) -> None:
    """Raise MissingColumn, WrongType or DataFault unless the source has totals as the spec declares them."""
    need_labels(scan, labels)
    arrived = scan.types["labels"]
    for part, name in (("label", labels.label), ("rows", labels.rows)):
        if name and not is_any(arrived[name], NUMBERS):
            raise WrongType(f"column {name!r} ({part}) arrived as {arrived[name]}; totals are numbers")
    if labels.day and arrived[labels.day] not in TIMES:
        raise WrongType(f"column {labels.day!r} (day) arrived as {arrived[labels.day]}, not as a date or time")
    if more := [name for name in dataset.slice_by if name in arrived and name not in labels.by]:
        raise DataFault(
            f"the totals of {labels.name!r} have a column {more[0]!r}, by which the dataset is sliced: as totals of "
            f"whole days they would replace each other; declare by: [{', '.join([*labels.by, *more])}], or leave it out"
        )


def _columns(scan: Scan, request: LabelRequest) -> LedgerColumns:
    """What the ledger reads of the predictions; their key is the part of a day."""
    dataset, by = request.dataset, request.labels.by
    version = dataset.column(Role.VERSION)
    needed = [version.name] if version else []
    found = predicted_columns(scan, dataset, request.task, request.layout, needed)
    mine, theirs = scan.types["source"], scan.types["labels"]
    keys = tuple(key_readings(mine[name], theirs[name]) for name in by)
    return replace(found, dataset=replace(found.dataset, entity_key=by), keys=keys)


def _register_dates(scan: Scan, request: LabelRequest) -> None:
    """Register `dates`: each day's midnight and its start, as the totals' column says them; :first, :last of all."""
    arrived, zone = scan.types["labels"][request.labels.day or ""], ZoneInfo(request.rule.zone)
    aware = "TIME ZONE" in arrived
    found: list[tuple[int, datetime]] = []
    for i, day in enumerate(request.days):
        midnight = datetime.combine(request.rule.date_of(day.start), datetime.min.time(), zone)
        found += [(i, moment) for moment in dict.fromkeys([midnight.astimezone(day.start.tzinfo), day.start])]

    def said(moment: datetime) -> datetime:
        return moment if aware else moment.astimezone(zone).replace(tzinfo=None)

    kind = pa.timestamp("us", "UTC" if aware else None)
    index = pa.array([i for i, _ in found], pa.int64())
    scan.register("dates", pa.table({"day": index, "moment": pa.array([said(moment) for _, moment in found], kind)}))
    scan.shared["first"] = said(min(moment for _, moment in found))
    scan.shared["last"] = said(max(day.end for day in request.days))
