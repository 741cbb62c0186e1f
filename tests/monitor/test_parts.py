"""A window scanned in parts and put together: what one scan leaves, and what is said of parts that are not there."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa

from airflow_ml_monitor.errors import ScanError, SpecError
from airflow_ml_monitor.keys import WHOLE, Window, WindowUnit
from airflow_ml_monitor.measurement import Family, Status
from airflow_ml_monitor.monitor.freezing import freeze
from airflow_ml_monitor.monitor.judgement import decide
from airflow_ml_monitor.monitor.parting import Part, parts_of, spans
from airflow_ml_monitor.monitor.parts import merge_parts, scan_part
from airflow_ml_monitor.monitor.profiling import profiled
from airflow_ml_monitor.monitor.run import Monitor
from airflow_ml_monitor.monitor.steps import scan
from airflow_ml_monitor.monitor.whole import measure_all
from airflow_ml_monitor.profile.cells import Profile
from airflow_ml_monitor.profile.engines import memory
from airflow_ml_monitor.profile.engines.embedded.duckdb import DuckDB
from airflow_ml_monitor.profile.table import Table
from airflow_ml_monitor.store.repository import MetricsStore

HOUR = timedelta(hours=1)
FROM_ROWS = {"component_variance", "reconstruction_error", "correlation_change", "component_mean"}
"""How products scatter is told by a part of the rows, which each scan chooses for itself."""


@pytest.fixture
def world(worlds: Callable[..., Any]) -> Any:
    """Two days; on the first a key that comes again in the evening, and a category that is new, now and then."""
    made = worlds(days=2, rows=300, dataset={"slice_by": ["purpose"]})
    order = made.predictions[made.predictions["at"] < made.day(1).start].sort_values("at").index
    made.predictions.loc[order[-1], "id"] = made.predictions.loc[order[0], "id"]
    made.predictions.loc[order[::10], "purpose"] = "boat"
    made.predictions.loc[order[5::20], "x"] = np.nan
    made.write_day(0)
    return made


def in_parts(monitor: Monitor, run: Any, parts: Any) -> dict[str, Any]:
    for part in parts_of(parts):
        scan_part(monitor, run, part)
    return merge_parts(monitor, run, parts_of(parts))


def same(a: Profile, b: Profile) -> None:
    assert (a.window, a.rows, a.newest, a.versions) == (b.window, b.rows, b.newest, b.versions)
    assert (a.duplicates, a.faults) == (b.duplicates, b.faults)
    for name in ("hours", "columns", "distances", "unseen", "damaged", "forms", "candidates"):
        assert getattr(a.traces, name) == getattr(b.traces, name), name
    assert set(a.cells) == set(b.cells)
    for key, cells in a.cells.items():
        for name in ("bucket", "count"):
            np.testing.assert_array_equal(getattr(cells, name), getattr(b.cells[key], name))
        for name in ("low", "high"):
            # A stored cell's extremes are known to a 10,000th of its width.
            np.testing.assert_allclose(getattr(cells, name), getattr(b.cells[key], name), rtol=1e-5, atol=1e-5)
        for name in ("d1", "d2"):
            np.testing.assert_allclose(getattr(cells, name), getattr(b.cells[key], name), rtol=1e-9, atol=1e-9)
    assert (a.traces.products is None) == (b.traces.products is None)
    if a.traces.products and b.traces.products:
        np.testing.assert_allclose(a.traces.products.matrix, b.traces.products.matrix, rtol=1e-9, atol=1e-9)


def of_window(world: Any, monitor: Monitor, number: int = 0) -> Profile:
    return profiled(monitor, world.spec.dataset(), world.run(number))[1]


@pytest.mark.parametrize(("small", "count"), [(0, 2), (20_000, 7)], ids=["statements", "rows"])
def test_parts_put_together_are_what_one_scan_leaves_keys_and_new_categories_among_it(
    world: Any, count: int, small: int
) -> None:
    other = world.new_store("whole")
    parted, whole = (replace(world.monitor(store=store), engine=DuckDB(small=small)) for store in (world.store, other))
    told = in_parts(parted, world.run(0), count)
    assert told == scan(whole, world.run(0))
    found, expected = of_window(world, parted), of_window(world, whole)
    same(found, expected)
    assert found.duplicates == 1
    assert found.traces.unseen == {"purpose": {"boat": 30}}
    for store in (world.store, other):
        (key,) = store.profiles_seen(world.spec.key, "predictions", "day@UTC", world.day(0))
        assert [one.key for one in store.archive.profiles(world.spec.key)] == [key]


def test_all_that_is_measured_afterwards_is_what_one_task_stores(world: Any, history: Any) -> None:
    other = world.new_store("whole")
    for number in range(2):
        in_parts(world.monitor(), world.run(number), 3)
        measure_all(world.monitor(), world.run(number))
        measure_all(world.monitor(store=other), world.run(number))
    found, expected = (history(store, world.spec.key) for store in (world.store, other))
    from_rows = found["metric"].isin(FROM_ROWS)
    numbers = ["value", "low", "high", "p_value", "noise"]
    texts = [name for name in found.columns if name not in numbers]
    pd.testing.assert_frame_equal(found[texts], expected[texts])
    # Quantiles and distances by the extremes of stored cells.
    pd.testing.assert_frame_equal(found[~from_rows], expected[~from_rows], rtol=1e-5, atol=1e-5)
    pd.testing.assert_frame_equal(found[from_rows][["value"]], expected[from_rows][["value"]], rtol=0.1, atol=0.02)
    assert {"quality", "drift", "fault", "performance", "contract"} <= set(found["family"])
    assert from_rows.any()
    counted = [store.counted(world.spec.key) for store in (world.store, other)]
    assert len({(one["revision"], one["measurement"], one["profile"], one["sighting"]) for one in counted}) == 1


def test_what_is_done_again_scans_and_writes_nothing(world: Any) -> None:
    in_parts(world.monitor(), world.run(0), 3)
    before = world.store.counted(world.spec.key)
    (part, *_) = parts_of(3)
    assert scan_part(world.monitor(), world.run(0), part) == {"predictions": {"part": "1/3", "scanned": False}}
    merge_parts(world.monitor(), world.run(0), parts_of(3))
    in_parts(world.monitor(), world.run(0), 2)
    assert world.store.counted(world.spec.key) == before


def test_parts_scanned_and_put_together_at_once_by_several_leave_one_profile(world: Any) -> None:
    freeze(world.monitor(), world.run(0).known_at)
    engine = DuckDB()

    def work(step: Callable[..., Any], about: Any) -> Any:
        store = MetricsStore(world.store.url)
        try:
            return step(replace(world.monitor(store=store), engine=engine), world.run(0), about)
        finally:
            store.dispose()

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(partial(work, scan_part), [part for part in parts_of(3) for _ in range(2)]))
        told = list(pool.map(partial(work, merge_parts), [parts_of(3)] * 3))
    assert [one["predictions"]["rows"] for one in told] == [300] * 3
    (key,) = world.store.profiles_seen(world.spec.key, "predictions", "day@UTC", world.day(0))
    assert [one.key for one in world.store.archive.profiles(world.spec.key)] == [key]


def test_a_part_is_no_windows_profile_and_is_scanned_once(world: Any) -> None:
    part = Part(2, 3)
    assert scan_part(world.monitor(), world.run(0), part)["predictions"]["scanned"]
    assert not scan_part(world.monitor(), world.run(0), part)["predictions"]["scanned"]
    assert world.store.profiles_seen(world.spec.key, "predictions", "day@UTC", world.day(0)) == []
    assert world.store.heads(world.spec.key, Family.QUALITY, rule="day@UTC", dataset="predictions") == []
    assert of_window(world, world.monitor()).rows[WHOLE] == 300


def test_a_part_that_is_not_there_fails_the_last_task_and_the_window_says_so_until_it_is(world: Any) -> None:
    first, second, third = parts_of(3)
    run = world.run(0)
    for part in (first, third):
        scan_part(world.monitor(), run, part)
    with pytest.raises(ScanError, match="of 3 parts 2/3 is not there; they failed, or their data changed since"):
        merge_parts(world.monitor(), run, parts_of(3))
    (row,) = (r.measurement for r in world.store.current(world.spec.key))
    assert (row.metric, row.status, row.reason) == ("row_count", Status.FAILED, "of 3 parts 2/3 is not there")
    decision = decide(world.monitor(), run)
    assert (decision.action, decision.because) == ("investigate_data", "2026-03-02: of 3 parts 2/3 is not there")
    scan_part(world.monitor(), run, second)
    assert merge_parts(world.monitor(), run, parts_of(3))["predictions"]["rows"] == 300
    measure_all(world.monitor(), run)
    found = {r.measurement.metric: r.measurement for r in world.store.current(world.spec.key, whole=True)}
    assert (found["row_count"].status, found["row_count"].estimate.value) == (Status.OK, 300.0)  # type: ignore[union-attr]


def test_a_part_whose_data_changed_since_is_as_good_as_missing(world: Any) -> None:
    for part in parts_of(2):
        scan_part(world.monitor(), world.run(0), part)
    world.predictions.loc[0, "x"] = 7.0
    world.write_day(0)
    with pytest.raises(ScanError, match="of 2 parts 1/2, 2/2 are not there"):
        merge_parts(world.monitor(), world.run(0), parts_of(2))
    assert in_parts(world.monitor(), world.run(0), 2)["predictions"]["rows"] == 300


@pytest.fixture
def partitioned(worlds: Callable[..., Any]) -> Any:
    """A world of one day, whose rows lie in a folder a purpose."""
    world = worlds(days=1, rows=300, dataset={"slice_by": ["purpose"]})
    (world.root / "predictions" / "000.parquet").unlink()
    for purpose, rows in world.predictions.groupby("purpose"):
        (world.root / "predictions" / f"of={purpose}").mkdir()
        rows.to_parquet(world.root / "predictions" / f"of={purpose}" / "rows.parquet")
    world.spec = world.spec.with_sources(predictions=f"{world.root}/predictions/*/*.parquet")
    return world


def test_partitions_of_a_folder_put_together_are_what_one_scan_of_it_leaves(partitioned: Any) -> None:
    whole = partitioned.monitor(store=partitioned.new_store("whole"))
    folders = sorted(map(str, (partitioned.root / "predictions").iterdir()))
    in_parts(partitioned.monitor(), partitioned.run(0), folders)
    same(of_window(partitioned, partitioned.monitor()), of_window(partitioned, whole))


def test_partitions_that_arrived_differently_say_nothing_of_the_whole_which_is_scanned(partitioned: Any) -> None:
    path = partitioned.root / "predictions" / "of=car" / "rows.parquet"
    pd.read_parquet(path).drop(columns="x").to_parquet(path)
    whole = partitioned.monitor(store=partitioned.new_store("whole"))
    in_parts(partitioned.monitor(), partitioned.run(0), sorted(map(str, path.parent.parent.iterdir())))
    same(of_window(partitioned, partitioned.monitor()), of_window(partitioned, whole))


@pytest.mark.parametrize(
    ("folders", "problem"),
    [
        (["of=car", "of=house"], r"of=other/rows\.parquet' of 'predictions' is in no part"),
        (["of=*", "of=car"], r"of=car/rows\.parquet' of 'predictions' is in a part too many"),
    ],
)
def test_partitions_that_leave_files_out_or_hold_them_twice_are_refused(
    partitioned: Any, folders: list[str], problem: str
) -> None:
    parts = parts_of([f"{partitioned.root}/predictions/{name}/*.parquet" for name in folders])
    with pytest.raises(SpecError, match=problem):
        merge_parts(partitioned.monitor(), partitioned.run(0), parts)


@pytest.fixture
def warehoused(worlds: Callable[..., Any], builders: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A world of one day whose rows are a table, and views of it."""
    world = worlds(days=1, rows=300, dataset={"slice_by": ["purpose"]}, labels=[])
    url = f"sqlite:///{tmp_path}/warehouse.db"
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", url)
    builders("profile/database_tables.py").upload(url, memory.table(world.predictions), "predictions")
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE VIEW low AS SELECT * FROM predictions WHERE x < 0")
        connection.exec_driver_sql("CREATE VIEW high AS SELECT * FROM predictions WHERE x >= 0")
        connection.exec_driver_sql("CREATE VIEW higher AS SELECT * FROM predictions WHERE x >= 0.1")
    engine.dispose()
    world.spec = world.spec.with_sources(predictions=Table("warehouse", "predictions"))
    return world


