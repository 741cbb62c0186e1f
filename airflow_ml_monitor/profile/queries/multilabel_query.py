"""Of the ledger's statements what a multilabel task needs: sets of labels as text, and rows parted by class.

A set is text of its labels, each between two characters that no label holds: it holds a class where it holds the class
between two of them.

A labelled row is a text with a digit a class, its states: so that each of its parts is found by one join with `places`,
and no row needs a number by which two of its parts would find each other.
"""

from __future__ import annotations

from functools import reduce
from operator import add
from typing import Any, Final

import sqlalchemy as sa

from airflow_ml_monitor.profile.dataset import Role
from airflow_ml_monitor.profile.ledger import UNSCORED
from airflow_ml_monitor.profile.queries.ledger_columns import LedgerColumns
from airflow_ml_monitor.profile.queries.query import Expression, flag, hashed, number, part_where, source, text, whole
from airflow_ml_monitor.profile.queries.score_bucket import score_bucket, slice_bucket
from airflow_ml_monitor.profile.sums import SUMS
from airflow_ml_monitor.profile.task import Task

_UNIT: Final = "\x1f"
"""ASCII's unit separator."""
_PLACES: Final = source("part", "about", name="places")
"""What a labelled row is parted by; see memory.places."""
_NEITHER, _BOTH, _LABEL, _PREDICTION = (sa.literal(digit, sa.String) for digit in "0123")
"""Digits of a row's states, one for each class: in label_sets the last three are 0, 1 and 2."""


def label_set(columns: LedgerColumns, column: Expression) -> Expression:
    """A label source's set of labels as text; NULL where it is NULL."""
    return _set(columns.task, column, columns.label_is_list)


def _set(task: Task, column: Expression, is_list: bool) -> Expression:
    if is_list:
        # Of a list that holds nothing but NULL some engines make no text.
        joined = sa.func.array_to_string(column, _text(_UNIT), type_=sa.String)
        inside: Expression = sa.func.coalesce(joined, _text(""), type_=sa.String)
    else:
        # From the left, as a text is split: the separator may begin or end as a class does.
        inside = _replaced(text(column), task.separator, _UNIT)
    return sa.case((column.is_(None), sa.null()), else_=_text(_UNIT).concat(inside).concat(_text(_UNIT)))


def _text(value: str) -> Expression:
    return sa.literal(value, sa.String)


def _has(labels: Expression, name: str) -> Expression:
    return _replaced(labels, f"{_UNIT}{name}{_UNIT}", "") != labels


def has_undeclared(task: Task, labels: Expression) -> Expression:
    """True where a set holds a label of a class that the task does not declare: more letters than its classes have."""
    # Every label with separators of its own: two neighbours that share one would not both be found.
    parted = _replaced(labels, _UNIT, 2 * _UNIT)
    letters = []
    for name in task.class_names:
        found = f"{_UNIT}{name}{_UNIT}"
        gone = _letters(parted) - _letters(_replaced(parted, found, ""))
        letters.append(sa.cast(gone, sa.Double) * number(len(name) / len(found)))
    # Sums of such shares round; half a letter is none.
    every = sa.cast(_letters(_replaced(labels, _UNIT, "")), sa.Double)
    return every - reduce(add, letters) > number(0.5)


def _letters(of: Expression) -> Expression:
    return sa.cast(sa.func.length(of, type_=sa.BigInteger), sa.BigInteger)


def _replaced(where: Expression, old: str, new: str) -> Expression:
    return sa.func.replace(where, _text(old), _text(new), type_=sa.String)


def said(columns: LedgerColumns, p: sa.TableClause) -> list[Expression]:
    """What is read of a prediction: the set decided for (NULL where no column says), the scores c0, c1 …"""
    column = columns.dataset.column(Role.PREDICTION)
    decided: Expression = sa.cast(sa.null(), sa.String)
    if column:
        decided = _set(columns.task, p.c[column.name], columns.class_is_list)
    scores = [sa.cast(p.c[score.name], sa.Double) for score in columns.dataset.scores(columns.task)]
    return [decided.label("decided"), *(score.label(f"c{i}") for i, score in enumerate(scores))]


