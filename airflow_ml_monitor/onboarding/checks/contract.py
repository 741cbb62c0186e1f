"""Is the contract a suite that runs on this data?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from airflow_ml_monitor.errors import SpecError
from airflow_ml_monitor.expectations.difference import topic
from airflow_ml_monitor.expectations.origin import suite_of
from airflow_ml_monitor.expectations.suite import Rules
from airflow_ml_monitor.expectations.written import parted
from airflow_ml_monitor.monitor.contract import reading
from airflow_ml_monitor.onboarding.case import Case
from airflow_ml_monitor.onboarding.finding import Finding, error, ok, refused
from airflow_ml_monitor.profile.engines.preview import Preview


def check(case: Case) -> Iterator[Finding]:
    """A named suite: its form, its types (by Great Expectations), its columns; an inferred one is not looked at."""
    contract, _ = parted(case.spec.contract)
    if contract is None:
        yield ok("contract", "none")
        return
    if contract == "inferred":
        yield ok("contract", "inferred from the reference when it is frozen")
        return
    from airflow_ml_monitor.expectations.engine import check_suite

    try:
        suite = suite_of(contract)
        check_suite(suite)
    except SpecError as wrong:
        yield refused("contract", wrong, "repair the suite, or set contract: inferred or null")
        return
    if not (missing := _missing(case, suite["expectations"])):
        yield ok("contract", holds(suite["expectations"]))
    for column in missing:
        told = f"a rule reads column {column!r}, which the data does not have: it would fail every day"
        yield error("contract", told, "repair the name, or delete the rule")


def _missing(case: Case, rules: Rules) -> list[str]:
    """Columns of rules that a dataset neither declares nor has."""
    found: set[str] = set()
    for dataset in case.spec.datasets:
        read = reading(dataset, rules)
        declared = {column.name for column in dataset.columns}
        others = [c.name for c in read.columns if c.name not in declared]
        seen = case.look(dataset, *others)
        # What cannot be read is the matter of another check.
        found |= set(others) - (set(seen.types) if isinstance(seen, Preview) else set(others))
    return sorted(found)


def holds(rules: Rules) -> str:
    """What a contract's rules are about, in words."""
    counts = Counter(topic(rule) for rule in rules)
    listed = ", ".join(f"{name} {number}" for name, number in sorted(counts.items(), key=lambda item: -item[1]))
    return f"{len(rules)} rules, all of known types, on columns that are there: {listed}"
