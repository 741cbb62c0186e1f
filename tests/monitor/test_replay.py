"""The same rows as training computes their features: what differs is named, of the column, whatever was usual."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from airflow_ml_monitor.measurement import Measurement, Status
from airflow_ml_monitor.monitor.judgement import decide
from airflow_ml_monitor.monitor.lineage import FAULTS, Flow, lineage_of
from airflow_ml_monitor.monitor.steps import measure_quality
from airflow_ml_monitor.policy.decision import Decision
from airflow_ml_monitor.profile.engines.embedded.duckdb import DuckDB
from airflow_ml_monitor.store.repository import MetricsStore
from tests.monitor.lender import Lender

FEATURES = ["id", "income", "country"]


class Desk:
    """A lender whose training features are written to `features`, a file a day."""

    def __init__(self, home: Path) -> None:
        self.lender = Lender.open(home, days=4)
        (home / "features").mkdir()
        self.store = MetricsStore(f"sqlite:///{home / 'metrics.db'}")
        self.store.upgrade()
        self.replay: dict[str, Any] = {"source": str(home / "features" / "*.parquet"), "key": "id"}

    def features(self, number: int) -> pd.DataFrame:
        day, at = self.lender.day(number), self.lender.rows["at"]
        return self.lender.rows.loc[(at >= day.start) & (at < day.end), FEATURES].reset_index(drop=True)

    def land(self, number: int, rows: pd.DataFrame) -> None:
        rows.to_parquet(self.lender.home / "features" / f"{number}.parquet")

    def evening(self, number: int) -> tuple[dict[str, list[Measurement]], Decision, int]:
        """What is known of a day's replay, the day's decision, and how many revisions it wrote."""
        monitor = self.lender.monitor(self.store, dataset={"replay": self.replay})
        run = self.lender.run(number)
        wrote = measure_quality(monitor, run).revisions
        return self.known(number), decide(monitor, run), wrote

    def known(self, number: int) -> dict[str, list[Measurement]]:
        found: dict[str, list[Measurement]] = {}
        for r in self.store.current("default/lender"):
            if r.head.dataset == "scores.replay" and r.head.window == self.lender.day(number):
                found.setdefault(r.measurement.metric, []).append(r.measurement)
        return found


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path)
    yield made
    made.store.dispose()


def value(found: dict[str, list[Measurement]], metric: str, column: str = "") -> float:
    (row,) = (m for m in found[metric] if m.column == column)
    assert row.status is Status.OK
    assert row.estimate is not None
    return row.estimate.value


def test_a_feature_that_training_computes_otherwise_is_named_from_the_first_day_on(desk: Desk) -> None:
    rows = desk.features(0)
    desk.land(0, rows.assign(income=rows["income"].where(rows.index % 4 > 0, rows["income"].round(-1))))
    found, decision, _ = desk.evening(0)
    differing = (rows["income"].round(-1) != rows["income"]) & (rows.index % 4 == 0)
    assert value(found, "training_serving_skew", "income") == pytest.approx(differing.mean())
    assert value(found, "replay_difference", "country") == 0
    assert value(found, "replay_coverage") == 1
    assert decision.action == "investigate_data"
    assert f"training_serving_skew of income in {differing.mean():.1%} of the rows" in decision.because


def test_the_same_features_in_other_forms_are_the_same(desk: Desk) -> None:
    """Shuffled, as 32 bit floats, as categories."""
    rows = desk.features(0).sample(frac=1, random_state=1)
    desk.land(0, rows.assign(income=rows["income"].astype(np.float32), country=rows["country"].astype("category")))
    found, decision, _ = desk.evening(0)
    assert [(m.status, m.column) for m in found["training_serving_skew"]] == [(Status.OK, "")]
    assert value(found, "training_serving_skew") == 0
    assert {value(found, "replay_difference", column) for column in ("income", "country")} == {0}
    assert "training_serving_skew" not in decision.because
    assert desk.evening(0)[2] == 0


def test_features_that_come_a_day_late_are_compared_when_they_are_there(desk: Desk) -> None:
    found, _, _ = desk.evening(0)
    assert [m.status for m in found["training_serving_skew"]] == [Status.TOO_FEW]
    desk.land(0, desk.features(0).assign(country="XX"))
    _, decision, _ = desk.evening(1)
    assert value(desk.known(0), "training_serving_skew", "country") == 1
    assert [m.status for m in desk.known(1)["training_serving_skew"]] == [Status.TOO_FEW]
    assert decision.because.startswith("2026-03-02: training_serving_skew of country")
    then = desk.store.history("default/lender", metric="training_serving_skew", as_of=desk.lender.at(1))
    assert list(then["status"]) == ["too_few"]


def test_a_key_that_stands_in_the_replay_twice_has_no_partner(desk: Desk) -> None:
    rows = desk.features(0)
    desk.land(0, pd.concat([rows, rows.head(30).assign(income=0.0)]))
    found, _, _ = desk.evening(0)
    assert value(found, "replay_coverage") == pytest.approx(0.8)
    assert "30 rows have a key" in found["replay_coverage"][0].reason
    assert value(found, "training_serving_skew") == 0


def test_a_replay_without_a_column_or_its_key_says_so_and_asks_to_investigate(desk: Desk) -> None:
    desk.land(0, desk.features(0).drop(columns=["income"]))
    found, decision, _ = desk.evening(0)
    (failed,) = (m for m in found["training_serving_skew"] if m.status is Status.FAILED)
    assert failed.reason == "column 'income' is missing in the replay"
    assert decision.action == "investigate_data"
    desk.land(1, desk.features(1).rename(columns={"id": "number"}))
    desk.land(0, desk.features(0).rename(columns={"id": "number"}))
    found, _, _ = desk.evening(1)
    assert [m.reason for m in found["training_serving_skew"]] == [
        "column 'id' (key) is missing in the replay of 'scores'"
    ]


def test_a_replay_that_is_written_anew_is_read_anew(desk: Desk) -> None:
    desk.land(0, desk.features(0).assign(country="XX"))
    assert value(desk.evening(0)[0], "training_serving_skew", "country") == 1
    desk.land(0, desk.features(0))
    found, _, wrote = desk.evening(0)
    assert wrote == 1
    assert value(found, "training_serving_skew") == 0


def test_a_table_in_memory_is_a_replay_too(desk: Desk) -> None:
    rows = desk.features(0)
    spec = desk.lender.spec(dataset={"replay": desk.replay}).with_sources({"scores.replay": rows})
    skew = DuckDB().skew(spec.datasets[0], desk.lender.day(0))
    assert (skew.rows, skew.joined, dict(skew.differing)) == (len(rows), len(rows), {"income": 0, "country": 0})
    assert DuckDB().skew(spec.datasets[0], desk.lender.day(1)).joined == 0


def test_rows_that_a_run_brings_are_no_earlier_windows_rows(desk: Desk) -> None:
    """Half of yesterday's replay is there, so yesterday is awaited still; today's rows are handed over in memory."""
    rows = desk.features(0)
    desk.land(0, rows[: len(rows) // 2].assign(income=0.5))
    at = desk.lender.rows["at"]
    monitor = desk.lender.monitor(desk.store, dataset={"replay": desk.replay})
    for number in (0, 1):
        day = desk.lender.day(number)
        mine = desk.lender.rows[(at >= day.start) & (at < day.end)].drop(columns=["label", "known_at"])
        measure_quality(monitor.on(mine), desk.lender.run(number))
    assert value(desk.known(0), "training_serving_skew", "income") == 1
    assert value(desk.known(0), "replay_coverage") == 0.5
    assert value(desk.known(1), "replay_coverage") == 0


def test_lineage_names_the_replay_and_what_differs_from_it(desk: Desk) -> None:
    rows = desk.features(0)
    desk.land(0, rows.assign(income=rows["income"] + 1))
    desk.evening(0)
    monitor = desk.lender.monitor(desk.store, dataset={"replay": desk.replay})
    _, told, *_ = lineage_of(monitor, desk.lender.run(0), Flow(asserts=FAULTS)).inputs
    assert told.place.name == str(desk.lender.home / "features")
    assert [(one.name, one.column, one.holds) for one in told.assertions] == [
        ("training_serving_skew", "income", False)
    ]
