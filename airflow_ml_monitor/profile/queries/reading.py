"""What the ledger reads of rows: a module for each task (binary_query, regression_query …), and one for features.

The statements are the same for all of them: label_query.py.
"""

from __future__ import annotations

from typing import Any, Protocol

import sqlalchemy as sa

from airflow_ml_monitor.profile.ledger import CENSORED, UNSCORED
from airflow_ml_monitor.profile.queries.ledger_columns import LedgerColumns
from airflow_ml_monitor.profile.queries.query import Expression, hashed, part_where, whole


class Reading(Protocol):
    """What each of these modules has."""

    def said(self, columns: LedgerColumns, p: sa.TableClause) -> list[Expression]:
        """What is read of a prediction, besides the columns that bring sums."""

    def decided(self, columns: LedgerColumns, read: sa.Subquery) -> sa.Subquery:
        """What was read, with `prediction` (what was decided, as a number) and `bucket`: see `with_bucket`."""

    def sums(self, columns: LedgerColumns, rows: sa.FromClause) -> dict[str, Expression]:
        """What is summed over an entry's rows, by its name in sums.py (a feature's after x0_ …); see `state_of`."""


class RowReading(Reading, Protocol):
    """Of those whose labels are of rows (a ranking's are worth something by query)."""

    def labelled(self, columns: LedgerColumns, p: sa.Subquery, label: Expression) -> list[Expression]:
        """Of a labelled prediction what entries count it by as `label`, and what its sums are made of."""

    def rows(self, columns: LedgerColumns, found: sa.Select[Any]) -> sa.FromClause:
        """The labelled predictions, as they are summed."""


def with_bucket(read: sa.Subquery, bucket: Expression) -> sa.Subquery:
    """What was read, with its bucket (UNSCORED where nothing was decided); `decided` becomes the prediction."""
    return sa.select(
        *(column for column in read.c if column.name != "decided"),
        sa.func.coalesce(read.c.decided, whole(0)).label("prediction"),
        bucket.label("bucket"),
    ).subquery("predictions")


def state_of(columns: LedgerColumns, rows: sa.FromClause, *read: Expression) -> dict[str, Expression]:
    """The sum `state`, see sums.EXACT: of all that sums read of a row, but its keys. None of rows that no metric sees.

    read: what they do besides columns of some roles.
    """
    every = [*read, *(rows.c[name] for name in columns.besides)]
    if not every:
        return {}
    is_seen = sa.and_(rows.c.bucket != whole(UNSCORED), rows.c.label != whole(CENSORED))
    return {"state": part_where(is_seen, hashed(*every))}
