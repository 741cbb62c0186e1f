"""Does a ranking's order stand the right way up: is a score no rank, and what is relevant not last?"""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from airflow_ml_monitor.onboarding.case import Case
from airflow_ml_monitor.onboarding.finding import Finding, ok, warning
from airflow_ml_monitor.onboarding.queries import are_ranks, order
from airflow_ml_monitor.profile.dataset import Column, Dataset, Role
from airflow_ml_monitor.profile.engines.embedded.sample import samples
from airflow_ml_monitor.profile.engines.preview import Preview
from airflow_ml_monitor.profile.engines.scan import NUMBERS, is_any
from airflow_ml_monitor.profile.spark_source import is_spark
from airflow_ml_monitor.profile.table import Table
from airflow_ml_monitor.profile.task import TaskKind


def check(case: Case) -> Iterator[Finding]:
    """The order of every dataset in the reference; what cannot be read is said of the source."""
    if case.spec.task.kind is not TaskKind.RANKING:
        return
    for dataset in case.spec.datasets:
        query, column = dataset.column(Role.QUERY), dataset.column(Role.PREDICTION) or dataset.column(Role.SCORE)
        referred = case.referred[dataset.name]
        if query is None or column is None or not isinstance(referred, Preview):
            continue
        if isinstance(case.spec.reference.source, Table) or is_spark(case.spec.reference.source):
            # To see how rows are ordered they would have to leave the database, or the cluster.
            continue
        if query.name in referred.types and is_any(referred.types.get(column.name, ""), NUMBERS):
            with samples(reference=case.spec.reference.source) as opened:
                rows = opened["reference"].frame
            yield from _order(rows, dataset, (query, column), case.spec.reference.label or "")


def _order(rows: pd.DataFrame, dataset: Dataset, columns: tuple[Column, Column], label: str) -> Iterator[Finding]:
    query, column = rows[columns[0].name], columns[1]
    field, is_rank = f"datasets.{dataset.name}.columns.{column.name}", column.role is Role.PREDICTION
    counted = are_ranks(query, rows[column.name])
    if counted and not is_rank:
        told = "the items of a query have the numbers from the first on, as ranks do; of a score the highest is first"
        yield warning(field, told, "declare role: prediction, the rank, 1 is first; or write it with the other sign")
    if is_rank and not counted:
        told = "the items of a query do not have the numbers 1, 2, 3 … each once, as a rank does; the lowest is first"
        yield warning(field, told, "declare role: score if the highest is first; right if only some items are kept")
    if label not in rows or not pd.api.types.is_numeric_dtype(rows[label]):
        return
    found = order(query, rows[column.name], rows[label], falls=is_rank)
    told = f"of two items of a query the more relevant stands further up in {found.share:.0%}"
    if not found.is_sure:
        yield ok(field, f"{told}: hardly more than by chance")
    elif found.share < 0.5:
        advice = "is 1 the last? Then write the rank from the top" if is_rank else "is the lowest first? Then negate it"
        yield warning(field, f"{told}: they stand last", advice if is_rank else f"{advice}, or declare a rank")
    else:
        yield ok(field, told)
