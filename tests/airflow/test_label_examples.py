"""The examples of late labels, run for real on a few simulated days: what each docstring promises, happens."""

import asyncio
import json
import sqlite3
from contextlib import aclosing, closing
from datetime import UTC, datetime, timedelta
from importlib import import_module
from inspect import signature

import pandas as pd
import pytest

from airflow_ml_monitor.airflow_compat import parse_folder, store_dags
from airflow_ml_monitor.lifecycle.registry import ModelRegistry
from airflow_ml_monitor.simulate.landing import land_applications, land_outcomes
from airflow_ml_monitor.store.repository import MetricsStore

pytestmark = pytest.mark.slow

DAYS, LANDED = 3, 20
PRECISE, VAGUE = 0, 2


@pytest.fixture(scope="module")
def world(example_world):
    """A model trained; three days scored by it, and the outcomes of the first twenty days landed."""
    made = example_world(days=DAYS, faults="none", edits={"contract: inferred": "contract: null"})
    made.driver.run("train_credit", run_id="first_model", run_after=made.simulated.midnight(0))
    import credit_model as model

    champion = model.from_bytes(ModelRegistry(model.MODELS).load("v1"))
    for day in range(DAYS):
        rows = model.scored(pd.read_parquet(land_applications(made.simulated, model.APPLICATIONS, day)), champion, "v1")
        model.write(rows, model.PREDICTIONS / f"{made.simulated.midnight(day).date()}.parquet")
    for day in range(LANDED):
        land_outcomes(made.simulated, model.OUTCOMES, day)
    made.model, made.store = model, MetricsStore(made.metrics)
    yield made
    made.store.dispose()


@pytest.fixture
def about(world):
    """Run a DAG about a day, as known so long after its end."""

    def run(dag_id, day, **later):
        start, end = world.simulated.midnight(day), world.simulated.midnight(day + 1)
        conf = {"known_at": (end + timedelta(**later)).isoformat()} if later else {}
        return world.driver.run(dag_id, run_type="scheduled", data_interval=(start, end), conf=conf)

    return run


@pytest.fixture
def run_due(world):
    """Run what assets have made due: runs made by the scheduler's own code, driven to their end."""

    def run():
        from airflow.jobs.job import Job
        from airflow.jobs.scheduler_job_runner import SchedulerJobRunner
        from airflow.models.asset import AssetDagRunQueue
        from airflow.models.dag import DagModel
        from airflow.utils.session import create_session
        from sqlalchemy import select

        with create_session() as session:
            asked = select(DagModel).where(DagModel.dag_id.in_(select(AssetDagRunQueue.target_dag_id)))
            due = session.scalars(asked).all()
            create = SchedulerJobRunner(Job())._create_dag_runs_asset_triggered
            # Airflow 3.1 is told when; later ones read it themselves.
            when = {"triggered_date_by_dag": {dag.dag_id: datetime.now(UTC) for dag in due}}
            create(dag_models=due, session=session, **(when if {*when} <= {*signature(create).parameters} else {}))
        return world.driver.run_triggered()

    return run


@pytest.fixture
def watcher(world):
    """(number, trigger) of the watcher that Airflow stored with the example's asset, as the triggerer makes it."""
    from airflow.models.trigger import Trigger
    from airflow.utils.session import create_session
    from sqlalchemy import select

    with create_session() as session:
        # Airflow makes watchers for assets of DAGs that are not paused: at the parse after they were unpaused.
        store_dags(parse_folder(world.driver.folder), session)
        (row,) = session.scalars(select(Trigger).where(Trigger.classpath.endswith("LabelsArrivedTrigger"))).all()
        module, _, name = row.classpath.rpartition(".")
        made = getattr(import_module(module), name)(**row.kwargs)
        number = row.id
    made.poke_interval = 0.05
    return number, made


def submit(number, payload):
    """Hand an event of a stored trigger to Airflow, as the triggerer does."""
    from airflow.models.trigger import Trigger
    from airflow.triggers.base import TriggerEvent
    from airflow.utils.session import create_session

    with create_session() as session:
        Trigger.submit_event(number, TriggerEvent(payload), session=session)


