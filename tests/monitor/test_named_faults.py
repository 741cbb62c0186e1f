"""A fault of a feed, from the day on which it arrives to the decision that names it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from airflow_ml_monitor.errors import UnknownName
from airflow_ml_monitor.keys import Window
from airflow_ml_monitor.measurement import Family, Status
from airflow_ml_monitor.metrics.names import fault_names
from airflow_ml_monitor.monitor import faults
from airflow_ml_monitor.monitor.judgement import decide
from airflow_ml_monitor.monitor.performance import measure_performance
from airflow_ml_monitor.monitor.run import Monitor, Run
from airflow_ml_monitor.monitor.spec import MonitorSpec
from airflow_ml_monitor.monitor.steps import measure_drift, measure_quality
from airflow_ml_monitor.policy.decision import Decision
from airflow_ml_monitor.profile.feed_view import FeedView
from airflow_ml_monitor.store.repository import MetricsStore

FIRST = datetime(2026, 3, 1, tzinfo=UTC)
ROWS = 400
RULES = [
    {"metric": "psi", "max": 0.2, "action": "retrain"},
    {"metric": "roc_auc", "min": 0.6, "action": "retrain"},
]


def rows(number: int) -> pd.DataFrame:
    rng = np.random.default_rng(number + 100)
    score = rng.beta(1, 3, ROWS)
    start = FIRST + timedelta(days=number)
    return pd.DataFrame({
        "id": [f"{number}-{i}" for i in range(ROWS)],
        "at": pd.Timestamp(start) + pd.to_timedelta(rng.integers(0, 86_400, ROWS), unit="s"),
        "income": rng.lognormal(8, 0.5, ROWS),
        "age": rng.normal(40, 10, ROWS),
        "score": score,
        "label": (rng.random(ROWS) < score).astype(int),
    })  # fmt: skip


class Desk:
    """A model's days on disk, and a monitor that is asked every evening; labels are there at once."""

    def __init__(self, folder: Path, **policy: Any) -> None:
        self.folder = folder
        pd.concat([rows(-number) for number in range(1, 15)]).to_parquet(folder / "reference.parquet")
        self.spec = MonitorSpec.from_document({
            "name": "m",
            "task": {"kind": "binary", "positive": 1},
            "datasets": [{
                "name": "rows",
                "source": str(folder / "day-*.parquet"),
                "event_time": "at",
                "entity_key": ["id"],
                "columns": {"income": "numeric", "age": "numeric", "score": {"role": "score"}},
            }],
            "labels": [{
                "name": "truth", "source": str(folder / "day-*.parquet"), "key": "id", "label": "label",
                "label_time": "at", "horizon": "1d",
            }],
            "reference": {"source": str(folder / "reference.parquet"), "label": "label"},
            "policy": {"rules": RULES, **policy},
        })  # fmt: skip
        self.store = MetricsStore(f"sqlite:///{folder / 'metrics.db'}")
        self.store.upgrade()

    def evening(self, number: int, arrived: pd.DataFrame, spec: MonitorSpec | None = None) -> Decision:
        arrived.to_parquet(self.folder / f"day-{number:02}.parquet")
        start = FIRST + timedelta(days=number)
        monitor = Monitor(spec or self.spec, self.store)
        known_at = start + timedelta(days=3)
        run = Run(Window(start, start + timedelta(days=1)), self.spec.rule(), known_at)
        measure_quality(monitor, run)
        measure_drift(monitor, run)
        measure_performance(monitor, run)
        return decide(monitor, run)

    def quality(self, number: int) -> int:
        """How many revisions a day's quality step leaves, of the file that lies there."""
        start = FIRST + timedelta(days=number)
        run = Run(Window(start, start + timedelta(days=1)), self.spec.rule(), start + timedelta(days=3))
        return measure_quality(Monitor(self.spec, self.store), run).revisions

    def faults(self, number: int, as_of: int | None = None) -> dict[str, float]:
        """A day's faults as known now, or on the evening of another day."""
        start = FIRST + timedelta(days=number)
        known = None if as_of is None else FIRST + timedelta(days=as_of + 3)
        found = self.store.current(self.spec.key, families=[Family.FAULT], as_of=known)
        mine = [r.measurement for r in found if r.head.window.start == start]
        assert all(m.status is Status.OK for m in mine)
        return {m.metric: m.estimate.value for m in mine if m.estimate}


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Callable[..., Desk]]:
    made: list[Desk] = []

    def make(**policy: Any) -> Desk:
        made.append(Desk(tmp_path, **policy))
        return made[-1]

    yield make
    for one in made:
        one.store.dispose()


