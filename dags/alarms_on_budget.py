"""Alarms on a budget: so many false incidents a year, whatever the number of columns, of rows and of things watched.

Why a budget and no thresholds: `psi above 0.2` means another thing for every column and number of rows; with fifty
columns it either alarms every week or sleeps. What can be promised is how often somebody is woken for nothing. Charts
learn what is usual of each column (weekdays, seasons, how much days differ) and spend the budget on what is not.
Why twice a year here: two charts share it. One watches every column; income and the score may have three times the
part of another column, as a change of theirs matters most. The other watches the realised ROC AUC, of all applicants
and by whether they have an account, and asks for a retraining; a gain never alarms.
Why a holiday is named: few apply on New Year's Day, and others than usual. It is neither judged nor learnt from.
The first fourteen days are learnt from; each decision says how long until full power, and which shift would be found
within a week: `decision.evidence["charts"]`. Was an alarm false? `python -m airflow_ml_monitor feedback
default/credit_on_budget inc-… false` keeps it, and tells how often each chart was right.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

from airflow_ml_monitor import Chart, MonitorSpec, Policy, monitoring_dag
from airflow_ml_monitor.policy.rule import Action

credit = MonitorSpec.from_yaml("credit.yaml")
on_budget = replace(
    credit,
    name="credit_on_budget",
    measurements=("completeness", "row_count"),
    contract=None,
    policy=Policy(
        charts=(
            Chart(importance={"income": 3, "score": 3}),
            Chart("roc_auc", action=Action.RETRAIN, slices=("has_account",), least=0.02),
        ),
        false_alarms_per_year=2,
        holidays=(date(2026, 1, 1),),
    ),
)

monitor_credit_on_budget = monitoring_dag(on_budget, datetime(2026, 1, 1, tzinfo=UTC), compact=True)
