"""`@task.monitored`: what a task returns is profiled and judged, without another file."""

import json
from datetime import UTC, datetime, timedelta

import pandas as pd
import pyarrow.parquet as pq
import pytest

from airflow_ml_monitor import (
    DataQualityOperator,
    DecideOperator,
    DriftOperator,
    Files,
    PerformanceOperator,
    ProfileOperator,
)
from airflow_ml_monitor.airflow_compat import DAG, AirflowFailException, task
from airflow_ml_monitor.errors import SpecError


@pytest.fixture
def run_monitored(run_task):
    """Run a function as `@task.monitored(spec=…)` in a run: its return value and what it pushed."""

    def run(function, spec, dag_run, **arguments):
        with DAG("d", schedule=None):
            made = task.monitored(spec=spec, task_id="score", **arguments)(function)().operator
        result, api = run_task(made, dag_run=dag_run)
        if result.error is not None:
            raise result.error
        return api.pushed[("score", "return_value")], api.pushed[("score", "decision")]

    return run


def inline(desk, **changes):
    """The spec as a mapping in the DAG file, without a source and without labels."""
    document = desk.spec(**changes).document()
    document["datasets"][0].pop("source")
    return {**document, "labels": []}


def stored(store, key):
    """What is stored of every window, without what tells who wrote it when."""
    found = store.current(key)
    return sorted(((r.head.window, r.head.family, r.measurement) for r in found), key=repr)


@pytest.mark.airflow_min
@pytest.mark.parametrize("kind", ["frame", "path"])
def test_a_returned_frame_and_a_returned_path_are_measured_alike_and_as_by_the_operators(
    desk, desks, run_monitored, run_task, kind
):
    path = desk.data / "predictions" / "03.parquet"

    def score():
        return pd.read_parquet(path) if kind == "frame" else path

    value, decision = run_monitored(score, inline(desk, name="returned"), desk.run(3))
    assert value == (decision if kind == "frame" else str(path))
    assert decision["action"] == "none"

    spec = desk.spec(name="operators", labels=[])
    for step in (ProfileOperator, DataQualityOperator, DriftOperator, PerformanceOperator, DecideOperator):
        with DAG("d", schedule=None):
            made = step(task_id="step", spec=spec)
        assert run_task(made, dag_run=desk.run(3))[0].error is None
    store = desk.store()
    assert stored(store, "default/returned") == stored(store, "default/operators") != []


def test_what_is_broken_is_judged_and_the_task_is_green(desk, run_monitored):
    rows = pd.read_parquet(desk.data / "predictions" / "03.parquet").drop(columns=["income"])
    _, decision = run_monitored(lambda: rows, inline(desk), desk.run(3))
    assert decision["action"] == "investigate_data"
    assert "income" in decision["because"]


def test_no_row_of_a_frame_goes_through_xcom(desk, desks, run_monitored):
    rows = pd.read_parquet(desk.data / "predictions" / "03.parquet")
    value, decision = run_monitored(lambda: rows, inline(desk), desk.run(3))
    said = json.dumps([value, decision])
    assert desks.CANARY not in said
    assert len(said) < 2_000


def test_labels_are_joined_with_every_day_though_the_task_returns_one(desk, desks, run_monitored):
    spec = desk.spec(rules=desks.broken("retrain"))
    for number in range(3):
        path = desk.data / "predictions" / f"{number:02}.parquet"
        _, decision = run_monitored(lambda path=path: path, spec, desk.run(number))
    assert decision["action"] == "wait"
    store = desk.store()
    windows = {r.head.window for r in store.current(spec.key) if r.measurement.metric == "roc_auc"}
    assert windows == {desk.day(number) for number in range(3)}
    # The path changes daily; the spec that was declared does not.
    assert len(store.spec_versions(spec.key)) == 1


def test_labels_without_a_source_of_all_days_are_refused_when_the_dag_is_parsed(desk):
    document = desk.spec().document()
    document["datasets"][0].pop("source")
    with DAG("d", schedule=None), pytest.raises(SpecError, match=r"datasets\.0\.source: labels are joined"):
        task.monitored(spec=document, task_id="score")(lambda: None)()


def test_a_second_try_knows_what_the_first_one_knew_and_writes_nothing(desk, desks, run_monitored):
    spec = desk.spec(rules=desks.broken("alert"))
    path = desk.data / "predictions" / "03.parquet"
    # Nothing says what is known: as on a schedule without a sensor.
    run = desk.run(3, conf={}, start_date="2026-01-20T04:00:00Z")
    _, first = run_monitored(lambda: path, spec, run)
    store = desk.store()
    before = store.counted(spec.key)
    _, second = run_monitored(lambda: path, spec, run)
    assert second == first
    assert first["known_at"] == "2026-01-20T04:00:00+00:00"
    assert store.counted(spec.key) == before
    assert {row.known_at for row in store.current(spec.key)} <= {datetime(2026, 1, 20, 4, tzinfo=UTC)}


def test_a_moment_that_is_handed_on_or_of_the_runs_conf_counts_before_the_runs_start(desk, run_monitored):
    path, run = desk.data / "predictions" / "03.parquet", desk.run(3, conf={}, start_date="2026-01-20T04:00:00Z")
    _, handed = run_monitored(lambda: path, inline(desk, name="handed"), run, known_at="2026-01-18T00:00:00+00:00")
    assert handed["known_at"] == "2026-01-18T00:00:00+00:00"
    _, told = run_monitored(lambda: path, inline(desk, name="told"), desk.run(3))
    assert told["known_at"] == (desk.day(3).end + timedelta(days=12)).isoformat()


def test_returned_files_are_read_with_their_connection(desk, run_monitored, object_store, monkeypatch):
    monkeypatch.setenv("AIRFLOW_CONN_LAKE", object_store.connection)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    local = desk.data / "predictions" / "03.parquet"
    object_store.put("returned/03.parquet", pq.read_table(local))
    files = Files(f"s3://{object_store.bucket}/returned/*.parquet", connection="lake")
    value, _ = run_monitored(lambda: files, inline(desk, name="lake"), desk.run(3))
    assert value == files.path
    run_monitored(lambda: local, inline(desk, name="local"), desk.run(3))
    store = desk.store()
    assert stored(store, "default/lake") == stored(store, "default/local") != []


def test_another_type_than_a_frame_or_a_path_is_named(desk, run_monitored):
    with pytest.raises(AirflowFailException, match="the task returned a list; return a DataFrame, the path of a file"):
        run_monitored(lambda: [1, 2], inline(desk), desk.run(3))
