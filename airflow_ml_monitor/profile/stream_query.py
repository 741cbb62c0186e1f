"""The statement behind a stream of rows: their numbers, as the kernel reads them."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from airflow_ml_monitor.profile.dataset import Kind
from airflow_ml_monitor.profile.layout import Binning
from airflow_ml_monitor.profile.product_query import u_of
from airflow_ml_monitor.profile.query import category, in_window, number_of, source, text, whole


def streamed(
    numbers: tuple[Binning, ...], firsts: tuple[Binning, ...], slices: tuple[Binning, ...], event_time: str
) -> sa.Select[Any]:
    """Each row's numbers (x0, x1 …); of categorical columns whether it has the first category (u0, u1 …); its label by
    slice column (s0, s1 …).

    A row without a label has one that is none: negative, or NULL. Labels of categories are looked up in the tables
    `slices0`, `slices1` … (name, code): fifty of them are too many to compare one by one.
    """
    named = dict.fromkeys([*(b.column for b in (*numbers, *firsts, *slices)), *([event_time] if event_time else [])])
    table = source(*named)
    rows: Any = table
    found = [number_of(table.c[b.column], b.kind).label(f"x{i}") for i, b in enumerate(numbers)]
    found += [u_of(table.c[b.column], b).label(f"u{i}") for i, b in enumerate(firsts)]
    for i, by in enumerate(slices):
        if by.kind is Kind.BOOLEAN:
            label: Any = category(table.c[by.column], by)
        else:
            names = source("name", "code", name=f"slices{i}")
            rows = rows.outerjoin(names, text(table.c[by.column]) == names.c.name)
            label = sa.func.coalesce(names.c.code, whole(len(by.labels)))
        found.append(label.label(f"s{i}"))
    return sa.select(*found).select_from(rows).where(in_window(table, event_time))
