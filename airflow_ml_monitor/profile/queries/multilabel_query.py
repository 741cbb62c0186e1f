"""Of the ledger's statements what a multilabel task needs: sets of labels as text, and rows parted by class.

A set is text that begins and ends with its separator, so that it holds a class where it holds the class between two of
them; lists are joined by a character that no label holds. Time grows with the square of the classes that rows have.
"""

from __future__ import annotations

from functools import reduce
from operator import add
from typing import Any, Final

import sqlalchemy as sa

from airflow_ml_monitor.profile.dataset import Role
from airflow_ml_monitor.profile.ledger import UNSCORED
from airflow_ml_monitor.profile.queries.ledger_columns import LedgerColumns
from airflow_ml_monitor.profile.queries.query import Expression, flag, hashed, number, part_where, text, whole
from airflow_ml_monitor.profile.queries.score_bucket import score_bucket, slice_bucket
from airflow_ml_monitor.profile.sums import SUMS
from airflow_ml_monitor.profile.task import Task

_UNIT: Final = "\x1f"
"""ASCII's unit separator."""


def label_set(columns: LedgerColumns, column: Expression) -> Expression:
    """A label source's set of labels as text; NULL where it is NULL."""
    return _set(columns.task, column, columns.label_is_list)


def _set(task: Task, column: Expression, is_list: bool) -> Expression:
    between = sa.literal(_separator(task, is_list), sa.String)
    inside = sa.func.array_to_string(column, between, type_=sa.String) if is_list else text(column)
    return sa.case((column.is_(None), sa.null()), else_=between.concat(inside).concat(between))


def _separator(task: Task, is_list: bool) -> str:
    return _UNIT if is_list else task.separator


def _has(labels: Expression, name: str, separator: str) -> Expression:
    return labels.contains(f"{separator}{name}{separator}", autoescape=True)


def has_undeclared(columns: LedgerColumns, labels: Expression, is_list: bool) -> Expression:
    """True where a set holds a label of a class that the task does not declare: more letters than its classes have."""
    between = _separator(columns.task, is_list)
    # Every label with separators of its own: two neighbours that share one would not both be found.
    parted = _replaced(labels, between, 2 * between)
    letters = []
    for name in columns.task.class_names:
        found = f"{between}{name}{between}"
        gone = _length(parted) - _length(_replaced(parted, found, ""))
        letters.append(gone * number(len(name) / len(found)))
    # Sums of such shares round; half a letter is none.
    return _length(_replaced(labels, between, "")) - reduce(add, letters) > number(0.5)


def _length(of: Expression) -> Expression:
    return sa.cast(sa.func.length(of, type_=sa.BigInteger), sa.Double)


def _replaced(where: Expression, old: str, new: str) -> Expression:
    return sa.func.replace(where, sa.literal(old, sa.String), sa.literal(new, sa.String), type_=sa.String)


def raw_scores(columns: LedgerColumns, p: sa.TableClause) -> list[Expression]:
    """What is read of a prediction: the set decided for (NULL where no column says), the scores c0, c1 …"""
    column = columns.dataset.column(Role.PREDICTION)
    decided: Expression = sa.cast(sa.null(), sa.String)
    if column:
        decided = _set(columns.task, p.c[column.name], columns.class_is_list)
    scores = [sa.cast(p.c[score.name], sa.Double) for score in columns.dataset.scores(columns.task)]
    return [decided.label("decided"), *(score.label(f"c{i}") for i, score in enumerate(scores))]


def predicted(columns: LedgerColumns, read: sa.Subquery) -> sa.Subquery:
    """What was read, with p0, p1 …: 1 where a class is predicted.

    undeclared_prediction: 1 where a class is predicted that is not declared. bucket: UNSCORED where the set is missing,
    or the score of any class is missing or outside [0, 1]; else 0.
    """
    scores = [read.c[f"c{i}"] for i in range(_scores(columns))]
    wrong = [sa.or_(score.is_(None), score < number(0), score > number(1)) for score in scores]
    others: Expression = sa.false()
    if columns.dataset.column(Role.PREDICTION):
        wrong.append(read.c.decided.is_(None))
        between = _separator(columns.task, columns.class_is_list)
        hits = [_has(read.c.decided, name, between) for name in columns.task.class_names]
        others = has_undeclared(columns, read.c.decided, columns.class_is_list)
    else:
        hits = [score >= number(columns.task.threshold) for score in scores]
    return sa.select(
        *(column for column in read.c if column.name != "decided"),
        *(flag(hit).label(f"p{i}") for i, hit in enumerate(hits)),
        flag(others).label("undeclared_prediction"),
        whole(0).label("prediction"),
        sa.case((sa.or_(*wrong), whole(UNSCORED)), else_=whole(0)).label("bucket"),
    ).subquery("predictions")


def set_row(columns: LedgerColumns, p: sa.Subquery, label: Expression) -> list[Expression]:
    """What is read of a labelled prediction, besides what entries are grouped by."""
    size = len(columns.task.classes)
    return [
        label.label("label"),
        p.c.undeclared_prediction,
        *(p.c[f"p{i}"] for i in range(size)),
        *(p.c[f"c{i}"] for i in range(_scores(columns))),
    ]


