"""Performance while labels are awaited, where how long they take depends on something known when the model scores.

Why a delay stratum: the nowcast asks, of the rows that have no label yet, how many should have one by now. Where one
kind of row always takes longer (here: a channel whose outcomes come through a broker), the answer differs by kind, and
a mean over both would take slow rows for bad ones. The column with the role `delay_stratum` says which kind a row is;
it must be known with the prediction. Nothing else is to be declared: `roc_auc` is the estimate with its interval until
the horizon, `final.roc_auc` what the window will finally show, and `naive.roc_auc` what the labels at hand come to,
which is judged nowhere. The last task says of each day of a month what is known of it, and if nothing is, why.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from airflow.sdk import dag, task

from airflow_ml_monitor import MetricsStoreHook, MonitorSpec, monitor_tasks
from airflow_ml_monitor.profile.dataset import Role

credit = MonitorSpec.from_yaml("credit.yaml")
scores = credit.datasets[0]
by_channel = tuple(replace(c, role=Role.DELAY_STRATUM) if c.name == "channel" else c for c in scores.columns)
# Without mature_at nothing but the estimate, or the last label, makes a window known.
labels = replace(credit.labels[0], mature_at=None)
late = replace(credit, name="credit_late", datasets=(replace(scores, columns=by_channel),), labels=(labels,))


@task
def tell() -> dict[str, str]:
    """What is known of the ROC AUC of every day of the last month, in words."""
    known = MetricsStoreHook().store.history(late.key, metric="roc_auc")
    whole = known[known["slice"] == "{}"].tail(30)
    said = {}
    for row in whole.itertuples():
        basis = row.reason or "all labels are in"
        value = f"{row.value:.3f} [{row.low:.3f}, {row.high:.3f}], " if row.status == "ok" else ""
        said[f"{row.window_start:%Y-%m-%d}"] = value + basis
    return said


@dag(schedule="@daily", start_date=datetime(2026, 1, 1, tzinfo=UTC), catchup=False, max_active_runs=1)
def watch_late_labels() -> None:
    monitor_tasks(late, compact=True) >> tell()


watch_late_labels()
