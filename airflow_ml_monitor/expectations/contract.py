"""A suite on one window: what its profile answers, the rest in the database that holds its rows, or on them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
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

    from airflow_ml_monitor.expectations.suite import Rules
    from airflow_ml_monitor.profile.engines.databases.in_place import InPlace


@dataclass(frozen=True, slots=True)
class Answering:
    """What answers a suite: a window's profile, and its rows.

    rule: of the window. in_place: opens the rows where they are a table of a database, else gives None. frame: reads
    the rows, or the first of them. Each is called at most once, and not where what comes before it answers every rule.
    """

    dataset: Dataset
    rule: WindowRule
    layout: Layout
    profile: Profile
    in_place: Callable[[], AbstractContextManager[InPlace | None]]
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
        known |= _in_place(rest, by)
    if rest := [rule for rule in rest if rule_id(rule) not in known]:
        known |= {found.rule_id: found for found in run_suite({**suite, "expectations": rest}, by.frame())}
    return [known[rule_id(rule)] for rule in rules]


def _in_place(rules: Rules, by: Answering) -> dict[str, Outcome]:
    with by.in_place() as place:
        if place is None:
            return {}
        from airflow_ml_monitor.expectations.in_database import run_in_place

        return run_in_place(rules, place)


def _from_profile(rule: Mapping[str, Any], by: Answering) -> Outcome | None:
    return answer(rule, by.dataset, by.profile, by.rule) or from_cells(rule, by.layout, by.profile)
