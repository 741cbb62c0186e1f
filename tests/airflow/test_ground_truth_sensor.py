"""The sensor waits for labels by share, horizon or deadline, holds no slot, and fixes what counts as known."""

from datetime import UTC, date, datetime, timedelta

import pytest

from airflow_ml_monitor import GroundTruthSensor, PerformanceOperator
from airflow_ml_monitor.airflow_compat import DAG
from airflow_ml_monitor.errors import SpecError
from airflow_ml_monitor.keys import parse_moment

LONG_AGO, LATELY = 0, 8
"""Days of the recent desk: 12 days ago, when about half of the labels have come, and four, when hardly any have."""


@pytest.fixture
def recent(desks, tmp_path, monkeypatch):
    """A desk whose newest days are not twelve days old: the sensor compares with the clock on the wall."""
    start = datetime.now(UTC).date() - timedelta(days=12)
    made = desks.Desk.open(desks.home / f"since_{start}", tmp_path, start=date.fromisoformat(str(start)))
    monkeypatch.setenv("AIRFLOW_CONN_ML_MONITOR_DEFAULT", made.connection)
    return made


@pytest.fixture
def poke(recent, run_task):
    """Run the sensor for a day, as the task runner does: `state, value, api = poke(day, coverage=0.5)`."""

    def run(number, *, conf=None, spec=None, run_type="scheduled", **arguments):
        with DAG("d", schedule=None):
            sensor = GroundTruthSensor(task_id="labels", spec=spec or recent.spec(), **arguments)
        result, api = run_task(sensor, dag_run=recent.run(number, conf=conf or {}, run_type=run_type))
        return result.state.value, api.pushed.get(("labels", "return_value")), api

    return run


@pytest.mark.airflow_min
def test_without_a_share_it_waits_for_nothing_and_calls_the_present_known(poke, recent):
    before = datetime.now(UTC)
    state, value, _ = poke(LATELY)
    assert (state, value["reached"], value["coverage"]) == ("success", True, {})
    assert before <= parse_moment(value["known_at"]) <= datetime.now(UTC)
    assert not recent.database.exists()


def test_a_share_that_has_come_lets_the_day_pass(poke):
    state, value, _ = poke(LONG_AGO, coverage=0.3)
    assert (state, value["reached"]) == ("success", True)
    assert 0.3 <= value["coverage"]["outcomes"] < 0.8


@pytest.mark.airflow_min
def test_a_share_that_has_not_come_gives_the_slot_back(poke):
    state, value, api = poke(LATELY, coverage=0.9)
    assert (state, value) == ("up_for_reschedule", None)
    told = api.states[-1]
    assert told["state"] == "up_for_reschedule"
    wait = parse_moment(told["reschedule_date"].replace("Z", "+00:00")) - datetime.now(UTC)
    assert timedelta(minutes=4) < wait <= timedelta(minutes=5)


@pytest.mark.parametrize(
    ("asked", "ends"),
    [
        ({"positives": 5}, "success"),
        ({"positives": 5, "negatives": 5, "arrived": 10, "coverage": 0.3}, "success"),
        ({"positives": 1000}, "up_for_reschedule"),
        ({"positives": 5, "negatives": 1000}, "up_for_reschedule"),
        ({"coverage": 0.3, "arrived": 1000}, "up_for_reschedule"),
    ],
)
def test_of_each_class_and_of_what_arrived_there_must_be_enough(poke, asked, ends):
    state, value, _ = poke(LONG_AGO, **asked)
    assert state == ends
    if value:
        counts = {name: value[name]["outcomes"] for name in ("positives", "negatives", "arrived")}
        assert counts["positives"] + counts["negatives"] == counts["arrived"]
        assert all(counts[name] >= least for name, least in asked.items() if name in counts)


def test_labels_measured_already_have_not_arrived_since(poke, recent, run_task):
    with DAG("d", schedule=None):
        measured = PerformanceOperator(task_id="measured", spec=recent.spec())
    assert run_task(measured, dag_run=recent.run(LONG_AGO, conf={}))[0].state.value == "success"
    assert poke(LONG_AGO, arrived=1)[0] == "up_for_reschedule"
    assert poke(LONG_AGO, positives=1)[0] == "success"


