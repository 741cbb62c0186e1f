"""What is asked for by a name that nothing answers to is told; what merely holds nothing yet is an empty table."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from airflow_ml_monitor import MetricsStore, Window, history
from airflow_ml_monitor.errors import SpecError, UnknownName
from airflow_ml_monitor.measurement import Estimate, Family, HeadKey, Measurement, Status
from airflow_ml_monitor.store.records import Revision

DAY = datetime(2026, 1, 1, tzinfo=UTC)
NAMES = ("roc_auc", "accuracy", "brier", "f1", "log_loss", "precision", "recall", "scoreboard")


@pytest.fixture
def url(tmp_path: Path) -> str:
    """One window of one monitor, known on 21 January."""
    place = f"sqlite:///{tmp_path}/monitor.db"
    store = MetricsStore(place)
    store.upgrade()
    head = HeadKey(Family.PERFORMANCE, "outcomes", "day@UTC", Window(DAY, DAY + timedelta(days=1)))
    made = Revision(DAY + timedelta(days=20), "a", 0.9, False, "run", "1", "spec")
    rows = [Measurement(name, Status.OK, Estimate(0.8, 500)) for name in NAMES]
    store.write_revision("default/credit", head, made, rows)
    store.dispose()
    return place


def test_a_metric_that_there_is_not_is_answered_with_the_nearest_that_is_stored(url: str) -> None:
    with pytest.raises(UnknownName, match="unknown metric 'roc_auk'; did you mean 'roc_auc'") as caught:
        history("default/credit", metric="roc_auk", url=url)
    assert set(caught.value.known) == set(NAMES)
    with pytest.raises(SpecError, match="no_such"):
        history("default/credit", metric="no_such", url=url)


def test_a_monitor_that_the_store_does_not_hold_is_answered_with_those_it_holds(url: str) -> None:
    with pytest.raises(UnknownName, match="unknown monitor 'default/credt'; one of: default/credit"):
        history("default/credt", url=url)


@pytest.mark.parametrize("metric", ["roc_auc", "scoreboard", "psi", "naive.roc_auc"])
def test_a_metric_of_which_nothing_is_known_yet_is_an_empty_table(url: str, metric: str) -> None:
    found = history("default/credit", metric=metric, as_of=DAY, url=url)
    assert found.empty
    assert "value" in found.columns
