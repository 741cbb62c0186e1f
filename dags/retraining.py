"""The retraining workflow that a decision starts: train on the labels known by then, promote only what is better.

Why a claim first: a trigger can be cleared, a day repeated, an event sent twice; the run that claims the decision is
the one that acts, and it may claim again after a crash. Why the incident's first window: rows from before the change
teach the old relation, and rows of a broken feed teach nothing. Why the same held-out ids for both models: a challenger
must beat the champion on the same questions. Why the reference is frozen here: the first model's scores are it, and
one that does not fit the monitor shows now, not in the first night. A later model is compared with the same reference.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from airflow.sdk import dag, get_current_context, task

from airflow_ml_monitor import (
    ClaimRetrainingOperator,
    FreezeReferenceOperator,
    MetricsStoreHook,
    MonitorSpec,
    SettleRetrainingOperator,
)

credit = MonitorSpec.from_yaml("credit.yaml")
LEAST_OF_EACH_CLASS = 100
"""Fewer labels since the incident began: no model yet. The action is rejected, and asked for again the next day."""


def _training_rows(decision_id: str, known_at: datetime) -> Any:
    """History for the first model; for a decision what came since its incident began, broken days left out."""
    import credit_model as model
    import pandas as pd

    if not decision_id:
        return pd.read_parquet(model.HISTORY)
    _, decision = MetricsStoreHook().store.decision(decision_id)
    incidents = decision.evidence["incidents"]
    spans = {
        i["id"]: [pd.Timestamp(i[end].split("/")[at]) for end, at in (("first", 0), ("last", 1))] for i in incidents
    }
    rows = model.labelled(spans[decision.incident][0].to_pydatetime(), known_at)
    for incident in incidents:
        if incident["action"] == "investigate_data":
            start, end = spans[incident["id"]]
            rows = rows[(rows["scored_at"] < start) | (rows["scored_at"] >= end)]
    return rows


def _known_at(run: Any) -> datetime:
    """What the run may know: as the decision that started it says, else when it was started."""
    return datetime.fromisoformat((run.conf or {}).get("known_at") or run.run_after.isoformat())


@task
def train(decision_id: str) -> str:
    """Train a challenger, compare it with the champion on held-out ids, keep both model and verdict.

    Returns its version; '' if the incident is too young for a model: nothing was trained.
    """
    import credit_model as model

    from airflow_ml_monitor.errors import NoValue
    from airflow_ml_monitor.lifecycle.comparison import compare
    from airflow_ml_monitor.lifecycle.manifest import Outcome, RetrainingManifest
    from airflow_ml_monitor.lifecycle.registry import ModelRegistry
    from airflow_ml_monitor.profile.layout import digest

    run = get_current_context()["dag_run"]
    registry = ModelRegistry(model.MODELS)
    for version in registry.versions():
        if registry.manifest(version)["run_id"] == run.run_id:  # a retry: the work is done
            return version
    known_at = _known_at(run)
    rows = _training_rows(decision_id, known_at)
    if rows["defaulted"].value_counts().reindex([0, 1], fill_value=0).min() < LEAST_OF_EACH_CLASS:
        return ""
    held = model.held_out(rows)
    challenger, test = model.fit(rows[~held]), rows[held]
    champion = registry.champion(before=known_at) if registry.versions() else ""
    comparison, reason, better = None, "the first model", True
    if champion:
        try:
            before = model.from_bytes(registry.load(champion))
            comparison = compare(test["defaulted"], model.scores(before, test), model.scores(challenger, test))
            reason, better = comparison.reason, comparison.is_better
        except NoValue as none:
            reason, better = none.reason, False
    version = f"v{len(registry.versions()) + 1}"
    manifest = RetrainingManifest(
        version=version,
        run_id=run.run_id,
        spec_digest=digest(credit.document()),
        windows=(),
        known_at=known_at,
        rows=int((~held).sum()),
        outcome=Outcome.PROMOTED if better else Outcome.REJECTED,
        decision=decision_id,
        champion=champion,
        comparison=comparison,
        reason=reason,
    )
    registry.save(version, model.to_bytes(challenger), manifest.document())
    return version


@task
def promote(version: str) -> dict[str, str]:
    """Make the challenger the champion if it was better; what became of it."""
    import credit_model as model
    import pandas as pd

    from airflow_ml_monitor.lifecycle.registry import ModelRegistry

    if not version:
        return {"outcome": "rejected", "note": f"fewer than {LEAST_OF_EACH_CLASS} labels of either class yet"}
    registry = ModelRegistry(model.MODELS)
    manifest = registry.manifest(version)
    if manifest["outcome"] != "promoted":
        return {"outcome": "rejected", "note": f"{version} is not better: {manifest['reason']}"}
    registry.promote(version, _known_at(get_current_context()["dag_run"]))
    if not manifest["champion"]:
        # The first model's scores on past applications that it was not trained on: the monitor's reference.
        past = pd.read_parquet(model.REFERENCE)
        model.write(model.scored(past, model.from_bytes(registry.load(version)), version), model.REFERENCE)
    return {"outcome": "done", "note": f"{version} promoted: {manifest['reason']}"}


@dag(schedule=None, start_date=datetime(2026, 1, 1, tzinfo=UTC), catchup=False, max_active_runs=1)
def train_credit() -> None:
    claimed = ClaimRetrainingOperator(task_id="claim")
    settled = "(ti.xcom_pull(task_ids='promote') or {})"
    settle = SettleRetrainingOperator(
        task_id="settle",
        outcome=f"{{{{ {settled}.get('outcome', '') }}}}",
        note=f"{{{{ {settled}.get('note', '') }}}}",
    )
    version = train(claimed.output)
    claimed >> version
    promote(version) >> [settle, FreezeReferenceOperator(task_id="freeze_reference", spec=credit)]


train_credit()