def decided(columns: LedgerColumns, read: sa.Subquery) -> sa.Subquery:
    """What was read, with p0, p1 …: 1 where a class is predicted.

    undeclared_prediction: 1 where a class is predicted that is not declared. bucket: UNSCORED where the set is missing,
    or the score of any class is missing or outside [0, 1]; else 0.
    """
    scores = [read.c[f"c{i}"] for i in range(_scores(columns))]
    wrong = [sa.or_(score.is_(None), score < number(0), score > number(1)) for score in scores]
    others: Expression = sa.false()
    if columns.dataset.column(Role.PREDICTION):
        wrong.append(read.c.decided.is_(None))
        hits = [_has(read.c.decided, name) for name in columns.task.class_names]
        others = has_undeclared(columns.task, read.c.decided)
    else:
        hits = [score >= number(columns.task.threshold) for score in scores]
    return sa.select(
        *(column for column in read.c if column.name != "decided"),
        *(flag(hit).label(f"p{i}") for i, hit in enumerate(hits)),
        flag(others).label("undeclared_prediction"),
        whole(0).label("prediction"),
        sa.case((sa.or_(*wrong), whole(UNSCORED)), else_=whole(0)).label("bucket"),
    ).subquery("predictions")


def labelled(columns: LedgerColumns, p: sa.Subquery, label: Expression) -> list[Expression]:
    """What is read of a labelled prediction, besides what entries are grouped by."""
    size = len(columns.task.classes)
    return [
        label.label("label"),
        p.c.undeclared_prediction,
        *(p.c[f"p{i}"] for i in range(size)),
        *(p.c[f"c{i}"] for i in range(_scores(columns))),
    ]


def rows(columns: LedgerColumns, found: sa.Select[Any]) -> sa.FromClause:
    """The labelled rows, then their parts as label_sets numbers them: a row for each row, pair of states, and class."""
    sets = _sets(columns, found.subquery("labelled"))
    every = [_of_rows(columns, sets), _of_states(columns, sets)]
    if _scores(columns):
        every.append(_of_classes(columns, sets))
    return sa.union_all(*every).subquery("rows")


def sums(columns: LedgerColumns, rows: sa.FromClause) -> dict[str, Expression]:
    return {name: rows.c[name] for name in SUMS[columns.task.kind]}


def _shared(columns: LedgerColumns, rows: sa.FromClause) -> list[Expression]:
    slices = (f"s{i}" for i in range(len(columns.slices)))
    return [rows.c[name] for name in ("day", "version", "stratum", "known", "sign", *slices)]


def _sets(columns: LedgerColumns, labelled: sa.Subquery) -> sa.CTE:
    """The labelled rows with the states of their classes. Worked out once, for each of the parts reads them."""
    predicted = [labelled.c[f"p{i}"] == whole(1) for i in range(len(columns.task.classes))]
    digits: list[Expression] = []
    for name, hit in zip(columns.task.class_names, predicted, strict=True):
        has = _has(labelled.c.label, name)
        digits.append(sa.case((sa.and_(has, hit), _BOTH), (has, _LABEL), (hit, _PREDICTION), else_=_NEITHER))
    others = has_undeclared(columns.task, labelled.c.label)
    read = {"label", *(f"p{i}" for i in range(len(digits)))}
    return (
        sa.select(
            *(column for column in labelled.c if column.name not in read),
            reduce(Expression.concat, digits).label("states"),
            flag(others).label("undeclared_label"),
        )
        .cte("held")
        .prefix_with("MATERIALIZED")
    )


