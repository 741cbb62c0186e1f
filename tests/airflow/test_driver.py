"""The driver ends every run as a scheduler would: states, order, dates, conf."""

import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest

from airflow_ml_monitor.errors import UnknownName
from airflow_ml_monitor.trial.dag_driver import DagsBroken

JANUARY = datetime(2026, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)

HEAD = """
from pathlib import Path
from airflow.sdk import DAG, BaseOperator, BaseSensorOperator, CronDataIntervalTimetable, PokeReturnValue, TriggerRule
from airflow.sdk import task
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator

HERE = Path(__file__).parent


def count(name):
    file = HERE / name
    seen = int(file.read_text()) if file.exists() else 0
    file.write_text(str(seen + 1))
    return seen
"""
# CronDataIntervalTimetable moved into the SDK with 3.2.
OLD_HEAD = HEAD.replace("CronDataIntervalTimetable, ", "") + (
    "from airflow.timetables.interval import CronDataIntervalTimetable\n"
)


def head():
    from airflow_ml_monitor.airflow_compat import AIRFLOW_VERSION

    return HEAD if AIRFLOW_VERSION >= (3, 2) else OLD_HEAD


BRANCHES = """
with DAG("branches", schedule=None):
    @task.branch
    def choose(dag_run):
        return dag_run.conf["to"]
    left, right = EmptyOperator(task_id="left"), EmptyOperator(task_id="right")
    choose() >> [left, right] >> EmptyOperator(
        task_id="join", trigger_rule=TriggerRule.NONE_FAILED_MIN_ONE_SUCCESS)
"""


@pytest.mark.airflow_min
def test_only_the_chosen_branch_runs_and_the_join_follows(driver):
    result = driver(head() + BRANCHES).run("branches", conf={"to": "right"})
    assert result.state == "success"
    assert result.task_states == {"choose": "success", "left": "skipped", "right": "success", "join": "success"}


def test_a_task_of_a_scheduled_run_sees_its_data_interval(driver):
    dags = driver(
        head()
        + """
with DAG("dated", schedule=CronDataIntervalTimetable("0 0 * * *", timezone="UTC")):
    @task
    def write(dag_run=None):
        seen = (dag_run.run_type.value, dag_run.data_interval_start.isoformat(), dag_run.data_interval_end.isoformat())
        (HERE / "seen.txt").write_text(" ".join(seen))
    write()
"""
    )
    result = dags.run("dated", run_type="scheduled", data_interval=(JANUARY, JANUARY + DAY))
    assert result.run_id.startswith("scheduled__2026-01-0")
    seen = (dags.folder / "seen.txt").read_text()
    assert seen == "scheduled 2026-01-01T00:00:00+00:00 2026-01-02T00:00:00+00:00"


def test_templates_are_rendered_anew_in_every_run(driver):
    dags = driver(
        head()
        + """
class Write(BaseOperator):
    template_fields = ("text",)
    def __init__(self, text, **rest):
        super().__init__(**rest)
        self.text = text
    def execute(self, context):
        (HERE / "seen.txt").write_text(self.text)
with DAG("rendered", schedule=None):
    Write(task_id="write", text="{{ run_id }}")
"""
    )
    for run_id in ("first", "second"):
        dags.run("rendered", run_id=run_id)
        assert (dags.folder / "seen.txt").read_text() == run_id


FAILING = """
with DAG("failing", schedule=None):
    @task
    def breaks():
        if count("breaks") == 0:
            raise ValueError("first time")
    @task
    def after():
        pass
    breaks() >> after()
"""


def test_a_failed_task_fails_the_run_and_stops_what_follows(driver):
    result = driver(head() + FAILING).run("failing")
    assert result.state == "failed"
    assert result.task_states == {"breaks": "failed", "after": "upstream_failed"}


def test_a_cleared_run_runs_again_under_its_old_id(driver):
    dags = driver(head() + FAILING)
    run_id = dags.run("failing").run_id
    dags.clear("failing", run_id)
    result = dags.rerun("failing", run_id)
    assert (result.run_id, result.state) == (run_id, "success")
    assert result.task_states == {"breaks": "success", "after": "success"}


def test_clearing_one_task_leaves_the_others_alone(driver):
    dags = driver(
        head()
        + """
with DAG("pair", schedule=None):
    @task
    def one():
        count("one")
    @task
    def two():
        count("two")
    one() >> two()
"""
    )
    run_id = dags.run("pair").run_id
    dags.clear("pair", run_id, ["two"])
    assert dags.rerun("pair", run_id).state == "success"
    assert [(dags.folder / name).read_text() for name in ("one", "two")] == ["1", "2"]


