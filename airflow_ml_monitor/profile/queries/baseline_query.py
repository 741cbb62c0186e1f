"""Of the ledger's statements what is summed of a baseline's predictions, beside the model's for the same rows.

Rows whose baseline is missing, or no such thing, are no part of it: the model's own numbers still count them.
"""

from __future__ import annotations

import sqlalchemy as sa

from airflow_ml_monitor.profile.dataset import Column, Kind, Role
from airflow_ml_monitor.profile.queries.class_query import class_index
from airflow_ml_monitor.profile.queries.label_events import positive
from airflow_ml_monitor.profile.queries.ledger_columns import LedgerColumns
from airflow_ml_monitor.profile.queries.query import Expression, flag, number, one_where, part_where, size, whole
from airflow_ml_monitor.profile.queries.score_query import log_loss
from airflow_ml_monitor.profile.sums import OF_BASELINE_SCORES
from airflow_ml_monitor.profile.task import Task, TaskKind


def decides(baseline: Column, task: Task) -> bool:
    """True if a baseline's column holds classes, and no scores or values."""
    return task.kind is TaskKind.MULTICLASS or (task.kind is TaskKind.BINARY and baseline.kind is not Kind.NUMERIC)


def baseline_value(columns: LedgerColumns, x: Expression, column: Column) -> Expression:
    """A score or value as it is; a class as the task reads it: 1 or 0, or its index."""
    if not decides(column, columns.task):
        return sa.cast(x, sa.Double)
    if columns.task.kind is TaskKind.BINARY:
        return positive(x, columns.task, columns.baseline_is_number)
    return class_index(x, columns.task, columns.baseline_is_number)


def baseline_sums(columns: LedgerColumns, rows: sa.FromClause, x: Expression) -> dict[str, Expression]:
    """By their names in sums.OF_ROLE, of a baseline as `baseline_value` reads it."""
    if columns.task.kind is TaskKind.REGRESSION:
        is_there, found = x - x == number(0), _of_errors(x - rows.c.truth, rows.c.error)
    elif columns.task.kind is TaskKind.MULTICLASS:
        is_declared = rows.c.label < whole(len(columns.task.classes))
        is_there, found = x.is_not(None), {"baseline_right": one_where(sa.and_(x == rows.c.label, is_declared))}
    else:
        is_there, found = _of_chances(columns, rows, x)
    found = {"baseline_rows": number(1), **found}
    return {name: part_where(is_there, part) for name, part in found.items()}


def _of_chances(columns: LedgerColumns, rows: sa.FromClause, x: Expression) -> tuple[Expression, dict[str, Expression]]:
    """Of a binary task: (whether there is one, its sums)."""
    column = columns.dataset.column(Role.BASELINE)
    assert column is not None  # its role brought the sums
    if decides(column, columns.task):
        none = dict.fromkeys(OF_BASELINE_SCORES, number(0))
        return x.is_not(None), {**none, "baseline_right": one_where(x == rows.c.label)}
    label = sa.cast(rows.c.label, sa.Double)
    decided = flag(x >= number(columns.task.threshold))
    gap = x - label
    return sa.and_(x >= number(0), x <= number(1)), {
        "baseline_right": one_where(decided == rows.c.label),
        "baseline_scored": number(1),
        **_gain("brier_gain", gap * gap - rows.c.gap * rows.c.gap),
        **_gain("log_loss_gain", log_loss(x, label) - rows.c.log_loss),
    }


def _gain(name: str, gain: Expression) -> dict[str, Expression]:
    """Of what a row's loss is less than the baseline's; up: where it is less."""
    up = part_where(gain > number(0), gain)
    return {
        name: gain,
        f"{name}2": gain * gain,
        f"{name}3": gain * gain * gain,
        f"{name}_up": up,
        f"{name}_up2": up * up,
    }


def _of_errors(theirs: Expression, ours: Expression) -> dict[str, Expression]:
    """Of two errors of a regression, both finite."""
    less, squares = size(theirs) - size(ours), theirs * theirs
    less2 = squares - ours * ours
    return {
        "baseline_error_abs": size(theirs),
        "baseline_error2": squares,
        "baseline_error4": squares * squares,
        "mae_gain": less,
        "mae_gain2": less * less,
        "mae_gain3": less * less * less,
        "mse_gain": less2,
        "mse_gain2": less2 * less2,
        "baseline_error2_mse_gain": squares * less2,
    }
