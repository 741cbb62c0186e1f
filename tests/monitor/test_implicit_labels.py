"""Only events are reported: silence is the negative class once the horizon has passed, and a late event corrects it."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from airflow_ml_monitor.errors import SpecError
from airflow_ml_monitor.keys import Window
from airflow_ml_monitor.measurement import base_of
from airflow_ml_monitor.monitor.performance import measure_performance, performance

HORIZON = timedelta(days=3)
EVENTS = {"mode": "implicit", "horizon": "3d"}


@pytest.fixture
def silent(worlds):
    """A world in which only positives are reported, some of them after the horizon, and nothing else ever is."""

    def make(**more):
        world = worlds(outcomes=EVENTS, **more)
        world.labels = world.labels[world.labels["y"] == 1].reset_index(drop=True)
        world.write_labels()
        return world

    return make


def known(world, window: Window, moment: datetime) -> pd.DataFrame:
    """A window's predictions with their label at a moment, by pandas alone: the event, or silence after the horizon."""
    inside = world.predictions["at"].between(window.start, window.end, inclusive="left")
    rows = world.predictions[inside].assign(y=np.nan)
    if moment >= window.end + HORIZON:
        rows["y"] = 0.0
    told = world.labels[world.labels["known_at"] <= moment]
    rows.loc[rows["id"].isin(told["id"]), "y"] = 1.0
    return rows.dropna(subset=["y"])


def values(world, window, moment):
    """Of the labels at hand: naive until the horizon."""
    found = [r for r in performance(world.monitor(), window, moment) if r.estimate is not None and not r.slice]
    is_naive = any(r.metric.startswith("naive.") for r in found)
    return {base_of(r.metric): r.estimate for r in found if r.metric.startswith("naive.") is is_naive}


def check(world, moments):
    """Every window at every moment: as many labels, and the same AUC, as the rows have."""
    compared = 0
    for number in range(world.days):
        window = world.day(number)
        for moment in moments:
            if moment < window.end:
                continue
            rows, found = known(world, window, moment), values(world, window, moment)
            assert (found["accuracy"].n if "accuracy" in found else 0) == len(rows)
            if rows["y"].nunique() == 2:
                assert found["roc_auc"].value == pytest.approx(roc_auc_score(rows["y"], rows["score"]), abs=0.003)
                assert found["accuracy"].value == pytest.approx(((rows["score"] >= 0.5) == rows["y"]).mean())
                compared += 1
    return compared


def midnights(world, more=6):
    return [world.day(number).end for number in range(world.days - 1)] + [
        world.day(world.days - 1).end + timedelta(days=day) for day in range(more)
    ]


def test_day_by_day_each_window_is_what_the_rows_say_before_at_and_after_the_horizon(silent, measure):
    world = silent()
    for number in range(world.days):
        measure(world.monitor(), world.run(number))
    measure(world.monitor(), world.run(world.days - 1, hours=24 * 6))
    assert check(world, midnights(world)) >= 20


def test_all_at_once_and_backwards_leave_the_same_ledger(silent, measure):
    world = silent()
    late = [world.run(number, hours=24 * (world.days + 6 - number)) for number in range(world.days)]
    for run in reversed(late):
        measure(world.monitor(), run)
    assert check(world, midnights(world)) >= 20


def test_nothing_is_judged_before_the_horizon_however_many_events_came(silent, measure):
    world = silent(days=4)

    def rows():
        return [r for r in world.store.current(world.spec.key, metrics={"roc_auc"}) if not r.measurement.slice]

    measure(world.monitor(), world.run(0, hours=48))
    (row,) = rows()
    assert 0 < row.coverage < 1
    # With next to no share of labels asked for, explicit labels would be judged: on positives alone.
    assert row.measurement.status in {"immature", "undefined"}
    measure(world.monitor(), world.run(0, hours=73))
    (row,) = rows()
    assert (row.coverage, row.is_final, row.measurement.status) == (1.0, True, "ok")


def test_silence_becomes_a_label_though_no_label_came_that_day(silent, measure):
    world = silent(days=1)
    world.labels = world.labels.iloc[:0]
    world.write_labels()
    measure(world.monitor(), world.run(0, hours=6))
    assert values(world, world.day(0), world.run(0).known_at) == {}
    run = world.run(0, hours=75)
    measure(world.monitor(), run)
    found = values(world, world.day(0), run.known_at)
    assert found["specificity"].n > 0
    assert found["accuracy"].n == len(known(world, world.day(0), run.known_at)) > 0


@pytest.mark.parametrize("wrong", [{"task": {"kind": "regression"}}, {"outcomes": {**EVENTS, "label_time": None}}])
def test_what_cannot_be_silent_is_refused(worlds, wrong):
    with pytest.raises(SpecError, match=r"labels\.outcomes\.mode: implicit labels are events of a binary task"):
        worlds(**{"outcomes": EVENTS, **wrong})


def test_customers_scored_every_day_are_labelled_once_a_day_and_not_before_that_days_horizon(worlds, measure):
    world = worlds(days=4, rows=20, outcomes=EVENTS)
    world.predictions["id"] = np.tile([f"customer-{i}" for i in range(20)], 4)
    for number in range(4):
        world.write_day(number)
    world.labels = world.labels.iloc[:0]
    world.write_labels()
    for number in range(4):
        measure(world.monitor(), world.run(number, hours=0))
    for days in range(1, 6):
        measure(world.monitor(), world.run(3, hours=24 * days))
    for number in range(world.days):
        window = world.day(number)
        for later in range(6):
            found = values(world, window, window.end + timedelta(days=later))
            assert (found["accuracy"].n if "accuracy" in found else 0) == (20 if later >= 3 else 0)


@pytest.mark.parametrize("order", [1, -1], ids=["live", "newest run first"])
@pytest.mark.parametrize("horizon", ["60h", "72h"])
def test_no_window_is_judged_on_events_alone_where_the_horizon_ends_within_a_day(worlds, order, horizon):
    # Runs at 13:00; a horizon of 60 hours has passed at noon.
    world = worlds(days=6, outcomes={"mode": "implicit", "horizon": horizon})
    world.labels = world.labels[world.labels["y"] == 1].reset_index(drop=True)
    world.write_labels()
    for number in range(6)[::order]:
        measure_performance(world.monitor(), world.run(number, hours=13))
    judged = []
    for number in range(6):
        for r in world.store.current(world.spec.key, as_of=world.run(number, hours=13).known_at, metrics={"accuracy"}):
            is_estimated = r.measurement.reason.startswith("estimated")
            if r.measurement.status == "ok" and not r.measurement.slice and not is_estimated:
                judged.append(r.measurement.estimate.n == 150)
    assert judged
    assert all(judged)