def views(*names: str) -> list[dict[str, Any]]:
    return [{"source": {"connection": "warehouse", "table": name}} for name in names]


@pytest.mark.parametrize("parts", [3, views("low", "high")], ids=["time", "views"])
def test_parts_of_a_table_put_together_are_what_one_scan_of_it_leaves(warehoused: Any, parts: Any) -> None:
    whole = warehoused.monitor(store=warehoused.new_store("whole"))
    in_parts(warehoused.monitor(), warehoused.run(0), parts)
    same(of_window(warehoused, warehoused.monitor()), of_window(warehoused, whole))


def test_parts_of_a_table_that_leave_rows_out_are_refused(warehoused: Any) -> None:
    with pytest.raises(SpecError, match=r"'predictions' in .*: the parts hold \d+ rows, and the window has 300"):
        in_parts(warehoused.monitor(), warehoused.run(0), views("low", "higher"))
    seen = warehoused.store.profiles_seen(warehoused.spec.key, "predictions", "day@UTC", warehoused.day(0))
    assert seen == []


@pytest.mark.parametrize("count", [1, 2, 25, 48])
@pytest.mark.parametrize(("month", "day"), [(3, 29), (10, 25)])
def test_in_the_night_in_which_the_clocks_change_no_row_is_in_two_spans_nor_in_none(
    count: int, month: int, day: int
) -> None:
    zone = ZoneInfo("Europe/Berlin")
    window = Window(datetime(2026, month, day, tzinfo=zone), datetime(2026, month, day + 1, tzinfo=zone))
    found = spans(window, count, "Europe/Berlin")
    kept = [span for span in found if span]
    assert len(found) == count
    assert (kept[0].start, kept[-1].end) == (window.start, window.end)
    walls = [moment.astimezone(zone).replace(tzinfo=None) for span in kept for moment in (span.start, span.end)]
    assert walls == sorted(walls)
    assert [a.end for a in kept[:-1]] == [b.start for b in kept[1:]]


