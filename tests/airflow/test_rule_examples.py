"""The example of a rule of several conditions, run for real on a few simulated days: its docstring's promise holds."""

import pytest

from airflow_ml_monitor.monitor.spec import MonitorSpec
from airflow_ml_monitor.simulate.credit import HORIZON
from airflow_ml_monitor.store.repository import MetricsStore

pytestmark = pytest.mark.slow

DAYS, OTHERS, WORSE = 5, 1, 2


@pytest.fixture(scope="module")
def world(example_world, scored_by_one_model):
    """Five days scored by one model: other applicants from the second on, whose relation differs from the third on."""
    faults = f"shift@{OTHERS},concept@{WORSE}"
    made = example_world(days=DAYS, faults=faults, edits={"contract: inferred": "contract: null"})
    scored_by_one_model(made, DAYS)
    made.store = MetricsStore(made.metrics)
    yield made
    made.store.dispose()


@pytest.fixture(scope="module")
def made(world):
    """The decisions of the days, each as known when its last label is in."""
    for day in range(DAYS):
        start, end = world.simulated.midnight(day), world.simulated.midnight(day + 1)
        conf = {"known_at": (end + HORIZON).isoformat()}
        watched = world.driver.run(
            "monitor_credit_wide_drift", run_type="scheduled", data_interval=(start, end), conf=conf
        )
        assert watched.state == "success", watched.task_states
    return world.store.decisions("default/credit_wide_drift")


def test_drift_alone_asks_for_nothing_and_two_days_of_both_for_one_retraining(made):
    assert [d.action.value for d in made] == ["none"] * (WORSE + 1) + ["retrain", "wait"]
    # Drift has stood there since the second day.
    assert [a["window"][:10] for a in made[WORSE + 1].evidence["alarms"]] == ["2026-01-04"]
    assert made[-1].because.startswith("retrain already asked for")


def test_the_decision_names_the_share_the_worst_columns_and_how_the_model_ranks(made):
    (alarm,) = made[WORSE + 1].evidence["alarms"]
    assert alarm["rule"] == "others, ranked worse"
    assert alarm["text"].startswith("2 of 6 columns (33.3%) break their bound, at least 30.0%: psi of age 0.2")
    assert ", psi of loan_amount 0.1" in alarm["text"]
    assert " and roc_auc of v1 0.6" in alarm["text"]
    assert alarm["text"].endswith("(2 of the last 3 windows)")
    assert alarm["text"] in made[WORSE + 1].because


def test_standard_deviations_are_not_judged_in_the_first_week_and_it_is_said(made):
    told = "cannot be judged, as fewer than 8 windows before were in control: values are lost"
    assert told in made[0].because
    assert {a["rule"] for d in made for a in d.evidence["alarms"]} == {"others, ranked worse"}


def test_the_rule_stands_in_the_stored_spec_as_it_was_written(world, made):
    (version,) = world.store.spec_versions("default/credit_wide_drift")
    rule, _ = version.document["policy"]["rules"]
    assert [condition["metric"] for condition in rule["all"]] == ["psi", "roc_auc"]
    assert MonitorSpec.from_document(version.document).document() == version.document
