"""Several labels of one prediction → the one that is in force at every moment at which one of them became known."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from airflow_ml_monitor.profile.label_source import Several
from airflow_ml_monitor.profile.queries.dialect import ascending_mean, gathered
from airflow_ml_monitor.profile.queries.query import Expression, whole
from airflow_ml_monitor.profile.task import Task, TaskKind


def standing(known: sa.Subquery, names: list[str], several: Several, task: Task) -> sa.FromClause:
    """Every label row with the value that is in force from its moment on, as `label`: NULL where there is none.

    names: the columns that name a prediction. A row without a label takes back all that came before it.
    """
    if several is Several.LAST:
        return known
    moment, label = known.c.moment, known.c.label
    is_none = sa.case((label.is_(None), whole(1)), else_=whole(0))
    # Of labels of one moment the missing one comes last: it takes the others back.
    begun = sa.func.sum(is_none).over(partition_by=[known.c[name] for name in names], order_by=[moment, label])
    read = sa.select(known, is_none.label("is_none"), begun.label("begun")).subquery("begun")
    moment, label = read.c.moment, read.c.label
    group = [*(read.c[name] for name in names), read.c.begun, read.c.is_none]
    # By the moment alone, so that a frame ends with the last row of its moment: one moment, one value.
    value: Expression
    if several is Several.FIRST:
        value = sa.func.first_value(label).over(partition_by=group, order_by=[moment, label])
    elif several is Several.MAJORITY:
        rows = sa.func.count(label).over(partition_by=group, order_by=moment)
        hits = [sa.func.sum(hit).over(partition_by=group, order_by=moment) for hit in _hits(task, label)]
        value = _majority(rows, hits)
    elif several is Several.MEAN:
        value = gathered(label).over(partition_by=group, order_by=moment)
    else:
        value = _folded(label, several).over(partition_by=group, order_by=moment)
    found = sa.select(*(read.c[name] for name in names), value.label("label"), moment).subquery("standing")
    if several is not Several.MEAN:
        return found
    return sa.select(*(found.c[name] for name in names), _mean(found.c.label), found.c.moment).subquery("means")


def together(known: sa.Subquery, names: list[str], several: Several, task: Task) -> sa.FromClause:
    """The same of labels without a moment: one row for each prediction's key."""
    if several is Several.LAST:
        return known
    label = known.c.label
    value: Expression
    if several is Several.MAJORITY:
        value = _majority(sa.func.count(label), [sa.func.sum(hit) for hit in _hits(task, label)])
    elif several is Several.MEAN:
        value = _mean(gathered(label).filter(label.is_not(None)))
    else:
        value = _folded(label, several)
    keyed = [known.c[name] for name in names]
    moment = sa.func.min(known.c.moment).label("moment")
    return sa.select(*keyed, value.label("label"), moment).group_by(*keyed).subquery("together")


def _folded(label: Expression, several: Several) -> sa.FunctionElement[Any]:
    """Labels as 0 and 1 folded into one."""
    return sa.func.max(label) if several is Several.ANY else sa.func.min(label)


def _mean(labels: Expression) -> sa.Label[float]:
    """Of a list. Ascending, or its last digits would hang on the order of the rows, and what is taken back on the day.

    sums.EXACT hashes it.
    """
    return ascending_mean(labels).label("label")


def _hits(task: Task, label: Expression) -> list[Expression]:
    """1 where a label is of a class, class by class; the last of several is any that is not declared."""
    classes = 2 if task.kind is TaskKind.BINARY else len(task.classes) + 1
    return [sa.case((label == whole(i), whole(1)), else_=whole(0)) for i in range(classes)]


def _majority(rows: Expression, hits: Sequence[Expression]) -> Expression:
    """The class of more than half of the labels; NULL without one."""
    return sa.case(*((hit * whole(2) > rows, whole(i)) for i, hit in enumerate(hits)), else_=sa.null())