def made_again(trigger):
    """A trigger of the same arguments that has seen nothing."""
    _, arguments = trigger.serialize()
    return type(trigger)(**arguments)


def first_event(trigger):
    """The payload of the first event of a trigger's loop."""

    async def watch():
        async with aclosing(trigger.run()) as stream:
            return (await asyncio.wait_for(anext(stream), 30)).payload

    return asyncio.run(watch())


def returned(world, dag_id, task_id):
    """What a task returned, run by run."""
    with closing(sqlite3.connect(world.airflow)) as connection:
        query = "select value from xcom where dag_id = ? and task_id = ? and key = 'return_value' order by dag_run_id"
        return [json.loads(value) for (value,) in connection.execute(query, (dag_id, task_id))]


def outcomes_of(world, day, known_at):
    """The outcomes of a day's applications that were known at a moment."""
    midnight = world.simulated.midnight
    known = world.simulated.outcomes(midnight(0), known_at)
    return known[known["application_id"].isin(world.simulated.applications(day)["application_id"])]


def test_the_report_says_how_many_of_each_class_are_known(world, about):
    made = about("report_defaults_known", 0, days=8)
    assert made.state == "success"
    known = outcomes_of(world, 0, world.simulated.midnight(9))["defaulted"]
    (line,) = returned(world, "report_defaults_known", "report")
    assert line == f"{(known == 1).sum()} defaults and {(known == 0).sum()} repaid are known"


def test_prices_follow_an_accuracy_that_is_known_well_enough_and_wait_for_another(world, about):
    for day, days in ((VAGUE, 4), (PRECISE, 60)):
        waiting = about("price_by_accuracy", day)
        assert waiting.task_states == {"accuracy_is_known": "deferred", "set_prices": "none"}
        assert about("monitor_credit", day, days=days).state == "success"
        world.driver.clear("price_by_accuracy", waiting.run_id)
        ends = world.driver.rerun("price_by_accuracy", waiting.run_id).task_states
        assert ends["set_prices"] == ("success" if day == PRECISE else "none")
    table = world.store.history("default/credit", metric="accuracy")
    known = table[(table["slice"] == "{}") & (table["status"] == "ok")]
    (row,) = known[known["window_start"] == world.simulated.midnight(PRECISE)].itertuples()
    assert row.high - row.low <= 0.07


def measured_at(world):
    """When each day's performance was measured last."""
    table = world.store.history("default/credit", metric="roc_auc")
    whole = table[table["slice"] == "{}"].groupby("window_start")["known_at"].max()
    return [whole.get(world.simulated.midnight(day)) for day in range(DAYS)]


@pytest.mark.airflow_min
def test_labels_that_land_start_the_dag_once_and_every_day_that_they_touch_is_measured_again(world, watcher, run_due):
    for day in range(DAYS):
        start, end = world.simulated.midnight(day), world.simulated.midnight(day + 1)
        named = {"window_start": start, "window_end": end, "known_at": end + timedelta(days=60)}
        conf = {name: moment.isoformat() for name, moment in named.items()}
        assert world.driver.run("monitor_credit", run_id=f"by_hand_{day}", conf=conf).state == "success"
    before = measured_at(world)
    number, trigger = watcher
    # All that is there is known.
    assert trigger.look() is None
    land_outcomes(world.simulated, world.model.OUTCOMES, LANDED)
    event = first_event(trigger)
    assert (event["monitor"], event["labels"]) == ("default/credit", ["outcomes"])
    assert run_due() == []
    submit(number, event)
    (made,) = run_due()
    assert (made.dag_id, made.state) == ("measure_what_arrived", "success")
    assert made.run_id.startswith("asset_triggered__")
    assert all(new > old for old, new in zip(before, measured_at(world), strict=True))
    # Nor would one who remembers nothing have news.
    assert made_again(trigger).look() is None
    assert run_due() == []
