"""The statement behind a stream of rows: their numbers, as the kernel reads them."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from airflow_ml_monitor.profile.dataset import Kind
from airflow_ml_monitor.profile.layout import NULL, OTHER, Binning
from airflow_ml_monitor.profile.queries.product_query import u_of
from airflow_ml_monitor.profile.queries.query import Expression, category, in_window, number_of, source, text, whole


def streamed(
    numbers: tuple[Binning, ...], firsts: tuple[Binning, ...], slices: tuple[Binning, ...], event_time: str
) -> sa.Select[Any]:
    """Each row's numbers (x0, x1 …); of categorical columns whether it has the first category (u0, u1 …); its label by
    slice column (s0, s1 …).

    A row without a label has one that is none: negative, or NULL. Labels of categories are looked up in the tables
    `slices0`, `slices1` … (name, code): fifty of them are too many to compare one by one.
    """
    table = _table((*numbers, *firsts, *slices), event_time)
    found = [number_of(table.c[b.column], b.kind).label(f"x{i}") for i, b in enumerate(numbers)]
    found += [u_of(table.c[b.column], b).label(f"u{i}") for i, b in enumerate(firsts)]
    rows, labels = _labelled(table, table, slices)
    return sa.select(*found, *labels).select_from(rows).where(in_window(table, event_time))


def coded(categories: tuple[Binning, ...], slices: tuple[Binning, ...], event_time: str) -> sa.Select[Any]:
    """Each row's bucket of categorical columns (k0, k1 …), and its labels as in `streamed`.

    Categories are looked up in the tables `categories0`, `categories1` … (name, code).
    """
    table = _table((*categories, *slices), event_time)
    rows: Any = table
    found = []
    for i, binning in enumerate(categories):
        names, value = source("name", "code", name=f"categories{i}"), table.c[binning.column]
        rows = rows.outerjoin(names, text(value) == names.c.name)
        bucket = sa.case((value.is_(None), whole(NULL)), else_=sa.func.coalesce(names.c.code, whole(OTHER)))
        found.append(bucket.label(f"k{i}"))
    rows, labels = _labelled(rows, table, slices)
    return sa.select(*found, *labels).select_from(rows).where(in_window(table, event_time))


def _table(columns: tuple[Binning, ...], event_time: str) -> sa.TableClause:
    return source(*dict.fromkeys([*(b.column for b in columns), *([event_time] if event_time else [])]))


def _labelled(rows: Any, table: sa.TableClause, slices: tuple[Binning, ...]) -> tuple[Any, list[Expression]]:
    """(rows joined with what their labels are looked up in, the labels)."""
    found: list[Expression] = []
    for i, by in enumerate(slices):
        if by.kind is Kind.BOOLEAN:
            label: Any = category(table.c[by.column], by)
        else:
            names = source("name", "code", name=f"slices{i}")
            rows = rows.outerjoin(names, text(table.c[by.column]) == names.c.name)
            label = sa.func.coalesce(names.c.code, whole(len(by.labels)))
        found.append(label.label(f"s{i}"))
    return rows, found
