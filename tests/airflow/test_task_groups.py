"""monitor_tasks, monitoring_dag and retrain_dag: which tasks there are, when they run, what a repetition does."""

import sqlite3
from contextlib import closing
from datetime import UTC, datetime

import pytest

from airflow_ml_monitor import monitor_tasks, monitoring_dag
from airflow_ml_monitor.airflow_compat import DAG
from airflow_ml_monitor.measurement import Family

START = datetime(2026, 1, 1, tzinfo=UTC)


def test_the_group_measures_after_the_labels_and_decides_last(desk):
    with DAG("d", schedule=None) as dag:
        monitor_tasks(desk.spec())
    below = {name.removeprefix("watch_credit."): sorted(t.downstream_task_ids) for name, t in dag.task_dict.items()}
    steps = ["drift", "performance", "quality"]
    assert below == {
        "labels": ["watch_credit.profile"],
        "profile": [f"watch_credit.{step}" for step in steps],
        **{step: ["watch_credit.decide"] for step in steps},
        "decide": [],
    }


@pytest.mark.parametrize(
    ("window", "expected"),
    [
        ({"unit": "day"}, ["2026-01-13 00:00", "2026-01-14 00:00"]),
        ({"unit": "week"}, ["2026-01-19 00:00", "2026-01-26 00:00"]),
        ({"unit": "month"}, ["2026-02-01 00:00", "2026-03-01 00:00"]),
        ({"unit": "quarter"}, ["2026-04-01 00:00", "2026-07-01 00:00"]),
        ({"unit": "day", "zone": "America/New_York", "offset": "6h"}, ["2026-01-13 11:00", "2026-01-14 11:00"]),
        ({"unit": "week", "zone": "Asia/Tokyo", "offset": "90m"}, ["2026-01-18 16:30", "2026-01-25 16:30"]),
    ],
)
def test_a_monitoring_dag_runs_when_a_window_ends(desk, sync_dag, window, expected):
    from airflow.models.serialized_dag import SerializedDagModel

    name = f"ends_of_{window['unit']}s_{len(window)}"
    dag = monitoring_dag(desk.spec(windows=[window]), START, dag_id=name)
    assert (dag.catchup, dag.max_active_runs) == (False, 1)
    sync_dag(dag)
    first, last = datetime(2026, 1, 12, 12, tzinfo=UTC), datetime(2026, 7, 2, tzinfo=UTC)
    infos = SerializedDagModel.get(name).dag.iter_dagrun_infos_between(first, last)
    ticks = [info.run_after for _, info in zip(range(2), infos, strict=False)]
    assert [f"{tick:%Y-%m-%d %H:%M}" for tick in ticks] == expected


def test_a_monitoring_dag_takes_the_dags_own_settings(desk):
    dag = monitoring_dag(desk.spec(), START, dag_id="mine", schedule=None, tags=["risk"], max_active_runs=2)
    assert (dag.dag_id, dag.schedule, dag.tags, dag.max_active_runs) == ("mine", None, {"risk"}, 2)
    assert monitoring_dag(desk.spec("fraud"), START).dag_id == "monitor_fraud"


def heads(desk, rule):
    """The windows of a rule whose quality is stored, with their rows."""
    store, key = desk.store(), "default/credit"
    windows = [state.head.window for state in store.heads(key, Family.QUALITY, rule=rule, dataset="predictions")]
    found = store.current(key, families={Family.QUALITY}, rule=rule, metrics={"row_count"})
    return windows, [round(r.measurement.estimate.value) for r in found if r.measurement.slice == ()]


@pytest.mark.airflow_min
def test_days_and_weeks_of_one_monitor_are_measured_side_by_side(desk, desks, driver):
    dags = driver(
        f"""
from airflow.sdk import DAG
from airflow_ml_monitor import MonitorSpec, monitor_tasks
spec = {desks.source_of(desk.spec(windows=["day", "week"]))}
with DAG("days_and_weeks", schedule="@daily"):
    monitor_tasks(spec, group_id="day") >> monitor_tasks(spec, rule="week", group_id="week")
"""
    )
    sunday = desk.day(6)
    interval = (sunday.start, sunday.end)
    result = dags.run("days_and_weeks", run_type="scheduled", data_interval=interval, conf=desk.run(6)["conf"])
    assert set(result.task_states.values()) == {"success"}
    assert heads(desk, "day@UTC") == ([sunday], [desk.rows_of(6)])
    (week,), rows = heads(desk, "week@UTC")
    assert (week.start, week.end) == (desk.day(0).start, desk.day(6).end)
    assert rows == [sum(desk.rows_of(number) for number in range(7))]


