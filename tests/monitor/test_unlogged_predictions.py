"""Predictions that never reached the log: their labels come, and are of nothing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from airflow_ml_monitor.measurement import Measurement, Status
from airflow_ml_monitor.monitor.judgement import decide
from airflow_ml_monitor.monitor.lineage import Flow, lineage_of
from airflow_ml_monitor.monitor.performance import measure_performance
from airflow_ml_monitor.policy.decision import Decision
from airflow_ml_monitor.store.repository import MetricsStore
from tests.monitor.lender import DAY, START, Lender

LOST, DAYS = 28, 32
"""The day of which predictions are lost; labels come for four days, and nothing is awaited after ten."""


@pytest.fixture(scope="module")
def lender(tmp_path_factory: pytest.TempPathFactory) -> Lender:
    return Lender.open(tmp_path_factory.mktemp("lender"), days=DAYS, rows=200)


def lose(lender: Lender, share: float, days: range = range(LOST, LOST + 1)) -> None:
    """Write the log anew, without a share of those days' predictions; with 0 all of them are there again."""
    whole = lender.rows
    number = (whole["at"] - START) // DAY
    drawn = np.random.default_rng(1).random(len(whole))
    logged = replace(lender, rows=whole[~(number.isin(days) & (drawn < share))])
    for day in days:
        logged.land(day)


def judged(lender: Lender, store: MetricsStore, number: int, **changes: object) -> tuple[Measurement, Decision]:
    """What is said of the labels that became known on a day; the monitor began on day 0."""
    monitor = lender.monitor(store, dataset={"slice_by": []}, measurements=["roc_auc"], **changes)
    for day in (0, number):
        measure_performance(monitor, lender.run(day))
    found = store.current(monitor.key, metrics=["predictions_not_logged"])
    mine = [r.measurement for r in found if r.head.window == lender.day(number)]
    assert len(mine) == 1
    return mine[0], decide(monitor, lender.run(number))


def test_part_of_a_day_that_was_not_logged_is_named_by_its_labels_source_and_asks_to_investigate(
    lender: Lender, store: MetricsStore
) -> None:
    lose(lender, 0.3)
    try:
        found, decision = judged(lender, store, LOST + 2)
    finally:
        lose(lender, 0.0)
    number = (lender.rows["at"] - START) // DAY
    arrived = lender.rows[(lender.rows["known_at"] - START) // DAY == LOST + 2]
    lost = (np.random.default_rng(1).random(len(lender.rows)) < 0.3) & (number == LOST)
    assert found.status is Status.OK
    assert found.estimate is not None
    assert found.estimate.low is not None
    assert found.estimate.high is not None
    assert found.parameters in ("", "days=7")
    if found.parameters == "":
        assert found.estimate.value == pytest.approx(lost[arrived.index].mean())
    assert found.estimate.low < found.estimate.value < found.estimate.high
    assert decision.action == "investigate_data"
    assert "predictions_not_logged of labels" in decision.because
    assert "of the labels" in decision.because
    told = lineage_of(lender.monitor(store), lender.run(LOST + 2), Flow(labels=True)).inputs[1]
    assert ("predictions_not_logged", False) in [(one.name, one.holds) for one in told.assertions]


def test_a_log_that_is_whole_is_given_no_name_and_asked_again_writes_nothing(
    lender: Lender, store: MetricsStore
) -> None:
    found, decision = judged(lender, store, LOST + 2)
    assert judged(lender, store, LOST + 2)[1] == decision
    assert len(store.history("default/lender", metric="predictions_not_logged")) == 2
    assert (found.status, found.estimate and found.estimate.value) == (Status.OK, 0.0)
    assert "predictions_not_logged" not in decision.because


def test_labels_of_predictions_before_the_first_day_are_no_lost_ones(lender: Lender, store: MetricsStore) -> None:
    monitor = lender.monitor(store, dataset={"slice_by": []}, measurements=["roc_auc"])
    for number in (8, 12):
        measure_performance(monitor, lender.run(number))
    table = store.history(monitor.key)
    table = table.set_index("metric")
    assert table.loc["orphan_labels", "value"].max() > 100
    assert set(table.loc["predictions_not_logged", "status"]) == {"too_few"}
    assert "2026-03-10" in table.loc["predictions_not_logged", "reason"].iloc[0]


def test_other_traffic_that_the_label_source_always_holds_is_usual(lender: Lender, store: MetricsStore) -> None:
    """Two thirds of every day's predictions are another model's, logged elsewhere."""
    lose(lender, 0.66, range(DAYS))
    try:
        found, _ = judged(lender, store, DAYS - 1)
    finally:
        lose(lender, 0.0, range(DAYS))
    assert (found.status, found.estimate and found.estimate.value) == (Status.OK, 0.0)


def test_events_alone_tell_it_too_and_labels_asked_for_of_logged_rows_do_not(
    lender: Lender, store: MetricsStore, tmp_path: Path
) -> None:
    lose(lender, 0.9)
    other = MetricsStore(f"sqlite:///{tmp_path / 'other.db'}")
    other.upgrade()
    try:
        events, _ = judged(lender, store, LOST + 2, labels={"mode": "implicit"})
        sampled, _ = judged(lender, other, LOST + 2, labels={"mode": "sampled"})
    finally:
        lose(lender, 0.0)
        other.dispose()
    assert events.estimate is not None
    assert events.estimate.value > 0
    assert sampled.status is Status.UNDEFINED
    assert "logged" in sampled.reason
