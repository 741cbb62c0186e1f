"""How an inferred rule is written."""

from __future__ import annotations

from typing import Any, Final

from airflow_ml_monitor.expectations.chance import WINDOW_ROWS, most_of_window, mostly
from airflow_ml_monitor.measurement import Severity

Rule = dict[str, Any]

SEEN: Final = 100
"""Of fewer reference values nothing is inferred but that the column is there."""


def rule(kind: str, why: str, /, *, about: dict[str, Any] | None = None, **kwargs: Any) -> Rule:
    """An expectation that is a guess: a warning, with its origin and its reason.

    about: what else stands in its meta.
    """
    meta = {"origin": "inferred", "why": why, **(about or {})}
    return {"type": kind, "kwargs": kwargs, "severity": Severity.WARNING.value, "meta": meta}


def allowance(hits: int) -> str:
    """How many rows may break a rule, in words."""
    return f"{hits} of a window's {WINDOW_ROWS} may" if hits else f"none of a window's {WINDOW_ROWS} may"


def percent(part: int, whole: int) -> str:
    """A share in words, never rounded up to all.

    >>> percent(995, 1000), percent(99_999, 100_000), percent(3, 3)
    ('99.5 %', '99.9 %', '100 %')
    """
    if part == whole:
        return "100 %"
    return f"{int(part / whole * 1000) / 10:g} %"


def presence(column: str, present: int, rows: int) -> list[Rule]:
    """How many rows of a window may lack a value; nothing where all of them may."""
    most = most_of_window(rows - present, rows)
    if (share := mostly(most)) <= 0:
        return []
    why = f"{percent(present, rows)} of {rows:,} rows have a value; {allowance(most)} lack it"
    return [rule("expect_column_values_to_not_be_null", why, column=column, mostly=share)]
