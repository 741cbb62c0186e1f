"""Which rows of a source a statement reads, where it reads some of them."""

from __future__ import annotations

import sqlalchemy as sa

from airflow_ml_monitor.profile.among import Among
from airflow_ml_monitor.profile.dataset import Kind
from airflow_ml_monitor.profile.queries.query import Expression, number, number_of, text


def is_among(column: Expression, kind: Kind, among: Among) -> Expression:
    """True of the rows that are meant. Of the same values a row is in one of the two, named or rest, never in both."""
    if kind is Kind.BOOLEAN:
        x = number_of(column, kind)
        named = sa.or_(*(x == number(float(value == "true")) for value in among.values))
    else:
        # By comparison, as slices are cut: an order of letters that takes 'a' for 'A' does so in neither.
        named = sa.or_(*(text(column) == sa.literal(value, sa.String) for value in among.values))
    # Without CASE around it: what is stored by the column's values is not read for others.
    return sa.or_(column.is_(None), sa.not_(named)) if among.is_rest else named
