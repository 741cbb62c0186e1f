"""A ledger statement's rows → entries, by day."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from airflow_ml_monitor.keys import WHOLE, Slice, Window
from airflow_ml_monitor.profile.engines.engine import LabelRequest
from airflow_ml_monitor.profile.engines.scan import ABSENT, Array
from airflow_ml_monitor.profile.label_sets import part_slice
from airflow_ml_monitor.profile.ledger import PREDICTED, Entries
from airflow_ml_monitor.profile.queries import strata
from airflow_ml_monitor.profile.queries.ledger_columns import LedgerColumns
from airflow_ml_monitor.profile.sums import MOMENTS, label_sums
from airflow_ml_monitor.profile.task import Task, TaskKind

Found = Mapping[str, Array]


def entries_of(found: Found, columns: LedgerColumns, known: Array, names: tuple[str, ...]) -> Entries:
    """A statement's rows as entries; rows of slices on `other` values carry group -1."""
    slices = [found[f"s{i}"] for i in range(len(columns.slices))]
    versions, version = np.unique(found["version"].astype(str), return_inverse=True)
    part = found.get("part", np.zeros(len(version), np.int64))
    keys = np.stack([found["stratum"].astype(np.int64), version.astype(np.int64), part, *slices])
    kinds, where = np.unique(keys, axis=1, return_inverse=True)
    named = [_group(columns, kind, versions) for kind in kinds.T.tolist()]
    groups = tuple(sorted({name for name in named if name is not None}))
    place = {group: i for i, group in enumerate(groups)}
    group = np.array([-1 if name is None else place[name] for name in named], np.int64)[where.reshape(-1)]
    size = len(group)
    label, sums = np.full(size, PREDICTED), np.zeros((size, len(names)))
    if "label" in found:
        label = found["label"].astype(np.int64)
        sums = np.stack([found[name].astype(np.float64) for name in names], axis=1)
    bucket = found["bucket"]
    if slices:
        bucket = np.where(bucket == ABSENT, found["coarse"], bucket)
    prediction, count = found["prediction"].astype(np.int64), found["count"].astype(np.int64)
    cells = (label, prediction, bucket.astype(np.int64), count)
    return Entries(groups, known.astype(np.int64), group, *cells, sums, names)


def _group(columns: LedgerColumns, codes: Sequence[int], versions: Array) -> tuple[Slice, str, str] | None:
    """(slice, stratum, version) of a row's codes; None for a slice that has no name."""
    stratum, version, part, *sliced = codes
    slice: Slice = WHOLE
    for by, code in zip(columns.slices, sliced, strict=True):
        if code != ABSENT:
            if code < 0:
                return None
            slice = ((by.column, by.labels[code]),)
    if part:
        slice = part_slice(slice, columns.parts[part - 1])
    return slice, strata.names(columns.strata)[stratum], str(versions[version])


def feature_entries(found: Found, columns: LedgerColumns, known: Array) -> tuple[Array, Entries]:
    """(day of each, entries) of what a statement tells of all features side by side: each one's a part of its own."""
    names = (*MOMENTS[columns.task.kind], "state")
    shared = {name: found[name] for name in ("version", "stratum", "prediction", "bucket", "label", "state")}
    every = []
    for i in range(len(columns.features)):
        # Without a value there is no sum.
        of = {name: np.nan_to_num(found[f"x{i}_{name}"].astype(np.float64)) for name in ("rows", *names[:-1])}
        rows = {**shared, **of, "count": np.rint(of["rows"]), "part": np.full(len(known), i + 1)}
        every.append(entries_of(rows, columns, known, names))
    return np.tile(found["day"], len(every)), Entries.together(every, names)


def by_day(request: LabelRequest, parts: Sequence[tuple[Array, Entries]]) -> dict[Window, Entries]:
    """Entries by the day of their predictions; rows without a group left out."""
    found: dict[Window, Entries] = {}
    seen = np.unique(np.concatenate([at for at, _ in parts]))
    for index in seen.tolist():
        mine = [entries.picked((at == index) & (entries.group >= 0)) for at, entries in parts]
        both = together(request.task, mine, label_sums(request.task, request.dataset, request.labels))
        if both.size:
            found[request.days[index]] = both
    return found


def together(task: Task, parts: Sequence[Entries], names: tuple[str, ...]) -> Entries:
    """Labels, predictions and features as the ledger keeps them; what one does not sum is 0 there."""
    both = Entries.together(parts, names, 0.0)
    return (both.parted() if task.kind is TaskKind.REGRESSION else both).added()
