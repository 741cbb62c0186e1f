"""A concept drift seen by late labels only, through the DAGs of dags/: one retraining, whatever is repeated."""

import sqlite3
from contextlib import closing

import pytest

from airflow_ml_monitor.demo import MONITOR, live
from airflow_ml_monitor.lifecycle.registry import ModelRegistry
from airflow_ml_monitor.policy.rule import Action
from airflow_ml_monitor.store.repository import MetricsStore

pytestmark = pytest.mark.slow

CONCEPT, LONGEST, AFTER, BACK = 1, 30, 10, 14
WITHOUT_CONTRACT = {"contract: inferred": "contract: null"}


@pytest.fixture(scope="module")
def season(example_world):
    """Days until a retraining is done; its day cleared in part and whole; ten more; fourteen days backfilled."""
    made = example_world(days=LONGEST + AFTER, faults=f"concept@{CONCEPT}", edits=WITHOUT_CONTRACT)
    driver, simulated = made.driver, made.simulated
    driver.run("train_credit", run_id="first_model", run_after=simulated.midnight(0))
    made.store, made.registry = MetricsStore(made.metrics), ModelRegistry(made.world.home / "models")
    made.lived = []
    while made.registry.champion() == "v1" and len(made.lived) < LONGEST:
        made.lived.append(live(driver, made.world, simulated, len(made.lived)))
    made.first = made.lived[-1]
    made.after_first = trained(made)

    day = made.first[0]
    driver.clear("score_credit", day.run_id, ["trigger_train_credit"])
    made.trigger_cleared = (driver.rerun("score_credit", day.run_id), driver.run_triggered())
    driver.clear("score_credit", day.run_id)
    made.day_cleared = (driver.rerun("score_credit", day.run_id), driver.run_triggered())
    made.later = [live(driver, made.world, simulated, len(made.lived) + more) for more in range(AFTER)]
    last = len(made.lived) + AFTER - 1
    made.backfilled = driver.backfill(
        "score_credit", simulated.midnight(max(0, last - BACK + 1)), simulated.midnight(last), reprocess=True, conf={}
    )
    made.backfill_triggered = driver.run_triggered()
    yield made
    made.store.dispose()


def trained(made):
    """Every run of the retraining DAG that a decision started, oldest first, with its state."""
    with closing(sqlite3.connect(made.airflow)) as connection:
        query = "select run_id, state from dag_run where dag_id = 'train_credit' and run_id like 'retrain%' order by id"
        return connection.execute(query).fetchall()


def done(made):
    return [a for a in made.store.actions(MONITOR) if a.action is Action.RETRAIN and a.state == "done"]


def test_a_decision_starts_the_retraining_under_its_own_id_and_the_better_model_is_promoted(season):
    (action,) = done(season)
    watched, triggered = season.first
    assert watched.task_states["trigger_train_credit"] == "success"
    assert (triggered.run_id, triggered.state) == (f"retrain__{action.decision}", "success")
    assert action.run_id == triggered.run_id
    manifest = season.registry.manifest(season.registry.champion())
    assert manifest["decision"] == action.decision
    assert manifest["comparison"]["low"] > 0


def test_exactly_the_retraining_branch_ran_on_that_day(season):
    states = season.first[0].task_states
    assert {states[name] for name in ("page_the_data_owner", "send_the_decision")} == {"skipped"}


def test_the_new_model_scores_from_the_next_day_on_and_is_better(season):
    table = season.store.history(MONITOR, metric="roc_auc")
    whole = table[(table["slice"] == "{}") & (table["status"] == "ok")]
    old = whole[whole["model_version"] == "v1"]["value"].mean()
    assert old < 0.7
    scored = season.registry.champion()
    later = season.later[0][0]
    assert later.state == "success"
    manifest = season.registry.manifest(scored)
    assert manifest["comparison"]["roc_auc"]["challenger"] > old


def test_clearing_the_trigger_starts_no_second_retraining(season):
    result, triggered = season.trigger_cleared
    assert (result.state, result.task_states["trigger_train_credit"], triggered) == ("success", "skipped", [])


def test_clearing_the_whole_day_starts_no_second_retraining(season):
    result, triggered = season.day_cleared
    assert (result.state, triggered) == ("success", [])
    assert result.task_states["trigger_train_credit"] == "skipped"


def test_the_same_incident_on_the_next_ten_days_starts_no_second_retraining(season):
    assert len(season.later) == AFTER
    for result, *triggered in season.later:
        assert (result.state, result.task_states["trigger_train_credit"], triggered) == ("success", "skipped", [])
    first, *others = [d for d in season.store.decisions(MONITOR) if d.acts][-AFTER:]
    assert first.action == "wait"
    assert first.because.startswith("retrain already asked for")
    # The old model is no longer in use: its incident ends, and nothing is asked for anew.
    assert {d.action for d in others} <= {"wait", "none"}


def test_backfilling_the_past_starts_no_second_retraining_and_pages_nobody(season):
    assert len(season.backfilled) >= min(BACK, len(season.lived) + AFTER) - 1
    for result in season.backfilled:
        branches = {"page_the_data_owner", "send_the_decision", "trigger_train_credit"}
        assert (result.state, {result.task_states[name] for name in branches}) == ("success", {"skipped"})
    assert season.backfill_triggered == []


def test_after_all_that_the_retrainings_are_those_that_were_there_before(season):
    assert trained(season) == season.after_first
    assert {state for _, state in season.after_first} == {"success"}
    assert len(done(season)) == 1
