"""Rows that are no longer observed: an account closed, a contract cancelled before its label was due."""

from __future__ import annotations

import sqlalchemy as sa

from airflow_ml_monitor.profile.label_source import LabelSource
from airflow_ml_monitor.profile.ledger import CENSORED
from airflow_ml_monitor.profile.queries.query import Expression, whole


def or_censored(labels: LabelSource, table: sa.TableClause, label: Expression) -> Expression:
    """A label as the task reads it; CENSORED where there is none and the source says that none will come."""
    if labels.censored is None:
        return label
    is_censored = sa.cast(table.c[labels.censored], sa.Boolean)
    return sa.case((sa.and_(label.is_(None), is_censored), whole(CENSORED)), else_=label)


def before_any_label(labels: LabelSource, known: sa.Subquery, names: list[str]) -> sa.Subquery:
    """The same rows without the censored ones of a prediction that has a label by then: it was observed in full."""
    if labels.censored is None:
        return known
    label, moment = known.c.label, known.c.moment
    first = sa.func.min(sa.case((label != whole(CENSORED), moment))).over(partition_by=[known.c[n] for n in names])
    found = sa.select(known, first.label("first_label")).subquery("censored")
    is_first = sa.or_(found.c.first_label.is_(None), found.c.first_label > found.c.moment)
    is_label = sa.or_(found.c.label.is_(None), found.c.label != whole(CENSORED))
    return sa.select(*(found.c[c.name] for c in known.c)).where(sa.or_(is_label, is_first)).subquery("observed")
