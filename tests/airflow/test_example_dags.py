"""The DAGs of dags/, run for real on a few simulated days: each does what its docstring says."""

import json
import re
import sqlite3
from contextlib import closing
from datetime import timedelta
from importlib import import_module
from inspect import getmembers, isclass

import pytest

from airflow_ml_monitor.demo import MONITOR, live
from airflow_ml_monitor.lifecycle.registry import ModelRegistry
from airflow_ml_monitor.provider import get_provider_info
from airflow_ml_monitor.simulate.credit import HORIZON
from airflow_ml_monitor.simulate.landing import land_outcomes
from airflow_ml_monitor.store.repository import MetricsStore

DAYS, BROKEN = 5, 3
WATCH = ("labels", "profile", "quality", "drift", "performance", "decide")


@pytest.fixture(scope="module")
def week(example_world):
    """Five days, the feed broken from day 3; then the ready DAG, the report and the consumer on some of them."""
    made = example_world(days=DAYS, faults=f"feed@{BROKEN}", edits={"contract: inferred": "contract: null"})
    driver, simulated = made.driver, made.simulated
    made.first = driver.run("train_credit", run_id="first_model", run_after=simulated.midnight(0))
    made.days = [live(driver, made.world, simulated, day) for day in range(DAYS)]

    def about(dag_id, day, **known):
        start, end = simulated.midnight(day), simulated.midnight(day + 1)
        conf = {"known_at": (end + timedelta(**known)).isoformat()}
        return driver.run(dag_id, run_type="scheduled", data_interval=(start, end), conf=conf)

    made.watched = about("monitor_credit", 1)
    for day in range(DAYS, DAYS + HORIZON.days):
        land_outcomes(simulated, made.world.home / "data" / "outcomes", day)
    made.reported = about("report_credit", 1, days=40)
    driver.patience = 0
    made.consumed = [about("price_credit", day) for day in (BROKEN - 1, BROKEN)]
    made.pruned = driver.run("prune_metrics")
    made.store = MetricsStore(made.metrics)
    yield made
    made.store.dispose()


def tasks_of(driver):
    from airflow.models.serialized_dag import SerializedDagModel

    dags = [SerializedDagModel.get(dag_id).dag for dag_id in driver.dag_ids]
    return {task.task_type for dag in dags for task in dag.tasks}


def test_every_operator_and_sensor_stands_in_an_example(week):
    modules = [
        name
        for room in ("operators", "sensors")
        for entry in get_provider_info()[room]
        for name in entry["python-modules"]
    ]
    there = {
        title
        for name in modules
        for title, kind in getmembers(import_module(name), isclass)
        if kind.__module__ == name and title.endswith(("Operator", "Sensor"))
    }
    assert there - tasks_of(week.driver) == set()


def test_the_first_model_is_trained_promoted_and_its_scores_are_the_frozen_reference(week):
    states = week.first.task_states
    assert states == dict.fromkeys(("claim", "train", "promote", "settle", "freeze_reference"), "success")
    registry = ModelRegistry(week.world.home / "models")
    assert (registry.versions(), registry.champion()) == (("v1",), "v1")
    assert week.store.reference_at(MONITOR, "predictions", week.simulated.midnight(0)) is not None
    assert week.store.actions(MONITOR)[0].action == "investigate_data"


def test_every_day_is_scored_and_watched_and_the_owner_paged_once(week):
    for day, (result, *triggered) in enumerate(week.days):
        assert (result.state, triggered) == ("success", [])
        assert {result.task_states[f"watch_credit.{name}"] for name in WATCH} == {"success"}
        others = {name: result.task_states[name] for name in ("page_the_data_owner", "send_the_decision")}
        paged = "success" if day == BROKEN else "skipped"
        assert others == {"page_the_data_owner": paged, "send_the_decision": "skipped"}
        assert result.task_states["trigger_train_credit"] == "skipped"


def test_the_first_decision_to_investigate_is_of_the_day_on_which_the_feed_broke(week):
    found = [d for d in week.store.decisions(MONITOR) if d.action == "investigate_data"]
    assert [d.evidence["window"][:10] for d in found] == [f"{week.simulated.midnight(BROKEN):%Y-%m-%d}"]
    assert "income" in found[0].because
    assert "employment_years" in found[0].because


def test_a_day_that_was_watched_already_is_not_measured_or_decided_again_by_the_ready_dag(week):
    assert week.watched.state == "success"
    states = {name.removeprefix("watch."): state for name, state in week.watched.task_states.items()}
    assert states == {**dict.fromkeys(WATCH, "success"), "trigger_train_credit": "skipped"}
    day = f"{week.simulated.midnight(1):%Y-%m-%d}"
    assert [d.evidence["window"][:10] for d in week.store.decisions(MONITOR)].count(day) == 1


def test_the_report_names_the_performance_when_the_labels_have_come(week):
    assert (week.reported.state, set(week.reported.task_states.values())) == ("success", {"success"})
    (said,) = xcoms(week, "report_credit", "report")
    found = re.fullmatch(r"2026-01-02: ROC AUC v1 (0\.\d{3})", said)
    assert found is not None
    assert 0.7 < float(found[1]) < 0.85


def test_the_consumer_takes_a_sound_day_and_waits_on_a_broken_one(week):
    sound, broken = (result.task_states for result in week.consumed)
    assert sound == {"employment_is_there": "success", "price_offers": "success"}
    assert broken["employment_is_there"] == "up_for_reschedule"


def test_nothing_of_a_young_store_is_let_go(week):
    assert (week.pruned.state, week.pruned.task_states) == ("success", {"let_go": "success"})
    assert xcoms(week, "prune_metrics", "let_go") == [[]]


def xcoms(week, dag_id, task_id):
    with closing(sqlite3.connect(week.airflow)) as connection:
        query = "select value from xcom where dag_id = ? and task_id = ? and key = 'return_value'"
        return [json.loads(value) for (value,) in connection.execute(query, (dag_id, task_id))]


def test_what_passes_between_the_tasks_is_small_json_without_a_row(week):
    with closing(sqlite3.connect(week.airflow)) as connection:
        found = [str(value) for (value,) in connection.execute("select value from xcom")]
    assert len(found) > 30
    assert max(map(len, found)) < 4096
    ids = week.simulated.applications(0)["application_id"].head(5)
    assert not [value for value in found for name in ids if name in value]


def test_the_database_counts_every_run_as_a_success(week):
    query = "select dag_id, state, count(*) from dag_run group by 1, 2 order by 1, 2"
    with closing(sqlite3.connect(week.airflow)) as connection:
        assert connection.execute(query).fetchall() == [
            ("monitor_credit", "success", 1),
            ("price_credit", "running", 1),
            ("price_credit", "success", 1),
            ("prune_metrics", "success", 1),
            ("report_credit", "success", 1),
            ("score_credit", "success", DAYS),
            ("train_credit", "success", 1),
        ]
