"""Rules that look into slices: what breaks for a few is lost in the whole.

Why: a feed that fails for one sales channel empties a column for a tenth of the applications; the whole's completeness
falls by ten points and breaks no bound, that of `channel=broker` falls to nothing. The decision names the slice.
Why `least_n`: a slice of twenty rows is out of bounds on many a healthy day. It is measured and stored all the same,
just not judged; a bound relative to the reference is drawn from the same slice of the reference.
Why few slices: each is another chance of a false alarm. `slice_by` names columns that are looked at one by one, never
combined, so ten columns of five values are fifty slices and not ten million.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from airflow_ml_monitor import MonitorSpec, Policy, Rule, monitoring_dag
from airflow_ml_monitor.policy.rule import Action, Bounds

credit = MonitorSpec.from_yaml("credit.yaml")
sliced = replace(
    credit,
    name="credit_slices",
    datasets=(replace(credit.dataset(), slice_by=("channel", "region")),),
    policy=Policy(
        rules=(
            Rule("completeness", Bounds(fall=0.2), Action.INVESTIGATE_DATA, slices=True, least_n=40),
            Rule("psi", Bounds(max=0.25), columns=("income", "score"), slices=True, least_n=60, k=2, m=3),
        )
    ),
)

monitor_credit_slices = monitoring_dag(sliced, datetime(2026, 1, 1, tzinfo=UTC))