@pytest.mark.airflow_min
def test_three_compact_tasks_store_and_decide_what_the_six_do(desk, desks, driver):
    rules = desks.broken("alert")
    dags = driver(
        f"""
from datetime import UTC, datetime
from airflow_ml_monitor import MonitorSpec, monitoring_dag
start = datetime(2026, 1, 1, tzinfo=UTC)
six = monitoring_dag({desks.source_of(desk.spec("six", rules))}, start, schedule="@daily")
three = monitoring_dag({desks.source_of(desk.spec("three", rules))}, start, schedule="@daily", compact=True)
"""
    )
    day = desk.day(3)
    found = {}
    for name in ("six", "three"):
        interval = (day.start, day.end)
        conf = desk.run(3)["conf"]
        result = dags.run(f"monitor_{name}", run_type="scheduled", data_interval=interval, conf=conf)
        assert result.state == "success"
        store, key = desk.store(), f"default/{name}"
        rows = sorted(((r.head.window, r.head.family, r.measurement) for r in store.current(key)), key=repr)
        found[name] = (rows, [(d.action, d.because) for d in store.decisions(key)])
    assert set(result.task_states) == {"watch.labels", "watch.measure", "watch.decide"}
    assert found["three"] == found["six"]
    assert found["three"][1][0][0] == "alert"


RETRAINING = """
from datetime import UTC, datetime
from airflow.sdk import DAG, task
from airflow_ml_monitor import (
    ClaimRetrainingOperator, MonitorSpec, SettleRetrainingOperator, monitoring_dag, retrain_dag)

monitoring_dag({spec}, datetime(2026, 1, 1, tzinfo=UTC), dag_id="watches", schedule="@daily",
    on=lambda: {{"retrain": retrain_dag("trains")}}, default_args={{}})
with DAG("trains", schedule=None):
    @task
    def train(dag_run=None):
        with open("{folder}/trained", "a") as file:
            file.write(dag_run.conf["because"] + "\\n")
    trained = train()
    ClaimRetrainingOperator(task_id="claim") >> trained >> SettleRetrainingOperator(task_id="settle", outcome="done")
"""


@pytest.mark.airflow_min
def test_nothing_that_is_repeated_retrains_twice(desk, desks, driver, airflow_db, tmp_path):
    spec = desk.spec(rules=desks.broken("retrain"))
    dags = driver(RETRAINING.format(spec=desks.source_of(spec), folder=tmp_path))

    def live(number):
        window = desk.day(number)
        interval = (window.start, window.end)
        return dags.run("watches", run_type="scheduled", data_interval=interval, conf=desk.run(number)["conf"])

    first = live(2)
    assert first.task_states["trigger_trains"] == "success"
    (trained,) = dags.run_triggered()
    (action,) = desk.store().actions(spec.key)
    assert (trained.run_id, trained.state) == (f"retrain__{action.decision}", "success")
    assert (action.state, action.run_id) == ("done", trained.run_id)

    for tasks in (["trigger_trains"], None):  # the trigger; the whole day
        dags.clear("watches", first.run_id, tasks)
        assert dags.rerun("watches", first.run_id).task_states["trigger_trains"] == "skipped"
        assert dags.run_triggered() == []
    for number in range(3, 7):  # the same incident on the next days
        assert live(number).task_states["trigger_trains"] == "skipped"
    everything = {"known_at": "2026-03-01T00:00:00+00:00"}
    for conf in (None, everything):  # the past anew, as known then and as known at the end
        again = dags.backfill("watches", desk.day(0).start, desk.day(4).start, reprocess=True, conf=conf or {})
        assert {result.state for result in again} == {"success"}
        assert {result.task_states["trigger_trains"] for result in again} == {"skipped"}
    assert dags.run_triggered() == []
    by_mistake = dags.run("trains", run_id="by_mistake", conf={"decision_id": action.decision, "because": "twice"})
    assert set(by_mistake.task_states.values()) == {"skipped"}

    with closing(sqlite3.connect(airflow_db)) as connection:
        query = "select run_id from dag_run where dag_id = 'trains' and run_id like 'retrain%'"
        assert connection.execute(query).fetchall() == [(trained.run_id,)]
    assert [line[:26] for line in (tmp_path / "trained").read_text().splitlines()] == ["2026-01-07: roc_auc of v1 "]
    assert len(desk.store().actions(spec.key)) == 1


def test_a_paused_retraining_fails_the_trigger_instead_of_waiting_for_ever(desk, desks, driver, tmp_path):
    from airflow_ml_monitor.airflow_compat import AIRFLOW_VERSION

    if AIRFLOW_VERSION < (3, 2):
        pytest.skip("Airflow can tell since 3.2")
    spec = desk.spec("paused", rules=desks.broken("retrain"))
    text = RETRAINING.format(spec=desks.source_of(spec), folder=tmp_path)
    dags = driver(text.replace('"watches"', '"watches_paused"').replace('"trains"', '"trains_paused"'))
    dags.pause()
    window = desk.day(2)
    interval = (window.start, window.end)
    result = dags.run("watches_paused", run_type="scheduled", data_interval=interval, conf=desk.run(2)["conf"])
    assert (result.state, result.task_states["trigger_trains_paused"]) == ("failed", "failed")
