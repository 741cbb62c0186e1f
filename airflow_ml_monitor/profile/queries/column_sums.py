"""What columns of some roles add to a ledger's sums: of amounts, weights, other models' predictions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import sqlalchemy as sa

from airflow_ml_monitor.profile.dataset import Column, Role
from airflow_ml_monitor.profile.ledger import UNSCORED
from airflow_ml_monitor.profile.queries.baseline_query import baseline_sums, baseline_value
from airflow_ml_monitor.profile.queries.ledger_columns import LedgerColumns
from airflow_ml_monitor.profile.queries.quantile_query import quantile_sums
from airflow_ml_monitor.profile.queries.query import Expression, number, one_where, part_where, whole
from airflow_ml_monitor.profile.sums import OF_ROLE

_Sums = Callable[[LedgerColumns, sa.FromClause, Expression], dict[str, Expression]]


def column_sums(columns: LedgerColumns, rows: sa.FromClause) -> dict[str, Expression]:
    """By their names in sums.sums_of, of labelled rows whose extra columns are named as in `LedgerColumns.besides`.

    Nothing of rows whose score or prediction is missing: no metric sees them.
    """
    found: dict[str, Expression] = {}
    for name, column in columns.besides.items():
        if column.role in _OF_ROLE:
            found |= _OF_ROLE[column.role](columns, rows, rows.c[name])
    if any(column.role is Role.QUANTILE for column in columns.besides.values()):
        found |= quantile_sums(rows)
    return {name: part_where(rows.c.bucket != whole(UNSCORED), part) for name, part in found.items()}


def column_value(columns: LedgerColumns, x: Expression, column: Column) -> Expression:
    """A column of such a role as its sums read it."""
    if column.role is Role.BASELINE:
        return baseline_value(columns, x, column)
    return sa.cast(x, sa.Double)


def _amount(columns: LedgerColumns, rows: sa.FromClause, x: Expression) -> dict[str, Expression]:
    """amount_rows: those that have one. A missing, NaN or infinite amount is none."""
    is_there = x - x == number(0)
    amount = part_where(is_there, x)
    return {
        "amount_rows": one_where(is_there),
        "amount": amount,
        "amount2": amount * amount,
        "amount3": amount * amount * amount,
    }


def _weight(columns: LedgerColumns, rows: sa.FromClause, x: Expression) -> dict[str, Expression]:
    """weight_rows: those that count. A weight that is missing, NaN, infinite or below 0 is 0."""
    counts = sa.and_(x - x == number(0), x > number(0))
    weight = part_where(counts, x)
    return {
        "weight_rows": one_where(counts),
        "weight": weight,
        "weight2": weight * weight,
    }


_OF_ROLE: Final[dict[Role, _Sums]] = {Role.AMOUNT: _amount, Role.WEIGHT: _weight, Role.BASELINE: baseline_sums}
assert {*_OF_ROLE, Role.QUANTILE} == OF_ROLE.keys()
