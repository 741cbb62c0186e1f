"""Sensor, deferral and trigger give one answer; triggers are carried as text, and run for real in an event loop."""

import asyncio
import json
import os
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from importlib import import_module
from types import SimpleNamespace

import pandas as pd
import pytest
from airflow.triggers.base import BaseEventTrigger
from pydantic import TypeAdapter

from airflow_ml_monitor import DataQualityOperator, DecideOperator, GroundTruthSensor, MeasurementSensor
from airflow_ml_monitor.airflow_compat import DAG, AirflowSensorTimeout
from airflow_ml_monitor.errors import SpecError
from airflow_ml_monitor.keys import parse_moment
from airflow_ml_monitor.measurement import Family
from airflow_ml_monitor.policy.rule import Bounds
from airflow_ml_monitor.triggers.labels_arrived import LabelsArrivedTrigger
from airflow_ml_monitor.triggers.polling import LOOK_YOURSELF

LONG_AGO, LATELY = 0, 8
"""Days of the recent desk: 12 days ago, when about half of the labels have come, and four, when hardly any have."""
WITHIN = 30.0
"""Seconds after which an event that should come is given up."""


def made_again(trigger):
    """The trigger as another process makes it: by its path and its arguments, which went through JSON."""
    path, arguments = trigger.serialize()
    module, _, name = path.rpartition(".")
    return getattr(import_module(module), name)(**json.loads(json.dumps(arguments)))


async def first_event(trigger, meanwhile=None):
    """The payload of a trigger's first event; `meanwhile` is called once it has begun to wait."""
    async with aclosing(trigger.run()) as events:
        waiting = asyncio.ensure_future(anext(events))
        await asyncio.sleep(3 * trigger.poke_interval)
        if meanwhile is not None:
            assert not waiting.done()
            meanwhile()
        return (await asyncio.wait_for(waiting, WITHIN)).payload


@pytest.fixture
def recent(desks, tmp_path, monkeypatch):
    """A desk whose newest days are not twelve days old: the sensor compares with the clock on the wall."""
    start = datetime.now(UTC).date() - timedelta(days=12)
    made = desks.Desk.open(desks.home / f"since_{start}", tmp_path, start=start)
    monkeypatch.setenv("AIRFLOW_CONN_ML_MONITOR_DEFAULT", made.connection)
    return made


@pytest.fixture
def judged(desk, desks, run_task):
    """Day 2 is measured and judged: an alert; day 3 is not."""
    for kind in (DataQualityOperator, DecideOperator):
        with DAG("d", schedule=None):
            step = kind(task_id="step", spec=desk.spec(rules=desks.broken("alert")))
        assert run_task(step, dag_run=desk.run(2))[0].state.value == "success"
    return desk


@pytest.fixture
def ways(run_task):
    """How a wait ends in every mode: `ways(kind, dag_run, **arguments)` → {mode: (how it ends, value)}."""

    def work(kind, dag_run, **arguments):
        found = {}
        # Nobody waits here: a poke that would sleep times out instead.
        for mode, options in {
            "poke": {"mode": "poke", "timeout": 0},
            "reschedule": {},
            "deferrable": {"deferrable": True},
        }.items():
            sensor = sensor_of(kind, **arguments, **options)
            result, api = run_task(sensor, dag_run=dag_run)
            ends = {"up_for_reschedule": "waits", "deferred": "waits"}.get(result.state.value, result.state.value)
            if type(result.error).__name__ == "AirflowSensorTimeout":
                ends = "waits"
            found[mode] = ends, api.pushed.get(("wait", "return_value"))
        return found

    return work


def sensor_of(kind, **arguments):
    with DAG("d", schedule=None):
        return kind(task_id="wait", **arguments)


def resumed(sensor, event):
    """(how the task ends, value) after its trigger fired."""
    try:
        return "success", sensor.resume_execution("resume", {"event": event, "started": started()}, {})
    except Exception as end:
        return {"AirflowSkipException": "skipped"}.get(type(end).__name__, "failed"), None


def started():
    return datetime.now(UTC).isoformat()


def context_of(recent, number):
    """What a sensor asks its context for, without a runner."""
    run = recent.run(number, conf={})
    fields = {name: parse_moment(run[name]) for name in ("logical_date", "data_interval_start", "data_interval_end")}
    fields |= {"run_id": run["run_id"], "run_after": fields["data_interval_end"]}
    instance = SimpleNamespace(get_first_reschedule_date=lambda context: None)
    return {"dag_run": SimpleNamespace(conf=run["conf"], run_type="scheduled", **fields), "ti": instance}


