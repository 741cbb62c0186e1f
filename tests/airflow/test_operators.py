"""Each operator through Airflow's own task runner, on a small world on disk: what it stores, what it hands on."""

import json
from dataclasses import replace
from datetime import datetime, timedelta

import pandas as pd
import pytest

from airflow_ml_monitor import (
    DataQualityOperator,
    DecideOperator,
    DriftOperator,
    FreezeReferenceOperator,
    PerformanceOperator,
    ProfileOperator,
    monitor_tasks,
)
from airflow_ml_monitor.airflow_compat import DAG, AirflowFailException
from airflow_ml_monitor.errors import SpecError
from airflow_ml_monitor.keys import parse_moment
from airflow_ml_monitor.measurement import Family
from airflow_ml_monitor.profile.dataset import Column

STEPS = (ProfileOperator, DataQualityOperator, DriftOperator, PerformanceOperator, DecideOperator)


@pytest.fixture
def step(run_task):
    """Run one operator: `value, api = step(ProfileOperator, spec, dag_run)`; raises what the task raised."""

    def run(kind, spec, dag_run, **arguments):
        with DAG("d", schedule=None):
            task = kind(task_id="step", spec=spec, **arguments)
        result, api = run_task(task, dag_run=dag_run)
        if result.error is not None:
            raise result.error
        return api.pushed.get(("step", "return_value")), api

    return run


def families(store, spec, desk, number):
    """The families that are stored of a day, with the number of their rows."""
    window = desk.day(number)
    found = [r.head.family for r in store.current(spec.key, start=window.start, end=window.end)]
    return {family: found.count(family) for family in set(found)}


@pytest.mark.airflow_min
def test_freezing_returns_the_digest_of_the_stored_reference_and_does_not_repeat_itself(desk, step):
    spec = desk.spec()
    first, _ = step(FreezeReferenceOperator, spec, desk.run(0))
    again, _ = step(FreezeReferenceOperator, spec, desk.run(1), again=True)
    assert first == again
    stored = desk.store().reference_at(spec.key, "predictions", desk.day(0).start)
    assert first == {"predictions": stored.digest}


@pytest.mark.airflow_min
def test_profiling_counts_the_rows_of_the_runs_day_and_stores_their_profile_once(desk, step):
    spec = desk.spec()
    value, _ = step(ProfileOperator, spec, desk.run(3))
    assert value["predictions"]["rows"] == desk.rows_of(3)
    assert value["predictions"]["faults"] == 0
    [key] = desk.store().profiles_seen(spec.key, "predictions", "day@UTC", desk.day(3))
    step(ProfileOperator, spec, desk.run(3))
    assert desk.store().profiles_seen(spec.key, "predictions", "day@UTC", desk.day(3)) == [key]


@pytest.mark.airflow_min
@pytest.mark.parametrize(
    ("kind", "family"),
    [
        (DataQualityOperator, Family.QUALITY),
        (DriftOperator, Family.DRIFT),
        (PerformanceOperator, Family.PERFORMANCE),
    ],
)
def test_a_step_alone_finds_or_makes_what_it_needs_and_a_rerun_writes_nothing(desk, step, kind, family):
    spec = desk.spec()
    value, _ = step(kind, spec, desk.run(2))
    assert families(desk.store(), spec, desk, 2)[family] > 0
    first = value["quality"] if kind is DataQualityOperator else value
    assert first["revisions"] > 0
    value, _ = step(kind, spec, desk.run(2))
    second = value["quality"] if kind is DataQualityOperator else value
    assert second["revisions"] == 0


def test_the_contract_is_checked_on_the_windows_rows_and_stored_as_its_own_family(desk, step):
    spec = desk.spec(contract="inferred")
    value, _ = step(DataQualityOperator, spec, desk.run(2))
    assert value["contract"]["measurements"]["ok"] > 10
    assert families(desk.store(), spec, desk, 2)[Family.CONTRACT] > 10


@pytest.mark.airflow_min
def test_a_decision_is_stored_and_handed_on_in_a_few_words(desk, desks, step):
    spec = desk.spec(rules=desks.broken("alert"))
    step(DataQualityOperator, spec, desk.run(0))
    _, api = step(DecideOperator, spec, desk.run(0))
    told = api.pushed[("step", "decision")]
    (stored,) = desk.store().decisions(spec.key)
    assert told["id"] == stored.id
    assert (told["action"], told["acts"], told["incident"]) == ("alert", True, stored.incident)
    assert "standard_deviation of income" in told["because"]


