"""What arrives broken is stored with its reason, and means investigate_data; what is written wrong raises at once.

And nothing of a row gets out: a canary in every text column and key is nowhere but in the user's own files.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from airflow_ml_monitor.errors import MonitorError, ReferenceMismatch, StoreNotMigrated, StoreTooNew
from airflow_ml_monitor.keys import Window
from airflow_ml_monitor.monitor.freezing import freeze
from airflow_ml_monitor.monitor.judgement import decide
from airflow_ml_monitor.monitor.performance import measure_performance
from airflow_ml_monitor.monitor.run import Monitor, Run
from airflow_ml_monitor.monitor.spec import MonitorSpec
from airflow_ml_monitor.monitor.steps import check_contract, measure_drift, measure_quality, scan
from airflow_ml_monitor.policy.decision import Decision
from airflow_ml_monitor.profile.layout import RARE
from airflow_ml_monitor.store.repository import MetricsStore

DAY = Window(datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 2, tzinfo=UTC))
CANARY = "c4n4ry-of-one-person"
ROWS = 300


def rows(seed: int, count: int = ROWS) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    score = rng.uniform(0.02, 0.98, count)
    return pd.DataFrame(
        {
            "id": [f"{seed}-{i}" for i in range(count)],
            "at": DAY.start + pd.to_timedelta(rng.uniform(0, 86_000, count), unit="s"),
            "x": rng.normal(5, 2, count),
            "flat": np.ones(count),
            "city": rng.choice(["lima", "oslo"], count),
            "score": score,
            "y": (rng.random(count) < score).astype(int),
        }
    )


class Place:
    """A user's files in a folder, and a monitor on them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.predictions, self.labels = folder / "predictions.parquet", folder / "labels.parquet"
        self.reference = folder / "reference.parquet"
        rows(1, 2000).to_parquet(self.reference)
        self.write(rows(2))
        self.store = MetricsStore(f"sqlite:///{folder}/metrics.db")
        self.store.upgrade()
        columns: dict[str, Any] = {
            "x": "numeric",
            "flat": "numeric",
            "city": "categorical",
            "score": {"role": "score"},
        }
        self.spec = MonitorSpec.from_document(
            {
                "name": "m",
                "task": "binary",
                "datasets": [
                    {
                        "name": "predictions",
                        "source": str(self.predictions),
                        "event_time": "at",
                        "entity_key": ["id"],
                        "columns": columns,
                        "slice_by": "city",
                    }
                ],
                "labels": [
                    {"name": "labels", "source": str(self.labels), "key": "id", "label": "y", "label_time": "known"}
                ],
                "reference": {"source": str(self.reference), "label": "y"},
                "policy": {"rules": [{"metric": "roc_auc", "fall": 0.2, "action": "retrain"}]},
            }
        )

    def write(self, frame: pd.DataFrame) -> None:
        frame.drop(columns="y").to_parquet(self.predictions)
        known = frame.get("at", pd.Series([DAY.start] * len(frame))) + timedelta(hours=20)
        frame[["id", "y"]].assign(known=known).to_parquet(self.labels)

    def live(self, **changes: Any) -> tuple[Decision, list[Any]]:
        """A whole day; the decision, and what every step returned."""
        monitor = Monitor(replace(self.spec, **changes), self.store)
        run = Run(DAY, monitor.spec.rule(), DAY.end + timedelta(days=40))
        steps: list[Callable[..., Any]] = [scan, measure_quality, check_contract, measure_drift, measure_performance]
        done = [step(monitor, run) for step in steps]
        return decide(monitor, run), done

    def stored(self) -> pd.DataFrame:
        return self.store.history("default/m")


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_a_sound_day_asks_for_nothing(place: Place) -> None:
    decision, _ = place.live()
    assert decision.action == "none", decision.because
    # How long labels take, and which of them should have a prediction, is not known after a day.
    stored = place.stored().query("not metric.str.startswith('label_') and metric != 'predictions_not_logged'")
    assert set(stored["status"]) <= {"ok", "undefined"}


def test_a_missing_column_is_a_stored_fault_and_the_others_are_measured(place: Place) -> None:
    place.write(rows(2).drop(columns="x"))
    decision, _ = place.live()
    assert decision.action == "investigate_data"
    assert "column_missing of x" in decision.because
    assert "is missing" not in decision.because
    stored = place.stored().query("column == 'x' and metric not in ('expectation', 'column_missing')")
    assert set(stored["status"]) == {"failed"}
    assert stored["value"].isna().all()
    assert set(place.stored().query("column == 'score' and metric == 'mean' and slice == '{}'")["status"]) == {"ok"}


