"""One dataset in one window → its profile."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from airflow_ml_monitor.keys import EVER, WHOLE, Slice, Window
from airflow_ml_monitor.profile.among import Among
from airflow_ml_monitor.profile.cells import Draw, Profile
from airflow_ml_monitor.profile.dataset import Dataset, Kind, Role
from airflow_ml_monitor.profile.engines import lowest_rows
from airflow_ml_monitor.profile.engines.opening import Opening, declared
from airflow_ml_monitor.profile.engines.scan import NOTHING, ROW_NUMBER, ByColumn, Scan, may_hold
from airflow_ml_monitor.profile.engines.statement_cells import from_statement, unnamed
from airflow_ml_monitor.profile.kernel import kernel
from airflow_ml_monitor.profile.layout import RARE, Binning, Layout
from airflow_ml_monitor.profile.queries import query, text_query
from airflow_ml_monitor.profile.queries.hash_query import key_hashes
from airflow_ml_monitor.profile.traces import MOST_OUTPUTS, MOST_PRODUCTS, Traces
from airflow_ml_monitor.profile.wanted import Wanted

EVERY: Final = "every_row"
"""The source of which rows are drawn, whole."""
SMALL_ROWS: Final = 20_000
"""Windows of so few rows are cut by the kernel: a statement a column costs its plan, whatever it reads."""


def profiled(scan: Scan, dataset: Dataset, layout: Layout, window: Window, small: int) -> Profile:
    """The profile of the source that is open; small: up to how many rows the kernel cuts."""
    faults = scan.faults(dataset.measured)
    within = scan.within(dataset, window)
    # No row is asked twice for its time.
    event_time = "" if scan.is_confined else within
    keys = _keys(scan, dataset, window, faults)
    moment = dataset.event_time if dataset.event_time in scan.types["source"] else ""
    every = EVERY if EVERY in scan.types else "source"
    grouped = () if keys and scan.are_different(key_hashes, keys, event_time, every) else keys
    total, groups, newest = scan.rows(query.totals, moment, grouped, event_time, every)[0]
    draw = Draw(dataset.sampling_fraction, int(total)) if every == EVERY else None
    drawn = scan.rows(query.totals, "", (), event_time)[0][0] if draw else total
    slices = tuple(layout[name] for name in layout.slice_by if name not in faults)
    binnings = [binning for binning in layout.binnings if binning.column not in faults]
    together = multiplied(binnings, tuple(column.name for column in dataset.outputs))
    wanted = Wanted(tuple(binnings), slices, together if dataset.second_moments else (), layout.ellipsoid, event_time)
    if drawn <= small:
        cells, noted = _from_rows(scan, wanted)
    else:
        cells, noted = scan.cut(wanted)
    rows: dict[Slice, int] = {WHOLE: int(drawn)}
    for binning in slices:
        for bucket, label in enumerate(binning.labels):
            rows[((binning.column, label),)] = cells[WHOLE, binning.column].at(bucket)
    duplicates = int(total - groups) if keys else 0
    versions = _versions(scan, dataset, event_time, every)
    newest_at = moment_of(scan, dataset, newest)
    hours = dict(scan.rows(query.hours, moment, event_time, every)) if moment and total else {}
    traces = replace(
        noted,
        columns=scan.arrived["source"],
        hours=hours,
        forms={name: _forms(scan, name, event_time) for name in faults if scan.types["source"].get(name) == "VARCHAR"},
        candidates=_candidates(scan, dataset, layout, event_time),
        sample=lowest_rows.sampled(scan, dataset, together, event_time),
    )
    noticed = duplicates, newest_at, versions, faults, traces
    return Profile(dataset.name, window, layout.digest, rows, cells, *noticed, draw)


def openings(dataset: Dataset, window: Window, among: Among | None) -> dict[str, Opening]:
    """What is opened for a profile: the source; and where rows are drawn of it, what is counted of EVERY row."""
    source = replace(declared(dataset, window), seeks=True, among=among)
    if dataset.sampling_fraction == 1:
        return {"source": source}
    version, by = dataset.column(Role.VERSION), [among.column] if among else []
    counted = tuple(dict.fromkeys((*dataset.row_key, *([version.name] if version else []), *by)))
    every = Opening(dataset, counted, window, among=among)
    return {"source": replace(source, fraction=dataset.sampling_fraction), EVERY: every}


def _keys(scan: Scan, dataset: Dataset, window: Window, faults: dict[str, str]) -> tuple[str, ...]:
    """The entity key, where duplicates are looked for; a missing one is noted as the dataset's fault."""
    # A reference is looked at whole: it need not have keys or event times.
    keys = tuple(key for key in dataset.entity_key if key != ROW_NUMBER and window != EVER)
    if missing := [key for key in keys if key not in scan.types["source"]]:
        faults[""] = f"column {missing[0]!r} (entity key) is missing"
        return ()
    return keys


