"""A window scanned by mapped tasks and put together by the last, run for real: what one task would have stored."""

import shutil
from pathlib import Path

import pandas as pd
import pytest

from airflow_ml_monitor.monitor.judgement import decide
from airflow_ml_monitor.monitor.run import Monitor, Run
from airflow_ml_monitor.monitor.spec import MonitorSpec
from airflow_ml_monitor.monitor.whole import measure_all
from airflow_ml_monitor.store.repository import MetricsStore

ROOT = Path(__file__).resolve().parents[2]
FROM_ROWS = {"component_variance", "reconstruction_error", "correlation_change", "component_mean"}
"""How products scatter is told by a part of the rows, which each scan chooses for itself."""
BY_CHANNEL = """
from airflow.sdk import DAG, task
from airflow_ml_monitor import MonitorOperator, MonitorSpec, ProfileOperator
spec = {spec}
with DAG("watch_partitions", schedule=None):
    @task
    def listed():
        from pathlib import Path
        return sorted(map(str, Path({folder!r}).iterdir()))
    partitions = listed()
    parts = ProfileOperator.partial(task_id="part", spec=spec).expand(part=partitions)
    whole = ProfileOperator(task_id="profile", spec=spec, parts=partitions)
    parts >> whole >> MonitorOperator(task_id="watch", spec=spec)
"""
NO_REST = """
from airflow.sdk import DAG
from airflow_ml_monitor import DecideOperator, MonitorSpec, ProfileOperator
spec = {spec}
some = [{{"channel": "web"}}, {{"channel": "branch"}}]
with DAG("watch_two_channels", schedule=None):
    parts = ProfileOperator.partial(task_id="part", spec=spec).expand(part=some)
    whole = ProfileOperator(task_id="profile", spec=spec, parts=some)
    parts >> whole >> DecideOperator(task_id="decide", spec=spec, trigger_rule="all_done")
"""


@pytest.fixture
def day(desk):
    """Run a DAG about a day of the desk."""

    def run(dags, dag_id, number):
        window = desk.day(number)
        known = desk.run(number)["conf"]
        return dags.run(dag_id, run_type="scheduled", data_interval=(window.start, window.end), conf=known)

    return run


@pytest.fixture
def one_task(desk, tmp_path):
    """What one process stores of the same day and the same knowledge."""
    store = MetricsStore(f"sqlite:///{tmp_path}/one.db")
    store.upgrade()

    def watch(spec, number):
        known_at = pd.Timestamp(desk.run(number)["conf"]["known_at"]).to_pydatetime()
        run = Run(desk.day(number), spec.rule(), known_at)
        measure_all(Monitor(spec, store), run)
        decide(Monitor(spec, store), run)
        return store

    yield watch
    store.dispose()


def compared(store, other, key):
    """Both hold the same rows; sums within what the order of adding leaves."""
    columns = ["window_start", "family", "dataset", "model_version", "slice", "column", "metric", "parameters"]
    found, expected = (
        one.history(key).drop(columns=["recorded_at"]).sort_values(columns, ignore_index=True) for one in (store, other)
    )
    of_all, of_some = (
        [frame[frame["metric"].isin(FROM_ROWS) == wanted].reset_index(drop=True) for frame in (found, expected)]
        for wanted in (False, True)
    )
    # Quantiles and distances by the extremes of stored cells.
    pd.testing.assert_frame_equal(*of_all, rtol=1e-5, atol=1e-5)
    # Whether a pair of rare columns has rows enough is told by that part of them, too.
    both = pd.merge(*of_some, on=columns, suffixes=("", "_of_one"))
    assert len(both) >= 0.95 * max(map(len, of_some))
    exact = both["metric"].isin(["correlation_change", "component_mean"]) & (both["parameters"] != "")
    pd.testing.assert_series_equal(
        both.loc[exact, "value"], both.loc[exact, "value_of_one"], rtol=1e-9, atol=1e-9, check_names=False
    )
    assert {"quality", "drift", "fault", "performance", "contract"} <= set(found["family"])
    for part in ("profile", "sighting", "label_entry", "decision", "incident"):
        assert store.counted(key).get(part) == other.counted(key).get(part), part
    assert [(d.action, d.because) for d in store.decisions(key)] == [
        (d.action, d.because) for d in other.decisions(key)
    ]
    keys = [[profile.key for profile in one.archive.profiles(key)] for one in (store, other)]
    assert keys[0] == keys[1]


@pytest.fixture
def example(desk, driver, tmp_path):
    """The example on the desk's data, which the test may break."""
    (tmp_path / ".demo").mkdir()
    shutil.copytree(desk.data, tmp_path / ".demo" / "data")
    shutil.copy(ROOT / "dags" / "credit.yaml", tmp_path / "dags" / "credit.yaml")
    return driver(ROOT / "dags" / "parts.py")


