"""Totals joined with the predictions of their day and part, as signed counts: the ledger's statements of label totals.

They read the tables that `label_query` names, and `dates` (day, moment): the moments by which a total may name a day.
The columns' key is the part of a day: what a total is by. Their arguments carry no source, so that a statement is built
once for each of them.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any, Final

import sqlalchemy as sa

from airflow_ml_monitor.profile.label_source import LabelSource
from airflow_ml_monitor.profile.ledger import TOTALLED
from airflow_ml_monitor.profile.queries.label_query import predicted_rows
from airflow_ml_monitor.profile.queries.ledger_columns import LedgerColumns
from airflow_ml_monitor.profile.queries.query import Expression, hashed, number, sets, source, whole
from airflow_ml_monitor.profile.sums import OF_TOTALS
from airflow_ml_monitor.profile.task import TaskKind

_LARGEST: Final = 9e15
"""Below it every whole double is one integer."""


class TakenFor(StrEnum):
    """What a total is taken for."""

    GIVEN = "given"
    TAKEN_BACK = "taken back"
    ORPHAN = "orphan"
    UNNAMED = "without a day, a moment or a number of rows"
    NOT_A_DAY = "not of one calendar day"
    NO_COUNT = "of a negative number of rows or labels, or no whole one"
    TOO_MANY_LABELS = "of more labels than rows"
    TOO_MANY_ROWS = "of more rows than were predicted"


REFUSED: Final = tuple(TakenFor)[3:]
"""Totals that cannot be. They change nothing: what was known of their day stands."""


def _cells(columns: LedgerColumns) -> sa.CTE:
    """Predictions by day and part: how many, of which model, and what was predicted of them in all.

    version: '' where several predicted them. scored: rows with a score; score: their sum; decided: those of them that
    were decided positive.
    """
    p = predicted_rows(columns, keyed=True)
    parts = [p.c[f"k{i}"] for i in range(len(columns.keys))]
    has_score = p.c.bucket >= whole(0)
    one_version = sa.func.min(p.c.version) == sa.func.max(p.c.version)
    totals = {
        "version": sa.case((one_version, sa.func.min(p.c.version)), else_=sa.literal("", sa.String)),
        **{f"s{i}": sa.func.min(p.c[f"s{i}"]) for i in range(len(columns.slices))},
        "predicted": sa.func.count(),
        "scored": sa.func.count().filter(has_score),
        "score": sa.func.sum(sa.case((has_score, p.c.score), else_=number(0))),
        "decided": sa.func.sum(sa.case((sa.and_(has_score, p.c.prediction == whole(1)), number(1)), else_=number(0))),
    }
    return (
        sa.select(p.c.day, p.c.stale, *parts, *(total.label(name) for name, total in totals.items()))
        .group_by(p.c.day, p.c.stale, *parts)
        .cte("cells")
        .prefix_with("MATERIALIZED")
    )


def _finite(column: Expression) -> Expression:
    """A number; NULL where it is none."""
    x = sa.cast(column, sa.Double)
    return sa.case((x - x == number(0), x), else_=sa.null())


def _told(columns: LedgerColumns, labels: LabelSource) -> sa.Subquery:
    """Totals known up to :upto (or nobody says when) beside the predictions that they are of; what each is taken for.

    Columns: rows, label, moment, verdict, part (k0 …) and those of `_cells`.
    """
    t, dates = source(*labels.columns, name="labels"), source("day", "moment", name="dates")
    cells = _cells(columns)
    # The spec's own check.
    assert labels.day
    assert labels.rows
    assert labels.label_time
    dated = t.outerjoin(dates, t.c[labels.day] == dates.c.moment)
    read = (
        sa.select(
            *(key.label(f"t{i}") for i, key in enumerate(columns.label_keys(labels, t))),
            dates.c.day.label("of_day"),
            t.c[labels.day].label("named"),
            _finite(t.c[labels.rows]).label("rows"),
            _finite(t.c[labels.label]).label("label"),
            t.c[labels.label_time].label("moment"),
        )
        .select_from(dated)
        .where(sa.or_(t.c[labels.label_time].is_(None), t.c[labels.label_time] <= sa.bindparam("upto")))
        .subquery("read")
    )
    same = [read.c[f"t{i}"].is_not_distinct_from(cells.c[f"k{i}"]) for i in range(len(columns.keys))]
    inside = sa.and_(read.c.named >= sa.bindparam("first"), read.c.named < sa.bindparam("last"))
    verdict = _verdict(columns.task.kind, read, cells, inside)
    return (
        sa.select(read, cells, verdict.label("verdict"))
        .select_from(read.outerjoin(cells, sa.and_(read.c.of_day == cells.c.day, *same)))
        .subquery("told")
    )


def _verdict(kind: TaskKind, read: sa.Subquery, cells: sa.CTE, inside: Expression) -> Expression:
    def no_count(x: Expression) -> Expression:
        return sa.or_(x < number(0), x != sa.func.floor(x, type_=sa.Double), x > number(_LARGEST))

    rows, label = read.c.rows, read.c.label
    if kind is TaskKind.BINARY:
        wrong, many = sa.or_(no_count(rows), no_count(label)), label > rows
    else:
        wrong, many = no_count(rows), sa.and_(rows == number(0), label != number(0))
    ladder = [
        (sa.or_(read.c.named.is_(None), read.c.moment.is_(None)), TakenFor.UNNAMED),
        (sa.and_(read.c.of_day.is_(None), inside), TakenFor.NOT_A_DAY),
        (cells.c.day.is_(None), TakenFor.ORPHAN),
        (label.is_(None), TakenFor.TAKEN_BACK),
        (rows.is_(None), TakenFor.UNNAMED),
        (wrong, TakenFor.NO_COUNT),
        (many, TakenFor.TOO_MANY_LABELS),
        (rows > cells.c.predicted, TakenFor.TOO_MANY_ROWS),
    ]
    named = [(when, sa.literal(str(verdict), sa.String)) for when, verdict in ladder]
    return sa.case(*named, else_=sa.literal(str(TakenFor.GIVEN), sa.String))


def total_counts(columns: LedgerColumns, labels: LabelSource) -> sa.SelectBase:
    """(verdict, totals, those of them beyond the first of a day and part) of the totals known up to :upto."""
    told = _told(columns, labels)
    parts = [told.c[f"t{i}"] for i in range(len(columns.keys))]
    place = sa.func.row_number().over(partition_by=[told.c.verdict, told.c.of_day, *parts])
    placed = sa.select(told.c.verdict, place.label("place")).subquery("placed")
    again = sa.func.count().filter(placed.c.place > whole(1))
    return sa.select(placed.c.verdict, sa.func.count(), again).group_by(placed.c.verdict)


def total_entries(columns: LedgerColumns, labels: LabelSource) -> sa.SelectBase:
    """Entries of totals: of stale days everything known up to :upto, of the others what became known after :since.

    Columns as `label_query.label_entries`, without a score's bucket; the sums are those of OF_TOTALS. Of totals of one
    moment, day and part that of most rows stands, then that of most labels; one that takes back comes last.
    """
    told, known = _told(columns, labels), source("known", "after", "upto", name="known")
    parts = [told.c[f"t{i}"] for i in range(len(columns.keys))]
    is_none = sa.case((told.c.label.is_(None), whole(1)), else_=whole(0))
    order = [told.c.moment, is_none, told.c.rows, told.c.label]
    before = {
        f"{name}_before": sa.func.lag(told.c[name]).over(partition_by=[told.c.of_day, *parts], order_by=order)
        for name in ("rows", "label")
    }
    counted = told.c.verdict.in_([sa.literal(str(v), sa.String) for v in (TakenFor.GIVEN, TakenFor.TAKEN_BACK)])
    ordered = sa.select(told, *(value.label(name) for name, value in before.items())).where(counted).subquery("ordered")
    is_binary = columns.task.kind is TaskKind.BINARY
    steps = [(sign, of) for sign in (1, -1) for of in ((0, 1) if is_binary else (0,))]
    signs = sa.values(sa.column("sign", sa.BigInteger), sa.column("of", sa.BigInteger), name="signs").data(steps)
    came = sa.and_(ordered.c.moment > known.c.after, ordered.c.moment <= known.c.upto)
    rows, label = (
        sa.case((signs.c.sign == whole(1), ordered.c[name]), else_=ordered.c[f"{name}_before"])
        for name in ("rows", "label")
    )
    changed = (
        sa.select(ordered, known.c.known, signs.c.sign, signs.c.of, rows.label("n"), label.label("total"))
        .select_from(ordered.join(known, came).join(signs, sa.true()))
        .where(label.is_not(None), sa.or_(ordered.c.stale, ordered.c.moment > sa.bindparam("since")))
        .subquery("changed")
    )
    return _grouped(columns, labels, changed)


def _grouped(columns: LedgerColumns, labels: LabelSource, rows: sa.Subquery) -> sa.SelectBase:
    """Signed counts and sums by day, version and label; of the whole, and of each column that totals are by."""
    shared = [rows.c[name] for name in ("day", "known", "version")]
    named: list[Any] = [*shared, rows.c.of.label("label")]
    mine = {f"s{i}" for i, slice in enumerate(columns.slices) if slice.column in labels.by}
    slices = [f"s{i}" for i in range(len(columns.slices))]
    none = sa.cast(sa.null(), sa.BigInteger)
    count: Expression = rows.c.n
    if columns.task.kind is TaskKind.BINARY:
        count = sa.case((rows.c.of == whole(1), rows.c.total), else_=rows.c.n - rows.c.total)
    keys = [*shared, rows.c.of]
    return sa.select(
        *named,
        *((rows.c[name] if name in mine else none.label(name)) for name in slices),
        *(whole(0).label(name) for name in ("stratum", "prediction")),
        *(whole(TOTALLED).label(name) for name in ("bucket", *(["coarse"] if slices else []))),
        sa.cast(sa.func.sum(rows.c.sign * count), sa.BigInteger).label("count"),
        *(sa.func.sum(rows.c.sign * part).label(name) for name, part in _sums(columns.task.kind, rows).items()),
    ).group_by(*sets(keys, [rows.c[name] for name in sorted(mine)], keys))


def _sums(kind: TaskKind, rows: sa.Subquery) -> dict[str, Expression]:
    """What was predicted of the rows of a total: of as many as it is of, as of the part's rows on average.

    compared: its rows, where any of the part has a score. matched: the predictions that it could be of.
    """
    has_score = rows.c.scored > whole(0)

    def of_rows(total: Expression) -> Expression:
        return sa.case((has_score, total / rows.c.scored * rows.c.n), else_=number(0))

    found = {
        "score": of_rows(rows.c.score),
        "decided": of_rows(rows.c.decided),
        "compared": sa.case((has_score, rows.c.n), else_=number(0)),
        "matched": sa.cast(rows.c.predicted, sa.Double),
        "truth": rows.c.total,
        "state": hashed(rows.c.n, rows.c.total),
    }
    # Once a total, not once a label.
    return {name: sa.case((rows.c.of == whole(0), found[name]), else_=number(0)) for name in OF_TOTALS[kind]}
