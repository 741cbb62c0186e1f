"""Which column tells rows whose labels take long. Facts → guesses, pure.

Among the labels at hand of a young window slow rows are missing: what estimates a window takes them for like the quick
ones, unless the column that tells them apart has the role `delay_stratum`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from airflow_ml_monitor.onboarding.explained import Explained, explained, mature
from airflow_ml_monitor.onboarding.facts import Facts
from airflow_ml_monitor.onboarding.guess import ColumnGuess, Sureness
from airflow_ml_monitor.profile.dataset import Kind, Role

Columns = tuple[ColumnGuess, ...]


def with_stratum(columns: Columns, facts: Facts, times: tuple[Any, Any], label: Any) -> Columns:
    """The columns, with the delay stratum among them, where one explains how long labels take.

    times: the guessed event time and label time; label: the guessed label. A number has no names and cannot be the
    stratum: if it explains more, that is said beside it.
    """
    found = _explained(columns, facts, times, label)
    numbers = {c.name for c in columns if c.kind is Kind.NUMERIC}
    best, chosen = next(iter(found), ""), next((name for name in found if name not in numbers), "")
    said = []
    for column in columns:
        if column.name == chosen:
            said.append(replace(_told(column, f"{found[chosen]}", Sureness.MEDIUM), role=Role.DELAY_STRATUM))
        elif column.name == best:
            told = f"{found[best]}: make a column of its classes, with the role delay_stratum"
            said.append(_told(column, told, column.guess.sureness))
        else:
            said.append(column)
    return tuple(said)


def _explained(columns: Columns, facts: Facts, times: tuple[Any, Any], label: Any) -> dict[str, Explained]:
    labelled = facts.joins[0].labelled if facts.joins else None
    if labelled is None or times[0] not in labelled.asked or times[1] not in labelled.told:
        return {}
    place, delay = mature(labelled, times)
    kinds = {c.name: c.kind for c in columns if c.role is Role.FEATURE}
    rows = facts.current.sample.select(list(kinds)).take(labelled.row[place]).to_pandas()
    classes = np.zeros(len(place), np.int64)
    if label in labelled.values:
        classes = pd.factorize(labelled.values[label][place])[0]
    return explained(rows, kinds, labelled.asked[times[0]][place], delay, classes)


def _told(column: ColumnGuess, told: str, sureness: Sureness) -> ColumnGuess:
    guess = replace(column.guess, sureness=sureness, evidence=f"{column.guess.evidence}; {told}")
    return replace(column, guess=guess)
