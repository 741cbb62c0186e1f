"""What is told of a window's data, and by which names: stored facts against pandas, names against the specification."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from airflow_ml_monitor.keys import EVER
from airflow_ml_monitor.measurement import Family, Severity
from airflow_ml_monitor.monitor.freezing import freeze
from airflow_ml_monitor.monitor.lineage import FAULTS, Flow, lineage_of, lineage_of_reference
from airflow_ml_monitor.monitor.places import Place, place_of, table_of
from airflow_ml_monitor.monitor.steps import measure_quality
from airflow_ml_monitor.store.repository import MetricsStore

QUALITY = Flow(asserts=(Family.CONTRACT, *FAULTS))
Worlds = Callable[..., Any]


@pytest.mark.parametrize(
    ("source", "namespace", "name"),
    [
        ("/data/predictions.parquet", "file", "/data/predictions.parquet"),
        (Path("/data/predictions"), "file", "/data/predictions"),
        ("/data/../lake/day=*/part-?.parquet", "file", "/lake"),
        ("/*.parquet", "file", "/"),
        ("file:///data/x.csv", "file", "/data/x.csv"),
        ("s3://lake/credit/x.parquet", "s3://lake", "credit/x.parquet"),
        ("s3://lake/*.parquet", "s3://lake", "/"),
        ("GCS://lake/credit/**/*.parquet", "gs://lake", "credit"),
        ("abfss://box@account.dfs.core.windows.net/a/*", "abfss://box@account.dfs.core.windows.net", "a"),
        ("https://me:secret@host:8443/a/x.parquet", "https://host:8443", "a/x.parquet"),
        (None, "airflow_ml_monitor", "default/m/rows"),
    ],
)
def test_a_source_is_named_as_the_specification_names_it_and_without_a_password(
    source: Any, namespace: str, name: str
) -> None:
    assert place_of(source, "default/m/rows") == Place(namespace, name)


def test_a_relative_path_is_told_from_the_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert place_of("*.parquet", "") == Place("file", str(tmp_path))
    assert place_of("a/x.parquet", "") == Place("file", f"{tmp_path}/a/x.parquet")


@pytest.mark.parametrize(
    ("url", "namespace"),
    [
        ("mysql+pymysql://me:secret@db/ml", "mysql://db:3306"),
        ("mariadb://me:secret@db:3307/ml?charset=utf8mb4", "mysql://db:3307"),
    ],
)
def test_a_table_of_the_store_is_named_by_server_and_database_alone(url: str, namespace: str) -> None:
    assert table_of(MetricsStore(url), "measurement") == Place(namespace, "ml.measurement")


@pytest.mark.servers
def test_a_table_on_postgresql_is_named_by_its_schema(empty_database: Any, tmp_path: Path) -> None:
    with empty_database("postgresql", tmp_path) as url:
        store = MetricsStore(url)
        place = table_of(store, "measurement")
        store.dispose()
    host, _, database = url.rpartition("@")[2].partition("/")
    assert place == Place(f"postgres://{host}", f"{database}.public.measurement")


def test_values_that_are_no_numbers_are_counted_and_left_out_of_sums(worlds: Worlds) -> None:
    world = worlds(days=2, dataset={"columns": {"x": "numeric", "few": "numeric", "gone": "numeric"}}, labels=[])
    world.spec = replace(world.spec, reference=replace(world.spec.reference, label=None))
    rows = world.predictions
    rows["few"], rows["gone"] = np.arange(len(rows)) % 3, 1.0
    reference = rows.copy()
    reference.to_parquet(world.root / "reference.parquet")
    rows.loc[rows.index[150:160], "x"] = np.inf
    rows.loc[rows.index[160:170], "x"] = np.nan
    rows.loc[rows.index[150:], "gone"] = None
    world.write_day(1)
    measure_quality(world.monitor(), world.run(1))
    told = lineage_of(world.monitor(), world.run(1), QUALITY).inputs[0]
    day = rows.iloc[150:]
    finite = day["x"][np.isfinite(day["x"])]
    x, few, gone = (told.columns[name] for name in ("x", "few", "gone"))
    assert (told.rows, x.nulls + x.count, x.distinct) == (150, 150, None)
    assert (x.low, x.high) == (finite.min(), finite.max())
    # A stored cell's sums are known to 1e-9 of themselves.
    assert x.total == pytest.approx(finite.sum(), abs=1e-9 * finite.abs().sum())
    assert (few.distinct, few.low, few.high, few.total) == (3, 0, 2, day["few"].sum())
    assert (gone.nulls, gone.count, gone.distinct, gone.low, gone.total) == (150, 0, 0, None, None)


def test_a_fault_that_the_policy_overlooks_does_not_hold_and_only_informs(worlds: Worlds) -> None:
    world = worlds(days=3, policy={"overlook": ["all_missing of x"]})
    world.predictions.loc[world.predictions.index[300:], ["x", "purpose"]] = None
    world.write_day(2)
    measure_quality(world.monitor(), world.run(2))
    told = lineage_of(world.monitor(), world.run(2), QUALITY).inputs[0].assertions
    broken = {(one.name, one.column): one.severity for one in told if not one.holds}
    assert broken == {("all_missing", "x"): Severity.INFO, ("all_missing", "purpose"): Severity.CRITICAL}
    # That it was found is said of the columns, and nowhere that it was not.
    assert sum(one.name == "all_missing" for one in told) == 2


def test_assertions_are_told_as_the_run_knew_them(worlds: Worlds) -> None:
    world = worlds(days=3)
    early, late = world.run(2), world.run(2, hours=48)
    measure_quality(world.monitor(), early)
    world.predictions.loc[world.predictions.index[300:], "x"] = None
    world.write_day(2)
    measure_quality(world.monitor(), late)
    broken = [
        [one.name for one in lineage_of(world.monitor(), run, QUALITY).inputs[0].assertions if not one.holds]
        for run in (early, late)
    ]
    assert broken == [[], ["all_missing"]]


def test_two_datasets_in_one_source_are_told_as_one_place_with_the_columns_of_both(worlds: Worlds) -> None:
    world = worlds(days=2)
    first = world.spec.datasets[0]
    raw = replace(first, name="raw", columns=tuple(c for c in first.columns if c.name == "x"))
    rest = replace(first, columns=tuple(c for c in first.columns if c.name != "x"))
    labels = tuple(replace(one, dataset="predictions") for one in world.spec.labels)
    world.spec = replace(world.spec, datasets=(raw, rest), labels=labels)
    measure_quality(world.monitor(), world.run(1))
    (told,) = lineage_of(world.monitor(), world.run(1), QUALITY).inputs
    assert set(told.columns) == {"x", "purpose", "score"}
    assert told.rows == 150
    (reference,) = lineage_of_reference(world.monitor(), is_frozen=True).inputs
    assert (set(reference.columns), reference.rows) == ({"x", "purpose", "score"}, 1500)


def test_a_part_of_a_reference_is_told_with_its_bounds(worlds: Worlds) -> None:
    world = worlds(days=1)
    window = world.day(0)
    cut = replace(world.spec.reference, start=window.start)
    world.spec = replace(world.spec, reference=cut)
    freeze(world.monitor(), window.end)
    (told,) = lineage_of_reference(world.monitor(), is_frozen=True).inputs
    assert told.window is not None
    assert (told.event_time, told.window.start, told.window.end) == ("at", window.start, EVER.end)
    (names_alone,) = lineage_of_reference(world.monitor(), is_frozen=False).inputs
    assert (names_alone.place, names_alone.rows) == (told.place, None)
