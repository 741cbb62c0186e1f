"""What became known of labels, and when: events in the order of their time, silence among them.

They read the tables that `label_query` names. Their arguments carry no source, so that a statement is built once for
each of them.
"""

from __future__ import annotations

from typing import Any, Final

import sqlalchemy as sa

from airflow_ml_monitor.profile.label_source import LabelMode, LabelSource
from airflow_ml_monitor.profile.queries.censoring import before_any_label, or_censored
from airflow_ml_monitor.profile.queries.class_query import class_index
from airflow_ml_monitor.profile.queries.dialect import row_hash
from airflow_ml_monitor.profile.queries.ledger_columns import LedgerColumns
from airflow_ml_monitor.profile.queries.multilabel_query import label_set
from airflow_ml_monitor.profile.queries.query import Expression, epoch, in_window, number, source, text, whole
from airflow_ml_monitor.profile.queries.several_labels import standing, together
from airflow_ml_monitor.profile.task import Task, TaskKind

SECONDS_A_DAY: Final = 86_400


def predictions_table(columns: LedgerColumns, *besides: str) -> sa.TableClause:
    """The predictions' table with every column that a statement may name."""
    dataset = columns.dataset
    names = [dataset.event_time, *dataset.entity_key, *(c.name for c in dataset.columns), *besides]
    return source(*dict.fromkeys(names))


def in_days(p: sa.TableClause, event_time: str, days: sa.TableClause) -> Expression:
    """True for a prediction of a day."""
    return sa.and_(p.c[event_time] >= days.c.starts, p.c[event_time] < days.c.ends)


def days_table() -> sa.TableClause:
    """The calendar days asked for."""
    return source("day", "starts", "ends", "stale", "due", name="days")


def positive(column: Expression, task: Task, is_number: bool) -> Expression:
    """1 where a label (or class) is the positive one, else 0; NULL where it is NULL, NaN or infinite."""
    if is_number:
        x = sa.cast(column, sa.Double)
        return sa.case((x == number(float(task.positive)), whole(1)), (x - x == number(0), whole(0)), else_=sa.null())
    named, value = text(column), str(task.positive)
    if isinstance(task.positive, bool):
        named, value = sa.func.lower(named, type_=sa.String), value.lower()
    hit = named == sa.literal(value, sa.String)
    return sa.case((column.is_(None), sa.null()), (hit, whole(1)), else_=whole(0))


def label_value(columns: LedgerColumns, column: Expression) -> Expression:
    """A label as the task reads it: 1 or 0, a class's index, a set, or a finite number; NULL where it is none."""
    if columns.task.kind is TaskKind.BINARY:
        return positive(column, columns.task, columns.label_is_number)
    if columns.task.kind is TaskKind.MULTICLASS:
        return class_index(column, columns.task, columns.label_is_number)
    if columns.task.kind is TaskKind.MULTILABEL:
        return label_set(columns, column)
    x = sa.cast(column, sa.Double)
    return sa.case((x - x == number(0), x), else_=sa.null())


def _labels(labels: LabelSource) -> sa.TableClause:
    return source(*labels.columns, name="labels")


def _known(labels: LabelSource, table: sa.TableClause, bound: str = "upto") -> Expression:
    """Labels known up to a moment; all of them if the source does not say when."""
    return table.c[labels.label_time] <= sa.bindparam(bound) if labels.label_time else sa.true()


def _fresh(columns: LedgerColumns, labels: LabelSource) -> sa.Select[Any]:
    """Keys of which a label became known after :since; of a ranking all keys of their queries."""
    table = _labels(labels)
    fresh = sa.select(*columns.label_keys(labels, table)).where(
        table.c[labels.label_time or ""] > sa.bindparam("since")
    )
    if not columns.is_ranking:
        return fresh
    labelled, p = predictions_table(columns), predictions_table(columns)
    queries = sa.select(labelled.c[columns.query]).where(sa.tuple_(*columns.predicted_keys(labelled)).in_(fresh))
    return sa.select(*columns.predicted_keys(p)).where(p.c[columns.query].in_(queries))


def _touched(columns: LedgerColumns, labels: LabelSource) -> sa.CompoundSelect[Any]:
    """Keys of which a label became known after :since, and keys of stale days' predictions: the rest costs no sort."""
    p, days = predictions_table(columns), days_table()
    asked: Expression = days.c.stale
    if columns.is_ranking and labels.mode is LabelMode.IMPLICIT:
        # What silence about one item adds to a query depends on what was known of the others.
        asked = sa.or_(asked, sa.and_(days.c.due > sa.bindparam("since"), days.c.due <= sa.bindparam("upto")))
    tables = p.join(days, sa.and_(asked, in_days(p, columns.dataset.event_time, days)))
    return sa.union_all(_fresh(columns, labels), sa.select(*columns.predicted_keys(p)).select_from(tables))


