"""A contract against one window: rules on it as a whole by its profile, the others by Great Expectations on rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from airflow_ml_monitor.errors import DataFault
from airflow_ml_monitor.expectations.suite import load_suite, rule_columns
from airflow_ml_monitor.expectations.version import named
from airflow_ml_monitor.expectations.written import FailedRows
from airflow_ml_monitor.measurement import Measurement, Status
from airflow_ml_monitor.monitor.failed_rows import counted, keep_failed_rows
from airflow_ml_monitor.monitor.freezing import check_unchanged
from airflow_ml_monitor.monitor.run import FrozenReference, Monitor, Run
from airflow_ml_monitor.profile.cells import Profile
from airflow_ml_monitor.profile.dataset import Column, Dataset
from airflow_ml_monitor.store.records import ContractVersion, Recorded
from airflow_ml_monitor.store.repository import MetricsStore

if TYPE_CHECKING:
    import pandas as pd

    from airflow_ml_monitor.profile.engines.databases.in_place import InPlace

CONTRACT_ROWS: Final = 100_000
"""So many rows at most go through Great Expectations on pandas, which needs them in memory; the result names the cap.

Rules that the profile answers, or the database of a table, look at all."""


@dataclass(frozen=True, slots=True)
class Scanned:
    """One dataset in one run, as it was profiled. fingerprint: of its source, before."""

    dataset: Dataset
    run: Run
    profile: Profile
    fingerprint: str
    reference: FrozenReference


def contract_rows(
    monitor: Monitor, scanned: Scanned, suite: dict[str, Any], wanted: FailedRows | None
) -> list[Measurement]:
    """One row a rule, each naming the contract, and how many are broken. wanted: which rows that break it are kept."""
    from airflow_ml_monitor.expectations.contract import Answering, evaluate
    from airflow_ml_monitor.expectations.outcome import as_measurements

    dataset, run, profile = scanned.dataset, scanned.run, scanned.profile
    read = reading(dataset, suite["expectations"])

    @cache
    def frame() -> pd.DataFrame:
        rows = monitor.engine.frame(read, run.window, CONTRACT_ROWS)
        check_unchanged(monitor, dataset, run.window, scanned.fingerprint)
        return rows

    @contextmanager
    def in_place() -> Iterator[InPlace | None]:
        with monitor.engine.in_place(read, run.window) as place:
            yield place
        if place is not None:
            check_unchanged(monitor, dataset, run.window, scanned.fingerprint)

    by = named(suite)
    try:
        asked = Answering(dataset, run.rule, scanned.reference.layout, profile, in_place, frame)
        outcomes = evaluate(suite, asked)
    except DataFault as fault:
        return [Measurement("expectation", Status.FAILED, None, f"{fault.reason}; {by}")]
    rows = as_measurements(outcomes, profile.population, CONTRACT_ROWS)
    rows = [replace(row, reason="; ".join(filter(None, (row.reason, by)))) for row in rows]
    if wanted:
        rows.append(keep_failed_rows(monitor, dataset, run, wanted, counted(suite, outcomes), frame))
    return rows


def reading(dataset: Dataset, rules: Sequence[Mapping[str, Any]]) -> Dataset:
    """A dataset with the columns that rules read besides those that are declared: a contract may look at any."""
    known = {column.name for column in dataset.columns}
    named_too = dict.fromkeys(name for rule in rules for name in rule_columns(rule) if name not in known)
    return replace(dataset, columns=(*dataset.columns, *map(Column, named_too)))


def contract_of(store: MetricsStore, monitor: str, answer: Recorded) -> ContractVersion | None:
    """The contract that gave a stored answer, as it was then; None of a row from before contracts were stored.

    Its document loads as a suite: `load_suite(version.document)`.
    """
    found = store.contracts.of(monitor, answer.contract) if answer.contract else None
    if found is not None:
        load_suite(found.document)
    return found
