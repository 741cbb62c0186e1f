"""A rule in words: what it asks for, in the unit of its metric. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from airflow_ml_monitor.measurement import base_of
from airflow_ml_monitor.metrics.metric import metric_named, unit_of
from airflow_ml_monitor.metrics.names import BESIDES

_WHAT: Final = {
    "completeness": "the share of a column's rows that have a value",
    "unseen_share": "the share of a column's rows whose value the reference does not know",
    "wasserstein": "how far a column's values have moved, in the reference's standard deviations,",
    "psi": "the population stability index of a column, its distance from the reference,",
    "roc_auc": "the ROC AUC",
    "expected_calibration_error": "the mean gap between scores and what came true",
    "accuracy": "the share of rows predicted right",
    "f1": "F1",
    "ndcg": "the NDCG",
    "label_rate": "the share of rows with such a label",
    "queries_without_relevant": "the share of queries without a relevant item",
    "interval_coverage_gap": "the share of labels in a forecast interval, less the share that its levels promise,",
    "mae": "the mean absolute error",
    "label_silence": "the number of days on which labels were due and none came",
    "label_delay": "the time that labels take, as a multiple of what they used to take,",
}
"""What is not here goes by its name."""

_SHARES: Final = (
    *("completeness", "unseen_share", "accuracy", "label_rate", "queries_without_relevant"),
    *("interval_coverage_gap", "expected_calibration_error"),
)
"""Told in per cent."""

_ASKS: Final = {
    "alert": "Alert",
    "retrain": "Ask for a retraining",
    "investigate_data": "Have the data investigated",
    "roll_back": "Ask for the former model",
}


def in_words(rule: Mapping[str, Any]) -> str:
    """What a rule of a spec asks for.

    >>> in_words({"metric": "roc_auc", "fall": 0.03, "action": "retrain", "k": 2, "m": 3})
    'Ask for a retraining where the ROC AUC is more than 0.03 below the reference, in 2 of 3 windows.'
    >>> in_words({"metric": "mae", "rise_share": 0.2})
    'Alert where the mean absolute error is more than 20 % above the reference.'
    """
    name = str(rule["metric"])
    what = _WHAT.get(base_of(name), name) + (f" [{rule['parameters']}]" if "parameters" in rule else "")
    limits = " or ".join(_limit(name, bound, rule[bound]) for bound in _BOUNDS if bound in rule)
    often, k, m = "", rule.get("k", 1), rule.get("m", 1)
    if m > 1:
        often = f", in {k} of {m} windows"
    if "least_n" in rule:
        often += f"{' of' if often else ', in a window of'} {rule['least_n']} {_rows(name)} or more"
    return f"{_ASKS[str(rule.get('action', 'alert'))]} where {what} is {limits}{often}."


_BOUNDS: Final = {
    "min": "below {}",
    "max": "above {}",
    "fall": "more than {} below the reference",
    "rise": "more than {} above the reference",
    "fall_share": "more than {} below the reference",
    "rise_share": "more than {} above the reference",
}


def _limit(name: str, bound: str, value: float) -> str:
    if bound.endswith("_share"):
        told = f"{100 * value:g} %"
    elif base_of(name) in _SHARES:
        told = f"{100 * value:g} {'percentage points' if bound in ('fall', 'rise') else '%'}"
    else:
        told = f"{value:g}{_unit(name)}"
    return _BOUNDS[bound].format(told)


def _unit(name: str) -> str:
    """In words, with a blank before it; empty for what has none, or has it said."""
    unit = unit_of(name)
    named = {"label": "of the label's unit", "column": "of the column's unit", "sigma": "", "": "", "nat": "nats"}
    return f" {said}" if (said := named.get(unit, unit)) else ""


def _rows(name: str) -> str:
    """What is counted: of a ranking, queries."""
    tasks = () if base_of(name) in BESIDES else metric_named(base_of(name)).tasks
    return "labelled queries" if tuple(tasks) == ("ranking",) else "labels"