def _silent(columns: LedgerColumns, labels: LabelSource) -> sa.Select[Any]:
    """Keys of which nothing was known when their day fell due: the negative class from then on. Columns as `plain`.

    Those that fell due after :since, and of which a label came since, which replaces it; all of stale days.
    """
    table, p, days = _labels(labels), predictions_table(columns), days_table()
    theirs = [key.label(f"k{i}") for i, key in enumerate(columns.label_keys(labels, table))]
    moment = table.c[labels.label_time or ""]
    first = (
        sa.select(*theirs, sa.func.min(moment).label("moment"))
        .where(or_censored(labels, table, label_value(columns, table.c[labels.label])).is_not(None))
        .group_by(*(key.element for key in theirs))
        .subquery("first")
    )
    keys = columns.predicted_keys(p)
    tables = p.join(days, in_days(p, columns.dataset.event_time, days)).outerjoin(
        first, sa.and_(*(key == first.c[f"k{i}"] for i, key in enumerate(keys)))
    )
    return (
        sa.select(
            *(key.label(f"k{i}") for i, key in enumerate(keys)),
            whole(0).label("label"),
            days.c.due.label("moment"),
            days.c.day,
        )
        .select_from(tables)
        .where(
            days.c.due <= sa.bindparam("upto"),
            sa.or_(first.c.moment.is_(None), first.c.moment > days.c.due),
            sa.or_(days.c.stale, days.c.due > sa.bindparam("since"), sa.tuple_(*keys).in_(_fresh(columns, labels))),
        )
        .distinct()
    )


def _of_days(columns: LedgerColumns, labels: sa.Select[Any]) -> sa.Select[Any]:
    """Labels once for every day on which their key was predicted: silence falls due day by day."""
    p, days, told = predictions_table(columns), days_table(), labels.subquery("told")
    keys = columns.predicted_keys(p)
    theirs = (
        sa.select(*(key.label(f"k{i}") for i, key in enumerate(keys)), days.c.day)
        .select_from(p.join(days, in_days(p, columns.dataset.event_time, days)))
        .distinct()
        .subquery("predicted_days")
    )
    same = sa.and_(*(told.c[f"k{i}"] == theirs.c[f"k{i}"] for i in range(len(keys))))
    return sa.select(told, theirs.c.day).select_from(told.join(theirs, same))


def _plain(columns: LedgerColumns, labels: LabelSource) -> sa.Subquery:
    """Labels as they came, silence among them; NULL withdraws. Columns: k0 …, label, moment; of implicit ones day."""
    table = _labels(labels)
    keys = columns.label_keys(labels, table)
    plain = sa.select(
        *(key.label(f"k{i}") for i, key in enumerate(keys)),
        or_censored(labels, table, label_value(columns, table.c[labels.label])).label("label"),
        (table.c[labels.label_time] if labels.label_time else sa.null()).label("moment"),
    ).where(_known(labels, table))
    if not labels.label_time:
        return plain.subquery("plain")
    told = plain.where(sa.tuple_(*keys).in_(_touched(columns, labels)))
    if labels.mode is LabelMode.IMPLICIT:
        # A key that is predicted on several days is silent about each of them from another moment on.
        return sa.union_all(_of_days(columns, told), _silent(columns, labels)).subquery("plain")
    return told.subquery("plain")


def _keys(known: sa.Subquery) -> list[Expression]:
    """Of which one label is known at a time."""
    return [column for column in known.c if column.name not in ("label", "moment")]


def spans(columns: LedgerColumns, labels: LabelSource) -> sa.CTE:
    """Labels and how long each was the known one. Columns: k0 …, label (NULL: withdrawn), moment, until (NULL: still).

    Without label times the highest of a key's labels, and no moments. Of implicit ones the day as well.
    """
    known = _plain(columns, labels)
    keys = _keys(known)
    if not labels.label_time:
        highest = sa.select(*keys, sa.func.max(known.c.label).label("label")).group_by(*keys)
        return highest.cte("spans").prefix_with("MATERIALIZED")
    until = sa.func.lead(known.c.moment).over(partition_by=keys, order_by=[known.c.moment, known.c.label])
    return sa.select(known, until.label("until")).cte("spans").prefix_with("MATERIALIZED")


