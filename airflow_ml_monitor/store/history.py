"""Reading measurements: as they are known now, or as they were known on a day."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import BindParameter, ColumnElement, Connection, Row, Select, Table, bindparam, func, or_, select

from airflow_ml_monitor.keys import WHOLE
from airflow_ml_monitor.measurement import Estimate, HeadKey, Measurement, Status
from airflow_ml_monitor.store.records import HeadState, Recorded, Selection
from airflow_ml_monitor.store.revisions import head_of
from airflow_ml_monitor.store.series import slice_of, slice_text
from airflow_ml_monitor.store.tables import head, measurement, revision, series

if TYPE_CHECKING:
    import pandas

HISTORY_COLUMNS = (
    "window_start",
    "window_end",
    "rule",
    "family",
    "stage",
    "dataset",
    "model_version",
    "slice",
    "column",
    "metric",
    "parameters",
    "unit",
    "status",
    "value",
    "low",
    "high",
    "p_value",
    "noise",
    "n",
    "reason",
    "coverage",
    "is_final",
    "known_at",
    "recorded_at",
    "revision",
    "reference",
    "contract",
)

_STATUS = {status.value: status for status in Status}
_Head = tuple[HeadKey, int, datetime, datetime, float | None, bool, str]
"""What a measurement has of its revision, in Recorded's order."""


def recorded(connection: Connection, monitor_id: int, wanted: Selection) -> list[Recorded]:
    """The wanted measurements, by window, head and series; one revision a head.

    Texts come once for each head and each series; the numbers come with their keys, in one statement.
    Must run in a transaction that sees one moment.
    """
    chosen = {row.revision_id: row for row in connection.execute(_chosen(monitor_id, wanted))}
    heads = {id_: _head_parts(row) for id_, row in chosen.items()}
    rows = list(connection.execute(_numbers(monitor_id, wanted, heads)).all())
    named = {row[0]: (*row[1:4], slice_of(row[4])) for row in _texts(connection, {row[1] for row in rows})}
    # In Python: databases sort texts by collations of their own.
    head_rank = {id_: rank for rank, id_ in enumerate(sorted(heads, key=lambda id_: _head_order(heads[id_][0])))}
    series_rank = {id_: rank for rank, id_ in enumerate(sorted(named, key=lambda id_: named[id_]))}
    rows.sort(key=lambda row: (head_rank[row[0]], series_rank[row[1]]))
    return [Recorded(*heads[row[0]], _measurement(named[row[1]], row), chosen[row[0]].contract or "") for row in rows]


def heads(connection: Connection, monitor_id: int, wanted: Selection) -> list[HeadState]:
    """The chosen revision of every wanted head, oldest window first."""
    found = [
        HeadState(head_of(row), row.number, row.known_at, row.input_digest, row.coverage, row.is_final)
        for row in connection.execute(_chosen(monitor_id, wanted))
    ]
    return sorted(found, key=lambda state: _head_order(state.head))


def metrics(connection: Connection, monitor_id: int) -> set[str]:
    """The names of every metric that was ever measured of a monitor."""
    return set(connection.scalars(select(series.c.metric).where(series.c.monitor_id == monitor_id).distinct()))


def frame(found: list[Recorded]) -> pandas.DataFrame:
    """One row a measurement, plain columns (HISTORY_COLUMNS); times aware, `slice` as JSON, the metric's `unit`."""
    import pandas

    from airflow_ml_monitor.metrics.metric import unit_of

    units = {name: unit_of(name) for name in {one.measurement.metric for one in found}}
    rows = [_plain(one, units) for one in found]
    table = pandas.DataFrame.from_records(rows, columns=list(HISTORY_COLUMNS))
    times = ("window_start", "window_end", "known_at", "recorded_at")
    floats = ("value", "low", "high", "p_value", "noise", "coverage")
    types = dict.fromkeys(times, "datetime64[us, UTC]") | dict.fromkeys(floats, "float64")
    return table.astype({**types, "n": "Int64", "revision": "int64", "is_final": "bool"})