def parts(columns: LedgerColumns, found: sa.Select[Any]) -> sa.FromClause:
    """The labelled rows, then their parts as label_sets numbers them: a row for each row, pair of states, and class."""
    rows = _rows(columns, found.subquery("labelled"))
    active = _active(columns, rows)
    every = [_of_rows(columns, rows), _of_states(columns, active)]
    if _scores(columns):
        every += [_of_class(columns, rows, k) for k in range(len(columns.task.classes))]
    return sa.union_all(*every).subquery("rows")


def _shared(columns: LedgerColumns, rows: sa.FromClause) -> list[Expression]:
    slices = (f"s{i}" for i in range(len(columns.slices)))
    return [rows.c[name] for name in ("day", "version", "stratum", "known", "sign", *slices)]


def _rows(columns: LedgerColumns, labelled: sa.Subquery) -> sa.CTE:
    """The labelled rows with l0, l1 …: 1 where they have a class. Worked out once, for each of the parts reads them."""
    between = _separator(columns.task, columns.label_is_list)
    names = columns.task.class_names
    return (
        sa.select(
            *(column for column in labelled.c if column.name != "label"),
            *(flag(_has(labelled.c.label, name, between)).label(f"l{i}") for i, name in enumerate(names)),
            flag(has_undeclared(columns, labelled.c.label, columns.label_is_list)).label("undeclared_label"),
            sa.func.row_number().over().label("line"),
        )
        .cte("held")
        .prefix_with("MATERIALIZED")
    )


def _of_rows(columns: LedgerColumns, rows: sa.CTE) -> sa.Select[Any]:
    pairs = [(rows.c[f"l{i}"], rows.c[f"p{i}"]) for i in range(len(columns.task.classes))]
    counted = sa.select(
        *rows.c,
        reduce(add, [label * prediction for label, prediction in pairs]).label("both"),
        reduce(add, [label + prediction for label, prediction in pairs]).label("either"),
    ).subquery("counted")
    # `either` counts a class that the row has and was predicted to have twice.
    union = counted.c.either - counted.c.both
    share = sa.case(
        (union == whole(0), number(1)), else_=sa.cast(counted.c.both, sa.Double) / sa.cast(union, sa.Double)
    )
    sums = {
        "exact": flag(counted.c.either == whole(2) * counted.c.both),
        "jaccard": share,
        "jaccard2": share * share,
        "undeclared_label": counted.c.undeclared_label,
        "undeclared_prediction": counted.c.undeclared_prediction,
        "state": hashed(counted.c.both, counted.c.either),
    }
    return _part(columns, counted, 0, whole(0), whole(0), counted.c.bucket, sums)


def _active(columns: LedgerColumns, rows: sa.CTE) -> sa.CTE:
    """A line for every class that a row has or was predicted to have: its state."""
    every = []
    for k in range(len(columns.task.classes)):
        label, prediction = rows.c[f"l{k}"], rows.c[f"p{k}"]
        both, missed = (label == prediction, whole(3 * k)), (label == whole(1), whole(3 * k + 1))
        state = sa.case(both, missed, else_=whole(3 * k + 2)).label("state")
        found = sa.select(*_shared(columns, rows), rows.c.line, state)
        every.append(found.where(label + prediction > whole(0), rows.c.bucket >= whole(0)))
    return sa.union_all(*every).cte("active").prefix_with("MATERIALIZED")


def _of_states(columns: LedgerColumns, active: sa.CTE) -> sa.Select[Any]:
    one, other = active.alias("one"), active.alias("other")
    pairs = one.join(other, sa.and_(one.c.line == other.c.line, one.c.state <= other.c.state))
    found = sa.select(*_shared(columns, one), one.c.state, other.c.state.label("beside")).select_from(pairs)
    table = found.subquery("pairs")
    return _part(columns, table, 1, table.c.state, table.c.beside, whole(0), {})


def _of_class(columns: LedgerColumns, rows: sa.CTE, k: int) -> sa.Select[Any]:
    score = rows.c[f"c{k}"]
    bucket = slice_bucket(score_bucket(score))
    part = _part(columns, rows, 2 + k, rows.c[f"l{k}"], rows.c[f"p{k}"], bucket, {"score": score})
    return part.where(rows.c.bucket >= whole(0))


def _part(
    columns: LedgerColumns,
    rows: sa.FromClause,
    part: int,
    label: Expression,
    prediction: Expression,
    bucket: Expression,
    sums: dict[str, Expression],
) -> sa.Select[Any]:
    """Rows of one part, in the columns of all; what other columns sum is of the rows alone."""
    filled = {name: sa.cast(sums.get(name, number(0)), sa.Double) for name in SUMS[columns.task.kind]}
    is_scored = rows.c.bucket >= whole(0) if not part else sa.true()
    return sa.select(
        *_shared(columns, rows),
        whole(part).label("part"),
        label.label("label"),
        prediction.label("prediction"),
        bucket.label("bucket"),
        *(part_where(is_scored, x).label(name) for name, x in filled.items()),
    )


def _scores(columns: LedgerColumns) -> int:
    return len(columns.dataset.scores(columns.task))
