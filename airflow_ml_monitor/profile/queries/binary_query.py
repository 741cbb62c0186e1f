"""Of the ledger's statements what a binary task needs: score and class, and what they are worth beside a label."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from airflow_ml_monitor.profile.dataset import Role
from airflow_ml_monitor.profile.ledger import CENSORED
from airflow_ml_monitor.profile.queries.label_events import positive
from airflow_ml_monitor.profile.queries.ledger_columns import LedgerColumns
from airflow_ml_monitor.profile.queries.query import Expression, flag, number, one_where, part_where, whole
from airflow_ml_monitor.profile.queries.reading import state_of, with_bucket
from airflow_ml_monitor.profile.queries.score_bucket import chance_bucket
from airflow_ml_monitor.profile.queries.score_query import log_loss
from airflow_ml_monitor.profile.sums import at_least


def said(columns: LedgerColumns, p: sa.TableClause) -> list[Expression]:
    """The class decided for, NULL where its column says nothing; the score."""
    score_column, class_column = columns.dataset.column(Role.SCORE), columns.dataset.column(Role.PREDICTION)
    assert score_column is not None  # the spec's own check
    score = sa.cast(p.c[score_column.name], sa.Double)
    if class_column is None:
        decided = flag(score >= number(columns.task.threshold))
    else:
        decided = positive(p.c[class_column.name], columns.task, columns.class_is_number)
    return [decided.label("decided"), score.label("score")]


def decided(columns: LedgerColumns, read: sa.Subquery) -> sa.Subquery:
    return with_bucket(read, chance_bucket(read.c.score, read.c.decided))


def labelled(columns: LedgerColumns, p: sa.Subquery, label: Expression) -> list[Expression]:
    counts = sa.and_(p.c.bucket >= whole(0), label != whole(CENSORED))
    worth = losses(p.c.score, sa.cast(label, sa.Double))
    return [label.label("label"), *(part_where(counts, part).label(name) for name, part in worth.items())]


def losses(score: Expression, label: Expression) -> dict[str, Expression]:
    """What a score is worth beside its label."""
    return {"score": score, "log_loss": log_loss(score, label), "gap": score - label}


def rows(columns: LedgerColumns, found: sa.Select[Any]) -> sa.FromClause:
    return found.subquery("rows")


def sums(columns: LedgerColumns, rows: sa.FromClause) -> dict[str, Expression]:
    return {**score_sums(columns, rows), **state_of(columns, rows, rows.c.score)}


def score_sums(columns: LedgerColumns, rows: sa.FromClause) -> dict[str, Expression]:
    """All of them but the state."""
    loss, gap = rows.c.log_loss, rows.c.gap
    found = {"score": rows.c.score, "log_loss": loss, "log_loss2": loss * loss, "brier": gap * gap}
    reached = {at_least(t): one_where(rows.c.score >= number(t)) for t in columns.task.thresholds}
    return {**found, "brier2": gap * gap * gap * gap, **reached}
