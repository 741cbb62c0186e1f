"""When labels are enough: more of them never makes them too few; what is not asked for is not waited for."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_ml_monitor.errors import SpecError
from airflow_ml_monitor.keys import Window
from airflow_ml_monitor.profile.label_source import LabelMode, LabelSource
from airflow_ml_monitor.truth.maturity import AtHand, Enough, maturity

START = datetime(2026, 1, 1, tzinfo=UTC)
DAY = Window(START, START + timedelta(days=1))
LABELS = LabelSource("repaid", "labels.csv", "default", ("loan",), horizon=timedelta(days=10), mature_at=0.8)

counts = st.integers(0, 50)
shares = st.floats(0, 1)
enoughs = st.builds(Enough, shares, counts, counts, counts)
at_hands = st.builds(AtHand, shares, counts, counts, counts)


@given(enoughs, at_hands, at_hands)
def test_more_labels_are_never_too_few(enough: Enough, some: AtHand, others: AtHand) -> None:
    names = ("coverage", "positives", "negatives", "arrived")
    more = AtHand(*(max(getattr(some, name), getattr(others, name)) for name in names))
    if enough.is_met(some):
        assert enough.is_met(more)


@given(enoughs)
def test_exactly_what_is_asked_for_is_enough_and_a_row_less_of_any_is_not(enough: Enough) -> None:
    just = AtHand(enough.coverage, enough.positives, enough.negatives, enough.arrived)
    assert enough.is_met(just)
    for name in ("positives", "negatives", "arrived"):
        if asked := getattr(enough, name):
            assert not enough.is_met(replace(just, **{name: asked - 1}))


@given(at_hands)
def test_who_asks_for_nothing_waits_for_nothing(labels: AtHand) -> None:
    assert not Enough()
    assert Enough().is_met(labels)


@given(enoughs)
def test_a_wait_names_all_that_it_asks_for(enough: Enough) -> None:
    named = [f"{enough.positives} positives", f"{enough.negatives} negatives", f"{enough.arrived} newly arrived"]
    assert [text in str(enough).split(", ") for text in named] == [
        enough.positives > 0,
        enough.negatives > 0,
        enough.arrived > 0,
    ]
    assert bool(str(enough)) == bool(enough)


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        ({"coverage": 1.01}, r"coverage: 1.01 is not in \[0, 1\]"),
        ({"coverage": float("nan")}, r"coverage: nan is not in \[0, 1\]"),
        ({"positives": -1}, "positives: -1 is negative"),
        ({"arrived": -3}, "arrived: -3 is negative"),
    ],
)
def test_what_no_window_can_have_is_refused(asked: dict[str, float], why: str) -> None:
    with pytest.raises(SpecError, match=why):
        Enough(**asked)  # type: ignore[arg-type]


def test_without_a_declared_share_no_window_is_mature_before_its_horizon() -> None:
    undeclared = replace(LABELS, mature_at=None)
    early, late = DAY.end + timedelta(days=9), DAY.end + timedelta(days=10)
    assert not maturity(1.0, DAY, undeclared, early).is_mature
    assert maturity(0.0, DAY, undeclared, late).is_mature
    assert maturity(0.8, DAY, LABELS, early).is_mature
    silent = replace(LABELS, mode=LabelMode.IMPLICIT, label_time="known_at")
    assert not maturity(1.0, DAY, silent, early).is_mature
