"""Performance of a small lender: as of any day, however it was measured, whatever its labels do."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import brier_score_loss, roc_auc_score

from airflow_ml_monitor.errors import SpecError
from airflow_ml_monitor.keys import WHOLE
from airflow_ml_monitor.measurement import Status
from airflow_ml_monitor.monitor.performance import measure_performance, performance
from airflow_ml_monitor.store.repository import MetricsStore


@pytest.fixture
def lender(tmp_path: Path, builders: Callable[[str], ModuleType]) -> Any:
    """The lender beside this file, on files that the test may break."""
    return builders("monitor/lender.py").Lender.open(tmp_path / "lender")


@pytest.fixture
def fresh_store(tmp_path: Path) -> Iterator[Callable[[str], MetricsStore]]:
    """Empty SQLite stores, by name."""
    made = []

    def make(name: str) -> MetricsStore:
        store = MetricsStore(f"sqlite:///{tmp_path}/{name}.db")
        store.upgrade()
        made.append(store)
        return store

    yield make
    for store in made:
        store.dispose()


@pytest.fixture
def store(fresh_store: Any) -> MetricsStore:
    made: MetricsStore = fresh_store("metrics")
    return made


def value(rows: Any, metric: str, slice: Any = WHOLE) -> float | None:
    """On the labels at hand: naive until they are final."""
    named = {r.metric: r for r in rows if r.slice == slice}
    found = named.get(f"naive.{metric}", named[metric])
    return found.estimate and found.estimate.value


def recomputed(lender: Any, number: int, known_at: Any, country: str = "") -> pd.DataFrame:
    rows = lender.rows
    mine = rows[
        (rows["at"] >= lender.day(number).start)
        & (rows["at"] < lender.day(number).end)
        & (rows["known_at"] <= known_at)
    ]
    return mine[mine["country"] == country] if country else mine


@pytest.mark.parametrize("known", [1, 2, 3, 4, 6, 9])
def test_performance_as_of_any_day_equals_a_recomputation_from_the_rows_known_by_then(
    lender: Any, store: Any, known: int
) -> None:
    monitor = lender.monitor(store)
    for number in range(6):
        measure_performance(monitor, lender.run(number, known=9))
    as_of = lender.at(known)
    for number in range(min(known, 6)):
        rows = performance(monitor, lender.day(number), as_of)
        # By slice there is no value before labels may stand for the others: here half of them.
        are_enough = len(recomputed(lender, number, as_of)) >= 75
        for country in ("", "DE", "FR") if are_enough else ("",):
            known_rows = recomputed(lender, number, as_of, country)
            slice = (("country", country),) if country else WHOLE
            if known_rows["label"].nunique() == 2:
                expected = roc_auc_score(known_rows["label"], known_rows["score"])
                # Buckets of the score: 4,096 of the whole, 256 in a slice.
                assert value(rows, "roc_auc", slice) == pytest.approx(expected, abs=0.002 if not country else 0.01)
                exact = brier_score_loss(known_rows["label"], known_rows["score"])
                assert value(rows, "brier", slice) == pytest.approx(exact, abs=1e-9)


def test_performance_is_exact_at_every_moment_that_brought_the_ledger_forward(lender: Any, store: Any) -> None:
    monitor = lender.monitor(store)
    moments = [1.26, 2.01, 3.77]
    for number, known in enumerate(moments):
        measure_performance(monitor, lender.run(number, known=known))
    for known in moments:
        as_of = lender.at(known)
        expected = recomputed(lender, 0, as_of)
        exact = brier_score_loss(expected["label"], expected["score"])
        assert value(performance(monitor, lender.day(0), as_of), "brier") == pytest.approx(exact, abs=1e-9)


def test_what_is_stored_day_by_day_is_what_was_known_each_day(lender: Any, store: Any) -> None:
    monitor = lender.monitor(store)
    for number in range(6):
        measure_performance(monitor, lender.run(number))
    for known in range(1, 7):
        as_of = lender.at(known)
        stored = lender.table(store, as_of).query("family == 'performance' and slice == '{}'")
        for number in range(known):
            mine = stored[stored["window_start"] == lender.day(number).start].set_index(["metric", "parameters"])
            found = [r for r in performance(monitor, lender.day(number), as_of) if r.slice == WHOLE]
            now = {(r.metric, r.parameters): r.estimate for r in found}
            assert {("roc_auc", ""), ("naive.roc_auc", "")} <= set(now) == set(mine.index)
            # An estimate leans on the other days too: it is that of the moment at which a label touched the window.
            is_touched = (mine["known_at"] == as_of).all()
            for named, estimate in now.items():
                if is_touched or named[0].startswith("naive."):
                    then = mine.loc[named, "value"]
                    assert np.isnan(then) if estimate is None else then == estimate.value


@pytest.mark.parametrize("seed", ["forwards", 1, 2])
def test_a_backfill_in_any_order_leaves_the_history_of_live_days(lender: Any, fresh_store: Any, seed: Any) -> None:
    live, filled = fresh_store("live"), fresh_store("filled")
    order = list(range(6))
    for number in order:
        measure_performance(lender.monitor(live), lender.run(number))
    random.Random(seed).shuffle(order) if isinstance(seed, int) else None
    for number in order:
        measure_performance(lender.monitor(filled), lender.run(number, is_backfill=True))
    for known in (1, 2, 3, 4.5, 6, None):
        left, right = (lender.table(s, None if known is None else lender.at(known)) for s in (live, filled))
        if order != sorted(order):
            # Orphans are relative to the days that the ledger has; and what a later day found first, an earlier one
            # that comes after it need not find again.
            left, right = (
                t[t["dataset"] != "labels"].drop(columns="known_at").reset_index(drop=True) for t in (left, right)
            )
        pd.testing.assert_frame_equal(left, right, rtol=1e-9)


def test_labels_without_a_time_are_refused_in_a_backfill_and_known_from_first_sight_otherwise(
    lender: Any, store: Any
) -> None:
    monitor = lender.monitor(store, labels={"label_time": None})
    with pytest.raises(SpecError, match=r"labels\.labels\.label_time: .*cannot be backfilled.*declare label_time"):
        measure_performance(monitor, lender.run(0, is_backfill=True))
    assert store.ledger.days("default/lender", "labels") == {}
    for number in range(3):
        measure_performance(monitor, lender.run(number, known=number + 1.5))
    for number in range(3):
        rows = recomputed(lender, number, lender.at(99))
        expected = brier_score_loss(rows["label"], rows["score"])
        found = performance(monitor, lender.day(number), lender.at(9))
        assert value(found, "brier") == pytest.approx(expected, abs=1e-9)
        assert value(found, "accuracy") == pytest.approx(np.mean((rows["score"] >= 0.5) == rows["label"]))


def test_a_label_that_changes_without_a_time_is_one_revision_known_when_it_was_seen(lender: Any, store: Any) -> None:
    monitor = lender.monitor(store, labels={"label_time": None})
    # Of the first day only: labels of predictions yet to be made would be orphans until these are.
    lender.rows = lender.rows[lender.rows["at"] < lender.at(1)].copy()
    lender.land_labels()
    measure_performance(monitor, lender.run(0, known=1))
    lender.rows.loc[0, "label"] = 1 - lender.rows.loc[0, "label"]
    before = performance(monitor, lender.day(0), lender.at(1))
    lender.land_labels()
    assert measure_performance(monitor, lender.run(0, known=2)).revisions == 1
    assert performance(monitor, lender.day(0), lender.at(1)) == before
    rows = recomputed(lender, 0, lender.at(99))
    after = value(performance(monitor, lender.day(0), lender.at(2)), "brier")
    assert after == pytest.approx(brier_score_loss(rows["label"], rows["score"]), abs=1e-9)


def test_an_immature_window_has_its_labels_at_hand_as_naive_alone_and_says_what_is_missing(
    lender: Any, store: Any
) -> None:
    monitor = lender.monitor(store, labels={"mature_at": 0.9})
    measure_performance(monitor, lender.run(0, known=2))
    found = store.current("default/lender", metrics={"brier", "naive.brier"}, whole=True)
    rows = {row.measurement.metric: row for row in found}
    assert rows["brier"].measurement.status is Status.IMMATURE
    assert rows["brier"].measurement.estimate is None
    known = recomputed(lender, 0, lender.at(2))
    exact = brier_score_loss(known["label"], known["score"])
    assert rows["naive.brier"].measurement.estimate.value == pytest.approx(exact, abs=1e-9)
    share = len(known) / 150
    assert rows["brier"].coverage == pytest.approx(share)
    reason = f"labels of {share:.0%} of 150 predictions have come; judged once 90% have, or on 2026-03-13; "
    assert rows["brier"].measurement.reason.startswith(reason)
    assert not rows["brier"].is_final


def test_a_window_is_final_when_its_horizon_passes_although_no_label_came(lender: Any, store: Any) -> None:
    lender.rows = lender.rows.assign(known_at=lender.rows["known_at"].where(lender.rows.index % 2 == 0))
    lender.land_labels()
    monitor = lender.monitor(store, labels={"mature_at": 0.9, "horizon": "8d"})
    for known in (6, 8.5, 9):
        measure_performance(monitor, lender.run(0, known=known))
    found = store.history("default/lender", metric="brier")
    assert set(found["status"]) == {"ok"}
    assert found["is_final"].all()
    assert found["known_at"].min() == lender.at(9)
    earlier = store.history("default/lender", metric="brier", as_of=lender.at(8.5))
    assert set(earlier["status"]) == {"immature"}


def test_labels_without_a_prediction_and_repeated_ones_are_counted(lender: Any, store: Any) -> None:
    strangers = lender.rows.head(3).assign(id=["a", "b", "c"], at=lender.at(0.04), known_at=lender.at(0.5))
    twice = lender.rows.head(2).assign(known_at=lender.at(0.9), label=1 - lender.rows["label"].head(2))
    first = lender.rows.head(2).assign(known_at=lender.at(0.8))
    rest = lender.rows.iloc[2:]
    pd.concat([strangers, twice, first])[["id", "label", "known_at"]].to_parquet(
        lender.home / "labels" / "more.parquet"
    )
    lender.rows = rest
    for file in (lender.home / "labels").glob("2026*"):
        file.unlink()
    measure_performance(lender.monitor(store), lender.run(0, known=1))
    found = store.history("default/lender", families=["quality"]).set_index("metric")["value"]
    assert dict(found[["orphan_labels", "repeated_labels"]]) == {"orphan_labels": 3.0, "repeated_labels": 2.0}


def test_each_model_version_is_measured_and_one_that_is_gone_is_said_to_be(lender: Any, store: Any) -> None:
    lender.rows.loc[:74, "model_version"] = "v2"
    lender.land(0)
    monitor = lender.monitor(store, labels={"mature_at": 0.01})
    measure_performance(monitor, lender.run(0, known=5))
    found = store.history("default/lender", metric="brier").query("slice == '{}'").set_index("model_version")
    assert sorted(found.index) == ["", "v1", "v2"]
    assert found["n"].to_dict() == {"": 150, "v1": 75, "v2": 75}
    lender.rows["model_version"] = "v2"
    lender.land(0)
    measure_performance(monitor, lender.run(0, known=6))
    found = store.history("default/lender", metric="brier").query("slice == '{}'").set_index("model_version")
    assert found.loc["v2", "n"] == 150
    assert found.loc["v1", "status"] == found.loc["", "status"] != "ok"
