"""A window scanned in parts by the values of a column: each row in one of them, or the window says which is in none."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pytest

from airflow_ml_monitor.errors import ScanError, SpecError
from airflow_ml_monitor.keys import WHOLE
from airflow_ml_monitor.measurement import Status
from airflow_ml_monitor.monitor.judgement import decide
from airflow_ml_monitor.monitor.parting import Part, parts_by_value, parts_of
from airflow_ml_monitor.monitor.parts import merge_parts, scan_part
from airflow_ml_monitor.monitor.steps import measure_quality
from airflow_ml_monitor.monitor.whole import measure_all
from airflow_ml_monitor.profile.dataset import Column, Kind
from airflow_ml_monitor.profile.engines import memory
from airflow_ml_monitor.profile.engines.embedded.duckdb import DuckDB
from airflow_ml_monitor.profile.table import Table

PARTS = parts_by_value("purpose", ["car", "house"])


@pytest.fixture
def law(builders: Callable[[str], ModuleType]) -> ModuleType:
    """What parts of any kind come to."""
    return builders("monitor/test_parts.py")


@pytest.fixture
def world(worlds: Callable[..., Any]) -> Any:
    """Two days; on the first a purpose that is new, none now and then, and keys that come again with another."""
    made = worlds(days=2, rows=300, dataset={"slice_by": ["purpose"]})
    order = made.predictions[made.predictions["at"] < made.day(1).start].index
    made.predictions.loc[order[::10], "purpose"] = "boat"
    made.predictions.loc[order[3::17], "purpose"] = None
    made.predictions.loc[order[5::20], "x"] = np.nan
    (car, house) = (made.predictions.loc[order, "purpose"].eq(name).idxmax() for name in ("car", "house"))
    made.predictions.loc[car, "id"] = made.predictions.loc[house, "id"]
    made.write_day(0)
    return made


@pytest.mark.parametrize("small", [0, 20_000], ids=["statements", "rows"])
def test_parts_by_value_put_together_are_what_one_scan_leaves_slices_and_rows_without_a_value_among_it(
    world: Any, law: ModuleType, small: int
) -> None:
    stores = (world.store, world.new_store("whole"))
    parted, whole = (replace(world.monitor(store=store), engine=DuckDB(small=small)) for store in stores)
    told = law.in_parts(parted, world.run(0), PARTS)
    found, expected = law.of_window(world, parted), law.of_window(world, whole)
    law.same(found, expected)
    assert told["predictions"]["rows"] == 300
    assert found.duplicates == 1
    assert found.traces.unseen == {"purpose": {"boat": 28}}
    assert {slice_ for slice_ in found.slices if slice_ != WHOLE} == {
        (("purpose", name),) for name in ("car", "house", "other")
    }


def test_all_that_is_measured_afterwards_is_what_one_task_stores(world: Any, law: ModuleType, history: Any) -> None:
    other = world.new_store("whole")
    law.in_parts(world.monitor(), world.run(0), PARTS)
    measure_all(world.monitor(), world.run(0))
    measure_all(world.monitor(store=other), world.run(0))
    found, expected = (history(store, world.spec.key) for store in (world.store, other))
    plain = ~found["metric"].isin(law.FROM_ROWS)
    pd.testing.assert_frame_equal(found[plain], expected[plain], rtol=1e-5, atol=1e-5)
    assert found["slice"].nunique() == 4
    counted = [store.counted(world.spec.key) for store in (world.store, other)]
    assert len({(one["revision"], one["measurement"], one["profile"], one["sighting"]) for one in counted}) == 1


@pytest.mark.servers
@pytest.mark.parametrize("kind", ["postgresql", "sqlite"])
def test_parts_of_a_table_by_value_are_what_one_scan_of_it_leaves(
    world: Any,
    law: ModuleType,
    builders: Any,
    empty_database: Any,
    tmp_path: Any,
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
) -> None:
    (tmp_path / "warehouse").mkdir()
    with empty_database(kind, tmp_path / "warehouse") as url:
        monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", url)
        builders("profile/database_tables.py").upload(url, memory.table(world.predictions), "predictions")
        world.spec = replace(world.spec, labels=()).with_sources(predictions=Table("warehouse", "predictions"))
        whole = world.monitor(store=world.new_store("whole"))
        law.in_parts(world.monitor(), world.run(0), PARTS)
        law.same(law.of_window(world, world.monitor()), law.of_window(world, whole))


def test_a_dataset_without_the_column_is_scanned_by_the_last_task_and_one_with_it_in_parts(
    world: Any, law: ModuleType
) -> None:
    (first,) = world.spec.datasets
    raw = replace(first, name="raw", columns=(Column("x"),), slice_by=())
    scored = replace(first, name="scored", slice_by=(), columns=(Column("x"), Column("purpose", Kind.CATEGORICAL)))
    world.spec = replace(world.spec, datasets=(first, raw, scored))
    monitor, run = world.monitor(), world.run(0)
    scanned = [scan_part(monitor, run, part) for part in parts_of(PARTS)]
    assert [set(one) for one in scanned] == [{"predictions", "scored"}] * 3
    assert {name: one["rows"] for name, one in merge_parts(monitor, run, parts_of(PARTS)).items()} == {
        "predictions": 300,
        "raw": 300,
        "scored": 300,
    }
    only = parts_by_value("purpose", ["car"], "scored")
    assert [set(scan_part(monitor, world.run(1), part)) for part in parts_of(only)] == [{"scored"}] * 2


REST = {"purpose": {"other_than": ["car", "house"]}}
GAPS: list[tuple[list[dict[str, Any]], str]] = [
    ([{"purpose": "car"}, {"purpose": "house"}], "purpose other than 'car', 'house' is in no part"),
    ([{"purpose": "car"}, REST], "purpose 'house' is in no part"),
    ([{"purpose": ["car", "house"]}, {"purpose": "car"}, REST], "purpose 'car' is in two parts"),
    (
        [{"purpose": "car"}, {"purpose": "house"}, {"purpose": {"other_than": ["house"]}}],
        "purpose 'car' is in two parts: one of its own, and purpose other than 'house'",
    ),
    ([{"purpose": "car"}, {"model_version": {"other_than": ["v1"]}}], "parts by 'model_version' and by 'purpose' do"),
    ([REST, {"purpose": {"other_than": ["car"]}}], "hold the same rows"),
]


@pytest.mark.parametrize(("parts", "reason"), GAPS)
def test_parts_that_leave_a_value_out_or_hold_it_twice_are_refused_and_the_window_says_which(
    world: Any, law: ModuleType, parts: list[dict[str, Any]], reason: str
) -> None:
    monitor, run = world.monitor(), world.run(0)
    with pytest.raises(SpecError, match=reason):
        law.in_parts(monitor, run, parts)
    (row,) = (r.measurement for r in world.store.current(world.spec.key))
    assert (row.metric, row.status, row.estimate) == ("row_count", Status.FAILED, None)
    assert reason in row.reason
    assert decide(monitor, run).action == "investigate_data"
    assert world.store.profiles_seen(world.spec.key, "predictions", "day@UTC", world.day(0)) == []
    law.in_parts(monitor, run, PARTS)
    measure_quality(monitor, run)
    found = {r.measurement.metric: r.measurement for r in world.store.current(world.spec.key, whole=True)}
    assert (found["row_count"].status, found["row_count"].estimate.value) == (Status.OK, 300.0)  # type: ignore[union-attr]


def test_a_part_that_is_not_there_is_named(world: Any) -> None:
    car, _, rest = parts_of(PARTS)
    for part in (car, rest):
        scan_part(world.monitor(), world.run(0), part)
    with pytest.raises(ScanError, match="of 3 parts purpose is 'house' is not there"):
        merge_parts(world.monitor(), world.run(0), parts_of(PARTS))
    (row,) = (r.measurement for r in world.store.current(world.spec.key))
    assert (row.status, row.reason) == (Status.FAILED, "of 3 parts purpose is 'house' is not there")


def test_rows_that_the_engine_lost_are_missed_by_the_last_task(world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monitor, run, (car, house, rest) = world.monitor(), world.run(0), parts_of(PARTS)
    for part in (car, house):
        scan_part(monitor, run, part)
    plain = monitor.engine.profile
    # What an engine would leave that forgets NULL.
    lost = world.predictions[world.predictions["purpose"].notna()]
    monkeypatch.setattr(
        type(monitor.engine), "profile", lambda _, d, *about, **of: plain(replace(d, source=lost), *about, **of)
    )
    scan_part(monitor, run, rest)
    monkeypatch.undo()
    with pytest.raises(SpecError, match=r"the parts hold 28\d rows, and the window has 300"):
        merge_parts(monitor, run, parts_of(PARTS))
    (row,) = (r.measurement for r in world.store.current(world.spec.key))
    assert row.status is Status.FAILED


def test_where_the_column_did_not_arrive_the_window_is_scanned_and_says_so(world: Any, law: ModuleType) -> None:
    path = world.root / "predictions" / "000.parquet"
    pd.read_parquet(path).drop(columns="purpose").to_parquet(path)
    told = law.in_parts(world.monitor(), world.run(0), PARTS)
    assert (told["predictions"]["rows"], told["predictions"]["faults"]) == (300, 1)
    assert dict(law.of_window(world, world.monitor()).faults) == {"purpose": "column 'purpose' is missing"}


@pytest.mark.parametrize(
    ("part", "problem"),
    [({"x": "1"}, "'x' is no categorical or boolean column"), ({"porpoise": "car"}, "'porpoise' is no categorical")],
)
def test_a_part_by_a_column_that_has_no_categories_is_refused(world: Any, part: dict[str, str], problem: str) -> None:
    with pytest.raises(SpecError, match=problem):
        scan_part(world.monitor(), world.run(0), Part.read(part))


@pytest.mark.parametrize("name", ["source", "dataset"])
def test_a_column_whose_name_means_something_else_makes_no_parts(name: str) -> None:
    with pytest.raises(SpecError, match=f"a column called '{name}' makes no parts"):
        parts_by_value(name, ["web"])
