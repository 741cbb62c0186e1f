"""A retraining is carried out by one run, which may come back after a crash, and says what became of it."""

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import timedelta

import pytest

from airflow_ml_monitor import (
    ClaimRetrainingOperator,
    DataQualityOperator,
    DecideOperator,
    PerformanceOperator,
    SettleRetrainingOperator,
)
from airflow_ml_monitor.airflow_compat import DAG
from airflow_ml_monitor.errors import StoreError, UnknownName


@pytest.fixture
def decide(desk, desks, run_task):
    """Measure a day that calls for a retraining, and judge it: the decision as it is handed on."""
    spec = desk.spec(rules=desks.broken("retrain"))

    def run(number, **known):
        for kind in (DataQualityOperator, PerformanceOperator, DecideOperator):
            with DAG("d", schedule=None):
                task = kind(task_id="step", spec=spec)
            result, api = run_task(task, dag_run=desk.run(number, **known))
            assert result.state.value == "success", result.error
        return api.pushed[("step", "decision")]

    return run


@pytest.fixture
def carry_out(desk, run_task):
    """Run one task of a retraining for a decision: `carry_out(ClaimRetrainingOperator, "run_a", decision_id)`."""

    def run(kind, run_id, decision_id, **arguments):
        with DAG("d", schedule=None):
            task = kind(task_id="step", **arguments)
        conf = {"decision_id": decision_id} if decision_id else {}
        result, api = run_task(task, dag_run={"run_id": run_id, "conf": conf})
        return result, api.pushed.get(("step", "return_value"))

    return run


def states(desk):
    return [(a.state.value, a.run_id) for a in desk.store().actions("default/credit")]


@pytest.mark.airflow_min
def test_the_first_run_has_the_decision_another_skips_and_the_first_may_come_again(desk, decide, carry_out):
    name = decide(3)["id"]
    assert states(desk) == [("asked", "")]
    ends = [carry_out(ClaimRetrainingOperator, run, name)[0].state.value for run in ("run_a", "run_b", "run_a")]
    assert ends == ["success", "skipped", "success"]
    assert states(desk) == [("claimed", "run_a")]


def test_a_decision_that_never_was_is_nobodys_to_carry_out(carry_out, decide):
    decide(3)
    assert carry_out(ClaimRetrainingOperator, "run_a", "dec-unknown")[0].state.value == "skipped"


@pytest.mark.airflow_min
def test_a_retraining_by_hand_needs_no_decision_and_records_nothing(desk, carry_out):
    result, value = carry_out(ClaimRetrainingOperator, "by_hand", "")
    assert (result.state.value, value) == ("success", "")
    result, value = carry_out(SettleRetrainingOperator, "by_hand", "", outcome="done")
    assert (result.state.value, value) == ("success", "done")
    assert not desk.database.exists() or states(desk) == []


@pytest.mark.parametrize("outcome", ["done", "rejected"])
def test_what_became_of_it_is_recorded(desk, decide, carry_out, outcome):
    name = decide(3)["id"]
    carry_out(ClaimRetrainingOperator, "run_a", name)
    assert carry_out(SettleRetrainingOperator, "run_a", name, outcome=outcome)[1] == outcome
    assert states(desk) == [(outcome, "run_a")]


def test_a_run_without_an_outcome_has_failed_and_its_action_is_asked_for_again(desk, decide, carry_out):
    name = decide(3)["id"]
    carry_out(ClaimRetrainingOperator, "run_a", name)
    assert carry_out(SettleRetrainingOperator, "run_a", name, outcome="")[0].state.value == "failed"
    assert states(desk) == [("failed", "run_a")]
    again = decide(4)
    assert again["action"] == "retrain"
    assert again["id"] != name
    assert "(again: the last one failed)" in again["because"]
    assert states(desk) == [("asked", "")]


def test_one_that_was_done_is_not_asked_for_again(desk, decide, carry_out):
    name = decide(3)["id"]
    carry_out(ClaimRetrainingOperator, "run_a", name)
    carry_out(SettleRetrainingOperator, "run_a", name, outcome="done")
    assert [decide(number)["action"] for number in (4, 5)] == ["wait", "wait"]


