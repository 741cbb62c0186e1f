"""A monitor of numbers: its errors are scikit-learn's, on the labels that were known."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import mean_absolute_error, root_mean_squared_error

from airflow_ml_monitor.monitor.performance import performance

COLUMNS = {
    "x": "numeric",
    "purpose": "categorical",
    "score": {"role": "prediction"},
    "model_version": {"kind": "categorical", "role": "version"},
}


@pytest.fixture
def prices(worlds):
    """The prediction is a price; every ninth label is NULL and stays it, every eleventh is NULL until it is known."""
    world = worlds(days=5, task="regression", dataset={"columns": COLUMNS, "slice_by": "purpose"})
    rng = np.random.default_rng(5)
    world.predictions["score"] = 100 + 20 * world.predictions["x"]
    by_id = world.predictions.set_index("id")["score"]
    labels = world.labels
    labels["y"] = by_id[labels["id"]].to_numpy() + rng.normal(3, 8, len(labels))
    empty = labels.iloc[::11].assign(y=np.nan, known_at=lambda rows: rows["known_at"] - pd.Timedelta("1h"))
    labels.loc[labels.index[::9], "y"] = np.nan
    world.labels = pd.concat([empty, labels], ignore_index=True)
    for number in range(world.days):
        world.write_day(number)
    world.write_labels()
    return world


def test_errors_are_those_of_scikit_learn_on_the_labels_known(prices, measure, stored, values):
    monitor = prices.monitor()
    for number in range(prices.days):
        measure(monitor, prices.run(number))
    compared = 0
    for number in range(prices.days):
        moment = prices.run(number).known_at
        for window, found in stored(prices.store, monitor.key, as_of=moment).items():
            known = prices.known(window, moment)
            assert len(known) > 0
            y, score = known["y"], known["score"]
            expected = {
                "mae": mean_absolute_error(y, score),
                "rmse": root_mean_squared_error(y, score),
                "bias": (score - y).mean(),
            }
            for metric, value in expected.items():
                assert found[metric] == (pytest.approx(value, rel=1e-9), len(known))
                assert values(performance(monitor, window, moment))[metric] == found[metric]
            compared += 1
    assert compared == 15


def test_a_label_that_is_null_never_counts(prices, measure, stored):
    prices.labels["y"] = np.nan
    prices.write_labels()
    monitor = prices.monitor()
    for number in range(prices.days):
        measure(monitor, prices.run(number))
    found = stored(prices.store, monitor.key)
    assert set(found) == {prices.day(number) for number in range(prices.days)}
    assert not any(metric in rows for rows in found.values() for metric in ("mae", "rmse", "bias"))
    heads = prices.store.heads(monitor.key, "performance", rule="day@UTC", dataset="outcomes")
    assert [h.coverage for h in heads] == [0.0] * prices.days


def test_while_labels_are_awaited_it_says_what_is_known_of_the_errors_and_what_is_not(prices, measure):
    monitor = prices.monitor()
    for number in range(prices.days):
        measure(monitor, prices.run(number))
    newest = prices.day(prices.days - 1)
    rows = prices.store.current(monitor.key, start=newest.start, end=newest.end, whole=True)
    found = {r.measurement.metric: r.measurement for r in rows if r.head.stage == "production"}
    for metric in ("mae", "rmse", "bias"):
        waiting, naive, foreseen = (found[f"{basis}{metric}"] for basis in ("", "naive.", "direct_loss."))
        assert (waiting.status, waiting.estimate) == ("immature", None)
        assert waiting.reason.startswith("labels of ")
        assert waiting.reason.endswith("labels at hand do not tell whether large errors take longer to come to light")
        assert naive.status == foreseen.status == "ok"
        assert "as large as they were in the reference" in foreseen.reason
        assert foreseen.estimate.low < foreseen.estimate.value < foreseen.estimate.high
    assert not [metric for metric in found if metric.startswith("final.")]


def test_labels_put_right_are_news_though_their_count_stays(prices, measure, stored):
    labels = prices.labels.dropna(subset="y")
    late = labels.assign(y=labels["y"] + 50, known_at=labels["known_at"] + pd.Timedelta("10D"))
    prices.labels = pd.concat([labels, late], ignore_index=True)
    prices.write_labels()
    monitor = prices.monitor()
    window = prices.day(0)
    for days in (7, 20):
        run = prices.run(0, hours=24 * days)
        measure(monitor, run)
        moment = run.known_at
        known = prices.known(window, moment)
        expected = mean_absolute_error(known["y"], known["score"])
        assert stored(prices.store, monitor.key, as_of=moment)[window]["mae"] == (pytest.approx(expected), len(known))
