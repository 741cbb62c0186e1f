"""Runs a suite on a DataFrame with Great Expectations."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

import pandas as pd

from airflow_ml_monitor.errors import ScanError, SpecError, UnknownName
from airflow_ml_monitor.expectations import adding
from airflow_ml_monitor.expectations.cells import is_known
from airflow_ml_monitor.expectations.gx import load_gx, quiet_context
from airflow_ml_monitor.expectations.outcome import By, Outcome, rule_id
from airflow_ml_monitor.expectations.suite import Rules, load_suite
from airflow_ml_monitor.expectations.told import RESULT_FORMAT, Asked, from_columns, from_result
from airflow_ml_monitor.expectations.whole_window import check_whole, is_plain


def check_suite(suite: Mapping[str, Any]) -> None:
    """Raise where a rule's type or arguments are wrong, before data is read.

    UnknownName lists the types that exist; import the module of a custom type first. SpecError quotes the suite.
    Great Expectations is asked, and imported, only for rules that the profile could not answer.
    """
    rules = load_suite(suite)["expectations"]
    for rule in rules:
        check_whole(rule)
    if strange := [rule for rule in rules if not is_known(rule) and not is_plain(rule)]:
        expectations(strange)


def run_suite(suite: Mapping[str, Any], frame: pd.DataFrame) -> list[Outcome]:
    """Each rule's outcome by Great Expectations, in the suite's order. The frame is not changed.

    Great Expectations' batch and engine refer to each other, so the frame lives until the next garbage collection;
    forcing one would cost 0.2 s a run.

    Raises SpecError for a wrong suite, ScanError where Great Expectations gave up on the whole. No outcome,
    log record or ScanError quotes a value of the frame.
    """
    rules = load_suite(suite)["expectations"]
    check_suite(suite)
    whole = Asked(list(frame.columns), len(frame), lambda name: int(frame[name].count()), By.GREAT_EXPECTATIONS, {})
    known = {rule_id(rule): found for rule in rules if (found := from_columns(rule, whole)) is not None}
    asked = [rule for rule in rules if rule_id(rule) not in known]
    results = validated(asked, frame) if asked else {}
    return [known.get(rule_id(rule)) or from_result(rule, results.get(rule_id(rule)), whole) for rule in rules]


def expectations(rules: Rules) -> list[Any]:
    """The rules as Great Expectations' objects. Its suites drop what they cannot build; this raises."""
    load_gx()
    adding.register()
    registry = importlib.import_module("great_expectations.expectations.registry")
    configuration = importlib.import_module("great_expectations.expectations.expectation_configuration")
    wrong = importlib.import_module("great_expectations.exceptions").GreatExpectationsError
    known = set(registry.list_registered_expectation_implementations())
    built = []
    for rule in rules:
        if rule["type"] not in known:
            raise UnknownName("expectation type", rule["type"], known, field=f"contract.{rule_id(rule)}")
        try:
            built.append(configuration.ExpectationConfiguration(**rule).to_domain_obj())
        except (ValueError, TypeError, wrong) as error:
            raise SpecError(f"Great Expectations refuses it: {error}", field=f"contract.{rule_id(rule)}") from error
    return built


def validated(rules: Rules, frame: pd.DataFrame, form: Mapping[str, Any] = RESULT_FORMAT) -> dict[str, Any]:
    """Great Expectations' results by rule id; their order is not the suite's. form: what they hold."""
    gx = load_gx()
    suite = gx.ExpectationSuite(name="contract", expectations=expectations(rules))
    gave_up, results = "", []
    with quiet_context() as context:
        try:
            results = _results(context, suite, frame, form)
        except gx.exceptions.GreatExpectationsError as error:
            gave_up = type(error).__name__
    if gave_up:
        # Raised out here, without its cause: the cause's text may quote the data.
        raise ScanError(f"Great Expectations gave up on the whole suite with {gave_up}; run its rules one by one")
    return {str(result.expectation_config.meta["rule_id"]): result for result in results}


def _results(context: Any, suite: Any, frame: pd.DataFrame, form: Mapping[str, Any]) -> list[Any]:
    source = context.data_sources.add_pandas("frame")
    whole = source.add_dataframe_asset("frame").add_batch_definition_whole_dataframe("whole")
    # Not a checkpoint: those store results, and crash on quantile rules.
    found = whole.get_batch({"dataframe": frame}).validate(suite, result_format=dict(form))
    return list(found.results)