def _chosen(monitor_id: int, wanted: Selection) -> Select[*tuple[Any, ...]]:
    """One revision for each wanted head: the current, or the newest one known by then."""
    of_revision = revision.c
    columns = [
        of_revision.id.label("revision_id"),
        of_revision.number,
        of_revision.known_at,
        of_revision.recorded_at,
        of_revision.input_digest,
        of_revision.coverage,
        of_revision.is_final,
        of_revision.spec,
        of_revision.contract,
        *(column for column in head.c if column.name not in ("id", "revision_id")),
    ]
    conditions = [head.c.monitor_id == monitor_id, *_conditions(head, wanted)]
    if wanted.start is not None:
        conditions.append(head.c.window_start >= wanted.start)
    if wanted.end is not None:
        conditions.append(head.c.window_end <= wanted.end)
    if wanted.as_of is None:
        joined = head.join(revision, revision.c.id == head.c.revision_id)
        return select(*columns).select_from(joined).where(*conditions)
    newest_first = (of_revision.known_at.desc(), of_revision.number.desc())
    place = func.row_number().over(partition_by=of_revision.head_id, order_by=newest_first).label("place")
    known = (
        select(*columns, place)
        .select_from(head.join(revision, revision.c.head_id == head.c.id))
        .where(*conditions, of_revision.known_at <= wanted.as_of)
        .subquery()
    )
    return select(known).where(known.c.place == 1)


def _numbers(monitor_id: int, wanted: Selection, revisions: Collection[int]) -> Select[*tuple[Any, ...]]:
    # The ids stand in the statement: joined with the subquery of the newest revisions instead, PostgreSQL expects too
    # few and looks them up for every series.
    chosen: BindParameter[Any] = bindparam("chosen", list(revisions), expanding=True, literal_execute=True)
    m = measurement.c
    joined = measurement.join(series, series.c.id == m.series_id).join(revision, revision.c.id == m.revision_id)
    numbers = [m.status, m.reason, m.value, m.n, m.low, m.high, m.p_value, m.noise]
    conditions = [series.c.monitor_id == monitor_id, *_series_conditions(wanted), revision.c.id.in_(chosen)]
    if wanted.start is not None:
        conditions.append(m.window_start >= wanted.start)
    if wanted.end is not None:
        conditions.append(m.window_start < wanted.end)
    return select(m.revision_id, m.series_id, *numbers).select_from(joined).where(*conditions)


def _texts(connection: Connection, ids: Collection[int]) -> Iterable[Row[*tuple[Any, ...]]]:
    s = series.c
    chosen: BindParameter[Any] = bindparam("chosen", list(ids), expanding=True, literal_execute=True)
    return connection.execute(
        select(s.id, s.metric, s.column_name, s.parameters, s.slice).where(s.id.in_(chosen))
    ).all()


def _conditions(table: Table, wanted: Selection) -> Iterator[ColumnElement[bool]]:
    """What heads and series are both chosen by."""
    if wanted.families is not None:
        yield table.c.family.in_([str(family) for family in wanted.families])
    for name in ("dataset", "rule", "stage"):
        if (text := getattr(wanted, name)) is not None:
            yield table.c[name] == text


def _series_conditions(wanted: Selection) -> Iterator[ColumnElement[bool]]:
    yield from _conditions(series, wanted)
    if wanted.whole:
        yield series.c.slice == slice_text(WHOLE)
    if wanted.metrics is not None:
        named = series.c.metric.in_(sorted(wanted.metrics))
        yield or_(named, measurement.c.status == Status.FAILED.value) if wanted.or_failed else named


def _head_parts(row: Row[*tuple[Any, ...]]) -> _Head:
    return (head_of(row), row.number, row.known_at, row.recorded_at, row.coverage, row.is_final, row.spec)


def _head_order(key: HeadKey) -> tuple[Any, ...]:
    return (key.window, key.rule, key.dataset, key.stage, key.family, key.model_version, key.reference)


def _measurement(named: tuple[Any, ...], row: Row[*tuple[Any, ...]]) -> Measurement:
    metric, column, parameters, slice = named
    estimate = None if row[4] is None else Estimate(*row[4:10])
    return Measurement(metric, _STATUS[row[2]], estimate, row[3], column, parameters, slice)


def _plain(one: Recorded, units: Mapping[str, str]) -> tuple[Any, ...]:
    key, m = one.head, one.measurement
    e = m.estimate
    numbers = (None,) * 6 if e is None else (e.value, e.low, e.high, e.p_value, e.noise, e.n)
    place = (key.window.start, key.window.end, key.rule, key.family.value, key.stage, key.dataset, key.model_version)
    named = (slice_text(m.slice), m.column, m.metric, m.parameters, units[m.metric], m.status.value)
    known = (one.coverage, one.is_final, one.known_at, one.recorded_at, one.number, key.reference, one.contract)
    return (*place, *named, *numbers, m.reason, *known)
