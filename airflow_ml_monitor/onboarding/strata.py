"""Which column tells rows whose labels take long. Facts → guesses, pure.

Among the labels at hand of a young window slow rows are missing: what estimates a window takes them for like the quick
ones, unless the column that tells them apart has the role `delay_stratum`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

import numpy as np
import pandas as pd

from airflow_ml_monitor.onboarding.explained import Explained, explained, mature
from airflow_ml_monitor.onboarding.facts import Facts
from airflow_ml_monitor.onboarding.guess import ColumnGuess, Sureness
from airflow_ml_monitor.profile.dataset import Role

_MOSTLY: Final = 0.9
"""Of the labels; where they come within a day nothing is awaited that could be told apart."""

Columns = tuple[ColumnGuess, ...]


def with_stratum(columns: Columns, facts: Facts, times: tuple[Any, Any], label: Any) -> Columns:
    """The columns, with the delay stratum among them, where one explains how long labels take: the one that does most.

    times: the guessed event time and label time; label: the guessed label.
    """
    found = _explained(columns, facts, times, label)
    chosen = next(iter(found), "")
    return tuple(_chosen(column, found[chosen]) if column.name == chosen else column for column in columns)


def _explained(columns: Columns, facts: Facts, times: tuple[Any, Any], label: Any) -> dict[str, Explained]:
    labelled = facts.joins[0].labelled if facts.joins else None
    if labelled is None or times[0] not in labelled.asked or times[1] not in labelled.told:
        return {}
    place, delay = mature(labelled, times)
    if not delay.size or np.quantile(delay, _MOSTLY) < 1:
        return {}  # ages are counted in days
    kinds = {c.name: c.kind for c in columns if c.role is Role.FEATURE}
    rows = facts.current.sample.select(list(kinds)).take(labelled.row[place]).to_pandas()
    classes = np.zeros(len(place), np.int64)
    if label in labelled.values:
        classes = pd.factorize(labelled.values[label][place])[0]
    return explained(rows, kinds, labelled.asked[times[0]][place], delay, classes)


def _chosen(column: ColumnGuess, found: Explained) -> ColumnGuess:
    guess = replace(column.guess, sureness=Sureness.MEDIUM, evidence=f"{column.guess.evidence}; {found}")
    return replace(column, role=Role.DELAY_STRATUM, guess=guess)
