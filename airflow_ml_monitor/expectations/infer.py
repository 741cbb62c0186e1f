"""Infers a suite from a reference: plain JSON, to be read, committed and edited."""

from __future__ import annotations

import math
from typing import Any, Final

from airflow_ml_monitor.errors import DataFault, ReferenceMismatch
from airflow_ml_monitor.expectations.chance import most_of_window, most_outside, mostly
from airflow_ml_monitor.expectations.feed import Feed
from airflow_ml_monitor.expectations.infer_feed import feed_rules
from airflow_ml_monitor.expectations.infer_rows import look_rules
from airflow_ml_monitor.expectations.rule import Rule, allowance, percent, presence, rule
from airflow_ml_monitor.expectations.suite import load_suite
from airflow_ml_monitor.keys import WHOLE
from airflow_ml_monitor.profile.cells import Profile
from airflow_ml_monitor.profile.dataset import Kind
from airflow_ml_monitor.profile.layout import MINUS_INF, PLUS_INF, RARE, Layout
from airflow_ml_monitor.profile.look import Look
from airflow_ml_monitor.profile.views import ColumnView

_TAIL: Final = 0.001
"""A range spans the reference from this quantile to its mirror image …"""
_LEAST_RANK: Final = 3
"""… and leaves out at least two values at either end: no outlier sets it."""
_MARGIN: Final = 0.25
"""It is widened by this share of its span: a contract finds broken data, drift has metrics of its own."""
_WORTH: Final = 0.5
"""A rule that fewer of the rows must keep says nothing."""


def infer_suite(
    layout: Layout, reference: Profile, look: Look | None = None, feed: Feed | None = None
) -> dict[str, Any]:
    """The suite that the reference keeps, and that a fresh window of the same world breaks once in 30,000 rules.

    From the cells: rows at all; every measured column there; its share of missing values (NULL and NaN); for numbers a
    range of values; for categories and booleans the values, with the share of others. From a look at the rows: keys,
    how texts are written, order and sums of columns. From the feed: rows a window, by weekday, and freshness.
    Shares and ranges allow for what so few reference rows leave unsure, and for windows of 500 rows.
    All rules are guesses: severity warning, meta.origin inferred, meta.why the reason. No value of fewer than 20
    reference rows, and none of a column of texts without a set, is in it.
    No rule on types: a number's dtype depends on who wrote the file, and the profile tells a wrong kind by itself.
    No range for datetimes: time passes. No set for a column whose categories are mostly too rare to be kept.
    Raises ReferenceMismatch where the reference has no rows, or a column did not arrive as declared.
    """
    if not reference.rows.get(WHOLE, 0):
        raise ReferenceMismatch("the reference has no rows; widen it, then infer the contract", field="reference")
    rules, listed = feed_rules(feed), set()
    for binning in layout.binnings:
        name = binning.column
        try:
            view = ColumnView.of(reference, layout, name)
        except DataFault as fault:
            raise ReferenceMismatch(f"no contract can be inferred: {fault.reason}", field="reference") from fault
        if not view.rows:
            raise ReferenceMismatch(f"the reference's profile has no cells of column {name!r}", field="reference")
        rules.append(rule("expect_column_to_exist", "a column of the monitor", column=name))
        values = _values(view)
        if any("value_set" in one["kwargs"] for one in values):
            listed.add(name)
        # A frame tells NaN from NULL no more.
        rules += presence(name, view.n + _infinite(view), view.rows) + values
    if look is not None:
        rules += look_rules(look, measured=[binning.column for binning in layout.binnings], listed=listed)
    return load_suite({"name": "inferred", "expectations": rules, "meta": {"origin": "inferred"}})


def _values(view: ColumnView) -> list[Rule]:
    if not view.n or view.kind is Kind.DATETIME:
        return []
    if view.kind is Kind.NUMERIC:
        return _range(view)
    kind, column = "expect_column_values_to_be_in_set", view.binning.column
    if view.kind is Kind.BOOLEAN:
        # Also right for a column of 0 and 1, which equal False and True.
        return [rule(kind, "true or false", column=column, value_set=[False, True])]
    most = most_of_window(view.other, view.n)
    if not view.binning.categories or (share := mostly(most)) < _WORTH:
        return []
    values = [value for category in view.binning.categories for value in _readings(category)]
    known = percent(view.n - view.other, view.n)
    why = f"{known} of {view.n:,} values, each in {RARE} rows or more; {allowance(most)} be others"
    return [rule(kind, why, column=column, value_set=values, mostly=share)]


def _range(view: ColumnView) -> list[Rule]:
    rank = max(_LEAST_RANK, math.ceil(_TAIL * view.n))
    infinite = _infinite(view)
    most = most_outside(rank, view.n)
    if infinite:
        most += most_of_window(infinite, view.n + infinite)
    if (share := mostly(most)) < _WORTH:
        return []
    low, high = view.order_statistic(rank), view.order_statistic(view.n + 1 - rank)
    margin = _MARGIN * (high - low)
    step = 10.0 ** math.floor(math.log10(margin) - 1) if margin > 0 else 0.0
    if step:
        low, high = math.floor((low - margin) / step) * step, math.ceil((high + margin) / step) * step
    # Amounts, ages and counts: a quantity that never crossed zero is taken not to.
    smallest, largest = view.extremes
    low, high = max(low, 0.0) if smallest >= 0 else low, min(high, 0.0) if largest <= 0 else high
    # Probabilities and shares.
    high = min(high, 1.0) if smallest >= 0 and largest <= 1 else high
    bounds: dict[str, Any] = {"min_value": _short(low), "max_value": _short(high), "mostly": share}
    why = (
        f"{percent(view.n - 2 * (rank - 1), view.n)} of {view.n:,} values, and a quarter of their span on either side; "
        f"{allowance(most)} lie outside"
    )
    return [rule("expect_column_values_to_be_between", why, column=view.binning.column, **bounds)]


def _infinite(view: ColumnView) -> int:
    return view.cells.at(MINUS_INF) + view.cells.at(PLUS_INF)


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