def again(number: int, of: int) -> pd.DataFrame:
    today = rows(of)
    return today.assign(id=[f"{number}-again-{i}" for i in range(ROWS)], at=today["at"] + timedelta(days=number - of))


def test_a_frozen_feed_is_named_and_nobody_retrains(desk: Callable[..., Desk]) -> None:
    mine = desk()
    quiet = [mine.evening(number, rows(number)) for number in range(3)]
    assert {decision.action.value for decision in quiet} == {"none"}
    broken = mine.evening(3, again(3, 2))
    assert broken.action == "investigate_data"
    assert "frozen_feed [of=2026-03-03]" in broken.because
    assert mine.evening(4, rows(4)).action == "wait"


def test_every_fault_that_is_looked_for_leaves_a_row_a_day(desk: Callable[..., Desk]) -> None:
    mine = desk()
    mine.evening(0, rows(0))
    of_feeds = fault_names() - {"labels_inverted", "predictions_not_logged", "training_serving_skew"}
    assert mine.faults(0) == dict.fromkeys(of_feeds, 0.0)


def test_in_a_day_without_rows_no_fault_is_said_to_be_absent(desk: Callable[..., Desk]) -> None:
    mine = desk()
    mine.evening(0, rows(0))
    assert mine.evening(1, rows(1).head(0)).action == "investigate_data"
    found = mine.store.current(mine.spec.key, families=[Family.FAULT], start=FIRST + timedelta(days=1))
    assert len(found) > 20
    assert {(r.measurement.status, r.measurement.estimate) for r in found} == {(Status.TOO_FEW, None)}


def test_inverted_labels_hold_their_window_and_ask_for_no_retraining(desk: Callable[..., Desk]) -> None:
    mine = desk()
    mine.evening(0, rows(0))
    today = rows(1)
    broken = mine.evening(1, today.assign(label=1 - today["label"]))
    assert broken.action == "investigate_data"
    assert "labels_inverted" in broken.because
    alarms = [alarm for alarm in broken.evidence["alarms"] if alarm["action"] == "retrain"]
    assert alarms == []


def test_without_the_name_the_same_labels_would_have_retrained(desk: Callable[..., Desk]) -> None:
    mine = desk(overlook=["labels_inverted"])
    mine.evening(0, rows(0))
    today = rows(1)
    assert mine.evening(1, today.assign(label=1 - today["label"])).action == "retrain"


def test_a_fault_that_is_overlooked_is_stored_and_asks_for_nothing(desk: Callable[..., Desk]) -> None:
    mine = desk(overlook=["frozen_feed"])
    for number in range(3):
        mine.evening(number, rows(number))
    assert mine.evening(3, again(3, 2)).action == "none"
    assert mine.faults(3)["frozen_feed"] == 1.0


def test_an_unknown_fault_cannot_be_overlooked(desk: Callable[..., Desk]) -> None:
    with pytest.raises(UnknownName, match="frozen_fed"):
        desk(overlook=["frozen_fed"])


def test_a_monitor_downstream_is_told_who_explains_its_fault_and_asks_for_nothing(desk: Callable[..., Desk]) -> None:
    mine = desk()
    below = replace(mine.spec, name="below", upstream=("default/m",))
    for number in range(3):
        assert mine.evening(number, rows(number)).action == mine.evening(number, rows(number), below).action == "none"
    assert mine.evening(3, again(3, 2)).action == "investigate_data"
    held = mine.evening(3, again(3, 2), below)
    assert held.action == "wait"
    assert held.because.startswith("investigate_data of 2026-03-04 is explained by default/m")


def test_raw_rows_that_are_sound_tell_that_the_pipeline_broke(desk: Callable[..., Desk]) -> None:
    mine = desk()
    features = mine.spec.datasets[0]
    raw = replace(features, name="raw", source=str(mine.folder / "raw-*.parquet"), columns=features.columns[:2])
    spec = replace(mine.spec, datasets=(raw, features), labels=(replace(mine.spec.labels[0], dataset="rows"),))

    def evening(number: int, arrived: pd.DataFrame) -> Decision:
        rows(number).to_parquet(mine.folder / f"raw-{number:02}.parquet")
        return mine.evening(number, arrived, spec)

    assert evening(0, rows(0)).action == "none"
    said = evening(1, rows(1).assign(income=np.nan))
    assert said.action == "investigate_data"
    assert said.because.startswith("2026-03-02: all_missing of income in 'rows'")
    assert said.because.endswith("'raw' is sound: it broke between 'raw' and 'rows'")


def test_the_same_days_asked_again_write_nothing(desk: Callable[..., Desk]) -> None:
    mine = desk()
    for number in range(3):
        mine.evening(number, rows(number))
    assert mine.quality(2) == 0


