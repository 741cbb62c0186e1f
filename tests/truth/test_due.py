"""Which windows are due for a performance measurement, and when their labels may be judged."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_ml_monitor.keys import Window
from airflow_ml_monitor.profile.label_source import LabelSource
from airflow_ml_monitor.truth.due import due
from airflow_ml_monitor.truth.maturity import maturity

START = datetime(2026, 1, 1, tzinfo=UTC)
LABELS = LabelSource("repaid", "labels.csv", "default", ("loan",), horizon=timedelta(days=10), mature_at=0.8)
HOUR = timedelta(hours=1)


def day(i: int) -> Window:
    return Window(START + timedelta(days=i), START + timedelta(days=i + 1))


def end(i: int) -> datetime:
    return day(i).end


def test_a_window_never_measured_is_due_as_soon_as_it_is_over() -> None:
    assert due([day(0)], {}, [], LABELS, end(0) - HOUR) == []
    assert due([day(0)], {}, [], LABELS, end(0)) == [day(0)]


def test_a_measured_window_without_new_labels_is_not_due() -> None:
    assert due([day(0)], {day(0): end(0)}, [], LABELS, end(5)) == []


def test_a_window_that_labels_touched_is_due_again() -> None:
    assert due([day(0), day(1)], {day(0): end(1), day(1): end(1)}, [day(1)], LABELS, end(5)) == [day(1)]


def test_labels_of_a_window_that_is_not_over_make_it_not_due() -> None:
    assert due([day(3)], {}, [day(3)], LABELS, end(2)) == []


def test_labels_of_a_window_without_predictions_make_nothing_due() -> None:
    assert due([], {}, [day(0)], LABELS, end(5)) == []


def test_a_label_after_the_horizon_still_makes_its_window_due() -> None:
    assert due([day(0)], {day(0): end(20)}, [day(0)], LABELS, end(30)) == [day(0)]


@pytest.mark.parametrize(
    ("measured", "now", "is_due"),
    [
        (end(0) + timedelta(days=5), end(10) - HOUR, False),  # the horizon, end(10), is still ahead
        (end(0) + timedelta(days=5), end(10), True),  # it passes at this very moment
        (end(10) - HOUR, end(15), True),  # measured just before it
        (end(10), end(15), False),  # measured at it: that was final
        (end(11), end(15), False),
    ],
)
def test_a_window_is_due_once_more_when_its_horizon_has_passed_since(
    measured: datetime, now: datetime, is_due: bool
) -> None:
    assert (due([day(0)], {day(0): measured}, [], LABELS, now) == [day(0)]) is is_due


def test_the_oldest_window_comes_first() -> None:
    assert due({day(2), day(0), day(1)}, {}, [], LABELS, end(9)) == [day(0), day(1), day(2)]


@given(
    measured=st.dictionaries(st.integers(0, 30), st.integers(0, 40), max_size=20),
    touched=st.sets(st.integers(0, 30), max_size=10),
    now=st.integers(0, 60),
)
def test_what_was_measured_now_is_due_no_more(measured: dict[int, int], touched: set[int], now: int) -> None:
    windows = [day(i) for i in range(31)]
    then = {day(i): day(i).end + timedelta(days=after) for i, after in measured.items()}
    known_at = START + timedelta(days=now)
    found = due(windows, then, [day(i) for i in touched], LABELS, known_at)
    again = due(windows, {**then, **dict.fromkeys(found, known_at)}, [], LABELS, known_at)
    assert again == []


@pytest.mark.parametrize(
    ("coverage", "now", "is_mature", "is_final"),
    [
        (0.79, end(3), False, False),
        (0.8, end(3), True, False),  # exactly mature_at
        (1.0, end(0), True, False),  # complete, yet a label may still be corrected
        (0.0, end(10) - HOUR, False, False),
        (0.0, end(10), True, True),  # nothing more is awaited
        (0.5, end(40), True, True),
    ],
)
def test_labels_are_mature_by_coverage_or_by_horizon(
    coverage: float, now: datetime, is_mature: bool, is_final: bool
) -> None:
    found = maturity(coverage, day(0), LABELS, now)
    assert (found.coverage, found.is_mature, found.is_final) == (coverage, is_mature, is_final)
    assert found.ripe_at == end(10)


@given(coverage=st.floats(0, 1), now=st.integers(0, 40), later=st.integers(0, 40))
def test_mature_labels_never_become_immature_by_waiting(coverage: float, now: int, later: int) -> None:
    moments = (end(now), end(now + later))
    first, second = (maturity(coverage, day(0), LABELS, moment) for moment in moments)
    assert second.is_mature >= first.is_mature
    assert second.is_final >= first.is_final
