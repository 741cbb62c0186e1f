"""Several labels of one prediction, from the spec to what is stored."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pandas as pd
import pytest

from airflow_ml_monitor.errors import SpecError
from airflow_ml_monitor.monitor.performance import measure_performance, performance

LAST = 2
"""The number of the last day."""


def annotated(world):
    """Three annotators, hours to days apart, who agree in three cases of four; some rows have one or two."""
    rng = np.random.default_rng(5)
    rows = world.labels.loc[np.repeat(world.labels.index, 3)].reset_index(drop=True)
    rows["y"] = np.where(rng.random(len(rows)) < 0.75, rows["y"], 1 - rows["y"])
    rows["known_at"] += pd.to_timedelta(rng.integers(0, 40 * 3600, len(rows)), unit="s")
    world.labels = rows[rng.random(len(rows)) < 0.9].reset_index(drop=True)
    world.write_labels()
    return world


def majority(world, window, moment):
    """Rows whose labels known at a moment have a majority, by pandas alone."""
    known = world.labels[world.labels["known_at"] <= moment].groupby("id")["y"].mean().rename("y").reset_index()
    inside = world.predictions["at"].between(window.start, window.end, inclusive="left")
    return world.predictions[inside].merge(known[known["y"] != 0.5], on="id")


def accuracy(rows):
    return ((rows["score"] >= 0.5) == (rows["y"] > 0.5)).mean()


@pytest.mark.parametrize("order", [1, -1], ids=["live", "newest run first"])
def test_the_majority_of_annotators_is_the_label_at_every_moment_and_no_repeat_is_told(worlds, values, order):
    world = annotated(worlds(days=3, outcomes={"several": "majority", "mature_at": None}))
    for number in range(3)[::order]:
        measure_performance(world.monitor(), world.run(number, hours=6))
    measure_performance(world.monitor(), world.run(LAST, hours=24 * 9))
    settled = 0
    for number in range(3):
        window = world.day(number)
        for moment in (window.end + timedelta(days=days) for days in (1, 2, 9)):
            rows, found = majority(world, window, moment), values(performance(world.monitor(), window, moment))
            assert found["accuracy"] == (pytest.approx(accuracy(rows)), len(rows))
            settled += len(rows) < world.predictions["at"].between(window.start, window.end, inclusive="left").sum()
    assert settled == 9
    names = {r.measurement.metric for r in world.store.current(world.spec.key)}
    assert "orphan_labels" in names
    assert "repeated_labels" not in names


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"outcomes": {"several": "mean"}}, "mean means nothing of a binary task; choose one of last, first, any"),
        ({"outcomes": {"several": "first", "label_time": None}}, "which label was first is told by label_time"),
        ({"outcomes": {"several": "majority", "mode": "implicit"}}, "silence is no opinion that majority could count"),
        ({"outcomes": {"several": "most"}}, "most"),
    ],
)
def test_what_several_labels_cannot_mean_is_refused(worlds, changes, told):
    with pytest.raises(SpecError, match=told) as refused:
        worlds(**changes)
    assert "several" in refused.value.field
