"""Second moments by choice: without them nothing is worked out, asked for or stored of columns together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import pandas as pd
import pytest

from airflow_ml_monitor.errors import ReferenceMismatch, SpecError
from airflow_ml_monitor.keys import Window
from airflow_ml_monitor.measurement import Family, Measurement, Status
from airflow_ml_monitor.metrics.metric import metrics
from airflow_ml_monitor.metrics.names import Need, need_of
from airflow_ml_monitor.monitor.freezing import freeze
from airflow_ml_monitor.monitor.profiling import profiled
from airflow_ml_monitor.monitor.rows import Batch, validate_rows
from airflow_ml_monitor.monitor.run import Monitor, Run
from airflow_ml_monitor.monitor.spec import MonitorSpec
from airflow_ml_monitor.monitor.steps import measure_drift, measure_quality
from airflow_ml_monitor.profile.codec import encode_profile
from airflow_ml_monitor.profile.layout import digest
from airflow_ml_monitor.store.repository import MetricsStore

OF_TOGETHER = {name for name in metrics() if need_of(name) is Need.SECOND_MOMENTS}
"""Three of drift, two of quality, two faults."""


@pytest.fixture(scope="module")
def world(builders: Callable[[str], ModuleType]) -> ModuleType:
    return builders("monitor/test_together.py")


@pytest.fixture(scope="module")
def folder(world: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("second-moments")
    for name, numbers in {"reference": [-2, -1], "day-0": [0], "day-1": [1]}.items():
        pd.concat([world.rows(number) for number in numbers]).to_parquet(found / f"{name}.parquet")
    return found


def spec_of(world: ModuleType, folder: Path, second_moments: bool | None = False, **policy: Any) -> MonitorSpec:
    document = {**world.spec_of(folder).document(), "policy": policy}
    document["datasets"][0] |= {} if second_moments is None else {"second_moments": second_moments}
    spec: MonitorSpec = MonitorSpec.from_document(document)
    return spec


def run_of(world: ModuleType, spec: MonitorSpec, number: int) -> Run:
    start = world.FIRST + timedelta(days=number)
    return Run(Window(start, start + timedelta(days=1)), spec.windows[0], start + timedelta(hours=30))


def measured(world: ModuleType, monitor: Monitor, number: int) -> list[Measurement]:
    run = run_of(world, monitor.spec, number)
    measure_quality(monitor, run)
    measure_drift(monitor, run)
    families = [Family.QUALITY, Family.DRIFT, Family.FAULT]
    found = monitor.store.current(monitor.key, families=families)
    return [row.measurement for row in found if row.head.window == run.window]


def test_without_them_nothing_is_kept_and_nothing_said(world: ModuleType, folder: Path, store: MetricsStore) -> None:
    monitor = Monitor(spec_of(world, folder), store)
    rows = measured(world, monitor, 0)
    assert {row.metric for row in rows} >= {"psi", "row_count", "clipped"}
    assert not {row.metric for row in rows} & OF_TOGETHER
    dataset = monitor.spec.dataset()
    _, profile, reference = profiled(monitor, dataset, run_of(world, monitor.spec, 0))
    for one in (profile, reference.profile):
        assert (one.traces.products, one.traces.scatter, one.traces.distances) == (None, None, {})
    assert reference.layout.ellipsoid is None


def test_cells_are_the_same_with_and_without(world: ModuleType, folder: Path, store: MetricsStore) -> None:
    with_them, without = (Monitor(spec_of(world, folder, one), store).spec.dataset() for one in (True, False))
    engine = Monitor(spec_of(world, folder), store).engine
    layout = engine.layout(with_them, run_of(world, spec_of(world, folder), 0).window)
    bare = engine.layout(without, run_of(world, spec_of(world, folder), 0).window)
    assert replace(layout, ellipsoid=None) == bare
    window = run_of(world, spec_of(world, folder), 0).window
    full, plain = (engine.profile(dataset, layout, window) for dataset in (with_them, without))
    assert full.traces.products is not None
    none = {"products": None, "scatter": None, "distances": {}}
    assert encode_profile(replace(full, traces=replace(full.traces, **none))) == encode_profile(plain)


def test_turned_off_later_the_window_says_so_and_profiles_are_made_anew(
    world: ModuleType, folder: Path, store: MetricsStore
) -> None:
    on = Monitor(spec_of(world, folder, None), store)
    assert {row.metric for row in measured(world, on, 0)} >= OF_TOGETHER
    key, _, reference = profiled(on, on.spec.dataset(), run_of(world, on.spec, 0))
    off = Monitor(spec_of(world, folder), store)
    rows = [row for row in measured(world, off, 1) if row.metric in OF_TOGETHER]
    assert {row.metric for row in rows} == OF_TOGETHER - {"group_broken", "shifted_join"}
    for row in rows:
        assert row.status is Status.UNDEFINED
        assert "second_moments" in row.reason
    again, profile, _ = profiled(off, off.spec.dataset(), run_of(world, off.spec, 0))
    assert again.input_digest != key.input_digest
    assert profile.traces.products is None
    moment = world.FIRST + timedelta(days=2)
    assert freeze(off, moment, again=True)["rows"] != reference.digest


def test_what_says_nothing_of_them_is_named_as_it_was(world: ModuleType, folder: Path, store: MetricsStore) -> None:
    unsaid, said, off = (spec_of(world, folder, one) for one in (None, True, False))
    assert "second_moments" not in unsaid.document()["datasets"][0]
    assert digest(unsaid.document()) == digest(said.document()) != digest(off.document())
    assert MonitorSpec.from_document(off.document()).dataset().second_moments is False
    run, keys = run_of(world, unsaid, 0), []
    for one in (unsaid, said):
        key, *_ = profiled(Monitor(one, store), one.dataset(), run)
        keys.append(key)
    assert keys[0] == keys[1]


@pytest.mark.parametrize("name", sorted(OF_TOGETHER))
def test_a_rule_on_columns_together_is_refused_without_them(world: ModuleType, folder: Path, name: str) -> None:
    rule = {"metric": name, "max": 0.3, "action": "alert"}
    with pytest.raises(SpecError, match=f"'{name}' needs second_moments: true of a dataset; declare it"):
        spec_of(world, folder, rules=[rule])
    assert spec_of(world, folder, None, rules=[rule])


@pytest.mark.parametrize("name", ["correlation_change", "component_mean", "component_variance", "outlier_share"])
def test_a_chart_on_columns_together_is_refused_without_them(world: ModuleType, folder: Path, name: str) -> None:
    with pytest.raises(SpecError, match=f"'{name}' needs second_moments: true of a dataset; declare it"):
        spec_of(world, folder, charts=["shift", name])
    assert spec_of(world, folder, True, charts=["shift", name])


def test_outliers_cannot_be_held_back_without_them(
    world: ModuleType, folder: Path, store: MetricsStore, tmp_path: Path
) -> None:
    spec = spec_of(world, folder)
    places = (str(tmp_path / "good.parquet"), str(tmp_path / "held.parquet"))
    batch = Batch(str(folder / "day-0.parquet"), *places, contract=None, outliers=0.01)
    with pytest.raises(ReferenceMismatch, match=r"again=True.*with second_moments on"):
        validate_rows(Monitor(spec, store), run_of(world, spec, 0), batch)


def test_a_word_is_no_choice(world: ModuleType, folder: Path) -> None:
    with pytest.raises(SpecError, match="true or false"):
        spec_of(world, folder, "no")  # type: ignore[arg-type]


def test_a_measurement_of_columns_together_is_refused_without_them(world: ModuleType, folder: Path) -> None:
    document = {**spec_of(world, folder).document(), "measurements": ["outlier_share"]}
    with pytest.raises(SpecError, match="'outlier_share' needs second_moments: true of a dataset"):
        MonitorSpec.from_document(document)
