"""What cells of categories say of a set of values."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from airflow_ml_monitor.expectations.found import Found, set_answer
from airflow_ml_monitor.profile.views import ColumnView

TYPES: Final = (
    "expect_column_values_to_be_in_set",
    "expect_column_values_to_not_be_in_set",
    "expect_column_distinct_values_to_be_in_set",
    "expect_column_distinct_values_to_contain_set",
    "expect_column_distinct_values_to_equal_set",
)
"""Rules on a set of values."""

_LIKE_TIMES: Final = re.compile(r"-?\d{4,}-\d{2}-\d{2}|\d{2}:\d{2}:\d{2}")
_TRUTH: Final = {"true": True, "false": False}


def answer(kind: str, kwargs: Mapping[str, Any], view: ColumnView) -> Found | None:
    """A rule with value_set; None where the answer depends on what type the texts had, or on what `other` holds."""
    names = view.binning.categories
    rows = {name: found for i, name in enumerate(names) if (found := view.cells.at(i))}
    members = kwargs["value_set"]
    readings = _readings(rows)
    if readings is None:
        return None
    rows_held = {_held(reading, members, rows, names, view.other) for reading in readings}
    held = next(iter(rows_held)) if len(rows_held) == 1 else None
    missing = _lacks(members, rows, names, view.other) if readings == ["text"] else None
    return set_answer(kind, kwargs, view.n, held=held, missing=missing)


def _readings(rows: Mapping[str, int]) -> list[str] | None:
    """What a frame may hold in place of these texts; None where that cannot be told."""
    if not rows or all(_LIKE_TIMES.match(name) or name[:1] in "[{" for name in rows):
        return None
    found = ["text"]
    if all(_number(name) is not None for name in rows):
        found.append("number")
    if set(rows) <= set(_TRUTH):
        found.append("truth")
    return found


def _held(reading: str, members: list[Any], rows: Mapping[str, int], names: tuple[str, ...], other: int) -> int | None:
    """Rows with a value of the set, if the texts are read so; None where `other` may hold one."""
    match reading:
        case "text":
            wanted: set[Any] = {m for m in members if isinstance(m, str)}
            is_covered = wanted <= set(names)
            found = [name in wanted for name in rows]
        case "number":
            wanted = {m for m in members if not isinstance(m, str)}
            # In a column of integers a number has one text.
            are_whole = all(str(_number(name)) == f"{name}.0" for name in rows)
            is_covered = are_whole and all(m != int(m) or str(int(m)) in names for m in wanted)
            found = [_number(name) in wanted for name in rows]
        case _:
            wanted = {m for m in members if not isinstance(m, str)}
            is_covered = False
            found = [_TRUTH[name] in wanted for name in rows]
    held = sum(count for count, is_held in zip(rows.values(), found, strict=True) if is_held)
    return held if is_covered or not other else None


def _lacks(members: list[Any], rows: Mapping[str, int], names: tuple[str, ...], other: int) -> bool | None:
    """Whether a text of the set did not arrive; None where `other` may hold it."""
    absent = [m for m in members if m not in rows]
    if any(not isinstance(m, str) or m in names or not other for m in absent):
        return True
    return None if absent else False


def _number(name: str) -> float | None:
    try:
        return float(name)
    except ValueError:
        return None