def test_a_backfill_from_behind_leaves_the_faults_of_the_days_in_their_order(desk: Callable[..., Desk]) -> None:
    mine = desk()
    arrived = [rows(0), rows(1), rows(2), again(3, 2), rows(4)]
    for number, frame in enumerate(arrived):
        frame.to_parquet(mine.folder / f"day-{number:02}.parquet")
    for number in reversed(range(5)):
        mine.quality(number)
    found = [mine.faults(number) for number in range(5)]
    named = [{name: value for name, value in day.items() if value} for day in found]
    assert named == [{}, {}, {}, {"frozen_feed": 1.0}, {}]


def test_an_earlier_day_that_is_mended_takes_back_what_it_explained(desk: Callable[..., Desk]) -> None:
    mine = desk()
    for number in range(3):
        mine.evening(number, rows(number))
    # Tomorrow's rows came a day early; the day on which they belong looks like its copy.
    mine.evening(3, again(3, 4))
    mine.evening(4, rows(4))
    mine.evening(5, rows(5))
    assert mine.faults(4)["frozen_feed"] == 1.0
    rows(3).to_parquet(mine.folder / "day-03.parquet")
    start = FIRST + timedelta(days=3)
    late = Run(Window(start, start + timedelta(days=1)), mine.spec.rule(), FIRST + timedelta(days=9))
    assert measure_quality(Monitor(mine.spec, mine.store), late).revisions > 1
    assert mine.faults(4)["frozen_feed"] == 0.0
    assert mine.faults(4, as_of=4)["frozen_feed"] == 1.0


def test_a_run_that_is_repeated_looks_back_at_what_was_known_then(desk: Callable[..., Desk]) -> None:
    mine = desk()
    for number in range(3):
        mine.evening(number, rows(number))
    mine.evening(3, again(3, 2))
    assert mine.faults(3)["frozen_feed"] == 1.0
    rows(12).assign(at=rows(2)["at"]).to_parquet(mine.folder / "day-02.parquet")
    start = FIRST + timedelta(days=2)
    late = Run(Window(start, start + timedelta(days=1)), mine.spec.rule(), FIRST + timedelta(days=9))
    measure_quality(Monitor(mine.spec, mine.store), late)
    assert mine.faults(3)["frozen_feed"] == 0.0
    # By the evening of day 3 its rows were those of the day before, whatever came of that day since.
    assert mine.quality(3) == 0
    assert mine.faults(3, as_of=3)["frozen_feed"] == 1.0


def test_a_day_that_is_backfilled_after_an_earlier_one_came_late_is_compared_with_it(desk: Callable[..., Desk]) -> None:
    mine = desk()
    for number in (0, 2, 3):
        mine.evening(number, rows(number))
    rows(1).to_parquet(mine.folder / "day-01.parquet")
    again(4, 1).to_parquet(mine.folder / "day-04.parquet")
    start = FIRST + timedelta(days=1)
    late = Run(Window(start, start + timedelta(days=1)), mine.spec.rule(), FIRST + timedelta(days=20))
    measure_quality(Monitor(mine.spec, mine.store), late)
    mine.quality(4)
    assert mine.faults(4)["frozen_feed"] == 1.0
    # By its own evening the day that it repeats was not there.
    assert mine.faults(4, as_of=4)["frozen_feed"] == 0.0
    assert mine.quality(4) == 0


def test_a_day_that_another_run_brings_anew_while_it_is_looked_at_again_keeps_the_faults_of_what_was_brought(
    desk: Callable[..., Desk], monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = desk()
    for number in range(3):
        mine.evening(number, rows(number))
    mine.evening(3, again(3, 2))
    assert mine.faults(3)["frozen_feed"] == 1.0
    third = FIRST + timedelta(days=3)
    plain, others = faults.fault_rows, []

    def late(start: datetime, known_on: int) -> None:
        run = Run(Window(start, start + timedelta(days=1)), mine.spec.rule(), FIRST + timedelta(days=known_on))
        measure_quality(Monitor(mine.spec, mine.store), run)

    def beside(view: FeedView) -> Any:
        # The first run has read the third day as it was, and not yet said what is wrong with it.
        if view.current.window.start == third and not others:
            others.append("another run")
            rows(3).to_parquet(mine.folder / "day-03.parquet")
            late(third, 8)
        return plain(view)

    monkeypatch.setattr(faults, "fault_rows", beside)
    rows(21).assign(at=rows(1)["at"]).to_parquet(mine.folder / "day-01.parquet")
    late(FIRST + timedelta(days=1), 9)
    assert others
    assert mine.faults(3)["frozen_feed"] == 0.0
    assert mine.faults(3, as_of=6)["frozen_feed"] == 0.0
    assert mine.faults(3, as_of=3)["frozen_feed"] == 1.0
