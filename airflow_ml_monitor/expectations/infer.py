"""Infers a suite from a frozen reference: plain JSON, to be read, committed and edited."""

from __future__ import annotations

import math
from typing import Any, Final

from scipy.stats import beta

from airflow_ml_monitor.errors import DataFault, ReferenceMismatch
from airflow_ml_monitor.expectations.suite import load_suite
from airflow_ml_monitor.keys import WHOLE
from airflow_ml_monitor.measurement import Severity
from airflow_ml_monitor.profile.cells import Profile
from airflow_ml_monitor.profile.dataset import Kind
from airflow_ml_monitor.profile.layout import MINUS_INF, PLUS_INF, Layout
from airflow_ml_monitor.profile.views import ColumnView

WINDOW_ROWS: Final = 500
"""Shares are allowed to wander as they do in a window of so many rows; smaller windows break rules more often."""
_SIGMAS: Final = 4.0
"""How far: about one false break in 30 000 rules of one window."""
_TAIL: Final = 0.001
"""A range spans the reference from this quantile to its mirror image: one outlier does not set it."""
_IN_RANGE: Final = 0.99

_Rule = dict[str, Any]


def infer_suite(layout: Layout, reference: Profile) -> dict[str, Any]:
    """The suite that the reference keeps, and so do fresh windows of 500 rows or more of the same world.

    Rows at all; every measured column there; its share of missing values (NULL and NaN); for numbers a range of
    values; for categories and booleans the values. All rules are guesses: severity warning, meta.origin inferred.
    No rule on types: a number's dtype depends on who wrote the file; a profile tells a wrong type by itself.
    No range for datetimes: time passes. No set for a column whose categories are all too rare to be kept.
    Raises ReferenceMismatch where the reference has no rows, or a column did not arrive as declared.
    """
    if not reference.rows.get(WHOLE, 0):
        raise ReferenceMismatch("the reference has no rows; widen it, then infer the contract", field="reference")
    rules = [_rule("expect_table_row_count_to_be_between", min_value=1)]
    for binning in layout.binnings:
        name = binning.column
        try:
            view = ColumnView.of(reference, layout, name)
        except DataFault as fault:
            raise ReferenceMismatch(f"no contract can be inferred: {fault.reason}", field="reference") from fault
        rules.append(_rule("expect_column_to_exist", column=name))
        if not view.rows:
            raise ReferenceMismatch(f"the reference's profile has no cells of column {name!r}", field="reference")
        rules += _presence(view) + _values(view)
    return load_suite({"name": "inferred", "expectations": rules, "meta": {"origin": "inferred"}})


def _rule(kind: str, **kwargs: Any) -> _Rule:
    return {
        "type": kind,
        "kwargs": kwargs,
        "severity": Severity.WARNING.value,
        "meta": {"origin": "inferred"},
    }


def _presence(view: ColumnView) -> list[_Rule]:
    # A frame tells NaN from NULL no more.
    missing = view.rows - view.n - _infinite(view)
    mostly = 1 - _highest_share(missing, view.rows)
    if mostly <= 0:
        return []
    return [_rule("expect_column_values_to_not_be_null", column=view.binning.column, mostly=_floor(mostly))]


def _values(view: ColumnView) -> list[_Rule]:
    if not view.n or view.kind is Kind.DATETIME:
        return []
    if view.kind is Kind.NUMERIC:
        return _range(view)
    if view.kind is Kind.BOOLEAN:
        # Also right for a column of 0 and 1, which equal False and True.
        return [_rule("expect_column_values_to_be_in_set", column=view.binning.column, value_set=[False, True])]
    mostly = 1 - _highest_share(view.other, view.n)
    if not view.binning.categories or mostly <= 0:
        return []
    values = [value for category in view.binning.categories for value in _readings(category)]
    return [
        _rule(
            "expect_column_values_to_be_in_set",
            column=view.binning.column,
            value_set=values,
            mostly=_floor(mostly),
        )
    ]


def _range(view: ColumnView) -> list[_Rule]:
    low, high = view.quantile(_TAIL), view.quantile(1 - _TAIL)
    # Widened by a quarter, so that a heavy tail stays inside; by more where few rows make the quantiles unsure.
    margin = (0.25 + 2 / math.sqrt(view.n)) * (high - low)
    step = 10.0 ** math.floor(math.log10(margin) - 1) if margin > 0 else 0.0
    if step:
        low, high = math.floor((low - margin) / step) * step, math.ceil((high + margin) / step) * step
    # Amounts, ages and counts: a quantity that never crossed zero is taken not to.
    smallest, largest = view.extremes
    low, high = max(low, 0.0) if smallest >= 0 else low, min(high, 0.0) if largest <= 0 else high
    mostly = _IN_RANGE - _highest_share(_infinite(view), view.n + _infinite(view)) if _infinite(view) else _IN_RANGE
    if mostly <= 0:
        return []
    bounds = {"min_value": _short(low), "max_value": _short(high), "mostly": _floor(mostly)}
    return [_rule("expect_column_values_to_be_between", column=view.binning.column, **bounds)]


def _infinite(view: ColumnView) -> int:
    return view.cells.at(MINUS_INF) + view.cells.at(PLUS_INF)


def _highest_share(hits: int, rows: int) -> float:
    """The share that a window may show: the upper 95 % bound, and the window's own noise.

    Clopper and Pearson 1934.
    """
    upper = 1.0 if hits >= rows else float(beta.ppf(0.975, hits + 1, rows - hits))
    return upper + _SIGMAS * math.sqrt(upper * (1 - upper) / WINDOW_ROWS)


def _readings(category: str) -> list[str | int | float | bool]:
    """A category as profiled, and as the number or boolean that a frame may hold in its place.

    >>> _readings("7"), _readings("07"), _readings("true")
    (['7', 7], ['07'], ['true', True])
    """
    if category in ("true", "false"):
        return [category, category == "true"]
    for read in (int, float):
        try:
            number = read(category)
        except ValueError:
            continue
        if repr(number) == category and math.isfinite(number):
            return [category, number]
    return [category]


def _short(bound: float) -> float:
    """Without the digits that binary fractions leave behind: 0.30000000000000004 is 0.3."""
    return float(f"{bound:.12g}")


def _floor(share: float) -> float:
    return math.floor(share * 10_000) / 10_000
