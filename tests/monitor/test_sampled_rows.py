"""Rows kept by name, from the spec to the decision: a relation that breaks is told by a classifier."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import pandas as pd
import pytest

from airflow_ml_monitor.errors import SpecError
from airflow_ml_monitor.keys import Window
from airflow_ml_monitor.measurement import Estimate, Family, Measurement, Status
from airflow_ml_monitor.monitor.freezing import freeze
from airflow_ml_monitor.monitor.judgement import decide
from airflow_ml_monitor.monitor.run import Monitor, Run
from airflow_ml_monitor.monitor.spec import MonitorSpec
from airflow_ml_monitor.monitor.steps import measure_drift, measure_quality
from airflow_ml_monitor.store.repository import MetricsStore

OF_ROWS = {"domain_auc", "energy_distance"}


@pytest.fixture(scope="module")
def world(builders: Callable[[str], ModuleType]) -> ModuleType:
    return builders("monitor/test_together.py")


@pytest.fixture(scope="module")
def folder(world: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A reference, a quiet day, and one on which loans are others'; every row has a key."""
    found = tmp_path_factory.mktemp("sampled")
    days = {"reference": range(-10, 0), "day-0": [0], "day-1": [1]}
    for name, numbers in days.items():
        frame = pd.concat([world.rows(number, is_broken=number == 1) for number in numbers], ignore_index=True)
        frame.assign(id=[f"{name}-{i}" for i in range(len(frame))]).to_parquet(found / f"{name}.parquet")
    return found


def spec_of(world: ModuleType, folder: Path, sample_rows: int = 500, **policy: Any) -> MonitorSpec:
    document = {**world.spec_of(folder).document(), "policy": policy}
    document["datasets"][0] |= {"entity_key": ["id"], "sample_rows": sample_rows}
    spec: MonitorSpec = MonitorSpec.from_document(document)
    return spec


def measured(world: ModuleType, monitor: Monitor, number: int) -> tuple[Run, list[Measurement]]:
    start = world.FIRST + timedelta(days=number)
    window = Window(start, start + timedelta(days=1))
    run = Run(window, monitor.spec.windows[0], start + timedelta(hours=30))
    measure_quality(monitor, run)
    measure_drift(monitor, run)
    found = monitor.store.current(monitor.key, families=[Family.DRIFT], metrics=OF_ROWS)
    return run, [row.measurement for row in found if row.head.window == window]


def test_rows_of_others_are_told_and_a_rule_on_it_decides(world: ModuleType, folder: Path, store: MetricsStore) -> None:
    rule = {"metric": "domain_auc", "max": 0.6, "action": "alert"}
    monitor = Monitor(spec_of(world, folder, rules=[rule], false_alarms_per_year=0), store)
    (quiet, before), (broken, after) = (measured(world, monitor, number) for number in range(2))
    assert {row.status for row in (*before, *after)} == {Status.OK}
    calm, wild = ({row.metric: row.estimate for row in rows} for rows in (before, after))
    assert calm.keys() == wild.keys() == OF_ROWS
    for name in OF_ROWS:
        assert p_value(calm[name]) > 0.01
    assert p_value(wild["domain_auc"]) == 0.002
    assert wild["domain_auc"].value > 0.65 > calm["domain_auc"].value
    assert [decide(monitor, run).action.value for run in (quiet, broken)] == ["none", "alert"]


def p_value(estimate: Estimate | None) -> float:
    assert estimate is not None
    assert estimate.p_value is not None
    return estimate.p_value


def test_without_rows_nothing_is_said_of_them_but_what_is_asked_for(
    world: ModuleType, folder: Path, store: MetricsStore
) -> None:
    spec = spec_of(world, folder, sample_rows=0)
    assert measured(world, Monitor(spec, store), 0)[1] == []
    # A reference from before rows were kept.
    asked = replace(spec, datasets=(replace(spec.datasets[0], sample_rows=500),))
    monitor = Monitor(asked, store)
    _, rows = measured(world, monitor, 1)
    assert {(row.metric, row.status) for row in rows} == {(name, Status.UNDEFINED) for name in OF_ROWS}
    assert "freeze the reference again" in rows[0].reason
    start = world.FIRST + timedelta(days=1, hours=30)
    before = freeze(monitor, start)
    assert freeze(monitor, start, again=True) != before


def test_a_rule_on_rows_that_are_not_kept_is_refused(world: ModuleType, folder: Path) -> None:
    rule = {"metric": "energy_distance", "max": 0.3, "action": "alert"}
    with pytest.raises(SpecError, match="'energy_distance' needs sample_rows of a dataset; declare it"):
        spec_of(world, folder, 0, rules=[rule])
