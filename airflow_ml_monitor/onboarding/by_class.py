"""Score columns of several classes, found by the names of the classes. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from airflow_ml_monitor.onboarding.facts import ColumnFacts
from airflow_ml_monitor.onboarding.guess import ColumnGuess, Guess, Sureness, hints, words
from airflow_ml_monitor.profile.dataset import Kind, Role


def scores_of(classes: Sequence[Any], columns: Iterable[ColumnFacts]) -> dict[Any, str]:
    """The column of each class's score: numbers in [0, 1] under the class's name and a word for a score, as p_sport.

    Empty unless every class has one, and one alone.
    """
    shares = [c for c in columns if c.is_number and c.low is not None and 0 <= c.low <= (c.high or 0) <= 1]
    found: dict[Any, str] = {}
    for name in classes:
        mine = [c.name for c in shares if _is_score_of(words(c.name), words(str(name)))]
        if len(mine) != 1:
            return {}
        found[name] = mine[0]
    return found if len({*found.values()}) == len(found) else {}


def _is_score_of(column: tuple[str, ...], name: tuple[str, ...]) -> bool:
    """A class's words at one end, and nothing besides but words for a score."""
    if not name or len(column) <= len(name):
        return False
    ends = ((column[: -len(name)], column[-len(name) :]), (column[len(name) :], column[: len(name)]))
    return any(own == name and all(hints(word, "score", "prediction") for word in rest) for rest, own in ends)


def sum_to_one(sample: pa.Table, columns: Iterable[str]) -> bool:
    """Whether scores of a row are the chances of all there is."""
    total = sum(sample[name].to_pandas().to_numpy(float, na_value=np.nan) for name in columns)
    return bool(np.mean(np.abs(np.asarray(total) - 1) < 0.02) > 0.95)


def score_guesses(scores: Mapping[Any, str], told: str) -> tuple[ColumnGuess, ...]:
    """Columns of role score, each of its class."""
    guess = {name: Guess(column, Sureness.HIGH, told) for name, column in scores.items()}
    return tuple(ColumnGuess(scores[name], Kind.NUMERIC, Role.SCORE, guess[name], name) for name in scores)
