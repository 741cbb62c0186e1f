"""Of the ledger's statements what features tell together with labels: their u (traces.Products), and its moments.

Read instead of scores, by the same joins (reading.RowReading): `LedgerColumns.features` says of which columns.
"""

from __future__ import annotations

from typing import Any, Final

import sqlalchemy as sa

from airflow_ml_monitor.profile.error_grid import NO_PERCENTAGE
from airflow_ml_monitor.profile.queries.ledger_columns import LedgerColumns
from airflow_ml_monitor.profile.queries.product_query import u_of
from airflow_ml_monitor.profile.queries.query import Expression, hashed, number, powers, products, size, whole
from airflow_ml_monitor.profile.sums import MOMENTS

_NEARLY_NONE: Final = 1e-60
"""A u below it is 0: its fourth power would be, and PostgreSQL does not go on where a product vanishes."""


def said(columns: LedgerColumns, p: sa.TableClause) -> list[Expression]:
    """x0, x1 …; NULL where a value is missing or not finite."""
    return [_flushed(u_of(p.c[b.column], b)).label(f"x{i}") for i, b in enumerate(columns.features)]


def decided(columns: LedgerColumns, read: sa.Subquery) -> sa.Subquery:
    """Whatever was predicted, in one bucket: a feature has none, and rows of UNSCORED are left out everywhere."""
    return sa.select(read, whole(0).label("prediction"), whole(NO_PERCENTAGE).label("bucket")).subquery("predictions")


def labelled(columns: LedgerColumns, p: sa.Subquery, label: Expression) -> list[Expression]:
    """A regression's label is v."""
    features = [p.c[f"x{i}"] for i in range(len(columns.features))]
    if columns.label_binning is None:
        return [*features, label.label("label")]
    return [*features, whole(0).label("label"), _flushed(u_of(label, columns.label_binning)).label("v")]


def rows(columns: LedgerColumns, found: sa.Select[Any]) -> sa.FromClause:
    return found.subquery("rows")


def sums(columns: LedgerColumns, rows: sa.FromClause) -> dict[str, Expression]:
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
