"""Another DAG waits until a monitor has stored what it waits for; the sensor reads the metrics database only."""

import pytest

from airflow_ml_monitor import DataQualityOperator, DecideOperator, MeasurementSensor
from airflow_ml_monitor.airflow_compat import DAG
from airflow_ml_monitor.errors import SpecError
from airflow_ml_monitor.keys import WindowRule, WindowUnit
from airflow_ml_monitor.policy.rule import Bounds


@pytest.fixture
def run(desk, run_task):
    """Run one task about a day; its state."""

    def run(kind, number, **arguments):
        with DAG("d", schedule=None):
            task = kind(task_id="step", **arguments)
        result, _ = run_task(task, dag_run=desk.run(number))
        return result.state.value

    return run


@pytest.fixture
def judged(desk, desks, run):
    """Day 2 is measured and judged: an alert; day 3 is not."""
    spec = desk.spec(rules=desks.broken("alert"))
    for step in (DataQualityOperator, DecideOperator):
        assert run(step, 2, spec=spec) == "success"
    return spec.key


@pytest.mark.airflow_min
def test_it_waits_until_the_day_is_decided_as_it_should_be(run, judged):
    assert run(MeasurementSensor, 2, monitor=judged, actions=["alert", "retrain"]) == "success"
    assert run(MeasurementSensor, 2, monitor=judged, actions=["none", "wait"]) == "up_for_reschedule"
    assert run(MeasurementSensor, 3, monitor=judged, actions=["alert"]) == "up_for_reschedule"


@pytest.mark.parametrize(
    ("metric", "column", "bounds", "ends"),
    [
        ("row_count", "", Bounds(min=100), "success"),
        ("row_count", "", Bounds(min=100_000), "up_for_reschedule"),
        ("row_count", "", None, "success"),
        ("completeness", "income", Bounds(min=0.99), "success"),
        ("completeness", "score", Bounds(max=0.5), "up_for_reschedule"),
        ("completeness", "", Bounds(min=0), "up_for_reschedule"),
        ("roc_auc", "", None, "up_for_reschedule"),
    ],
)
def test_it_waits_until_a_metric_of_a_column_lies_within_bounds(run, judged, metric, column, bounds, ends):
    assert run(MeasurementSensor, 2, monitor=judged, metric=metric, column=column, bounds=bounds) == ends


@pytest.mark.parametrize(
    ("arguments", "ends"),
    [
        ({"column": "income", "width": 1e6}, "success"),
        ({"column": "income", "width": 1.0}, "up_for_reschedule"),
        ({"column": "income", "width": 1e6, "bounds": Bounds(min=1e9)}, "up_for_reschedule"),
        ({"column": "income", "status": "ok"}, "success"),
        ({"column": "income", "status": "failed"}, "up_for_reschedule"),
    ],
)
def test_it_waits_until_a_mean_is_known_well_enough(run, judged, arguments, ends):
    assert run(MeasurementSensor, 2, monitor=judged, metric="mean", **arguments) == ends


def test_a_count_has_no_interval_and_so_no_width(run, judged):
    assert run(MeasurementSensor, 2, monitor=judged, metric="row_count") == "success"
    assert run(MeasurementSensor, 2, monitor=judged, metric="row_count", width=1e9) == "up_for_reschedule"


@pytest.mark.airflow_min
def test_deferred_it_looks_once_and_hands_the_wait_to_the_triggerer(run, judged):
    deferred = {"monitor": judged, "metric": "row_count", "deferrable": True}
    assert run(MeasurementSensor, 2, **deferred) == "success"
    assert run(MeasurementSensor, 3, **deferred) == "deferred"
    assert run(MeasurementSensor, 3, **deferred, mode="poke") == "deferred"


def test_a_day_is_not_its_week(run, judged):
    week = WindowRule(WindowUnit.WEEK)
    assert run(MeasurementSensor, 2, monitor=judged, metric="row_count", rule=week) == "up_for_reschedule"


def test_a_monitor_that_nobody_has_run_yet_is_waited_for(run, desk):
    assert run(MeasurementSensor, 2, monitor="default/elsewhere", actions=["none"]) == "up_for_reschedule"


def test_arguments_that_cannot_work_are_refused_when_the_dag_is_parsed():
    for neither_or_both in ({}, {"actions": ["alert"], "metric": "psi"}):
        with pytest.raises(SpecError, match="give either actions or a metric"):
            MeasurementSensor(task_id="wait", monitor="default/credit", **neither_or_both)
    with pytest.raises(SpecError, match="unknown action 'panic'"):
        MeasurementSensor(task_id="wait", monitor="default/credit", actions=["panic"])
    with pytest.raises(SpecError, match="unknown metric 'rocauc'"):
        MeasurementSensor(task_id="wait", monitor="default/credit", metric="rocauc")
    with pytest.raises(SpecError, match="unknown status 'fine'"):
        MeasurementSensor(task_id="wait", monitor="default/credit", metric="psi", status="fine")
    with pytest.raises(SpecError, match=r"wait\.width: -0.1 is no width"):
        MeasurementSensor(task_id="wait", monitor="default/credit", metric="psi", width=-0.1)
    with pytest.raises(SpecError, match=r"wait: bounds, width and status are a metric's"):
        MeasurementSensor(task_id="wait", monitor="default/credit", actions=["alert"], width=0.1)
    # They were taken as fulfilled, whatever the value: the sensor does not know the reference.
    with pytest.raises(SpecError, match=r"wait\.bounds: bounds against the reference are a policy's"):
        MeasurementSensor(task_id="wait", monitor="default/credit", metric="roc_auc", bounds=Bounds(fall=0.1))
