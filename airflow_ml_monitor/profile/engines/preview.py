"""A declared source before its first run: is it there, what does it hold, do labels find their predictions?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from airflow_ml_monitor.profile.dataset import Dataset
from airflow_ml_monitor.profile.engines.label_types import as_text, is_list, is_number
from airflow_ml_monitor.profile.engines.profile_scan import moment_of
from airflow_ml_monitor.profile.engines.scan import TIMES, Scan, Source, is_any, time_column
from airflow_ml_monitor.profile.label_source import LabelSource
from airflow_ml_monitor.profile.queries import preview_query, query
from airflow_ml_monitor.profile.queries.ledger_columns import KeyReading, LedgerColumns
from airflow_ml_monitor.profile.task import Task, TaskKind

_KEYS: Final = 200_000
"""About so many predictions are joined with their labels."""


@dataclass(frozen=True, slots=True)
class Preview:
    """A source as it lies there. types: DuckDB's, of the declared columns that are there.

    Of datasets: faults: declared columns that are absent or of another type, with the reason. untimed: rows without an
    event time. steps: (when it begins, rows) of every quarter of an hour with rows, in no order; none where the event
    time is missing or no time.
    """

    rows: int
    types: Mapping[str, str]
    faults: Mapping[str, str]
    untimed: int = 0
    steps: tuple[tuple[datetime, int], ...] = ()

    @property
    def span(self) -> tuple[datetime, datetime] | None:
        """The first and the last quarter of an hour with rows; None without any."""
        moments = [moment for moment, _ in self.steps]
        return (min(moments), max(moments)) if moments else None


@dataclass(frozen=True, slots=True)
class Arrivals:
    """How labels find their predictions: counts of keys, of those that were looked at.

    labelled: predictions with a label; orphans: labels without a prediction; repeated: label rows beyond a key's
    first. median, p99: of the delay in days; early: share of labels known before their prediction; None without times.
    """

    predictions: int
    labelled: int
    orphans: int
    labels: int
    repeated: int
    median: float | None
    p99: float | None
    early: float | None


def preview(scan: Scan, owner: Source) -> Preview:
    """Of the source that is open as `source`."""
    types = scan.types["source"]
    if not isinstance(owner, Dataset):
        return Preview(scan.rows(query.totals, "", (), "")[0][0], types, {})
    faults = scan.faults(owner.columns)
    if types.get(owner.event_time, '"NULL"') not in TIMES - {'"NULL"'}:
        rows = scan.rows(query.totals, "", (), "")[0][0]
        return Preview(rows, types, faults, rows)
    counts = dict(scan.rows(preview_query.steps, owner.event_time))
    untimed = counts.pop(None, 0)
    began = ((moment_of(scan, owner, step * preview_query.STEP), rows) for step, rows in counts.items())
    steps = tuple((at, rows) for at, rows in began if at is not None)
    return Preview(untimed + sum(counts.values()), types, faults, untimed, steps)


def label_values(scan: Scan, task: Task, labels: LabelSource) -> tuple[int, int, int]:
    """(labels, those that are the positive one, different values); WrongType where the task has no use for them.

    Of several classes: those that are declared; of a ranking: those above 0.
    """
    arrived = scan.types["source"][labels.label]
    numbers, lists = is_number(arrived, task, labels.label), is_list(arrived)
    columns = LedgerColumns(Dataset("", None, (), ""), task, label_is_number=numbers, label_is_list=lists)
    present, hits, distinct = scan.rows(preview_query.label_values, columns, labels.label)[0]
    return present, 0 if task.kind is TaskKind.REGRESSION else hits, distinct


def arrivals(scan: Scan, dataset: Dataset, task: Task, labels: LabelSource) -> Arrivals:
    """Of predictions and labels that are open as `source` and `labels`, with all key columns."""
    mine, theirs = scan.types["source"], scan.types["labels"]
    kinds = ((mine[a], theirs[b]) for a, b in zip(dataset.entity_key, labels.key, strict=True))
    # Numbers of two types too: equal keys must have equal hashes.
    plain = (KeyReading.PLAIN, KeyReading.PLAIN)
    readings = tuple(plain if a == b else (as_text(a), as_text(b)) for a, b in kinds)
    columns = LedgerColumns(replace(dataset, source=None, replay=None), task, keys=readings)
    clocks = (_clock(dataset, mine), _clock(labels, theirs))
    one_in = max(1, scan.rows(query.totals, "", (), "")[0][0] // _KEYS)
    return Arrivals(*scan.rows(preview_query.arrivals, columns, replace(labels, source=None), clocks, one_in)[0])


def _clock(owner: Source, types: Mapping[str, str]) -> str | None:
    """'' if the time carries its zone, else the zone by whose clock it is read; None without a time."""
    arrived = types.get(time_column(owner), "")
    if not is_any(arrived, TIMES):
        return None
    return "" if "TIME ZONE" in arrived else owner.zone