LABELS = {
    "a share that has come": ({"coverage": 0.3}, "success"),
    "a share that has not": ({"coverage": 0.99}, "waits"),
    "enough of each class": ({"positives": 5, "negatives": 5}, "success"),
    "too few of one class": ({"positives": 5, "negatives": 100_000}, "waits"),
    "enough that arrived": ({"arrived": 10}, "success"),
    "too few that arrived": ({"arrived": 100_000}, "waits"),
    "all of it": ({"coverage": 0.3, "positives": 5, "negatives": 5, "arrived": 10}, "success"),
    "over, and on": ({"positives": 100_000, "deadline": timedelta(days=3)}, "success"),
    "over, and skipped": (
        {"positives": 100_000, "deadline": timedelta(days=3), "on_deadline": "skip"},
        "skipped",
    ),
    "over, and failed": (
        {"positives": 100_000, "deadline": timedelta(days=3), "on_deadline": "fail"},
        "failed",
    ),
    "over, failed, and soft": (
        {"coverage": 0.99, "deadline": timedelta(days=3), "on_deadline": "fail", "soft_fail": True},
        "skipped",
    ),
}


@pytest.mark.airflow_min
@pytest.mark.parametrize("case", LABELS)
def test_sensor_deferral_and_trigger_agree_on_labels(ways, recent, case):
    arguments, ends = LABELS[case]
    arguments = {"spec": recent.spec(), **arguments}
    found = ways(GroundTruthSensor, recent.run(LONG_AGO, conf={}), **arguments)
    sensor = sensor_of(GroundTruthSensor, deferrable=True, **arguments)
    event = made_again(sensor.trigger(context_of(recent, LONG_AGO))).look()
    found["trigger"] = ("waits", None) if event is None else resumed(sensor, event)
    assert {mode: how for mode, (how, _) in found.items()} == dict.fromkeys(found, ends)
    values = [{**value, "known_at": None} for _, value in found.values() if value]
    assert values == values[:1] * (4 if ends == "success" else 0)


STORED = {
    "a decision": ({"actions": ["alert"]}, "success"),
    "another decision": ({"actions": ["retrain"]}, "waits"),
    "within bounds": ({"metric": "completeness", "column": "income", "bounds": Bounds(min=0.9)}, "success"),
    "out of bounds": ({"metric": "row_count", "bounds": Bounds(min=100_000)}, "waits"),
    "known well enough": ({"metric": "mean", "column": "income", "width": 1e9}, "success"),
    "not well enough": ({"metric": "mean", "column": "income", "width": 1e-9}, "waits"),
    "another status": ({"metric": "row_count", "status": "failed"}, "waits"),
    "nothing stored": ({"metric": "roc_auc"}, "waits"),
}


@pytest.mark.airflow_min
@pytest.mark.parametrize("case", STORED)
def test_sensor_deferral_and_trigger_agree_on_what_is_stored(ways, judged, case):
    arguments, ends = STORED[case]
    arguments = {"monitor": "default/credit", **arguments}
    found = ways(MeasurementSensor, judged.run(2), **arguments)
    sensor = sensor_of(MeasurementSensor, deferrable=True, **arguments)
    event = made_again(sensor.trigger(context_of(judged, 2))).look()
    found["trigger"] = ("waits", None) if event is None else resumed(sensor, event)
    assert found == dict.fromkeys(found, (ends, None))


@pytest.mark.airflow_min
def test_a_deferred_wait_ends_when_labels_land(recent, run_task):
    late = recent.own_data()
    outcomes = sorted((late.data / "outcomes").iterdir())
    for file in outcomes:
        file.rename(file.with_suffix(".later"))

    def land():
        for file in outcomes:
            file.with_suffix(".later").rename(file)

    arguments = {"spec": late.spec(), "positives": 5, "deferrable": True, "poke_interval": 0.1}
    sensor = sensor_of(GroundTruthSensor, **arguments)
    assert run_task(sensor, dag_run=late.run(LONG_AGO, conf={}))[0].state.value == "deferred"
    trigger = made_again(sensor.trigger(context_of(late, LONG_AGO)))
    value = asyncio.run(first_event(trigger, land))
    assert value["reached"]
    assert value["positives"]["outcomes"] >= 5
    assert resumed(sensor, value) == ("success", value)


