"""What columns of some roles add to a ledger's sums: of amounts, weights, other models' predictions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import sqlalchemy as sa

from airflow_ml_monitor.profile.dataset import Role
from airflow_ml_monitor.profile.ledger_columns import LedgerColumns
from airflow_ml_monitor.profile.quantile_query import quantile_sums
from airflow_ml_monitor.profile.query import Expression, number
from airflow_ml_monitor.profile.sums import OF_ROLE

_Sums = Callable[[LedgerColumns, sa.FromClause, Expression], dict[str, Expression]]


def column_sums(columns: LedgerColumns, rows: sa.FromClause) -> dict[str, Expression]:
    """By their names in sums.OF_ROLE, of labelled rows whose extra columns are named as in `LedgerColumns.besides`.

    Nothing of rows whose score or prediction is missing: their bucket is below 0 and no metric sees them.
    """
    found: dict[str, Expression] = {}
    for name, column in columns.besides.items():
        if column.role in _OF_ROLE:
            found |= _OF_ROLE[column.role](columns, rows, rows.c[name])
    found |= quantile_sums(rows)
    return {name: sa.case((rows.c.bucket >= number(0), part), else_=number(0)) for name, part in found.items()}


def _amount(columns: LedgerColumns, rows: sa.FromClause, x: Expression) -> dict[str, Expression]:
    """A missing or infinite amount is none."""
    amount = sa.case((x - x == number(0), x), else_=number(0))
    return {"amount": amount, "amount2": amount * amount}


_OF_ROLE: Final[dict[Role, _Sums]] = {Role.AMOUNT: _amount}
assert {*_OF_ROLE, Role.QUANTILE} == OF_ROLE.keys()