@pytest.mark.airflow_min
def test_four_mapped_tasks_and_a_last_one_store_row_by_row_what_one_task_stores(desk, example, day, one_task, tmp_path):
    from dataclasses import replace

    result = day(example, "watch_credit_in_parts", 0)
    assert result.state == "success"
    assert {f"part[{index}]" for index in range(4)} < result.task_states.keys()
    spec = replace(MonitorSpec.from_yaml(tmp_path / "dags" / "credit.yaml"), name="credit_in_parts")
    compared(desk.store(), one_task(spec, 0), spec.key)
    before = desk.store().counted(spec.key)
    example.clear("watch_credit_in_parts", result.run_id, None)
    assert example.rerun("watch_credit_in_parts", result.run_id).state == "success"
    assert desk.store().counted(spec.key) == before


def test_parts_by_channel_store_row_by_row_what_one_task_stores_slices_and_channels_without_a_name_among_it(
    desk, example, driver, day, one_task, tmp_path
):
    from dataclasses import replace

    path = tmp_path / ".demo" / "data" / "predictions" / "00.parquet"
    rows = pd.read_parquet(path)
    rows.loc[rows.index[::11], "channel"] = None
    rows.to_parquet(path, index=False)
    result = day(driver(ROOT / "dags" / "parts_by_value.py"), "watch_credit_by_channel", 0)
    assert result.state == "success"
    assert {f"part[{index}]" for index in range(3)} < result.task_states.keys()
    spec = MonitorSpec.from_yaml(tmp_path / "dags" / "credit.yaml")
    (dataset,) = spec.datasets
    spec = replace(spec, name="credit_by_channel", datasets=(replace(dataset, slice_by=("channel",)),))
    compared(desk.store(), one_task(spec, 0), spec.key)
    slices = {row.measurement.slice for row in desk.store().current(spec.key)}
    assert {(), *((("channel", name),) for name in ("web", "app", "branch", "broker"))} <= slices


def test_a_list_that_leaves_a_channel_out_fails_the_last_task_and_the_day_says_which(desk, desks, driver, day):
    spec = desk.spec(slice_by=["channel"])
    result = day(driver(NO_REST.format(spec=desks.source_of(spec))), "watch_two_channels", 0)
    assert result.task_states["profile"] == "failed"
    (row,) = (r.measurement for r in desk.store().current(spec.key, metrics={"row_count"}))
    assert row.reason == "channel other than 'branch', 'web' is in no part"
    assert desk.store().decisions(spec.key)[-1].action == "investigate_data"


def test_a_day_that_the_list_does_not_cover_is_not_scanned_in_one_piece_and_decided_with_the_reason(
    desk, driver, example, day
):
    """The example by value, with a list that leaves brokers out; nothing says what was known."""
    written = (ROOT / "dags" / "parts_by_value.py").read_text()
    written = written.replace('{"channel": {"other_than": ["web", "branch", "broker"]}}', '{"channel": "app"}')
    result = day(driver(written), "watch_credit_by_channel", 1)
    assert (result.task_states["profile"], result.task_states["watch"]) == ("failed", "upstream_failed")
    key = "default/credit_by_channel"
    (row,) = (r.measurement for r in desk.store().current(key, metrics={"row_count"}, whole=True))
    assert (row.status, row.reason) == ("failed", "channel other than 'app', 'branch', 'broker', 'web' is in no part")
    assert desk.store().decisions(key)[-1].action == "investigate_data"


def test_a_part_that_failed_is_named_and_the_rest_waits_for_it(desk, example, day, tmp_path, monkeypatch):
    from airflow_ml_monitor.errors import ScanError
    from airflow_ml_monitor.monitor import parts

    scanned = parts.scan_part

    def broken(monitor, run, part):
        if str(part) == "3/4":
            raise ScanError("the worker went")
        return scanned(monitor, run, part)

    monkeypatch.setattr(parts, "scan_part", broken)
    key = "default/credit_in_parts"
    result = day(example, "watch_credit_in_parts", 5)
    assert result.task_states["part[2]"] == "failed"
    assert result.task_states["profile"] == "upstream_failed"
    monkeypatch.undo()
    monkeypatch.setenv("AIRFLOW_CONN_ML_MONITOR_DEFAULT", desk.connection)
    example.clear("watch_credit_in_parts", result.run_id, ["part", "profile", "watch"])
    assert example.rerun("watch_credit_in_parts", result.run_id).state == "success"
    (row,) = (r for r in desk.store().current(key, metrics={"row_count"}, whole=True))
    assert row.measurement.estimate.value == desk.rows_of(5)


def test_partitions_that_a_task_lists_are_put_together_to_what_one_task_stores(
    desk, desks, driver, day, one_task, tmp_path
):
    rows = pd.read_parquet(desk.data / "predictions" / "00.parquet")
    for number, (_, some) in enumerate(rows.groupby("channel")):
        (tmp_path / "partitions" / f"{number}").mkdir(parents=True)
        some.to_parquet(tmp_path / "partitions" / f"{number}" / "rows.parquet", index=False)
    spec = desk.spec(contract="inferred").with_sources(predictions=f"{tmp_path}/partitions/*/*.parquet")
    dags = driver(BY_CHANNEL.format(spec=desks.source_of(spec), folder=f"{tmp_path}/partitions"))
    result = day(dags, "watch_partitions", 0)
    assert result.state == "success"
    assert sum(name.startswith("part[") for name in result.task_states) == rows["channel"].nunique()
    compared(desk.store(), one_task(spec, 0), spec.key)