@pytest.mark.airflow_min
def test_what_is_deferred_says_where_and_how_long_and_names_no_secret(recent, run_task, monkeypatch):
    fields = json.loads(recent.connection)
    fields["extra"]["token"] = "hunter2-secret"
    monkeypatch.setenv("AIRFLOW_CONN_METRICS", json.dumps(fields))
    sensor = sensor_of(
        GroundTruthSensor,
        spec=recent.spec(),
        coverage=0.99,
        conn_id="metrics",
        deferrable=True,
        timeout=timedelta(hours=3),
    )
    result, api = run_task(sensor, dag_run=recent.run(LATELY, conf={}))
    assert result.state.value == "deferred"
    told = api.states[-1]
    assert told["classpath"] == "airflow_ml_monitor.triggers.ground_truth.GroundTruthTrigger"
    assert told["next_method"] == "resume"
    left = TypeAdapter(timedelta).validate_python(told["trigger_timeout"])
    assert timedelta(minutes=178) < left <= timedelta(hours=3)
    text = json.dumps(told)
    assert "metrics" in text
    assert "hunter2" not in text
    assert str(recent.database) not in text


@pytest.fixture
def unreachable(recent, tmp_path, monkeypatch):
    """The metrics database is gone; or, which only its user can mend, it has no tables."""

    def work(forever=False):
        # A folder is no database.
        place = f"sqlite:///{tmp_path / 'none.db' if forever else tmp_path}"
        fields = {"conn_type": "ml_monitor", "host": place, "extra": {"create_tables": not forever}}
        monkeypatch.setenv("AIRFLOW_CONN_ML_MONITOR_DEFAULT", json.dumps(fields))

    return work


def end_of(sensor, event, began, context):
    """What a resumed task raises."""
    try:
        sensor.resume_execution("resume", {"event": event, "started": began}, context)
    except BaseException as end:  # a deferral is no Exception
        return end


@pytest.mark.parametrize(
    ("option", "forever", "how"),
    [
        ("", False, "failed"),
        ("", True, "failed"),
        ("soft_fail", False, "failed"),
        ("soft_fail", True, "skipped"),
        ("never_fail", False, "skipped"),
        ("silent_fail", False, "up_for_reschedule"),
        ("silent_fail", True, "failed"),
    ],
)
def test_a_look_that_fails_in_the_triggerer_ends_as_a_poke_that_fails(
    recent, run_task, unreachable, option, forever, how
):
    arguments = {"spec": recent.spec(), "coverage": 0.99, "poke_interval": 0.01, "retries": 0}
    arguments |= {option: True} if option else {}
    sensor = sensor_of(GroundTruthSensor, deferrable=True, **arguments)
    trigger = made_again(sensor.trigger(context_of(recent, LATELY)))
    unreachable(forever)
    event = asyncio.run(first_event(trigger))
    poked, _ = run_task(sensor_of(GroundTruthSensor, **arguments), dag_run=recent.run(LATELY, conf={}))
    end = type(end_of(sensor, event, started(), context_of(recent, LATELY))).__name__
    ends = {"AirflowSkipException": "skipped", "TaskDeferred": "up_for_reschedule"}
    assert ends.get(end, "failed") == poked.state.value == how
    assert end in {*ends, "AirflowFailException" if forever else "StoreError"}


def test_a_wait_that_goes_on_after_a_failed_look_has_the_time_that_was_left(recent):
    sensor = sensor_of(GroundTruthSensor, spec=recent.spec(), coverage=0.99, deferrable=True, timeout=3600)

    def after(seconds):
        began = (datetime.now(UTC) - timedelta(seconds=seconds)).isoformat()
        return end_of(sensor, LOOK_YOURSELF, began, context_of(recent, LATELY))

    assert timedelta(seconds=2900) < after(600).timeout <= timedelta(seconds=3000)
    assert isinstance(after(3601), AirflowSensorTimeout)


def test_a_table_in_memory_is_refused_for_the_triggerer_when_the_dag_is_parsed(recent):
    spec = recent.spec().with_sources(outcomes=pd.DataFrame({"application_id": []}))
    sensor_of(GroundTruthSensor, spec=spec, coverage=0.5)
    with pytest.raises(SpecError, match=r"wait\.deferrable: the source of 'outcomes' is a table in memory"):
        sensor_of(GroundTruthSensor, spec=spec, coverage=0.5, deferrable=True)
    with pytest.raises(SpecError, match="spec: the source of 'outcomes' is a table in memory"):
        LabelsArrivedTrigger(spec)