def test_what_goes_through_xcom_is_small_strict_json_without_a_value_of_the_data(desk, desks, step):
    rules = [{**desks.broken("alert")[0], "columns": [], "slices": True}, *desks.broken("retrain")]
    spec = desk.spec(rules=rules, slice_by="channel")
    said = []
    for kind in (FreezeReferenceOperator, *STEPS):
        _, api = step(kind, spec, desk.run(0))
        said += [json.dumps(value, allow_nan=False) for value in api.pushed.values()]
    assert len(said) == 7  # one of each step, and the decision
    assert max(map(len, said)) < 4096
    assert not [text for text in said if desks.CANARY in text]
    assert desks.CANARY.encode() in (desk.data / "predictions" / "00.parquet").read_bytes()
    assert desks.CANARY.encode() not in b"".join(file.read_bytes() for file in desk.home.glob("metrics.db*"))


def test_a_long_story_is_cut_in_xcom_and_whole_in_the_store(desk, step):
    # Three columns of long names that the reference has and the day lacks; the decision quotes them.
    names = [f"{letter * 300}" for letter in "abc"]
    desk = desk.own_data()
    reference = pd.read_parquet(desk.data / "reference.parquet").assign(**dict.fromkeys(names, 1.0))
    reference.to_parquet(desk.data / "reference.parquet")
    spec = desk.spec()
    wider = replace(spec.datasets[0], columns=(*spec.datasets[0].columns, *map(Column, names)))
    spec = replace(spec, datasets=(wider,))
    step(DataQualityOperator, spec, desk.run(8))
    _, api = step(DecideOperator, spec, desk.run(8))
    (decision,) = desk.store().decisions(spec.key)
    told = api.pushed[("step", "decision")]["because"]
    assert len(told) <= 500 < len(decision.because)


@pytest.fixture
def watch(desk):
    """The tasks of monitor_tasks by their short names."""

    def tasks(spec, **options):
        with DAG("d", schedule=None) as dag:
            monitor_tasks(spec, group_id="watch", **options)
        return {name.removeprefix("watch."): task for name, task in dag.task_dict.items()}

    return tasks


def knowledge(store, spec):
    """Every cut-off with which something is stored."""
    found = [store.heads(spec.key, f, rule="day@UTC", dataset="predictions") for f in (Family.QUALITY, Family.DRIFT)]
    return {state.known_at for heads in found for state in heads}


@pytest.mark.airflow_min
def test_what_the_sensor_calls_known_is_what_every_later_step_goes_by(desk, run_task, watch):
    spec = desk.spec()
    tasks = watch(spec)
    result, api = run_task(tasks["labels"], dag_run=desk.run(1, conf={}))
    assert result.state.value == "success"
    handed = api.pushed[("watch.labels", "return_value")]["known_at"]
    for name in ("profile", "quality", "drift", "performance", "decide"):
        xcoms = {("watch.labels", "return_value"): {"known_at": handed}}
        result, _ = run_task(tasks[name], dag_run=desk.run(1, conf={}), xcoms=xcoms)
        assert result.state.value == "success", result.error
    store = desk.store()
    assert knowledge(store, spec) == {parse_moment(handed)}
    assert [d.known_at for d in store.decisions(spec.key)] == [parse_moment(handed)]


def test_the_runs_conf_decides_what_is_known_before_the_sensor_does(desk, run_task, watch):
    spec = desk.spec()
    run = desk.run(1, known_after=timedelta(days=3))
    handed = {("watch.labels", "return_value"): {"known_at": "2026-02-20T00:00:00+00:00"}}
    run_task(watch(spec)["quality"], dag_run=run, xcoms=handed)
    assert knowledge(desk.store(), spec) == {desk.day(1).end + timedelta(days=3)}


@pytest.mark.airflow_min
def test_a_backfill_knows_what_was_known_then_stores_its_decision_and_follows_no_branch(desk, desks, step):
    spec = desk.spec(rules=desks.broken("alert"))
    run = desk.run(1, run_type="backfill", conf={})
    step(DataQualityOperator, spec, run)
    value, _ = step(DecideOperator, spec, run)
    assert knowledge(desk.store(), spec) == {desk.day(1).end}
    (decision,) = desk.store().decisions(spec.key)
    assert (decision.action, decision.acts, decision.known_at) == ("alert", False, desk.day(1).end)
    assert not value
    assert desk.store().actions(spec.key) == []


