"""Is the contract a suite that runs on this data?"""

from __future__ import annotations

from collections.abc import Iterator

from airflow_ml_monitor.errors import SpecError
from airflow_ml_monitor.expectations.suite import load_suite, rule_columns
from airflow_ml_monitor.onboarding.case import Case
from airflow_ml_monitor.onboarding.finding import Finding, error, ok


def check(case: Case) -> Iterator[Finding]:
    """A named suite: its form, its types (by Great Expectations), its columns; an inferred one is not looked at."""
    contract = case.spec.contract
    if contract is None:
        yield ok("contract", "none")
        return
    if contract == "inferred":
        yield ok("contract", "inferred from the reference when it is frozen")
        return
    from airflow_ml_monitor.expectations.engine import check_suite

    try:
        suite = load_suite(contract)
        check_suite(suite)
    except SpecError as wrong:
        yield error(wrong.field or "contract", str(wrong), "repair the suite, or set contract: inferred or null")
        return
    declared = {column.name for dataset in case.spec.datasets for column in dataset.columns}
    strangers = sorted({c for rule in suite["expectations"] for c in rule_columns(rule)} - declared)
    for column in strangers:
        told = f"a rule reads column {column!r}, which the spec does not declare: it would fail every day"
        yield error("contract", told, "declare it under columns, or delete the rule")
    if not strangers:
        yield ok("contract", f"{len(suite['expectations'])} rules, all of known types, on declared columns")