def test_a_retry_comes_at_once(driver):
    dags = driver(
        head()
        + """
from datetime import timedelta
with DAG("retrying", schedule=None):
    @task(retries=2, retry_delay=timedelta(hours=1))
    def breaks():
        if count("tries") < 2:
            raise ValueError("not yet")
    breaks()
"""
    )
    assert dags.run("retrying").state == "success"
    assert (dags.folder / "tries").read_text() == "3"


SENSOR = """
class Third(BaseSensorOperator):
    def poke(self, context):
        return PokeReturnValue(is_done=count("pokes") >= 2, xcom_value="now")
with DAG("waiting", schedule=None):
    @task
    def write(text):
        (HERE / "told.txt").write_text(text)
    write(Third(task_id="third", mode="reschedule", poke_interval=3600).output)
"""


def test_a_rescheduled_sensor_is_asked_again_without_waiting(driver):
    dags = driver(head() + SENSOR)
    assert dags.run("waiting").state == "success"
    assert (dags.folder / "told.txt").read_text() == "now"


def test_a_sensor_that_is_not_satisfied_leaves_the_run_waiting(driver):
    dags = driver(head() + SENSOR, patience=1)
    result = dags.run("waiting")
    assert (result.state, result.task_states["third"]) == ("running", "up_for_reschedule")
    (dags.folder / "pokes").write_text("2")
    assert dags.rerun("waiting", result.run_id).state == "success"


TRIGGERS = """
with DAG("asks", schedule=None):
    TriggerDagRunOperator(task_id="ask", trigger_dag_id="answers", trigger_run_id="retrain__7",
                          conf={"why": "{{ run_id }}"}, skip_when_already_exists=True)
with DAG("answers", schedule=None):
    @task
    def write(dag_run=None):
        (HERE / "why.txt").write_text(dag_run.conf["why"])
    write()
"""


@pytest.mark.airflow_min
def test_a_triggered_run_keeps_its_id_and_conf_and_is_asked_for_once(driver):
    dags = driver(head() + TRIGGERS)
    assert dags.run("asks", run_id="monday").task_states == {"ask": "success"}
    assert [(r.dag_id, r.run_id, r.state) for r in dags.run_triggered()] == [("answers", "retrain__7", "success")]
    assert (dags.folder / "why.txt").read_text() == "monday"
    assert dags.run("asks", run_id="tuesday").task_states == {"ask": "skipped"}
    assert dags.run_triggered() == []


def test_a_backfill_makes_one_run_of_its_type_for_every_tick(driver, airflow_db):
    dags = driver(
        head()
        + """
with DAG("filled", schedule=CronDataIntervalTimetable("0 0 * * *", timezone="UTC")):
    @task
    def note(dag_run=None):
        file = HERE / "days.txt"
        days = file.read_text() if file.exists() else ""
        file.write_text(days + f"{dag_run.run_type.value} {dag_run.data_interval_start:%d}\\n")
    note()
"""
    )
    dags.run("filled", run_type="scheduled", data_interval=(JANUARY + DAY, JANUARY + 2 * DAY))
    results = dags.backfill("filled", JANUARY, JANUARY + 2 * DAY)
    assert [r.run_id.partition("__")[0] for r in results] == ["backfill", "backfill"]
    again = dags.backfill("filled", JANUARY, JANUARY + 2 * DAY, reprocess=True)
    assert len(again) == 3
    assert again[1].run_id.startswith("scheduled__")
    assert (dags.folder / "days.txt").read_text().splitlines() == [
        "scheduled 02",
        *("backfill 01", "backfill 03"),
        *("backfill 01", "backfill 02", "backfill 03"),
    ]
    with closing(sqlite3.connect(airflow_db)) as connection:
        query = "select dag_id, state, count(*) from dag_run where dag_id = 'filled' group by 1, 2"
        assert connection.execute(query).fetchall() == [("filled", "success", 3)]


def test_an_unknown_dag_or_run_is_named_with_what_there_is(driver):
    dags = driver(head() + BRANCHES)
    with pytest.raises(UnknownName, match="one of: branches"):
        dags.run("branch")
    with pytest.raises(UnknownName, match="unknown run 'yesterday'"):
        dags.rerun("branches", "yesterday")


def test_a_file_that_cannot_be_imported_stops_the_driver(driver):
    with pytest.raises(DagsBroken, match="no_such_module"):
        driver("from airflow.sdk import DAG\nimport no_such_module")
