"""`@task.monitored`: what a task returns is profiled and judged, without another file."""

import json

import pandas as pd
import pytest

from airflow_ml_monitor import DataQualityOperator, DecideOperator, DriftOperator, PerformanceOperator, ProfileOperator
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


def test_another_type_than_a_frame_or_a_path_is_named(desk, run_monitored):
    with pytest.raises(AirflowFailException, match="the task returned a list; return a DataFrame, or the path of a"):
        run_monitored(lambda: [1, 2], inline(desk), desk.run(3))
