"""Rules that the window's profile answers: over all of its rows, without another read, and without Great Expectations.

Exactly or not at all: where cells leave open how many rows keep a rule (a bound inside a bucket, a category too rare
to have one), or what type a value had, Great Expectations is asked. A test holds every type against it.

Datetimes are counted only: cells do not know whether the column's times name their zone, and a bound that differs from
them in that is an error. Categories are compared as text; as numbers or booleans where all of them read as such. A
column of bytes or UUIDs that is declared categorical is its text here, which a suite means by 'web' as well.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from airflow_ml_monitor.errors import DataFault
from airflow_ml_monitor.expectations import categories, numbers
from airflow_ml_monitor.expectations.found import Found, kept_mostly
from airflow_ml_monitor.expectations.outcome import By, Outcome, judged
from airflow_ml_monitor.profile.cells import Profile
from airflow_ml_monitor.profile.dataset import Kind
from airflow_ml_monitor.profile.layout import NAN, NULL, Layout
from airflow_ml_monitor.profile.views import ColumnView

_Arguments = Mapping[str, Any]


def is_known(rule: Mapping[str, Any]) -> bool:
    """True if the type and the arguments are such that cells may answer; Great Expectations accepts them as well."""
    reading = ANSWERED.get(rule["type"])
    kwargs = rule["kwargs"]
    if reading is None or set(kwargs) - set(reading.arguments) or not reading.needed <= set(kwargs):
        return False
    if reading.is_between and kwargs.get("min_value") is None and kwargs.get("max_value") is None:
        return False
    return all(reading.arguments[name](value) for name, value in kwargs.items())


def from_cells(rule: Mapping[str, Any], layout: Layout, profile: Profile) -> Outcome | None:
    """A rule's outcome; None where cells cannot answer it."""
    if not is_known(rule) or "" in profile.faults:
        return None
    # Of rows that are drawn no rule is answered that speaks of all: `view.rows` are fewer.
    kwargs, rows = rule["kwargs"], profile.population
    if rule["type"] in _OF_ROWS:
        found: Found | None = Found(numbers.is_within((rows, rows), kwargs) or False, rows)
    elif kwargs["column"] not in layout:
        return None
    else:
        try:
            view = ColumnView.of(profile, layout, kwargs["column"])
        except DataFault:
            # Great Expectations tells a missing column's rules from those that a column of another type can keep.
            return None
        found = _of_column(rule["type"], kwargs, view, rows)
    if found is None:
        return None
    return judged(rule, kept=found.kept, checked=found.checked, unexpected=found.unexpected, by=By.CELLS)


def _of_column(kind: str, kwargs: _Arguments, view: ColumnView, rows: int) -> Found | None:
    if view.rows != rows:
        # Cells of another scan than the row count: no statement about all rows.
        return None
    if kind == "expect_column_to_exist":
        return Found(True, rows)
    # A frame tells NaN from NULL no more.
    nulls = view.cells.at(NULL) + view.cells.at(NAN)
    if kind in _OF_NULLS:
        return _OF_NULLS[kind](kwargs, rows, nulls)
    if not rows - nulls:
        return Found(False, 0)
    if view.kind is Kind.DATETIME:
        return None
    if kind in _OF_SETS:
        asked = categories.answer if view.kind is Kind.CATEGORICAL else numbers.answer
        return asked(kind, kwargs, view)
    return numbers.between(kind, kwargs, view) if view.kind is Kind.NUMERIC else None


def _not_null(kwargs: _Arguments, rows: int, nulls: int) -> Found:
    return kept_mostly(kwargs, rows, nulls)


def _null(kwargs: _Arguments, rows: int, nulls: int) -> Found:
    return kept_mostly(kwargs, rows, rows - nulls)


def _share(kwargs: _Arguments, rows: int, nulls: int) -> Found | None:
    share = (rows - nulls) / rows if rows else 0.0
    kept = numbers.is_within((share, share), kwargs)
    return None if kept is None else Found(kept, rows)


_OF_ROWS: Final = ("expect_table_row_count_to_be_between", "expect_table_row_count_to_equal")
_OF_NULLS: Final[Mapping[str, Callable[[_Arguments, int, int], Found | None]]] = {
    "expect_column_values_to_not_be_null": _not_null,
    "expect_column_values_to_be_null": _null,
    "expect_column_proportion_of_non_null_values_to_be_between": _share,
}
_OF_SETS: Final = (*categories.TYPES,)


def _is_name(value: Any) -> bool:
    return isinstance(value, str) and bool(value)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _is_bound(value: Any) -> bool:
    return value is None or _is_number(value)


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_flag(value: Any) -> bool:
    return isinstance(value, bool)


def _is_share(value: Any) -> bool:
    return _is_number(value) and 0 <= value <= 1


def _is_set(value: Any) -> bool:
    # Great Expectations evaluates an empty set in ways of its own.
    return isinstance(value, list) and bool(value) and all(isinstance(v, (str, bool)) or _is_number(v) for v in value)


@dataclass(frozen=True, slots=True)
class _Reading:
    """What a type's arguments may be for cells to answer it."""

    arguments: Mapping[str, Callable[[Any], bool]]
    needed: frozenset[str]
    is_between: bool = False


_COLUMN: Final = {"column": _is_name}
_BETWEEN: Final = {"min_value": _is_bound, "max_value": _is_bound, "strict_min": _is_flag, "strict_max": _is_flag}
_ROWS: Final = {**_BETWEEN, "min_value": _is_whole, "max_value": _is_whole}
_MOSTLY: Final = {"mostly": _is_share}
_NAMED: Final = frozenset({"column"})
ANSWERED: Final[Mapping[str, _Reading]] = {
    "expect_table_row_count_to_equal": _Reading({"value": _is_whole}, frozenset({"value"})),
    "expect_table_row_count_to_be_between": _Reading(_ROWS, frozenset(), is_between=True),
    "expect_column_to_exist": _Reading(_COLUMN, _NAMED),
    "expect_column_values_to_not_be_null": _Reading({**_COLUMN, **_MOSTLY}, _NAMED),
    "expect_column_values_to_be_null": _Reading({**_COLUMN, **_MOSTLY}, _NAMED),
    "expect_column_values_to_be_between": _Reading({**_COLUMN, **_BETWEEN, **_MOSTLY}, _NAMED, is_between=True),
    **{
        f"expect_column_{of}_to_be_between": _Reading({**_COLUMN, **_BETWEEN}, _NAMED, is_between=True)
        for of in ("min", "max", "mean", "median", "stdev", "sum", "proportion_of_non_null_values")
    },
    **{
        name: _Reading({**_COLUMN, "value_set": _is_set, **more}, frozenset({"column", "value_set"}))
        for name, more in {
            "expect_column_values_to_be_in_set": _MOSTLY,
            "expect_column_values_to_not_be_in_set": _MOSTLY,
            "expect_column_distinct_values_to_be_in_set": {},
            "expect_column_distinct_values_to_contain_set": {},
            "expect_column_distinct_values_to_equal_set": {},
        }.items()
    },
}  # fmt: skip
"""The types that cells may answer."""
