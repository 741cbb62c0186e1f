"""The example of alarms on a budget, on simulated days: quiet ones ask for nothing, and what moved is told by name."""

from datetime import timedelta

import pytest

from airflow_ml_monitor.keys import Window
from airflow_ml_monitor.monitor.performance import measure_performance
from airflow_ml_monitor.monitor.run import Monitor, Run
from airflow_ml_monitor.monitor.steps import measure_drift, measure_quality
from airflow_ml_monitor.simulate.credit import HORIZON
from airflow_ml_monitor.store.repository import MetricsStore

pytestmark = pytest.mark.slow

QUIET, DAYS = 20, 23
"""From day QUIET on the applicants are others."""


@pytest.fixture(scope="module")
def decisions(example_world, scored_by_one_model):
    """Of the last quiet day and of those after it, each as known when its last label is in; those before measured."""
    made = example_world(days=DAYS, faults=f"shift@{QUIET}", edits={})
    scored_by_one_model(made, DAYS)
    import alarms_on_budget as example

    store = MetricsStore(made.metrics)
    store.upgrade()
    monitor = Monitor(example.on_budget, store)
    for day in range(QUIET - 1):
        start = made.simulated.midnight(day)
        window = Window(start, start + timedelta(days=1))
        for step in (measure_quality, measure_drift, measure_performance):
            step(monitor, Run(window, monitor.spec.windows[0], window.end + HORIZON))
    for day in range(QUIET - 1, DAYS):
        start, end = made.simulated.midnight(day), made.simulated.midnight(day + 1)
        conf = {"known_at": (end + HORIZON).isoformat()}
        watched = made.driver.run(
            "monitor_credit_on_budget", run_type="scheduled", data_interval=(start, end), conf=conf
        )
        assert watched.state == "success", watched.task_states
    yield store.decisions(monitor.key)
    store.dispose()


def test_nothing_alarms_before_something_moved_and_what_moved_is_told_by_name(decisions):
    quiet, *later = decisions
    assert quiet.action.value == "none"
    assert "alert" in [d.action.value for d in later]
    columns = {alarm["column"] for d in later for alarm in d.evidence["alarms"]}
    assert {"age", "loan_amount"} <= columns <= {"age", "loan_amount", "debt_ratio", "employment_years", "score"}


def test_a_decision_tells_what_its_charts_can_see_and_what_each_may_spend(decisions):
    inputs, ranking = decisions[0].evidence["charts"]
    assert (inputs["chart"], ranking["chart"]) == ("shift", "roc_auc")
    assert inputs["false_alarms_per_year"] + ranking["false_alarms_per_year"] == 2
    # The first day is a holiday: as many windows as there were days, one of them left out.
    assert (inputs["windows"], inputs["status"]) == (QUIET, "ok")
    assert inputs["windows_to_full_power"] > 30
    assert 0 < inputs["detectable"]["by_column"]["income"] < inputs["detectable"]["by_column"]["age"]
