"""Of the ledger's statements what features tell together with labels: their u (traces.Products), and its moments.

Read instead of scores, by the same joins: `LedgerColumns.features` says of which columns.
"""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa

from airflow_ml_monitor.profile.queries.ledger_columns import LedgerColumns
from airflow_ml_monitor.profile.queries.product_query import u_of
from airflow_ml_monitor.profile.queries.query import Expression, hashed, number, powers, products, size, whole
from airflow_ml_monitor.profile.sums import MOMENTS

_NEARLY_NONE: Final = 1e-60
"""A u below it is 0: its fourth power would be, and PostgreSQL does not go on where a product vanishes."""


def values(columns: LedgerColumns, p: sa.TableClause) -> list[Expression]:
    """What is read of a prediction: x0, x1 …; NULL where a value is missing or not finite."""
    return [_flushed(u_of(p.c[b.column], b)).label(f"x{i}") for i, b in enumerate(columns.features)]


def label_row(columns: LedgerColumns, label: Expression) -> list[Expression]:
    """A row's label: what it is grouped by, and a regression's v."""
    if columns.label_binning is None:
        return [label.label("label")]
    return [whole(0).label("label"), _flushed(u_of(label, columns.label_binning)).label("v")]


def moment_sums(columns: LedgerColumns, rows: sa.FromClause) -> dict[str, Expression]:
    """x0_rows (with a value), x0_u, x0_u2 … of every feature, as sums.MOMENTS names them; and state, of all of them.

    NULL of rows without a value: to pass over them costs a sum less than to add 0.
    """
    found: dict[str, Expression] = {}
    names = MOMENTS[columns.task.kind]
    read = [rows.c[f"x{i}"] for i in range(len(columns.features))]
    v = [] if columns.label_binning is None else [rows.c.v]
    for x in read:
        found[f"{x.name}_rows"] = sa.case((x.is_not(None), number(1)))
        of_rows = products("u", x, "v", v[0]) if v else powers("u", x, 4)
        # Of the label's own powers those of rows that have both.
        found |= {
            f"{x.name}_{name}": sa.case((x.is_not(None), of_rows[name])) if name.startswith("v") else of_rows[name]
            for name in names
        }
    return {**found, "state": hashed(*read, *v)}


def _flushed(u: Expression) -> Expression:
    return sa.case((size(u) < number(_NEARLY_NONE), number(0)), else_=u)
