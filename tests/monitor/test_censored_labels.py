"""Rows whose label will never come, from the spec to what is stored, said and bounded."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest

from airflow_ml_monitor.errors import SpecError
from airflow_ml_monitor.metrics import interval
from airflow_ml_monitor.monitor.performance import measure_performance, performance
from airflow_ml_monitor.report.page import report

CENSORED = {"censored": "closed", "mature_at": None}
LATE = timedelta(days=9)


@pytest.fixture
def closing(worlds):
    """A world in which some accounts are closed before their label came; `all_labels`: what would have come."""

    def make(share, days=4, **more):
        world = worlds(days=days, outcomes={**CENSORED, **more})
        rng = np.random.default_rng(8)
        labels = world.labels.assign(closed=False)
        gone = rng.random(len(labels)) < share
        # At any time before the label.
        before = (labels["known_at"] - labels["known_at"].min()) * rng.random(len(labels))
        world.all_labels = labels.copy()
        labels.loc[gone, "closed"] = True
        labels.loc[gone, "y"] = np.nan
        labels.loc[gone, "known_at"] -= before[gone].dt.floor("s")
        world.labels = labels
        world.write_labels()
        return world

    return make


def of_window(world, window, moment):
    """(rows, labelled rows, those closed) at a moment, by pandas alone."""
    rows = world.predictions[world.predictions["at"].between(window.start, window.end, inclusive="left")]
    told = rows.merge(world.labels[world.labels["known_at"] <= moment], on="id")
    return rows, told[told["y"].notna()], told[told["closed"]]


def whole(world, window, moment):
    found = performance(world.monitor(), window, moment)
    return {r.metric: r for r in found if not r.slice and not r.parameters}


def accuracy(rows):
    return ((rows["score"] >= 0.5) == (rows["y"] == 1)).mean()


@pytest.mark.parametrize("order", [1, -1], ids=["live", "newest run first"])
def test_censored_rows_are_counted_and_not_awaited_at_every_moment(closing, order):
    world = closing(0.2)
    for number in range(4)[::order]:
        measure_performance(world.monitor(), world.run(number))
    measure_performance(world.monitor(), world.run(3, hours=24 * 9))
    for number in range(4):
        window = world.day(number)
        for moment in (window.end, window.end + timedelta(days=2), window.end + LATE):
            rows, labelled, closed = of_window(world, window, moment)
            found = whole(world, window, moment)
            share = found["censored_rows"].estimate
            assert (share.value, share.n) == (pytest.approx(len(closed) / len(rows)), len(rows))
            assert (share.low, share.high) == interval.share(len(closed), len(rows))
            is_final = moment == window.end + LATE
            if is_final or len(labelled):
                assert found["accuracy" if is_final else "naive.accuracy"].estimate.value == pytest.approx(
                    accuracy(labelled)
                )
            if not is_final:
                known = len(labelled) / (len(rows) - len(closed))
                assert found["accuracy"].reason.startswith(f"labels of {known:.0%} of {len(rows) - len(closed)}")


def test_coverage_is_of_the_rows_that_can_still_get_a_label(closing):
    world = closing(0.3, days=1)
    measure_performance(world.monitor(), world.run(0, hours=24 * 9))
    [row] = world.store.current(world.spec.key, metrics={"censored_rows"})
    rows, labelled, closed = of_window(world, world.day(0), world.run(0, hours=24 * 9).known_at)
    assert row.coverage == pytest.approx(len(labelled) / (len(rows) - len(closed)))
    assert row.coverage > 0.9 > len(labelled) / len(rows)


def test_final_numbers_say_of_which_rows_they_are_and_bounds_hold_the_labels_that_never_came(closing, measure):
    world = closing(0.2, days=1)
    run = world.run(0, hours=24 * 9)
    measure(world.monitor(), run)
    rows, _, closed = of_window(world, world.day(0), run.known_at)
    found = whole(world, world.day(0), run.known_at)
    said = f"of rows observed in full; {len(closed) / len(rows):.1%} are censored"
    assert found["accuracy"].reason.startswith(said)
    bounds = found["bounds.accuracy"].estimate
    truth = accuracy(rows.merge(world.all_labels, on="id"))
    assert bounds.low <= truth <= bounds.high
    assert bounds.n == len(rows)
    page = report(world.store, world.spec.key)
    assert "their label will never come" in page
    # Every row without a label is right, or wrong.
    unknown = len(rows) - found["accuracy"].estimate.n
    assert bounds.high - bounds.low == pytest.approx(unknown / len(rows))


def test_labels_that_are_declared_to_stand_for_all_say_that_they_do_not_for_censored_rows(closing, measure):
    world = closing(0.2, days=1, mature_at=0.3)
    run = world.run(0, hours=24 * 4)
    measure(world.monitor(), run)
    found = whole(world, world.day(0), run.known_at)["accuracy"]
    assert found.status == "ok"
    assert found.reason.startswith("of rows observed in full; ")
    waiting = report(world.store, world.spec.key, as_of=run.known_at)
    assert "of rows observed in full" in waiting


def test_a_window_of_which_only_censored_rows_are_known_still_waits(closing, measure):
    world = closing(1.0, days=1)
    run = world.run(0, hours=24 * 2)
    measure(world.monitor(), run)
    found = whole(world, world.day(0), run.known_at)
    assert found["censored_rows"].estimate.value > 0
    assert found["accuracy"].status == "immature"
    assert "besides" in found["accuracy"].reason
    assert "No window" in report(world.store, world.spec.key)


def test_without_a_censored_row_numbers_are_as_ever(closing):
    world = closing(0.0, days=1)
    run = world.run(0, hours=24 * 9)
    measure_performance(world.monitor(), run)
    found = whole(world, world.day(0), run.known_at)
    assert found["accuracy"].reason == ""
    assert "bounds.accuracy" not in found
    assert found["censored_rows"].estimate.value == 0


@pytest.mark.parametrize(("share", "told"), [(0.02, "estimated from labels of"), (0.2, "predictions are censored")])
def test_nothing_is_estimated_where_many_rows_are_censored(closing, share, told):
    world = closing(share, days=16, horizon="8d")
    measure_performance(world.monitor(), world.run(0))
    measure_performance(world.monitor(), world.run(15))
    young = whole(world, world.day(13), world.run(15).known_at)["accuracy"]
    assert told in young.reason
    if share < 0.05:
        rows = of_window(world, world.day(13), world.run(15).known_at)[0].merge(world.all_labels, on="id")
        assert young.estimate.low - 0.05 <= accuracy(rows) <= young.estimate.high + 0.05


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"label_time": None}, "rows are censored of a binary task, from a moment on"),
        ({"mode": "sampled"}, "what is left of a random sample without its censored rows"),
        ({"several": "majority"}, "is no label that majority could count"),
    ],
)
def test_what_cannot_be_censored_is_refused(worlds, changes, told):
    with pytest.raises(SpecError, match=told) as refused:
        worlds(outcomes={**CENSORED, **changes})
    assert refused.value.field == "labels.outcomes.censored"
