"""The ledger's statements: predictions joined with what became known, as signed counts.

They read `source` (predictions), `labels` (the label source), `days` (the calendar days asked for: day, starts, ends,
stale, due: when silence about them is a label) and `known` (the days on which labels became known: known, after, upto),
opened by the engine under these names.
Their arguments carry no source, so that a statement is built once for each of them.
"""

from __future__ import annotations

from typing import Any, Final

import sqlalchemy as sa

from airflow_ml_monitor.profile.label_source import LabelSource
from airflow_ml_monitor.profile.queries import (
    binary_query,
    class_query,
    feature_query,
    multilabel_query,
    ranking_query,
    regression_query,
    strata,
)
from airflow_ml_monitor.profile.queries.column_sums import column_sums, column_value
from airflow_ml_monitor.profile.queries.label_events import (
    days_table,
    events,
    in_days,
    label_value,
    predictions_table,
)
from airflow_ml_monitor.profile.queries.ledger_columns import LedgerColumns
from airflow_ml_monitor.profile.queries.query import (
    Expression,
    category,
    in_window,
    sets,
    source,
    text,
    whole,
)
from airflow_ml_monitor.profile.queries.reading import Reading, RowReading
from airflow_ml_monitor.profile.queries.score_bucket import slice_bucket
from airflow_ml_monitor.profile.task import TaskKind

_ROWS: Final[dict[TaskKind, RowReading]] = {
    TaskKind.BINARY: binary_query,
    TaskKind.REGRESSION: regression_query,
    TaskKind.MULTICLASS: class_query,
    TaskKind.MULTILABEL: multilabel_query,
}


def _of_rows(columns: LedgerColumns) -> RowReading:
    return feature_query if columns.features else _ROWS[columns.task.kind]


def _reading(columns: LedgerColumns) -> Reading:
    return ranking_query if columns.is_ranking else _of_rows(columns)


def predicted_rows(
    columns: LedgerColumns, *, label: str = "", timeless: bool = False, keyed: bool = False
) -> sa.Subquery:
    """One row per prediction: its day, keys, slices, version, stratum, decided class, score bucket (and label).

    In two steps, so that no expression is planned as often as it is used.
    """
    p, days = predictions_table(columns, *([label] if label else [])), days_table()
    read = [days.c.day, days.c.stale, *_read(columns, p, keyed)]
    if label:
        read.append(label_value(columns, p.c[label]).label("label"))
    tables = p.join(days, sa.true() if timeless else in_days(p, columns.dataset.event_time, days))
    return _reading(columns).decided(columns, sa.select(*read).select_from(tables).subquery("read"))


def window_rows(columns: LedgerColumns) -> sa.Subquery:
    """The same of every prediction in [:start, :end), with its `moment` instead of its day."""
    p = predictions_table(columns)
    moment = p.c[columns.dataset.event_time]
    read = sa.select(moment.label("moment"), *_read(columns, p, keyed=True))
    found = read.where(in_window(p, columns.dataset.event_time)).subquery("read")
    return _reading(columns).decided(columns, found)


def _read(columns: LedgerColumns, p: sa.TableClause, keyed: bool) -> list[Expression]:
    """What is read of a prediction besides its time."""
    version = sa.literal("", sa.String)
    keys = columns.predicted_keys(p) if keyed else []
    return [
        *(key.label(f"k{i}") for i, key in enumerate(keys)),
        *(category(p.c[s.column], s).label(f"s{i}") for i, s in enumerate(columns.slices)),
        (sa.func.coalesce(text(p.c[columns.version]), version) if columns.version else version).label("version"),
        strata.code(p, columns.strata).label("stratum"),
        *_reading(columns).said(columns, p),
        *(column_value(columns, p.c[column.name], column).label(name) for name, column in columns.besides.items()),
    ]


def entry_sums(columns: LedgerColumns, rows: sa.FromClause) -> dict[str, Expression]:
    """What is summed over an entry's rows, as `entry_names` names it; of features as feature_query.py does."""
    return {**_reading(columns).sums(columns, rows), **column_sums(columns, rows)}