def events(columns: LedgerColumns, labels: LabelSource) -> sa.Subquery:
    """What became known: +1 for a label, -1 for the one it replaces; in order of label time.

    Columns: k0 …, label, moment, sign; of implicit labels the day of the predictions as well.
    """
    known = _plain(columns, labels)
    names = [key.name for key in _keys(known)]
    if not labels.label_time:
        found = together(known, names, labels.several, columns.task)
        return sa.select(found, whole(1).label("sign")).where(found.c.label.is_not(None)).subquery("events")
    observed = before_any_label(labels, known, names)
    return _changes(standing(observed, names, labels.several, columns.task), names)


def _changes(found: sa.FromClause, names: list[str]) -> sa.Subquery:
    """+1 for a label that comes into force, -1 for the one it replaces."""
    replaced = sa.func.lag(found.c.label).over(
        partition_by=[found.c[name] for name in names], order_by=[found.c.moment, found.c.label]
    )
    ordered = sa.select(found, replaced.label("before")).subquery("ordered")
    signs = sa.values(sa.column("sign", sa.BigInteger), name="signs").data([(1,), (-1,)])
    label = sa.case((signs.c.sign == whole(1), ordered.c.label), else_=ordered.c.before)
    keyed = [ordered.c[name] for name in names]
    return (
        sa.select(*keyed, label.label("label"), ordered.c.moment, signs.c.sign)
        .select_from(ordered.join(signs, sa.true()))
        .where(label.is_not(None))
        .subquery("events")
    )


def watermark(labels: LabelSource) -> sa.SelectBase:
    """(rows, digest) of the labels known up to :since, then up to :upto: a change behind the first is a rewrite."""
    table = _labels(labels)
    # The sum of hashes, not their exclusive or, in which two equal rows would leave no trace.
    line = sa.cast(row_hash(*(text(column) for column in table.c)), sa.Numeric(38, 0))
    found: list[Expression] = []
    for bound in ("since", "upto"):
        known = _known(labels, table, bound)
        found += [sa.func.count().filter(known), text(sa.func.coalesce(sa.func.sum(line).filter(known), whole(0)))]
    return sa.select(*found).select_from(table)


def label_counts(columns: LedgerColumns, labels: LabelSource) -> sa.SelectBase:
    """(arrived, keys, orphans, repeats) by the day of `arrived` on which a key's first label became known.

    near, in `arrived`: every day beside its neighbours, as by the clock some days have 23 or 25 hours.
    arrived: -1 for all other labels known up to :upto: of no such day, or of a source without label times. orphans:
    keys that match no prediction; repeats: label rows beyond a key's first. Only predictions in [:start, :end), which
    ends at :upto, count: which files were opened must not decide what is an orphan.
    """
    table, p = _labels(labels), predictions_table(columns)
    keys = [key.label(f"k{i}") for i, key in enumerate(columns.label_keys(labels, table))]
    moments = [table.c[labels.label_time].label("moment")] if labels.label_time else []
    is_known = (table.c[labels.label].is_not(None), _known(labels, table))
    known = sa.select(*keys, *moments).where(*is_known).subquery("known_labels")
    keyed = [known.c[f"k{i}"] for i in range(len(keys))]
    moment = [sa.func.min(known.c.moment).label("moment")] if labels.label_time else []
    one = sa.select(*keyed, *moment, sa.func.count().label("rows")).group_by(*keyed).subquery("one")
    theirs = (
        sa.select(*(key.label(f"p{i}") for i, key in enumerate(columns.predicted_keys(p))))
        .where(in_window(p, columns.dataset.event_time))
        .distinct()
        .subquery("theirs")
    )
    same = sa.and_(*(theirs.c[f"p{i}"] == one.c[f"k{i}"] for i in range(len(keys))))
    tables: sa.FromClause = one.outerjoin(theirs, same)
    arrived: Expression = whole(-1)
    if labels.label_time:
        days = source("known", "near", "after", "upto", name="arrived")
        # Equal first: a join on inequalities alone takes five times as long as all the rest.
        first: Expression = sa.bindparam("first_arrival")
        passed = (epoch(one.c.moment) - epoch(first)) / number(SECONDS_A_DAY)
        number_of = sa.cast(sa.func.floor(passed, type_=sa.Double), sa.BigInteger)
        # An infinite time has no number.
        near = days.c.near == sa.case((one.c.moment > first, number_of), else_=whole(-2))
        inside = sa.and_(near, one.c.moment > days.c.after, one.c.moment <= days.c.upto)
        tables, arrived = tables.outerjoin(days, inside), sa.func.coalesce(days.c.known, whole(-1))
    found = sa.select(
        arrived.label("arrived"),
        sa.func.count(),
        sa.func.count().filter(theirs.c.p0.is_(None)),
        sa.cast(sa.func.coalesce(sa.func.sum(one.c.rows - whole(1)), whole(0)), sa.BigInteger),
    ).select_from(tables)
    return found.group_by(arrived) if labels.label_time else found