def branching(spec, **more):
    from airflow.providers.standard.operators.empty import EmptyOperator

    with DAG("d", schedule=None):
        decide = DecideOperator(task_id="step", spec=spec, branches={"alert": ["mail"], "retrain": ["train"]}, **more)
        decide >> [EmptyOperator(task_id=name) for name in ("mail", "train", "report")]
    return decide


def skipped(api):
    return sorted(name for name, _ in api.skipped)


@pytest.mark.parametrize(("acts", "left_out"), [(False, ["mail", "train"]), (True, ["train"])])
def test_a_backfill_acts_only_where_it_was_asked_to(desk, desks, step, run_task, acts, left_out):
    spec = desk.spec(rules=desks.broken("alert"))
    run = desk.run(1, run_type="backfill", conf={})
    step(DataQualityOperator, spec, run)
    _, api = run_task(branching(spec, act_in_backfill=acts), dag_run=run)
    assert skipped(api) == left_out


def test_a_backfill_over_a_day_that_was_decided_live_does_not_act_a_second_time(desk, desks, step, run_task):
    spec = desk.spec(rules=desks.broken("alert"))
    live = desk.run(1, known_after=timedelta(0))
    step(DataQualityOperator, spec, live)
    decide = branching(spec)
    _, api = run_task(decide, dag_run=live)
    assert skipped(api) == ["train"]
    result, api = run_task(decide, dag_run={**live, "run_type": "backfill", "conf": {}})
    assert result.state.value == "success"
    assert skipped(api) == ["mail", "train"]


def test_shadow_mode_stores_the_decision_and_skips_every_branch(desk, desks, step, run_task):
    spec = desk.spec(policy={"rules": desks.broken("alert"), "act": False})
    step(DataQualityOperator, spec, desk.run(1))
    _, api = run_task(branching(spec), dag_run=desk.run(1))
    assert skipped(api) == ["mail", "train"]
    assert [(d.action, d.acts) for d in desk.store().decisions(spec.key)] == [("alert", False)]


def test_a_branch_that_is_not_downstream_is_refused_before_the_store_is_opened(desk, step):
    with pytest.raises(SpecError, match="'mail' is not directly downstream of 'step'"):
        step(DecideOperator, desk.spec(), desk.run(1), branches={"alert": ["mail"]})
    assert not desk.database.exists()


def test_an_action_that_does_not_exist_is_refused_when_the_dag_is_parsed(desk):
    with pytest.raises(SpecError, match="unknown action 'retrian'"):
        DecideOperator(task_id="decide", spec=desk.spec(), branches={"retrian": ["train"]})
    with DAG("d", schedule=None), pytest.raises(SpecError, match="unknown action 'call_me'"):
        monitor_tasks(desk.spec(), on={"call_me": ProfileOperator(task_id="p", spec=desk.spec())})


def test_a_day_that_is_not_over_is_refused_before_data_is_read(desk, step):
    with pytest.raises(SpecError, match="a window is measured when it is over"):
        step(ProfileOperator, desk.spec(), desk.run(1, conf={"known_at": desk.day(1).start.isoformat()}))


def test_a_known_at_without_a_zone_is_refused(desk, step):
    naive = datetime(2026, 2, 1).isoformat()
    with pytest.raises(SpecError, match="has no time zone"):
        step(ProfileOperator, desk.spec(), desk.run(1, conf={"known_at": naive}))


def test_what_only_its_user_can_mend_fails_at_once_and_is_not_tried_again(desk, step):
    missing = desk.spec().with_sources(reference="nowhere.parquet")
    with pytest.raises(AirflowFailException, match=r"none can be frozen from 'nowhere.parquet': no file matches"):
        step(ProfileOperator, missing, desk.run(1), retries=2)


def test_a_store_without_tables_fails_at_once_with_what_to_run(desk, step, monkeypatch):
    place = json.dumps({"conn_type": "ml_monitor", "host": f"sqlite:///{desk.home}/empty.db"})
    monkeypatch.setenv("AIRFLOW_CONN_ML_MONITOR_DEFAULT", place)
    with pytest.raises(
        AirflowFailException,
        match=f"run `python -m airflow_ml_monitor db upgrade --url sqlite:///{desk.home}/empty.db`",
    ):
        step(ProfileOperator, desk.spec(), desk.run(1), retries=2)
