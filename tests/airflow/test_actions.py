"""One real DAG run per action, each brought about by its rules on the same data: exactly its branch runs."""

import pytest

from airflow_ml_monitor.policy.rule import Action

HEAD = """
from datetime import UTC, datetime
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG
from airflow_ml_monitor import MonitorSpec, monitor_tasks
"""
STEPS = ("labels", "profile", "quality", "drift", "performance", "decide")


@pytest.fixture
def act(desk, desks, driver):
    """Run a monitor of some rules for a day, with tasks for some actions: `act(rules, {"alert": ["mail"]})`."""

    def run(rules, branches, dag_id, **changes):
        spec = desk.spec(rules=rules, **changes)
        made = {a: [f"EmptyOperator(task_id={name!r})" for name in names] for a, names in branches.items()}
        on = ", ".join(f"{action!r}: [{', '.join(tasks)}]" for action, tasks in made.items())
        dags = driver(
            f"{HEAD}with DAG({dag_id!r}, schedule=None):\n"
            f"    monitor_tasks({desks.source_of(spec)}, on={{{on}}}, group_id='watch')\n"
        )
        conf = desk.run(3)["conf"] | {"window_start": str(desk.day(3).start), "window_end": str(desk.day(3).end)}
        result = dags.run(dag_id, conf=conf)
        assert {result.task_states.pop(f"watch.{name}") for name in STEPS} == {"success"}
        assert result.state == "success"
        (decision,) = desk.store().decisions(spec.key)
        return decision, result.task_states

    return run


def rules_for(desks, action):
    """Rules, and changes of the spec, that end in an action: a bound that every window breaks, or none does."""
    if action == "none":
        return [desks.KEPT], {}
    if action == "wait":
        return desks.broken("retrain"), {"mature_at": 1.0, "horizon": "60d"}
    return desks.broken(action), {}


@pytest.mark.airflow_min
@pytest.mark.parametrize("action", list(Action))
def test_exactly_the_branch_of_the_action_runs_and_the_others_are_skipped(act, desks, action):
    rules, changes = rules_for(desks, action)
    branches = {other: [f"on_{other}"] for other in map(str, Action)}
    decision, states = act(rules, branches, f"acts_{action}", **changes)
    assert decision.action == action
    assert states == {f"on_{other}": "success" if other == action else "skipped" for other in Action}


def test_an_action_without_a_branch_ends_green_with_its_decision_stored(act, desks):
    decision, states = act(desks.broken("alert"), {"retrain": ["train"]}, "acts_without_branch")
    assert (decision.action, states) == ("alert", {"train": "skipped"})
    assert decision.acts


def test_a_monitor_without_any_branch_ends_green(act, desks):
    decision, states = act(desks.broken("alert"), {}, "acts_without_any")
    assert (decision.action, states) == ("alert", {})


def test_an_action_may_have_several_tasks(act, desks):
    _, states = act(desks.broken("alert"), {"alert": ["mail", "call"], "retrain": ["train"]}, "acts_twice")
    assert states == {"mail": "success", "call": "success", "train": "skipped"}


def test_of_everything_that_is_wrong_the_data_comes_first(act, desks):
    branches = {name: [f"on_{name}"] for name in desks.BROKEN}
    decision, states = act(desks.broken(*desks.BROKEN), branches, "acts_on_data")
    assert decision.action == "investigate_data"
    assert [name for name, state in states.items() if state == "success"] == ["on_investigate_data"]
