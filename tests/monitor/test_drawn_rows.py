"""A dataset of which a fraction of the rows is read, from the spec to the decision."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pytest

from airflow_ml_monitor.errors import SpecError
from airflow_ml_monitor.keys import WHOLE, Window
from airflow_ml_monitor.measurement import Family, Measurement
from airflow_ml_monitor.monitor.judgement import decide
from airflow_ml_monitor.monitor.run import Monitor, Run
from airflow_ml_monitor.monitor.spec import MonitorSpec
from airflow_ml_monitor.monitor.steps import check_contract, measure_drift, measure_quality
from airflow_ml_monitor.profile.codec import decode_profile
from airflow_ml_monitor.report.page import report
from airflow_ml_monitor.store.repository import MetricsStore


@pytest.fixture(scope="module")
def world(builders: Callable[[str], ModuleType]) -> ModuleType:
    return builders("monitor/test_together.py")


@pytest.fixture(scope="module")
def folder(world: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A reference, a quiet day, and one on which incomes are twice what they were; every row has a key."""
    found = tmp_path_factory.mktemp("drawn")
    days = {"reference": range(-10, 0), "day-0": [0], "day-1": [1]}
    for name, numbers in days.items():
        frame = pd.concat([world.rows(number) for number in numbers], ignore_index=True)
        frame["income"] *= 2 if name == "day-1" else 1
        frame.assign(id=[f"{name}-{i}" for i in range(len(frame))]).to_parquet(found / f"{name}.parquet")
    return found


def spec_of(world: ModuleType, folder: Path, fraction: float, **more: Any) -> MonitorSpec:
    rule = {"metric": "psi", "max": 0.2, "action": "alert"}
    document = {**world.spec_of(folder).document(), "policy": {"rules": [rule], "false_alarms_per_year": 0}, **more}
    document["datasets"][0] |= {"entity_key": ["id"], "sampling_fraction": fraction}
    spec: MonitorSpec = MonitorSpec.from_document(document)
    return spec


def run_of(world: ModuleType, monitor: Monitor, number: int) -> Run:
    start = world.FIRST + timedelta(days=number)
    return Run(Window(start, start + timedelta(days=1)), monitor.spec.windows[0], start + timedelta(hours=30))


def measured(world: ModuleType, monitor: Monitor, number: int) -> tuple[Run, int]:
    """A day's run, and the revisions that it wrote."""
    run = run_of(world, monitor, number)
    return run, measure_quality(monitor, run).revisions + measure_drift(monitor, run).revisions


def rows_of(monitor: Monitor, run: Run, metric: str, column: str = "") -> Measurement:
    found = monitor.store.current(monitor.key, families=[Family.QUALITY, Family.DRIFT], metrics={metric})
    mine = (row.measurement for row in found if row.head.window == run.window)
    return next(m for m in mine if m.slice == WHOLE and m.column == column)


def test_a_fraction_of_the_rows_says_what_all_of_them_do_and_how_surely(
    world: ModuleType, folder: Path, store: MetricsStore
) -> None:
    monitor = Monitor(spec_of(world, folder, 0.25), store)
    runs = [measured(world, monitor, number)[0] for number in range(2)]
    there = len(pd.read_parquet(folder / "day-0.parquet"))
    for run in runs:
        counted = rows_of(monitor, run, "row_count").estimate
        assert counted is not None
        assert (counted.value, counted.low) == (there, None)
        filled = rows_of(monitor, run, "completeness", "income").estimate
        assert filled is not None
        assert abs(filled.n - there / 4) < 5 * np.sqrt(there * 0.25 * 0.75)
    assert [decide(monitor, run).action.value for run in runs] == ["none", "alert"]
    assert f"{there:,} rows were measured (values in 0.25 of them, drawn)" in report(store, str(monitor.key))


def test_a_rerun_writes_nothing_and_another_fraction_counts_from_then_on(
    world: ModuleType, folder: Path, store: MetricsStore
) -> None:
    monitor = Monitor(spec_of(world, folder, 0.25), store)
    assert measured(world, monitor, 0)[1] > 0
    assert measured(world, monitor, 0)[1] == 0
    other = Monitor(spec_of(world, folder, 0.5), store)
    assert [measured(world, other, number)[1] > 0 for number in range(2)] == [False, True]
    [reference] = {name for _, name in store.references(monitor.key, monitor.spec.datasets[0].name)}
    record = store.reference(monitor.key, reference)
    assert record is not None
    assert decode_profile(record.profile).draw is None
    kept = [store.profile(monitor.key, profile.key) for profile in store.archive.profiles(monitor.key)]
    draws = [profile.draw for payload in kept if payload and (profile := decode_profile(payload))]
    assert sorted(draw.fraction for draw in draws if draw) == [0.25, 0.5]


def test_a_rule_about_every_row_is_answered_of_every_row(
    world: ModuleType, folder: Path, store: MetricsStore, tmp_path: Path
) -> None:
    for path in folder.glob("*.parquet"):
        frame = pd.read_parquet(path)
        # One row of the window has none; of a hundred rows one is drawn.
        if path.stem == "day-0":
            frame.loc[17, "income"] = np.nan
        frame.to_parquet(tmp_path / path.name)
    rule = {"type": "expect_column_values_to_not_be_null", "kwargs": {"column": "income"}}
    monitor = Monitor(spec_of(world, tmp_path, 0.01, contract={"expectations": [rule]}), store)
    run, _ = measured(world, monitor, 0)
    check_contract(monitor, run)
    filled = rows_of(monitor, run, "completeness", "income").estimate
    assert filled is not None
    assert (filled.value, filled.n < 40) == (1, True)
    [broken] = store.history(monitor.key).query("metric == 'expectation'").to_dict("records")
    assert (broken["value"], broken["status"]) == (0, "ok")


def test_a_share_that_is_none_is_refused_in_the_spec(world: ModuleType, folder: Path) -> None:
    with pytest.raises(SpecError, match="is no share of the rows; give a number above 0") as caught:
        spec_of(world, folder, 2)
    assert caught.value.field == "datasets.rows.sampling_fraction"
