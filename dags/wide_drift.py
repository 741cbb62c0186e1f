"""A rule of two conditions: retrain where the applicants are others than before and the model ranks them worse.

Why together: drift alone is no reason to retrain, as a model may rank newcomers as well as others; and ranking that got
worse of the applicants that it knows has its own rule in credit.yaml, which waits for more days. Where both come
together there is something new to learn from, and two days will do.
Why a share of the columns: one of them drifts for reasons of its own, such as a new form. Of six numbers that
applicants give, two that move at once are other people. The decision names the share and the columns that moved most.
Why `all` and not two rules: those would be two stories, of different windows too. Here one window must show both, so a
day whose labels are awaited says nothing yet; it is judged once they tell enough.
Why standard deviations for values that are lost: how many are missing differs by column. What is usual is learned from
the days before, eight at least; until then the decision says that the rule cannot be judged.
In YAML: {all: [{metric: psi, max: 0.1, columns: […], share_of_columns: 0.3}, {metric: roc_auc, fall: 0.03}], k: 2, …}
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from airflow_ml_monitor import MonitorSpec, Policy, Rule, monitoring_dag
from airflow_ml_monitor.policy.rule import Action, Bounds, Condition

credit = MonitorSpec.from_yaml("credit.yaml")
numbers = ("income", "loan_amount", "age", "debt_ratio", "employment_years", "num_cards")
others = Condition("psi", Bounds(max=0.1), columns=numbers, share_of_columns=0.3)
worse = Condition("roc_auc", Bounds(fall=0.03), least_n=450)
wide = replace(
    credit,
    name="credit_wide_drift",
    policy=Policy(
        rules=(
            Rule(name="others, ranked worse", all=(others, worse), action=Action.RETRAIN, k=2, m=3, cooldown=5),
            Rule("completeness", Bounds(sigmas=3), name="values are lost", sure=False),
        ),
    ),
)

monitor_credit_wide_drift = monitoring_dag(wide, datetime(2026, 1, 1, tzinfo=UTC))