def test_a_column_of_another_type_is_a_stored_fault(place: Place) -> None:
    place.write(rows(2).assign(x=CANARY))
    decision, _ = place.live()
    assert decision.action == "investigate_data"
    assert "type_changed of x [from=DOUBLE,to=VARCHAR]" in decision.because
    assert "arrived as" not in decision.because


@pytest.mark.parametrize("how", ["no rows", "no file", "no rows in the window", "not a Parquet file"])
def test_a_day_without_rows_is_stored_and_is_no_pass(place: Place, how: str) -> None:
    if how == "no file":
        place.predictions.unlink()
    elif how == "not a Parquet file":
        place.predictions.write_bytes(CANARY.encode() * 100)
    else:
        frame = rows(2)
        place.write(frame.head(0) if how == "no rows" else frame.assign(at=frame["at"] + timedelta(days=3)))
    decision, done = place.live()
    assert decision.action == "investigate_data", decision.because
    stored = place.stored()
    assert not stored.query("metric == 'psi'").empty
    assert set(stored.query("metric == 'psi'")["status"]) <= {"failed", "too_few"}
    assert stored.query("metric == 'completeness'")["value"].isna().all()
    assert CANARY not in repr((decision, done))


def test_repeated_keys_are_counted_and_investigated(place: Place) -> None:
    frame = rows(2)
    place.write(pd.concat([frame, frame.head(7)]))
    decision, _ = place.live()
    assert decision.action == "investigate_data"
    assert "7 rows repeat an entity key" in decision.because
    assert place.stored().query("metric == 'duplicate_rows' and slice == '{}'")["value"].tolist() == [7.0]


def test_without_any_label_yet_performance_is_immature_and_the_decision_waits(place: Place) -> None:
    place.labels.unlink()
    monitor = Monitor(place.spec, place.store)
    run = Run(DAY, monitor.spec.rule(), DAY.end)
    for step in (scan, measure_quality, measure_drift, measure_performance):
        step(monitor, run)
    decision = decide(monitor, run)
    assert decision.action == "wait"
    assert "no window's labels tell enough yet" in decision.because
    assert "labels of 0% of " in decision.because
    performance = place.stored().query("family == 'performance' and metric == 'roc_auc'")
    assert set(performance["status"]) == {"immature"}


def test_a_constant_reference_column_has_no_spread_and_says_so(place: Place) -> None:
    place.live()
    stored = place.stored().query("column == 'flat' and metric == 'wasserstein' and slice == '{}'")
    assert stored["status"].tolist() == ["undefined"]
    assert "no spread" in stored["reason"].item()


def test_a_reference_without_a_declared_column_is_refused_before_anything_is_stored(place: Place) -> None:
    rows(1, 2000).drop(columns="x").to_parquet(place.reference)
    with pytest.raises(ReferenceMismatch, match=r"column 'x' is missing"):
        freeze(Monitor(place.spec, place.store), DAY.end)
    assert place.stored().empty
    assert place.store.reference_at("default/m", "predictions", DAY.start) is None


def test_a_store_that_is_not_migrated_or_too_new_is_refused_with_the_remedy(tmp_path: Path) -> None:
    empty = MetricsStore(f"sqlite:///{tmp_path}/empty.db")
    with pytest.raises(StoreNotMigrated, match="db upgrade"):
        empty.check()
    empty.upgrade()
    with empty._database.connected() as connection:
        connection.exec_driver_sql("UPDATE ml_monitor_alembic_version SET version_num = '9999'")
        connection.commit()
    with pytest.raises(StoreTooNew, match="9999"):
        empty.check()


def test_a_canary_in_every_text_column_and_key_is_nowhere_outside_the_users_files(
    place: Place, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    reference, frame = rows(1, 2000), rows(2)
    for table in (reference, frame):
        table.loc[3, ["id", "city"]] = CANARY
    reference.to_parquet(place.reference)
    place.write(frame)
    seen: list[Any] = [place.live()]
    # Broken as well: errors and contracts must not quote either.
    # What a score of rows have in common identifies nobody, and may be said.
    nobodys = [f"{CANARY}-{i // (RARE - 1)}" for i in range(len(frame))]
    renamed = frame.rename(columns={"city": "town"}).drop(columns="x").assign(town=nobodys, spare=CANARY, y2=nobodys)
    for broken in (frame.assign(x=CANARY), frame.assign(city=nobodys), frame.assign(score=CANARY), renamed):
        place.write(broken)
        try:
            seen.append(place.live())
        except MonitorError as error:
            seen.append((str(error), repr(error.__cause__), repr(error.__context__)))
    seen.append(place.stored().to_csv())
    place.store.dispose()
    stored = b"".join(path.read_bytes() for path in place.folder.glob("metrics.db*"))
    assert b"duplicate_rows" in stored
    assert CANARY.encode() not in stored
    for text in (repr(seen), caplog.text, *capfd.readouterr()):
        assert CANARY not in text
