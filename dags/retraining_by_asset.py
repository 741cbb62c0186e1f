"""A retraining that subscribes to the decision, instead of being triggered by it.

Why: the monitor need not know who retrains. The branch emits an asset event with the decision's id; any DAG, of any
team, may be scheduled on it. Why the claim matters more here: a trigger gives the run the decision's id as its name, so
a second run of that name cannot be; an event has no such name, and clearing the branch, or a crash between event and
scheduler, sends it again. The retraining's first task claims the decision, and a run that comes second skips.
Events that come together start one run, which takes the newest. `retraining.py` is the other way, with real training.

To try it, trigger `monitor_credit_subscribed` with {"window_start": "2026-03-01T00:00Z", "window_end":
"2026-03-02T00:00Z"}: the demo's model is out of date by then.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from airflow.sdk import Asset, dag, get_current_context, task

from airflow_ml_monitor import (
    ClaimRetrainingOperator,
    MonitorSpec,
    Policy,
    Rule,
    SettleRetrainingOperator,
    monitoring_dag,
)
from airflow_ml_monitor.policy.rule import Action, Bounds

START = datetime(2026, 1, 1, tzinfo=UTC)
ASKED_FOR = Asset("credit_retraining_asked_for")
subscribed = replace(
    MonitorSpec.from_yaml("credit.yaml"),
    name="credit_subscribed",
    policy=Policy(rules=(Rule("roc_auc", Bounds(fall=0.03), Action.RETRAIN, least_n=200),)),
)


@task(outlets=[ASKED_FOR])
def ask_for_retraining() -> None:
    """The branch: the decision's id goes out with the event."""
    context: Any = get_current_context()
    decision = context["ti"].xcom_pull(task_ids="watch.decide", key="decision")
    context["outlet_events"][ASKED_FOR].extra = {name: decision[name] for name in ("id", "because", "known_at")}


@task
def train() -> str:
    """Where training and promotion would stand; returns 'done' or 'rejected'."""
    return "done"


@dag(schedule=[ASKED_FOR], start_date=START, catchup=False, max_active_runs=1)
def train_subscribed() -> None:
    # A run by hand has no event, and so no decision to claim.
    newest = "(triggering_asset_events.values() | first | last).extra['id'] if triggering_asset_events else ''"
    claim = ClaimRetrainingOperator(task_id="claim", decision_id=f"{{{{ {newest} }}}}")
    outcome = train()
    claim >> outcome >> SettleRetrainingOperator(task_id="settle", outcome=outcome, decision_id=claim.output)


train_subscribed()
monitor_credit_subscribed = monitoring_dag(subscribed, START, on=lambda: {"retrain": ask_for_retraining()})