@pytest.mark.airflow_min
def test_a_watcher_fires_when_a_label_file_lands_and_once(recent):
    late = recent.own_data()
    later = sorted((late.data / "outcomes").iterdir())[4:]
    for file in later:
        file.rename(file.with_suffix(".later"))

    async def watch():
        trigger = made_again(LabelsArrivedTrigger(late.spec(), poke_interval=0.05))
        found = []
        async with aclosing(trigger.run()) as events:
            found.append((await asyncio.wait_for(anext(events), WITHIN)).payload)
            for file in later[:2]:
                waiting = asyncio.ensure_future(anext(events))
                await asyncio.sleep(1)
                # What was told is not told again while nothing lands.
                assert not waiting.done()
                file.with_suffix(".later").rename(file)
                found.append((await asyncio.wait_for(waiting, WITHIN)).payload)
        return found

    found = asyncio.run(watch())
    assert [(one["monitor"], one["labels"]) for one in found] == [("default/credit", ["outcomes"])] * 3
    moments = [parse_moment(one["known_at"]) for one in found]
    assert moments == sorted(moments)


def test_a_watcher_that_cannot_look_says_so_and_looks_again(recent, unreachable, caplog):
    trigger = LabelsArrivedTrigger(recent.spec(), poke_interval=0.05)
    unreachable()

    async def watch():
        async with aclosing(trigger.run()) as events:
            waiting = asyncio.ensure_future(anext(events))
            await asyncio.sleep(1)
            assert not waiting.done()
            os.environ["AIRFLOW_CONN_ML_MONITOR_DEFAULT"] = recent.connection
            return (await asyncio.wait_for(waiting, WITHIN)).payload

    assert asyncio.run(watch())["labels"] == ["outcomes"]


@pytest.mark.airflow_min
def test_a_watcher_is_the_same_one_after_it_was_stored(recent):
    trigger = LabelsArrivedTrigger(recent.spec(), conn_id="metrics", poke_interval=60)
    again = made_again(trigger)
    assert again.serialize() == trigger.serialize()
    assert BaseEventTrigger.hash(*again.serialize()) == BaseEventTrigger.hash(*trigger.serialize())
    other = LabelsArrivedTrigger(recent.spec("other"), conn_id="metrics", poke_interval=60)
    assert BaseEventTrigger.hash(*other.serialize()) != BaseEventTrigger.hash(*trigger.serialize())


def stored_trigger(**of):
    """The trigger that Airflow stored of a task or an asset, as the triggerer makes it."""
    from airflow.models.trigger import Trigger
    from airflow.utils.session import create_session
    from sqlalchemy import select

    with create_session() as session:
        (row,) = session.scalars(select(Trigger).where(Trigger.classpath.endswith(of["kind"]))).all()
        module, _, name = row.classpath.rpartition(".")
        return row.id, getattr(import_module(module), name)(**row.kwargs)


def submit(number, payload):
    """Hand an event of a stored trigger to Airflow, as the triggerer does."""
    from airflow.models.trigger import Trigger
    from airflow.triggers.base import TriggerEvent
    from airflow.utils.session import create_session

    with create_session() as session:
        Trigger.submit_event(number, TriggerEvent(payload), session=session)


@pytest.mark.airflow_min
def test_a_run_defers_its_wait_and_goes_on_when_the_stored_trigger_fires(desks, recent, driver):
    late = recent.own_data()
    outcomes = sorted((late.data / "outcomes").iterdir())
    for file in outcomes:
        file.rename(file.with_suffix(".later"))

    def land():
        for file in outcomes:
            file.with_suffix(".later").rename(file)

    dags = driver(
        f"""
from airflow.sdk import DAG
from airflow_ml_monitor import GroundTruthSensor, MonitorSpec, PerformanceOperator
spec = {desks.source_of(late.spec())}
with DAG("defers", schedule=None):
    labels = GroundTruthSensor(task_id="labels", spec=spec, positives=5, deferrable=True, poke_interval=0.1)
    known_at = "{{{{ ti.xcom_pull(task_ids='labels')['known_at'] }}}}"
    labels >> PerformanceOperator(task_id="performance", spec=spec, known_at=known_at)
""",
        patience=1,
    )
    window = late.day(LONG_AGO)
    waiting = dags.run("defers", run_type="scheduled", data_interval=(window.start, window.end))
    assert (waiting.state, waiting.task_states) == ("running", {"labels": "deferred", "performance": "none"})
    number, trigger = stored_trigger(kind="GroundTruthTrigger")
    payload = asyncio.run(first_event(trigger, land))
    submit(number, payload)
    assert dags.rerun("defers", waiting.run_id).task_states == dict.fromkeys(("labels", "performance"), "success")
    (head,) = {r.head for r in late.store().current("default/credit", families=[Family.PERFORMANCE])}
    assert head.window == window
