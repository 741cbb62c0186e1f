"""The ledger as arrivals: every prediction and label of the whole in one cell, by version, stratum and slice."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pandas as pd
import pytest

from airflow_ml_monitor.monitor.label_arrivals import BINS
from airflow_ml_monitor.monitor.label_ledger import label_tasks
from airflow_ml_monitor.monitor.nowcasts import Book
from airflow_ml_monitor.monitor.performance import measure_performance


@pytest.fixture
def seen(worlds):
    """A world of two versions and two slices, and its ledger as known six hours after the last day."""
    world = worlds(dataset={"slice_by": ["purpose"]}, outcomes={"horizon": "7d"})
    world.predictions.loc[world.predictions.index % 3 == 0, "model_version"] = "v2"
    for number in range(world.days):
        world.write_day(number)
    first, last = world.run(0), world.run(world.days - 1, 6)
    measure_performance(world.monitor(), first)
    measure_performance(world.monitor(), last)
    (task,) = label_tasks(world.monitor(), last)
    book = Book(task)
    # Of other days the past keeps counts of the whole alone.
    book.open([world.day(2), world.day(3)])
    return world, book.past(last.known_at)


@pytest.mark.parametrize("version", [None, "v1", "v2"])
def test_every_prediction_and_label_of_a_version_is_counted_on_its_day(seen, version):
    world, past = seen
    known = past.known(version)
    mine = world.predictions[world.predictions["model_version"] == version] if version else world.predictions
    days = (mine["at"] - world.day(0).start).dt.days
    assert known.arrivals.predicted.sum(axis=1).tolist() == np.bincount(days, minlength=world.days).tolist()
    labels = world.labels.merge(mine, on="id")
    labels = labels[labels["known_at"] <= past.moment]
    arrivals = known.arrivals
    assert arrivals.arrived().sum() == len(labels)
    assert arrivals.arrived()[:, 1].sum() == labels["y"].sum()
    assert (arrivals.day + arrivals.age <= arrivals.today).all()
    age = (labels["known_at"] - timedelta(microseconds=1)).dt.floor("D") - labels["at"].dt.floor("D")
    # What came after the last whole day counts to that day.
    capped = np.minimum(age.dt.days, arrivals.today - (labels["at"] - world.day(0).start).dt.days)
    wanted = np.bincount(capped, minlength=8)
    assert np.bincount(arrivals.age, weights=arrivals.count, minlength=8).tolist() == wanted.tolist()


def test_a_label_that_came_and_went_between_two_runs_of_a_day_is_no_arrival(worlds):
    world = worlds(days=2)
    lost = world.predictions["id"].iloc[0]
    morning, noon, evening = (world.day(1).start + timedelta(hours=h) for h in (9, 12, 15))
    told = pd.DataFrame({"id": lost, "y": [1.0, None], "known_at": [morning, evening]})
    world.labels = pd.concat([world.labels[world.labels["id"] != lost], told], ignore_index=True)
    world.write_labels()
    last, found = world.run(1, 0), []
    for name, hours in (("asked twice", [12, 24]), ("asked once", [24])):
        monitor = world.monitor(store=world.new_store(name))
        for after in hours:
            measure_performance(monitor, world.run(0, after))
        measure_performance(monitor, last)
        (task,) = label_tasks(monitor, last)
        arrivals = Book(task).past(last.known_at).known().arrivals
        found.append([getattr(arrivals, part).tolist() for part in ("day", "age", "label", "cell", "count")])
    assert world.run(0, 12).known_at == noon
    assert found[0] == found[1]


def test_cells_ascend_by_score_and_hold_about_equal_parts(seen):
    _, past = seen
    cells, rows = past.known().arrivals.cells, past.known().arrivals.predicted.sum(axis=0)
    assert (np.diff(cells.bucket) >= 0).all()
    assert (np.diff([cells.score[cells.bucket == b].mean() for b in np.unique(cells.bucket)]) > 0).all()
    by_bin = np.bincount(cells.bucket, weights=rows)
    assert len(by_bin) == BINS
    assert by_bin.max() < 2.5 * by_bin.mean()


def test_slices_of_a_day_add_up_to_the_whole(seen):
    _, past = seen
    known = past.known("v1")
    days = [2, 3]
    predicted, arrived = np.zeros((2, known.kinds.shape[1])), 0.0
    for purpose in ("car", "house", "other"):
        more, labels = known.part(past, (("purpose", purpose),), "v1", days)
        predicted, arrived = predicted + more, arrived + labels.sum()
    assert predicted.sum(axis=1).tolist() == known.arrivals.predicted[days].sum(axis=1).tolist()
    # A slice's buckets are wider: a few rows lie in the neighbouring bin.
    assert np.abs(predicted - known.arrivals.predicted[days]).sum() < 0.35 * predicted.sum()
    assert arrived == known.arrivals.arrived()[days].sum()


def test_an_opened_day_without_any_entry_is_a_day_of_nothing(worlds):
    world = worlds(days=4)
    measure_performance(world.monitor(), world.run(3))
    (task,) = label_tasks(world.monitor(), world.run(3))
    book = Book(task)
    # As the window of a day before the ledger begins, or between two of its days.
    book._days[world.day(3)] = []
    past = book.past(world.run(3).known_at)
    assert past.ledger[world.day(3)] == []
    assert past.known() is None


def test_a_rule_on_slices_has_them_estimated_too(worlds):
    rule = {"metric": "accuracy", "min": 0.1, "action": "alert", "slices": True}
    world = worlds(
        days=14, rows=300, dataset={"slice_by": ["purpose"]}, outcomes={"horizon": "8d", "mature_at": None},
        policy={"rules": [rule]},
    )  # fmt: skip
    measure_performance(world.monitor(), world.run(0))
    measure_performance(world.monitor(), world.run(13))
    found = world.store.current(world.spec.key, metrics={"accuracy"})
    young = [r for r in found if r.head.window == world.day(9) and r.measurement.slice]
    assert len(young) == 3
    for r in young:
        assert r.measurement.status == "ok", r.measurement.reason
        assert r.measurement.reason.startswith("estimated from labels of")
        purpose = dict(r.measurement.slice)["purpose"]
        mine = world.predictions[world.predictions["purpose"] == purpose]
        rows = mine[mine["at"].between(world.day(9).start, world.day(9).end, "left")].merge(world.labels, on="id")
        truth = ((rows["score"] >= 0.5) == rows["y"]).mean()
        assert r.measurement.estimate.low - 0.02 <= truth <= r.measurement.estimate.high + 0.02


def test_labels_of_a_number_and_a_name_together_have_arrival_curves_of_their_own(worlds):
    stratum = {"role": "delay_stratum"}
    columns = {"x": stratum, "purpose": {"kind": "categorical", **stratum}, "score": {"role": "score"}}
    world = worlds(days=6, dataset={"columns": columns})
    for number in range(6):
        measure_performance(world.monitor(), world.run(number))
    (task,) = label_tasks(world.monitor(), world.run(5))
    known = Book(task).past(world.run(5).known_at).known()
    # Four parts of x, three purposes; the edges of x are those of the reference.
    assert len(known.strata) == 12
    low = min(float(name.split()[2]) for name in known.strata if name.startswith("up to"))
    found = known.arrivals.predicted.sum(axis=0)
    lowest = [i for i, name in enumerate(known.strata) if name == f"up to {low:g} × car"]
    rows = world.predictions[(world.predictions["x"] <= low) & (world.predictions["purpose"] == "car")]
    assert found[np.isin(known.arrivals.cells.stratum, lowest)].sum() == len(rows) > 0
