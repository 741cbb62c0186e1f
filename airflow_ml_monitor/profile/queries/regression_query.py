"""Of the ledger's statements what a regression needs: products of error and label, and shares of the label."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from airflow_ml_monitor.profile.dataset import Role
from airflow_ml_monitor.profile.error_grid import CELLS, ERROR_EDGES, NO_PERCENTAGE
from airflow_ml_monitor.profile.queries.ledger_columns import LedgerColumns
from airflow_ml_monitor.profile.queries.quantile_query import quantile_parts
from airflow_ml_monitor.profile.queries.query import (
    Expression,
    held,
    number,
    part_where,
    powers,
    products,
    size,
    whole,
)
from airflow_ml_monitor.profile.queries.reading import state_of, with_bucket
from airflow_ml_monitor.profile.queries.score_bucket import one_bucket


def said(columns: LedgerColumns, p: sa.TableClause) -> list[Expression]:
    """The value predicted, as the score; nothing is decided."""
    column = columns.dataset.column(Role.PREDICTION)
    assert column is not None  # the spec's own check
    return [whole(0).label("decided"), sa.cast(p.c[column.name], sa.Double).label("score")]


def decided(columns: LedgerColumns, read: sa.Subquery) -> sa.Subquery:
    return with_bucket(read, one_bucket(read.c.score))


def labelled(columns: LedgerColumns, p: sa.Subquery, label: Expression) -> list[Expression]:
    value, counts = sa.cast(label, sa.Double), p.c.bucket >= whole(0)
    worth = {"error": p.c.score - value, "truth": value}
    return [whole(0).label("label"), *(part_where(counts, part).label(name) for name, part in worth.items())]


def rows(columns: LedgerColumns, found: sa.Select[Any]) -> sa.FromClause:
    return held(_by_error(columns, found.subquery("rows")))


def sums(columns: LedgerColumns, rows: sa.FromClause) -> dict[str, Expression]:
    """Of an error (prediction - label) and a label, which is `truth`, both finite.

    error{i}_truth{j}: the i-th power of the error times the j-th of the label, up to the fourth order together; `label`
    itself names the class that entries are grouped by.
    relative: |error| / |label|, 0 where the label is 0; relative_rows counts the others. symmetric: twice |error| over
    |label| + |prediction|, 0 where both are 0 (Makridakis 1993).
    """
    error, label = rows.c.error, rows.c.truth
    wrong, both = size(error), size(label) + size(label + error)
    zero, one = number(0), number(1)
    relative = _relative(error, label)
    symmetric = sa.case((both == zero, zero), else_=number(2) * wrong / both)
    return {
        **products("error", error, "truth", label),
        "error_abs": wrong,
        "truth_abs": size(label),
        "error_truth_abs": size(error * label),
        "relative_rows": sa.case((label == zero, zero), else_=one),
        **powers("relative", relative, 3),
        **powers("symmetric", symmetric, 3),
        **state_of(columns, rows, error, label),
    }


def _by_error(columns: LedgerColumns, rows: sa.Subquery) -> sa.Select[Any]:
    """Labelled rows with the bucket of their percentage error, as error_grid numbers them, where they have a bucket.

    Besides, what their sums are made of, where quantiles are forecast.
    """
    share, names = _relative(rows.c.error, rows.c.truth).label("share"), {c: x for x, c in columns.besides.items()}
    read = sa.select(rows, share).subquery("shares")
    cell = _cell(read.c.share, 0, len(ERROR_EDGES))
    signed = sa.case((read.c.error < number(0), whole(CELLS) - cell), else_=whole(CELLS + 1) + cell)
    apart = (read.c.bucket < whole(0), read.c.bucket), (read.c.truth == number(0), whole(NO_PERCENTAGE))
    kept = [column for column in read.c if column.name not in ("bucket", "share")]
    forecasts = {level: read.c[names[column]] for level, column in columns.dataset.quantiles.items()}
    parts = quantile_parts(forecasts, read.c.truth) if columns.dataset.column(Role.QUANTILE) else {}
    more = [part.label(name) for name, part in parts.items()]
    return sa.select(*kept, sa.case(*apart, else_=signed).label("bucket"), *more)


def _cell(share: Expression, first: int, last: int) -> Expression:
    """How many edges lie below a share, of those from first to last: 7 comparisons instead of 93."""
    if first == last:
        return whole(first)
    middle = (first + last) // 2
    above, below = _cell(share, middle + 1, last), _cell(share, first, middle)
    return sa.case((share > number(ERROR_EDGES[middle]), above), else_=below)


def _relative(error: Expression, label: Expression) -> Expression:
    return sa.case((label == number(0), number(0)), else_=size(error) / size(label))