def test_after_the_horizon_nothing_more_is_awaited(poke, recent):
    state, value, _ = poke(LONG_AGO, coverage=0.99, spec=recent.spec(horizon="10d"))
    assert (state, value["reached"]) == ("success", True)
    assert value["coverage"]["outcomes"] < 0.99


def test_a_source_without_a_file_yet_is_waited_for(poke, recent, tmp_path):
    spec = recent.spec().with_sources(outcomes=str(tmp_path / "nothing" / "*.parquet"))
    assert poke(LONG_AGO, coverage=0.1, spec=spec)[0] == "up_for_reschedule"


@pytest.mark.parametrize(("choice", "ends"), [("go_on", "success"), ("skip", "skipped"), ("fail", "failed")])
def test_at_the_deadline_it_does_what_it_was_told_to(poke, choice, ends):
    state, value, _ = poke(LONG_AGO, coverage=0.99, deadline=timedelta(days=3), on_deadline=choice)
    assert state == ends
    assert (value or {}).get("reached") == (False if choice == "go_on" else None)


def test_before_the_deadline_it_waits(poke):
    assert poke(LONG_AGO, coverage=0.99, deadline=timedelta(days=40), on_deadline="fail")[0] == "up_for_reschedule"


@pytest.mark.parametrize(("choice", "ends"), [("go_on", "success"), ("skip", "skipped"), ("fail", "failed")])
def test_a_known_at_that_is_fixed_cannot_wait(poke, recent, choice, ends):
    known_at = (recent.day(LATELY).end + timedelta(hours=6)).isoformat()
    state, value, _ = poke(LATELY, coverage=0.9, on_deadline=choice, conf={"known_at": known_at})
    assert state == ends
    if choice == "go_on":
        assert (value["known_at"], value["reached"]) == (known_at, False)


def test_a_backfill_sees_only_the_labels_of_its_time(poke, recent):
    state, value, _ = poke(LONG_AGO, coverage=0.3, run_type="backfill")
    assert (state, value["reached"]) == ("success", False)
    assert value["known_at"] == recent.day(LONG_AGO).end.isoformat()
    assert value["coverage"]["outcomes"] < 0.05


def test_arguments_that_cannot_work_are_refused_when_the_dag_is_parsed(recent):
    with pytest.raises(SpecError, match=r"labels.coverage: 1.5 is not in \[0, 1\]"):
        GroundTruthSensor(task_id="labels", spec=recent.spec(), coverage=1.5)
    with pytest.raises(SpecError, match=r"labels\.positives: -1 is negative"):
        GroundTruthSensor(task_id="labels", spec=recent.spec(), positives=-1)
    with pytest.raises(SpecError, match="unknown choice 'perhaps'; one of: fail, go_on, skip"):
        GroundTruthSensor(task_id="labels", spec=recent.spec(), on_deadline="perhaps")


def test_a_day_goes_on_by_itself_when_its_labels_land(desks, recent, driver):
    late = recent.own_data()
    outcomes = sorted((late.data / "outcomes").iterdir())
    for file in outcomes:
        file.rename(file.with_suffix(".later"))
    dags = driver(
        f"""
from airflow_ml_monitor import MonitorSpec, monitor_tasks
from airflow.sdk import DAG
with DAG("waits_for_labels", schedule=None):
    monitor_tasks({desks.source_of(late.spec())}, coverage=0.3, group_id="watch")
""",
        patience=1,
    )
    window = late.day(LONG_AGO)
    waiting = dags.run("waits_for_labels", run_type="scheduled", data_interval=(window.start, window.end))
    assert (waiting.state, waiting.task_states["watch.labels"]) == ("running", "up_for_reschedule")
    assert waiting.task_states["watch.profile"] == "none"
    for file in outcomes:
        file.with_suffix(".later").rename(file)
    done = dags.rerun("waits_for_labels", waiting.run_id)
    assert done.state == "success"
    assert len(late.store().decisions("default/credit")) == 1
