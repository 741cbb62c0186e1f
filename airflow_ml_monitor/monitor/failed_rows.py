"""Rows that break the contract → the table that the spec names; nothing unless it names one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from airflow_ml_monitor.errors import DataFault, ScanError
from airflow_ml_monitor.expectations.outcome import Outcome, Ruling, rule_id
from airflow_ml_monitor.expectations.written import OURS, FailedRows
from airflow_ml_monitor.measurement import Estimate, Measurement, Status
from airflow_ml_monitor.monitor.run import Monitor, Run
from airflow_ml_monitor.profile.dataset import Dataset

if TYPE_CHECKING:
    import pandas as pd

    from airflow_ml_monitor.expectations.suite import Rules


def keep_failed_rows(
    monitor: Monitor,
    dataset: Dataset,
    run: Run,
    wanted: FailedRows,
    broken: Rules,
    frame: Callable[[], pd.DataFrame],
) -> Measurement:
    """Put a sample of the rows that break a rule into the user's table; how many are there now.

    They take the place of those of the same window. Only rows that were read: the first of a large window.
    """
    rows: Sequence[Mapping[str, Any]] = ()
    if broken:
        from airflow_ml_monitor.expectations.failed import failed_rows

        try:
            found = frame()
        except DataFault as fault:
            return Measurement("failed_rows", Status.FAILED, None, fault.reason)
        if missing := [column for column in wanted.columns if column not in found.columns]:
            reason = f"column {missing[0]!r} is missing: rows that break the contract cannot be named"
            return Measurement("failed_rows", Status.FAILED, None, reason)
        try:
            rows = failed_rows(broken, found, wanted)
        except ScanError as wrong:
            return Measurement("failed_rows", Status.FAILED, None, str(wrong))
    about = dict(
        zip(OURS, (monitor.key, dataset.name, run.window.start.isoformat(), run.window.end.isoformat()), strict=False)
    )
    monitor.store.replace_failed_rows(wanted.table, about=about, columns=wanted.columns, rows=rows)
    return Measurement("failed_rows", Status.OK, Estimate(float(len(rows)), len(rows)), f"in the table {wanted.table}")


def counted(suite: Mapping[str, Any], outcomes: Sequence[Outcome]) -> Rules:
    """The broken rules that count the values that break them."""
    names = {o.rule_id for o in outcomes if o.status is Ruling.FAIL and o.unexpected is not None}
    return [rule for rule in suite["expectations"] if rule_id(rule) in names]
