"""Of the ledger's statements what a multiclass task needs: the class predicted, how sure, what the label says of it.

Scores are divided by their sum first, so that they are chances whatever rounding, or a model of one class against the
rest, left of them. A class is its index among the task's; the index after the last is any class that is not declared.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from operator import add
from typing import Any, Final

import sqlalchemy as sa

from airflow_ml_monitor.profile.dataset import Role
from airflow_ml_monitor.profile.ledger import SCORELESS, UNSCORED
from airflow_ml_monitor.profile.queries.ledger_columns import LedgerColumns
from airflow_ml_monitor.profile.queries.query import Expression, flag, held, number, one_where, part_where, text, whole
from airflow_ml_monitor.profile.queries.reading import state_of, with_bucket
from airflow_ml_monitor.profile.queries.score_bucket import chance_bucket, slice_bucket
from airflow_ml_monitor.profile.sums import CLIP, SUMS
from airflow_ml_monitor.profile.task import Task, TaskKind

_RANKS: Final = (2, 3, 5)


def class_index(column: Expression, task: Task, is_number: bool) -> Expression:
    """The index of a label's (or prediction's) class; NULL where it is NULL, NaN or infinite."""
    undeclared = whole(len(task.classes))
    if is_number:
        x = sa.cast(column, sa.Double)
        declared = [(x == number(float(name)), whole(i)) for i, name in enumerate(task.classes)]
        return sa.case(*declared, (x - x == number(0), undeclared), else_=sa.null())
    named = text(column)
    declared = [(named == sa.literal(name, sa.String), whole(i)) for i, name in enumerate(task.class_names)]
    return sa.case((column.is_(None), sa.null()), *declared, else_=undeclared)


def said(columns: LedgerColumns, p: sa.TableClause) -> list[Expression]:
    """What is read of a prediction: the class decided for (NULL where no column says), the scores c0, c1 …"""
    column = columns.dataset.column(Role.PREDICTION)
    decided: Expression = sa.cast(sa.null(), sa.BigInteger)
    if column:
        decided = class_index(p.c[column.name], columns.task, columns.class_is_number)
    scores = [sa.cast(p.c[score.name], sa.Double) for score in columns.dataset.scores(columns.task)]
    return [decided.label("decided"), *(score.label(f"c{i}") for i, score in enumerate(scores))]


def decided(columns: LedgerColumns, read: sa.Subquery) -> sa.Subquery:
    found = _classified(columns, read)
    if not _size(columns):
        return with_bucket(found, sa.case((found.c.decided.is_(None), whole(UNSCORED)), else_=whole(SCORELESS)))
    # Calibration alone reads them: a slice's suffice, and the ledger of ten classes is five times smaller.
    return with_bucket(found, slice_bucket(chance_bucket(found.c.score, found.c.decided)))


def _classified(columns: LedgerColumns, read: sa.Subquery) -> sa.Subquery:
    """What was read, with the class decided for (where no column says, the first of the highest scores) and its score.

    score: over the sum of all classes' scores; of an undeclared class the highest. Besides `total`, that sum. Both are
    NULL where a score is missing or outside [0, 1], or all are 0; without score columns score is 0.
    """
    raw = [read.c[f"c{i}"] for i in range(_size(columns))]
    if not raw:
        return sa.select(*read.c, number(0).label("score")).subquery("classified")
    # Engines write a subquery's expression wherever it is named: K classes may cost K² terms here, not K⁴.
    total = reduce(add, raw)
    valid = sa.and_(*(sa.and_(score >= number(0), score <= number(1)) for score in raw), total > number(0))
    best = sa.func.greatest(*raw, type_=sa.Double)
    names = [column.name for column in read.c if column.name != "decided"]
    if columns.dataset.column(Role.PREDICTION):
        decided: Expression = read.c.decided
        of_class: Expression = sa.case(*((decided == whole(i), score) for i, score in enumerate(raw)), else_=best)
    else:
        decided = sa.case(*((score == best, whole(i)) for i, score in enumerate(raw)))
        of_class = best
    summed = sa.select(
        *(read.c[name] for name in names),
        decided.label("decided"),
        of_class.label("of_class"),
        sa.case((valid, total)).label("total"),
    ).subquery("summed")
    found = [summed.c[name] for name in (*names, "decided", "total")]
    return sa.select(*found, (summed.c.of_class / summed.c.total).label("score")).subquery("classified")


def labelled(columns: LedgerColumns, p: sa.Subquery, label: Expression) -> list[Expression]:
    """Without scores the label alone.

    of_label: the score of the label's class; an undeclared one was given none.
    """
    if not _size(columns):
        return [label.label("label")]
    raw = {f"c{i}": p.c[f"c{i}"] for i in range(_size(columns))}
    of_label = sa.case(*((label == whole(i), score) for i, score in enumerate(raw.values())), else_=number(0))
    parts = {"label": label, **raw, "total": p.c.total, "score": p.c.score, "of_label": of_label}
    return [part.label(name) for name, part in parts.items()]


def rows(columns: LedgerColumns, found: sa.Select[Any]) -> sa.FromClause:
    return held(found)


def sums(columns: LedgerColumns, rows: sa.FromClause) -> dict[str, Expression]:
    """0 without a score. A class that is not declared was given no chance, and is never among the first."""
    raw = [rows.c[f"c{i}"] for i in range(_size(columns))]
    state = state_of(columns, rows, *raw)
    if not raw:
        return {**dict.fromkeys(SUMS[TaskKind.MULTICLASS], number(0)), **state}
    chance = rows.c.of_label / rows.c.total
    loss = -sa.func.ln(sa.case((chance > number(CLIP), chance), else_=number(CLIP)), type_=sa.Double)
    squares = reduce(add, [score * score for score in raw]) / (rows.c.total * rows.c.total)
    # Where nearly all is given to the true class the difference may round to just below 0.
    brier = sa.func.greatest(squares - number(2) * chance + number(1), number(0), type_=sa.Double)
    found = {"score": rows.c.score, "log_loss": loss, "log_loss2": loss * loss, "brier": brier, "brier2": brier * brier}
    found |= {f"in_top{k}": _is_among(raw, rows, k) for k in _RANKS}
    return {**{name: part_where(rows.c.bucket >= whole(0), part) for name, part in found.items()}, **state}


def _is_among(raw: Sequence[Expression], rows: sa.FromClause, first: int) -> Expression:
    """1 where the label's class is among so many with the highest scores, of equal ones those declared first."""
    mine, label = rows.c.of_label, rows.c.label
    ahead = (sa.or_(p > mine, sa.and_(p == mine, label > whole(i))) for i, p in enumerate(raw))
    before = reduce(add, [flag(is_ahead) for is_ahead in ahead])
    return one_where(sa.and_(label < whole(len(raw)), before < whole(first)))


def _size(columns: LedgerColumns) -> int:
    return len(columns.dataset.scores(columns.task))
