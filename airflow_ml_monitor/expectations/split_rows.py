"""Rows that keep a contract, and rows that do not."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from airflow_ml_monitor.errors import SpecError
from airflow_ml_monitor.expectations.engine import check_suite
from airflow_ml_monitor.expectations.row_model import RowModel
from airflow_ml_monitor.expectations.row_rules import is_familiar, row_rules
from airflow_ml_monitor.measurement import Severity
from airflow_ml_monitor.profile.engines.embedded.row_split import Outputs, Split, split
from airflow_ml_monitor.profile.row_tests import RowRule


@dataclass(frozen=True, slots=True)
class RowContract:
    """What is asked of each row. left_out: ids of rules as grave that no single row can answer."""

    rules: tuple[RowRule, ...]
    left_out: tuple[str, ...] = ()
    model: RowModel | None = None

    @classmethod
    def of(
        cls,
        suite: Mapping[str, Any] | None,
        severity: Severity = Severity.CRITICAL,
        *,
        without: Collection[str] = (),
        row_model: str = "",
        besides: Sequence[RowRule] = (),
    ) -> RowContract:
        """A suite's rules on rows, of a severity or graver, others besides, and a model 'package.module:Model'.

        without: columns that the rows do not have yet; rules on them are left out. Raises SpecError where nothing would
        be asked: such a contract lets everything pass.
        """
        if suite is not None and not is_familiar(suite):
            # A misspelt type must not be left out as one that rows cannot answer.
            check_suite(suite)
        rules, left_out = row_rules(suite, severity, without) if suite is not None else ([], [])
        rules = [*rules, *besides]
        model = RowModel.named(row_model) if row_model else None
        if not rules and model is None:
            told = f" (left out: {', '.join(left_out)})" if left_out else ""
            raise SpecError(
                f"no rule of severity {severity} or graver speaks of single rows{told}, so every row would pass; "
                "raise a rule's severity, lower the task's, or give a row_model or a share of outliers",
                field="contract",
            )
        return cls(tuple(rules), tuple(left_out), model)


def split_rows(source: Any, contract: RowContract, outputs: Outputs) -> Split:
    """Split a batch (a path, glob, DataFrame or Arrow table) by a contract: good + quarantine = the batch.

    See `profile.engines.row_split.split`.
    """
    return split(source, contract.rules, outputs, contract.model.broken if contract.model else None)
