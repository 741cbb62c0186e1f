"""Rules on a whole window, answered from its profile: volume by weekday, freshness, and keys.

No frame could: it holds the first rows of a window only, and not always its key and event time. As Great Expectations
would run them, such rules say what is true of any window: `min_value` and `max_value` span all weekdays, and the newest
row is not older than the reference's. Here `meta` sharpens them: `window` says of which windows they are, `by_weekday`
holds [least, most] of each, `seconds_before_end` says from when on there must be a row.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from airflow_ml_monitor.errors import SpecError
from airflow_ml_monitor.expectations.feed import WEEKDAYS, weekday
from airflow_ml_monitor.expectations.outcome import By, Outcome, Ruling, outcome
from airflow_ml_monitor.expectations.suite import rule_columns
from airflow_ml_monitor.keys import WindowRule
from airflow_ml_monitor.profile.cells import Profile
from airflow_ml_monitor.profile.dataset import Dataset

_ROWS: Final = "expect_table_row_count_to_be_between"
_NEWEST: Final = "expect_column_max_to_be_between"
_UNIQUE: Final = ("expect_column_values_to_be_unique", "expect_compound_columns_to_be_unique")

_ARGUMENTS: Final = frozenset({"column", "min_value", "max_value"})


def is_whole(rule: Mapping[str, Any], dataset: Dataset) -> bool:
    """True of a rule that is answered here: it has a `meta.window`, or is about the dataset's whole key.

    Rows without a key count as one key, so that all but one of them repeat it.
    """
    if rule["type"] in _UNIQUE:
        # A share of repeats is another count: of rows that share their key, not of those beyond its first.
        return set(rule_columns(rule)) == set(dataset.entity_key) and "mostly" not in rule["kwargs"]
    of_newest = rule["type"] == _NEWEST and rule_columns(rule) == (dataset.event_time,)
    return "window" in rule["meta"] and (of_newest or rule["type"] == _ROWS)


def check_whole(rule: Mapping[str, Any]) -> None:
    """SpecError where the meta of a rule on whole windows is none, before data is read."""
    meta, field = rule["meta"], f"contract.{rule['meta'].get('rule_id', rule['type'])}"
    if "window" not in meta:
        return
    if rule["type"] == _ROWS:
        by_weekday = meta.get("by_weekday") or {}
        if not isinstance(by_weekday, Mapping):
            raise SpecError(f"by_weekday is {by_weekday!r}; write monday: [least, most]", field=field)
        for day, bounds in by_weekday.items():
            if day not in WEEKDAYS or not _is_range(bounds):
                raise SpecError(f"{day!r}: {bounds!r} is no weekday's range; write monday: [least, most]", field=field)
    elif rule["type"] == _NEWEST:
        seconds = meta.get("seconds_before_end")
        if not _is_number(seconds) or seconds < 0:
            raise SpecError(f"seconds_before_end is {seconds!r}; give the seconds, e.g. 3600", field=field)
    else:
        raise SpecError(f"meta.window is for {_ROWS} and {_NEWEST}; remove it", field=field)


def is_plain(rule: Mapping[str, Any]) -> bool:
    """True of a rule that Great Expectations would accept, as its arguments are such as are answered here."""
    kwargs = rule["kwargs"]
    if rule["type"] in _UNIQUE:
        name = "column" if rule["type"] == _UNIQUE[0] else "column_list"
        return set(kwargs) == {name} and bool(rule_columns(rule))
    return "window" in rule["meta"] and rule["type"] in (_ROWS, _NEWEST) and set(kwargs) <= _ARGUMENTS


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _is_range(bounds: Any) -> bool:
    return isinstance(bounds, list) and len(bounds) == 2 and all(map(_is_number, bounds)) and bounds[0] <= bounds[1]


def answer(rule: Mapping[str, Any], dataset: Dataset, profile: Profile, of: WindowRule) -> Outcome | None:
    """The outcome of a rule on whole windows; None of any other.

    NOTHING where the rule is about windows of another unit, or there are no rows of which it could be true.
    """
    if not is_whole(rule, dataset):
        return None
    check_whole(rule)
    rows, meta = profile.population, rule["meta"]
    if (unit := meta.get("window")) not in (None, str(of.unit)):
        return outcome(
            rule, Ruling.NOTHING, by=By.CELLS, reason=f"about windows of a {unit}, and this one is a {of.unit}"
        )
    if rule["type"] in _UNIQUE:
        return _unique(rule, profile, rows)
    if rule["type"] == _NEWEST:
        return _fresh(rule, profile, rows)
    day = weekday(of, profile.window)
    kwargs = rule["kwargs"]
    low, high = meta.get("by_weekday", {}).get(day, (kwargs.get("min_value"), kwargs.get("max_value")))
    if (low is None or rows >= low) and (high is None or rows <= high):
        return outcome(rule, Ruling.PASS, by=By.CELLS, checked=rows)
    span = f"{low:,} or more" if high is None else f"{high:,} or fewer" if low is None else f"{low:,} to {high:,}"
    when = f" on a {day}" if day in meta.get("by_weekday", {}) else ""
    return outcome(rule, Ruling.FAIL, by=By.CELLS, checked=rows, reason=f"{rows:,} rows, expected {span}{when}")


def _unique(rule: Mapping[str, Any], profile: Profile, rows: int) -> Outcome:
    if "" in profile.faults:
        return outcome(
            rule, Ruling.ERROR, by=By.CELLS, reason=f"{profile.faults['']}: {rule['type']} was not evaluated"
        )
    if not rows:
        return outcome(rule, Ruling.NOTHING, by=By.CELLS, checked=0, reason="no row has a key to repeat")
    if not (repeated := profile.duplicates):
        return outcome(rule, Ruling.PASS, by=By.CELLS, checked=rows, unexpected=0)
    return outcome(
        rule,
        Ruling.FAIL,
        by=By.CELLS,
        checked=rows,
        unexpected=repeated,
        reason=f"{repeated:,} of {rows:,} rows repeat a key",
    )


def _fresh(rule: Mapping[str, Any], profile: Profile, rows: int) -> Outcome:
    newest: datetime | None = profile.newest
    if newest is None:
        return outcome(rule, Ruling.NOTHING, by=By.CELLS, checked=0, reason="no row has an event time")
    allowed = timedelta(seconds=rule["meta"]["seconds_before_end"])
    age = profile.window.end - newest
    if age <= allowed:
        return outcome(rule, Ruling.PASS, by=By.CELLS, checked=rows)
    late = timedelta(seconds=round(age.total_seconds()))
    return outcome(
        rule,
        Ruling.FAIL,
        by=By.CELLS,
        checked=rows,
        reason=f"the newest row is {late} before the window's end; allowed: {allowed}",
    )
