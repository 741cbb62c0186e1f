"""Which rows break a rule: of those that Great Expectations counts, the first few, and of them the named columns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from airflow_ml_monitor.expectations.engine import validated
from airflow_ml_monitor.expectations.outcome import rule_id
from airflow_ml_monitor.expectations.suite import Rules
from airflow_ml_monitor.expectations.written import FailedRows


def failed_rows(rules: Rules, frame: pd.DataFrame, wanted: FailedRows) -> list[Mapping[str, str | None]]:
    """Rows of the frame that break a rule, as text: the rule's id under `rule`, and the named columns.

    Only where they were asked for: these are values of the data.
    """
    form = {
        "result_format": "SUMMARY",
        "partial_unexpected_count": wanted.limit,
        "unexpected_index_column_names": list(wanted.columns),
    }
    told = validated(rules, frame, form)
    found: list[Mapping[str, str | None]] = []
    for rule in rules:
        result = told.get(rule_id(rule))
        for row in ((result.result or {}).get("partial_unexpected_index_list") or ()) if result else ():
            named = {c: None if _is_missing(row[c]) else str(row[c]) for c in wanted.columns}
            found.append({"rule": rule_id(rule), **named})
    return found


def _is_missing(value: Any) -> bool:
    # Of a list pandas says of each of its values whether that is missing.
    return value is None or (bool(pd.api.types.is_scalar(value)) and bool(pd.isna(value)))