@pytest.mark.parametrize(
    ("written", "problem"),
    [
        (["1/2"], "1/2 do not make up a window; give all of 1/n to n/n, or one kind of others alone"),
        (["1/2", "2/3"], "1/2, 2/3 do not make up a window"),
        (["1/1", "predictions"], "do not make up a window"),
        (["2/2", "2/2"], "'2/2' stands there twice"),
        (["0/2", "1/2"], "'0/2' is no part; the first of four is '1/4'"),
        ([], "no part; give at least one"),
        (0, "no part; give at least one"),
        ([3], "3 is no part; write e.g. '2/4'"),
        ([{"purpose": None}], "None of 'purpose' is no part"),
        ([{"purpose": "car", "region": "x"}], "is no part; write e.g. '2/4'"),
        (["1/1", {"purpose": "car"}], "1/1, purpose is 'car' do not make up a window"),
        ([{"purpose": "car"}, "predictions/*.parquet"], "do not make up a window"),
    ],
)
def test_parts_that_are_none_are_refused_before_anything_is_read(written: Any, problem: str) -> None:
    with pytest.raises(SpecError, match=problem):
        parts_of(written)


def test_a_part_of_a_dataset_that_there_is_not_is_refused(world: Any) -> None:
    with pytest.raises(SpecError, match="unknown dataset 'predicions'"):
        merge_parts(world.monitor(), world.run(0), [Part(source="a", dataset="predicions")])


def test_a_window_that_is_added_up_from_its_days_has_no_parts(world: Any) -> None:
    run = world.run(0)
    added = replace(run, rule=replace(run.rule, unit=WindowUnit.WEEK, added=True))
    for work in (
        lambda: scan_part(world.monitor(), added, Part()),
        lambda: merge_parts(world.monitor(), added, [Part()]),
    ):
        with pytest.raises(SpecError, match="a week that is added up from its days is not scanned"):
            work()
