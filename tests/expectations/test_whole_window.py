"""Volume, freshness and keys, by a window's profile."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from airflow_ml_monitor.errors import SpecError
from airflow_ml_monitor.expectations.feed import Feed
from airflow_ml_monitor.expectations.infer_feed import feed_rules
from airflow_ml_monitor.expectations.outcome import Ruling
from airflow_ml_monitor.expectations.suite import load_suite
from airflow_ml_monitor.expectations.whole_window import answer, check_whole
from airflow_ml_monitor.keys import WHOLE, Window, WindowRule, WindowUnit
from airflow_ml_monitor.profile.cells import Profile
from airflow_ml_monitor.profile.dataset import Dataset

DAY, WEEK = WindowRule(WindowUnit.DAY), WindowRule(WindowUnit.WEEK)
MONDAY = datetime(2026, 1, 5, tzinfo=UTC)
DATASET = Dataset("d", None, (), "at", entity_key=("id",))


def profile(day: int = 0, rows: int = 100, **more: Any) -> Profile:
    start = MONDAY + timedelta(days=day)
    return Profile("d", Window(start, start + timedelta(days=1)), "layout", {WHOLE: rows}, {}, **more)


def loaded(kind: str, meta: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
    return load_suite({"expectations": [{"type": kind, "kwargs": kwargs, "meta": meta}]})["expectations"][0]


def verdict(rule: dict[str, Any], seen: Profile, of: WindowRule = DAY) -> Ruling | None:
    found = answer(rule, DATASET, seen, of)
    return found and found.status


VOLUME = loaded(
    "expect_table_row_count_to_be_between",
    {"window": "day", "by_weekday": {"monday": [90, 110], "sunday": [0, 10]}},
    min_value=50,
    max_value=200,
)


def test_a_weekday_has_a_range_of_its_own_and_other_days_the_whole() -> None:
    assert [verdict(VOLUME, profile(rows=n)) for n in (89, 90, 110, 111)] == ["fail", "pass", "pass", "fail"]
    assert verdict(VOLUME, profile(6, rows=0)) == "pass"
    assert verdict(VOLUME, profile(6, rows=11)) == "fail"
    assert [verdict(VOLUME, profile(1, rows=n)) for n in (49, 50, 200, 201)] == ["fail", "pass", "pass", "fail"]


def test_the_weekday_is_that_of_the_windows_own_clock() -> None:
    # Sunday 12:00 UTC is already Monday in Auckland.
    start = datetime(2026, 1, 4, 11, tzinfo=UTC)
    seen = replace(profile(rows=100), window=Window(start, start + timedelta(days=1)))
    assert verdict(VOLUME, seen, WindowRule(WindowUnit.DAY, "Pacific/Auckland")) == "pass"
    assert verdict(VOLUME, seen, DAY) == "fail"


def test_a_rule_on_days_is_not_asked_of_a_week() -> None:
    found = answer(VOLUME, DATASET, profile(rows=700), WEEK)
    assert found is not None
    assert (found.status, found.reason) == (Ruling.NOTHING, "about windows of a day, and this one is a week")


def test_the_reason_names_counts_and_range() -> None:
    found = answer(VOLUME, DATASET, profile(rows=50), DAY)
    assert found is not None
    assert found.reason == "50 rows, expected 90 to 110 on a monday"


def test_freshness_is_told_from_the_windows_end() -> None:
    meta = {"window": "day", "seconds_before_end": 3600}
    rule = loaded("expect_column_max_to_be_between", meta, column="at", min_value="2026-01-01T00:00:00+00:00")
    end = profile().window.end
    assert verdict(rule, profile(newest=end - timedelta(hours=1))) == "pass"
    assert verdict(rule, profile(newest=end - timedelta(hours=1, seconds=1))) == "fail"
    assert verdict(rule, profile(rows=0)) == "nothing"


def test_a_key_is_unique_or_repeated_in_the_whole_window() -> None:
    rule = loaded("expect_column_values_to_be_unique", {}, column="id")
    assert verdict(rule, profile()) == "pass"
    found = answer(rule, DATASET, profile(duplicates=3), DAY)
    assert found is not None
    assert (found.status, found.unexpected, found.reason) == (Ruling.FAIL, 3, "3 of 100 rows repeat a key")
    assert verdict(rule, profile(faults={"": "column 'id' (entity key) is missing"})) == "error"


def test_a_rule_on_rows_is_left_to_rows() -> None:
    assert answer(loaded("expect_column_values_to_be_unique", {}, column="other"), DATASET, profile(), DAY) is None
    assert (
        answer(loaded("expect_column_values_to_be_unique", {}, column="id", mostly=0.9), DATASET, profile(), DAY)
        is None
    )
    assert answer(loaded("expect_table_row_count_to_be_between", {}, min_value=1), DATASET, profile(), DAY) is None


@pytest.mark.parametrize(
    ("kind", "meta", "told"),
    [
        (
            "expect_table_row_count_to_be_between",
            {"window": "day", "by_weekday": {"mon": [1, 2]}},
            "no weekday's range",
        ),
        ("expect_table_row_count_to_be_between", {"window": "day", "by_weekday": {"monday": [2, 1]}}, "no weekday's"),
        (
            "expect_table_row_count_to_be_between",
            {"window": "day", "by_weekday": {"monday": [None, 3]}},
            "no weekday's",
        ),
        ("expect_table_row_count_to_be_between", {"window": "day", "by_weekday": {"monday": ["a", 3]}}, "no weekday's"),
        ("expect_table_row_count_to_be_between", {"window": "day", "by_weekday": [1]}, "by_weekday is"),
        ("expect_column_max_to_be_between", {"window": "day"}, "seconds_before_end is None"),
        (
            "expect_column_max_to_be_between",
            {"window": "day", "seconds_before_end": True},
            "seconds_before_end is True",
        ),
        ("expect_column_to_exist", {"window": "day"}, "remove it"),
    ],
)
def test_what_is_wrong_in_a_rules_meta_is_said_before_data_is_read(kind: str, meta: dict[str, Any], told: str) -> None:
    with pytest.raises(SpecError, match=told):
        check_whole(loaded(kind, meta, column="at"))


STEP = timedelta(minutes=15)


def feed(rows: dict[int, int], days: int = 60) -> Feed:
    """Days of 96 even steps; rows: a step, by weekday."""
    steps = [
        (MONDAY + timedelta(days=d) + i * STEP, rows[d % 7]) for d in range(days) for i in range(96) if rows[d % 7]
    ]
    return Feed.of(steps, DAY, "at", STEP)


def test_a_feed_counts_whole_windows_and_those_without_rows() -> None:
    found = feed({0: 1, 1: 2, 2: 0, 3: 1, 4: 1, 5: 1, 6: 1}, days=9)
    # The first and the last day may be cut; Wednesday brought nothing.
    assert [(w.weekday, w.rows) for w in found.windows[:3]] == [("tuesday", 192), ("wednesday", 0), ("thursday", 96)]
    assert len(found.windows) == 7
    assert found.windows[0].last == MONDAY + timedelta(days=2) - STEP
    assert found.windows[1].last is None


def test_a_day_off_may_stay_without_rows_and_no_other_day() -> None:
    volume, _ = feed_rules(feed({0: 3, 1: 3, 2: 3, 3: 3, 4: 3, 5: 3, 6: 0}))
    by = volume["meta"]["by_weekday"]
    assert by["sunday"][0] == 0
    assert min(low for day, (low, _) in by.items() if day != "sunday") > 150


def test_an_outage_in_the_past_does_not_widen_what_is_expected() -> None:
    whole = feed(dict.fromkeys(range(7), 3))
    hole = replace(
        whole, windows=tuple(replace(w, rows=0, last=None) if i == 20 else w for i, w in enumerate(whole.windows))
    )
    low = feed_rules(whole)[0]["meta"]["by_weekday"]["monday"][0]
    assert feed_rules(hole)[0]["meta"]["by_weekday"]["monday"][0] == pytest.approx(low, rel=0.05)


def test_too_short_a_feed_says_only_that_there_are_rows() -> None:
    for short in (None, feed(dict.fromkeys(range(7), 3), days=6)):
        [only] = feed_rules(short)
        assert only["kwargs"] == {"min_value": 1}
