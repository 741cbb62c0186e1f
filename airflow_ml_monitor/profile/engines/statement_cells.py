"""A large window's cells by statements, one a column or, of categories, one for several: what leaves the engine are
counts and sums."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from airflow_ml_monitor.keys import WHOLE
from airflow_ml_monitor.profile.cells import Cells
from airflow_ml_monitor.profile.dataset import Kind
from airflow_ml_monitor.profile.engines import grouped_categories, memory
from airflow_ml_monitor.profile.engines.scan import ABSENT, Array, ByColumn
from airflow_ml_monitor.profile.layout import MINUS_INF, NAN, NULL, OTHER, PLUS_INF, RARE, Binning
from airflow_ml_monitor.profile.queries import query, text_query
from airflow_ml_monitor.profile.traces import MOST_UNSEEN, Traces
from airflow_ml_monitor.profile.wanted import Wanted

if TYPE_CHECKING:
    from airflow_ml_monitor.profile.engines.scan import Scan


def by_statements(scan: Scan, wanted: Wanted, most_sets: int = 1) -> tuple[ByColumn, Traces]:
    """Every column's cells, and what is noted of their values. most_sets: that a statement may group by."""
    cells: ByColumn = {}
    unseen, damaged = dict[str, dict[str, int]](), dict[str, int]()
    for group in grouped_categories.groups(scan, wanted, most_sets):
        parts = grouped_categories.by_group(scan, wanted, group)
        cells, unseen, damaged = cells | parts[0], unseen | parts[1], damaged | parts[2]
    alone = tuple(binning for binning in wanted.binnings if (WHOLE, binning.column) not in cells)
    for binning in alone:
        cells |= from_statement(scan, binning, wanted.slices, wanted.event_time)
    noted = without_bucket(scan, replace(wanted, binnings=alone), cells)
    return cells, Traces(unseen={**unseen, **noted.unseen}, damaged={**damaged, **noted.damaged})


def without_bucket(scan: Scan, wanted: Wanted, cells: ByColumn) -> Traces:
    """What is noted of values that have no bucket. cells: of the columns."""
    unseen, damaged = dict[str, dict[str, int]](), dict[str, int]()
    for binning in wanted.binnings:
        if unnamed(binning, cells):
            scan.register("categories", memory.categories(binning))
            often, rows = unseen_values(scan, binning, wanted.event_time)
            unseen |= {binning.column: often} if often else {}
            damaged |= {binning.column: rows} if rows else {}
    return Traces(unseen=unseen, damaged=damaged)


def unseen_values(scan: Scan, binning: Binning, event_time: str) -> tuple[dict[str, int], int]:
    """(values without a bucket that are not rare → rows, rows of any that look wrongly decoded), of a column whose
    categories are registered."""
    found = scan.rows(text_query.unseen_values, binning.column, RARE, MOST_UNSEEN, event_time)
    often = {value: int(rows) for value, rows, _ in found if value is not None}
    return often, int(found[0][2]) if found else 0


def from_statement(scan: Scan, binning: Binning, slices: tuple[Binning, ...], event_time: str) -> ByColumn:
    """One column's cells by slice, from one statement of its own."""
    if binning.kind is Kind.CATEGORICAL:
        scan.register("categories", memory.categories(binning))
        found = scan.columns(query.categorical_cells, binning.column, slices, event_time)
    else:
        found = scan.columns(query.numeric_cells, binning, slices, event_time)
    codes = [found[f"s{i}"] for i in range(len(slices))]
    in_whole = (
        np.logical_and.reduce([code == ABSENT for code in codes]) if codes else np.ones(len(found["count"]), bool)
    )
    cells = {(WHOLE, binning.column): _picked(found, in_whole, found["bucket"])}
    rest = _parts(found, found.get("coarse", found["bucket"]))
    for code, by in zip(codes, slices, strict=True):
        by_code = rest.grouped(code)
        for bucket, label in enumerate(by.labels):
            cells[((by.column, label),), binning.column] = by_code.get(bucket, Cells.empty())
    return cells


def _picked(found: Mapping[str, Array], rows: Array, bucket: Array) -> Cells:
    parts = _parts({name: column[rows] for name, column in found.items()}, bucket[rows])
    return Cells.collect(parts.bucket, parts.count, parts.d1, parts.d2, parts.low, parts.high)


def _parts(found: Mapping[str, Array], bucket: Array) -> Cells:
    """A statement's rows as cells, not yet collected; without sums and extremes where no number is finite."""
    none = np.isin(bucket, (NULL, NAN, MINUS_INF, PLUS_INF)) | ("d1" not in found)
    d1, d2 = (np.where(none, 0.0, found.get(name, 0.0)) for name in ("d1", "d2"))
    low, high = (np.where(none, np.nan, found.get(name, np.nan)) for name in ("low", "high"))
    return Cells(bucket, found["count"], d1, d2, low, high)


def unnamed(binning: Binning, cells: ByColumn) -> int:
    """Rows of a column of categories whose value has no bucket."""
    return cells[WHOLE, binning.column].at(OTHER) if binning.kind is Kind.CATEGORICAL else 0