def label_entries(columns: LedgerColumns, labels: LabelSource) -> sa.SelectBase:
    """Entries of labels: of stale days everything known up to :upto, of the others what became known after :since.

    A source that does not say when its labels became known has nothing to add to a day that is not stale.
    Columns: day, known (index into `known`), s0 …, version, stratum, label, prediction, bucket, count and sums; part of
    multilabel entries, 0 for the rows.
    """
    p = predicted_rows(columns, keyed=True)
    if columns.is_ranking:
        worth = ranking_query.known_queries(columns, p, labels).subquery("rows")
        return _labelled(columns, worth, worth.c.sign)
    e = events(columns, labels)
    known = source("known", "after", "upto", name="known")
    named = [*(f"k{i}" for i in range(len(labels.key))), *(["day"] if "day" in e.c else [])]
    tables = p.join(e, sa.and_(*(p.c[name] == e.c[name] for name in named)))
    when: Expression = whole(0)
    fresh: Expression = p.c.stale
    if labels.label_time:
        tables = tables.join(known, sa.and_(e.c.moment > known.c.after, e.c.moment <= known.c.upto))
        when = known.c.known
        fresh = sa.or_(p.c.stale, e.c.moment > sa.bindparam("since"))
    found = sa.select(*_row(columns, p, e.c.label), when.label("known"), e.c.sign).select_from(tables).where(fresh)
    rows = _of_rows(columns).rows(columns, found)
    return _labelled(columns, rows, rows.c.sign)


def reference_entries(columns: LedgerColumns, label: str, timeless: bool) -> sa.SelectBase:
    """Entries of labels that stand in the rows themselves; columns as label_entries. timeless: whatever the day."""
    p = predicted_rows(columns, label=label, timeless=timeless)
    if columns.is_ranking:
        worth = ranking_query.reference_queries(columns, p).subquery("rows")
        return _labelled(columns, worth, whole(1))
    row = [*_row(columns, p, p.c.label), whole(0).label("known"), whole(1).label("sign")]
    rows = _of_rows(columns).rows(columns, sa.select(*row).where(p.c.label.is_not(None)))
    return _labelled(columns, rows, rows.c.sign)


def _row(columns: LedgerColumns, p: sa.Subquery, label: Expression) -> list[Any]:
    """A labelled prediction: what it is grouped by, and what is summed."""
    slices = (f"s{i}" for i in range(len(columns.slices)))
    shared = [p.c[name] for name in ("day", "version", "stratum", "prediction", "bucket", *slices, *columns.besides)]
    return [*shared, *_of_rows(columns).labelled(columns, p, label)]


def _labelled(columns: LedgerColumns, rows: sa.FromClause, sign: Expression) -> sa.SelectBase:
    keys = ["known", "label", "prediction", *(["part"] if "part" in rows.c else [])]
    return _grouped(columns, rows, keys, sign, entry_sums(columns, rows))


def prediction_entries(columns: LedgerColumns, timeless: bool = False) -> sa.SelectBase:
    """Entries that count the predictions of stale days (of a ranking the queries).

    Columns as label_entries, without known, label and sums.
    """
    p = predicted_rows(columns, timeless=timeless)
    found = ranking_query.queries(columns, p) if columns.is_ranking else sa.select(p).where(p.c.stale)
    rows = found.subquery("rows")
    return _grouped(columns, rows, ["prediction"], whole(1), {})


def _grouped(
    columns: LedgerColumns, rows: sa.FromClause, keys: list[str], sign: Expression, sums: dict[str, Expression]
) -> sa.SelectBase:
    """Signed counts and sums by day, version, stratum, keys and bucket; of the whole, and coarser of every slice."""
    shared = [rows.c[name] for name in ("day", "version", "stratum", *keys)]
    slices = [rows.c[f"s{i}"] for i in range(len(columns.slices))]
    is_coarse = columns.task.kind is not TaskKind.BINARY
    coarse = [rows.c.bucket if is_coarse else slice_bucket(rows.c.bucket)] if slices else []
    return sa.select(
        *shared,
        rows.c.bucket,
        *(c.label("coarse") for c in coarse),
        *slices,
        sa.cast(sa.func.sum(sign), sa.BigInteger).label("count"),
        *(sa.func.sum(sign * part).label(name) for name, part in sums.items()),
    ).group_by(*sets([*shared, rows.c.bucket], slices, [*shared, *coarse]))
