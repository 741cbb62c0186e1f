"""A suite on one window: what its profile answers, and the rest on its rows; nothing twice."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airflow_ml_monitor.expectations.cells import from_cells
from airflow_ml_monitor.expectations.engine import check_suite, run_suite
from airflow_ml_monitor.expectations.outcome import Outcome, rule_id
from airflow_ml_monitor.expectations.whole_window import answer
from airflow_ml_monitor.keys import WindowRule
from airflow_ml_monitor.profile.cells import Profile
from airflow_ml_monitor.profile.dataset import Dataset
from airflow_ml_monitor.profile.layout import Layout

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True)
class Answering:
    """What answers a suite: a window's profile, and its rows.

    rule: of the window. frame: reads the rows; called at most once, and not where the profile answers every rule.
    """

    dataset: Dataset
    rule: WindowRule
    layout: Layout
    profile: Profile
    frame: Callable[[], pd.DataFrame]


def evaluate(suite: Mapping[str, Any], by: Answering) -> list[Outcome]:
    """Each rule's outcome, in the order of the (loaded) suite.

    Great Expectations is imported only for rules that are left to it. Raises SpecError for a wrong suite before
    anything is read.
    """
    check_suite(suite)
    rules = suite["expectations"]
    known = {rule_id(rule): found for rule in rules if (found := _from_profile(rule, by)) is not None}
    if rest := [rule for rule in rules if rule_id(rule) not in known]:
        known |= {found.rule_id: found for found in run_suite({**suite, "expectations": rest}, by.frame())}
    return [known[rule_id(rule)] for rule in rules]


def _from_profile(rule: Mapping[str, Any], by: Answering) -> Outcome | None:
    return answer(rule, by.dataset, by.profile, by.rule) or from_cells(rule, by.layout, by.profile)