def test_the_old_run_of_a_decision_that_was_asked_for_anew_has_nothing_to_carry_out(desk, decide, carry_out):
    name = decide(3)["id"]
    carry_out(ClaimRetrainingOperator, "run_a", name)
    carry_out(SettleRetrainingOperator, "run_a", name, outcome="")
    decide(4)
    assert carry_out(ClaimRetrainingOperator, "run_a", name)[0].state.value == "skipped"


def test_an_outcome_is_one_of_three_and_belongs_to_the_run_that_claimed(decide, carry_out):
    name = decide(3)["id"]
    carry_out(ClaimRetrainingOperator, "run_a", name)
    assert isinstance(carry_out(SettleRetrainingOperator, "run_a", name, outcome="fine")[0].error, UnknownName)
    assert isinstance(carry_out(SettleRetrainingOperator, "run_b", name, outcome="done")[0].error, StoreError)


TRAINING = """
import os
from pathlib import Path
from airflow.sdk import DAG, task
from airflow_ml_monitor import ClaimRetrainingOperator, SettleRetrainingOperator

with DAG("{dag_id}", schedule=None):
    @task
    def train():
        file = Path("{folder}") / "trained"
        file.write_text(file.read_text() + "x" if file.exists() else "x")
        if file.read_text() == "x":
            {accident}
        return "done"
    done = train()
    settle = SettleRetrainingOperator(task_id="settle", outcome=done)
    ClaimRetrainingOperator(task_id="claim") >> done >> settle
"""


def training(dag_id, tmp_path, accident):
    return TRAINING.format(dag_id=dag_id, folder=tmp_path, accident=accident)


@pytest.mark.airflow_min
def test_a_retraining_that_fails_says_so_and_the_same_run_may_be_cleared(desk, decide, driver, tmp_path):
    conf = {"decision_id": decide(3)["id"]}
    dags = driver(training("train_fails", tmp_path, "raise ValueError('no more memory')"))
    failed = dags.run("train_fails", run_id="retrain__1", conf=conf)
    assert failed.task_states == {"claim": "success", "train": "failed", "settle": "failed"}
    assert failed.state == "failed"
    assert states(desk) == [("failed", "retrain__1")]
    dags.clear("train_fails", "retrain__1")
    assert dags.rerun("train_fails", "retrain__1").state == "success"
    assert states(desk) == [("done", "retrain__1")]
    other = dags.run("train_fails", run_id="by_mistake", conf=conf)
    assert set(other.task_states.values()) == {"skipped"}
    assert (tmp_path / "trained").read_text() == "xx"


def test_a_retraining_whose_process_is_killed_is_claimed_again_by_its_own_run(desk, decide, driver, tmp_path):
    name = decide(3, known_after=timedelta(days=14))["id"]
    dags = driver(training("train_killed", tmp_path, "os._exit(9)"))
    script = (
        "from airflow_ml_monitor.trial.dag_driver import DagDriver\n"
        f"with DagDriver({str(dags.folder)!r}) as dags:\n"
        f"    dags.run('train_killed', run_id='retrain__2', conf={{'decision_id': {name!r}}})\n"
    )
    killed = subprocess.run([sys.executable, "-W", "ignore", "-c", script], capture_output=True, text=True, timeout=120)
    assert killed.returncode == 9, killed.stderr[-2000:]
    assert states(desk) == [("claimed", "retrain__2")]
    # A scheduler fails a task that gives no sign of life.
    with closing(sqlite3.connect(os.path.join(os.environ["AIRFLOW_HOME"], "airflow.db"))) as database:
        lost = "update task_instance set state = 'failed' where state = 'running' and dag_id = 'train_killed'"
        assert database.execute(lost).rowcount == 1
        database.commit()
    dags.clear("train_killed", "retrain__2")
    assert dags.rerun("train_killed", "retrain__2").state == "success"
    assert states(desk) == [("done", "retrain__2")]
    assert (tmp_path / "trained").read_text() == "xx"