def _of_rows(columns: LedgerColumns, rows: sa.CTE) -> sa.Select[Any]:
    """What a row's set as a whole adds, where its scores count."""
    both = whole(len(columns.task.classes)) - _letters(_replaced(rows.c.states, "1", ""))
    union = _letters(_replaced(rows.c.states, "0", ""))
    share = sa.case((union == whole(0), number(1)), else_=sa.cast(both, sa.Double) / sa.cast(union, sa.Double))
    sums = {
        "exact": flag(both == union),
        "jaccard": share,
        "jaccard2": share * share,
        "undeclared_label": rows.c.undeclared_label,
        "undeclared_prediction": rows.c.undeclared_prediction,
        "state": hashed(both, both + union),
    }
    counted = {name: part_where(rows.c.bucket >= whole(0), sa.cast(x, sa.Double)) for name, x in sums.items()}
    return sa.select(*_part(columns, rows, whole(0), whole(0), whole(0), rows.c.bucket, counted))


def _of_states(columns: LedgerColumns, rows: sa.CTE) -> sa.Select[Any]:
    """Each pair of the states that a row has."""
    one, other = (_PLACES.alias(name) for name in ("one", "other"))
    first = sa.select(
        *_shared(columns, rows), rows.c.states, one.c.about, _state(_digit(rows, one), one).label("state")
    )
    # Held: to pair the classes first would meet every row with all of them.
    active = (
        first.select_from(rows.join(one, _digit(rows, one) != _NEITHER))
        .where(one.c.part == whole(1), rows.c.bucket >= whole(0))
        .cte("active")
        .prefix_with("MATERIALIZED")
    )
    beside = _digit(active, other)
    is_after = sa.and_(other.c.about >= active.c.about, beside != _NEITHER)
    label, prediction = active.c.state, _state(beside, other)
    return (
        sa.select(*_part(columns, active, whole(1), label, prediction, whole(0), {}))
        .select_from(active.join(other, is_after))
        .where(other.c.part == whole(1))
    )


def _of_classes(columns: LedgerColumns, rows: sa.CTE) -> sa.Select[Any]:
    """Each class of a row, by its score."""
    digit, about = _digit(rows, _PLACES), _PLACES.c.about
    score = sa.case(*((about == whole(i), rows.c[f"c{i}"]) for i in range(_scores(columns))))
    has, hit = (flag(digit.in_([_BOTH, one])) for one in (_LABEL, _PREDICTION))
    bucket = slice_bucket(score_bucket(score))
    return (
        sa.select(*_part(columns, rows, _PLACES.c.part, has, hit, bucket, {"score": score}))
        .select_from(rows.join(_PLACES, _PLACES.c.part > whole(1)))
        .where(rows.c.bucket >= whole(0))
    )


def _part(
    columns: LedgerColumns,
    rows: sa.FromClause,
    part: Expression,
    label: Expression,
    prediction: Expression,
    bucket: Expression,
    sums: dict[str, Expression],
) -> list[Expression]:
    """The columns of all parts."""
    filled = {name: sums.get(name, number(0)) for name in SUMS[columns.task.kind]}
    named = {"part": part, "label": label, "prediction": prediction, "bucket": bucket, **filled}
    return [*_shared(columns, rows), *(x.label(name) for name, x in named.items())]


def _digit(rows: sa.FromClause, place: sa.FromClause) -> Expression:
    """What a row's state of a class is written as."""
    at = sa.cast(place.c.about + whole(1), sa.Integer)
    return sa.func.substr(rows.c.states, at, sa.literal(1, sa.Integer), type_=sa.String)


def _state(digit: Expression, place: sa.FromClause) -> Expression:
    """The state's number, as label_sets has it."""
    of_class = sa.case((digit == _BOTH, whole(0)), (digit == _LABEL, whole(1)), else_=whole(2))
    return place.c.about * whole(3) + of_class


def _scores(columns: LedgerColumns) -> int:
    return len(columns.dataset.scores(columns.task))
