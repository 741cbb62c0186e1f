"""What people said of incidents: kept word by word, as it was known then."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from airflow_ml_monitor.errors import SpecError, UnknownName
from airflow_ml_monitor.policy.feedback import Feedback
from airflow_ml_monitor.store.repository import MetricsStore

KEY = "default/churn"
NAME = f"{KEY}-incident"
THEN = datetime(2026, 2, 1, 6, 30, 0, 7, tzinfo=UTC)
WORD = Feedback(NAME, False, THEN, "a holiday: 'Größe' fell, 😀", "ana")


@pytest.fixture
def filled(store: MetricsStore, fill: Callable[[MetricsStore, str], None]) -> MetricsStore:
    """Two monitors with an incident each; nothing was said of them since the day they were opened."""
    fill(store, KEY)
    fill(store, "default/loans")
    return store


def since(store: MetricsStore, **wanted: Any) -> list[Feedback]:
    return [one for one in store.feedback(KEY, **wanted) if one.given_at >= THEN]


def test_a_later_word_supersedes_an_earlier_one_and_both_are_kept(filled: MetricsStore) -> None:
    later = replace(WORD, is_true=True, given_at=THEN + timedelta(days=1), author="")
    for one in (WORD, later):
        filled.save_feedback(KEY, one)
    assert since(filled) == [WORD, later]
    assert since(filled, as_of=THEN + timedelta(hours=23)) == [WORD]
    assert since(filled, as_of=THEN - timedelta(microseconds=1)) == []
    assert all(one.given_at < THEN for one in filled.feedback("default/loans"))


def test_words_of_one_moment_stand_in_the_order_in_which_they_came(filled: MetricsStore) -> None:
    words = [replace(WORD, note=str(i), is_true=i % 2 == 0) for i in range(5)]
    for one in words:
        filled.save_feedback(KEY, one)
    assert since(filled) == words


def test_an_unknown_incident_is_refused_with_those_that_there_are(filled: MetricsStore) -> None:
    with pytest.raises(UnknownName, match=f"unknown incident 'inc-1'; one of: {NAME}"):
        filled.save_feedback(KEY, replace(WORD, incident="inc-1"))
    with pytest.raises(UnknownName, match=r"one of: \(none\)"):
        filled.save_feedback("default/nobody", WORD)
    assert filled.monitors() == [KEY, "default/loans"]
    with pytest.raises(SpecError, match="time zone"):
        filled.save_feedback(KEY, replace(WORD, given_at=THEN.replace(tzinfo=None)))
    assert since(filled) == []