def _versions(scan: Scan, dataset: Dataset, event_time: str, every: str) -> dict[str, int]:
    column = dataset.column(Role.VERSION)
    if column is None or column.name not in scan.types["source"]:
        return {}
    return {str(name): int(count) for name, count in scan.rows(query.by_value, column.name, 1, event_time, every)}


def moment_of(scan: Scan, dataset: Dataset, seconds: float | None) -> datetime | None:
    """Seconds in the event-time column's own clock, as an instant; None beyond the calendar's ends, as of 9999-12-31 in
    New York."""
    if seconds is None:
        return None
    try:
        at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=float(seconds))
        if "TIME ZONE" in scan.types["source"][dataset.event_time]:
            return at
        return at.replace(tzinfo=ZoneInfo(dataset.zone)).astimezone(UTC)
    except (OverflowError, ValueError):  # ValueError: infinite
        return None


def _from_rows(scan: Scan, asked: Wanted) -> tuple[ByColumn, Traces]:
    """What is wanted, from one statement that fetches the rows."""
    if not asked.columns:
        return {}, Traces()
    found = scan.masked(query.values, asked.columns, asked.event_time)
    columns = {name: found[f"c{i}"] for i, (name, _) in enumerate(asked.columns)}
    codes = {by: kernel.slice_codes(by, columns[by.column]) for by in asked.slices}
    cells: ByColumn = {}
    unseen, damaged = {}, {}
    for binning in asked.binnings:
        values = columns[binning.column]
        cells |= kernel.column_cells(binning, values, codes)
        if unnamed(binning, cells) >= RARE and (often := kernel.unseen(binning, values)):
            unseen[binning.column] = often
        if unnamed(binning, cells) and (rows := kernel.damaged(binning, values)):
            damaged[binning.column] = rows
    noted = Traces()
    if asked.together:
        noted = kernel.row_traces(asked.together, kernel.u_values(asked.together, columns), asked.ellipsoid)
    return cells, replace(noted, unseen=unseen, damaged=damaged)


def _forms(scan: Scan, column: str, event_time: str) -> dict[str, int]:
    """How a column that should be no text is written."""
    return {form: int(rows) for form, rows in scan.rows(text_query.text_forms, column, event_time)}


def _candidates(scan: Scan, dataset: Dataset, layout: Layout, event_time: str) -> dict[str, dict[str, dict[int, int]]]:
    """Undeclared columns, cut as the missing ones that they may be."""
    declared_names = {*(column.name for column in dataset.columns), *dataset.entity_key, dataset.event_time}
    undeclared = [name for name in scan.types["source"] if name not in declared_names | {NOTHING}]
    found: dict[str, dict[str, dict[int, int]]] = {}
    for binning in (b for b in layout.binnings if b.column not in scan.types["source"]):
        for name in undeclared:
            if may_hold(scan.types["source"][name], binning.kind):
                coarse = replace(binning, column=name, resolution=binning.coarse)
                cells = from_statement(scan, coarse, (), event_time)[WHOLE, name]
                rows = dict(zip(cells.bucket.tolist(), cells.count.tolist(), strict=True))
                found.setdefault(binning.column, {})[name] = rows
    return found


def multiplied(binnings: Iterable[Binning], outputs: Sequence[str] = ()) -> tuple[Binning, ...]:
    """The columns that rows are looked at by together; times only pass, and one without categories says nothing.

    outputs: columns that the model makes, of which two come besides where there are too many columns before them.
    """
    found = [b for b in binnings if b.kind is not Kind.DATETIME and (b.kind is not Kind.CATEGORICAL or b.categories)]
    besides = [binning for binning in found[MOST_PRODUCTS:] if binning.column in outputs]
    return (*found[:MOST_PRODUCTS], *besides[:MOST_OUTPUTS])
