"""Rows that break the contract are held back before they are scored; the others are scored as on any day.

Why by row: a form that sends ages of 999 for a few applicants is no reason to score nobody, nor to score those few.
`ValidateRowsOperator` writes two files: the good rows, which the model scores, and the quarantine, the same columns and
the `reasons` why. Every application is in exactly one of them. Mended rows go through the same door again.
Why two contracts: a suite says what many tools can check; the Pydantic model `Applicant`, which the service that takes
the applications uses anyway, says the rest. Reasons name fields and kinds of errors, never values.
Rows whose every value is ordinary and whose combination is not pass both; `outliers=0.001` would hold back what lies
farther out, all features together, than all but 0.1 % of the reference's rows.
Why a rule on `quarantined_rows`: a few rows in quarantine are work for somebody, one in ten is a broken feed. It
investigates; `most_quarantined=0.5` stops the day before a model is asked about what is hardly its world any more.

The first task lands the day; on the fourth a tenth of the ages is 999, and some incomes are negative.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from airflow.sdk import dag, get_current_context, task
from pydantic import BaseModel, Field

from airflow_ml_monitor import MonitorSpec, Policy, Rule, ValidateRowsOperator, monitor_tasks
from airflow_ml_monitor.policy.rule import Action, Bounds

if TYPE_CHECKING:
    import pandas as pd

HOME = Path(__file__).resolve().parent.parent / ".demo" / "data" / "quarantine"
DAY = "{{ data_interval_start | ds }}"
START, BROKEN = date(2026, 1, 1), 3


class Applicant(BaseModel):
    """An application as the service takes it."""

    age: Annotated[int, Field(ge=18, le=120)]
    income: float | None
    loan_amount: Annotated[float, Field(gt=0)]


SUITE = {
    "expectations": [
        {
            "type": "expect_column_values_to_not_be_null",
            "kwargs": {"column": "debt_ratio"},
            "severity": "critical",
            "meta": {"rule_id": "the debts are known"},
        },
        {
            "type": "expect_column_values_to_be_between",
            "kwargs": {"column": "income", "min_value": 0},
            "severity": "critical",
            "meta": {"rule_id": "income is not negative"},
        },
    ]
}

credit = MonitorSpec.from_yaml("credit.yaml")
guarded = replace(
    credit.with_sources(predictions=str(HOME / "predictions" / "*.parquet"), reference=str(HOME / "reference.parquet")),
    name="credit_quarantine",
    labels=(),
    contract=SUITE,
    policy=Policy(
        rules=(
            Rule("quarantined_rows", Bounds(max=0.05), Action.INVESTIGATE_DATA, parameters="", name="many held back"),
        )
    ),
)


@task
def land() -> int:
    """What the user has anyway: the day's applications, as a service sends them."""
    import credit_model as model

    from airflow_ml_monitor.hooks.run_window import resolve_window
    from airflow_ml_monitor.simulate.credit import CreditWorld, Purpose

    start = resolve_window(get_current_context(), guarded.rule()).start.date()
    day = (start - START).days
    world = CreditWorld(1, START, days=day + 1, rows_per_day=400)
    if not (HOME / "reference.parquet").exists():
        past = world.history(2000, Purpose.REFERENCE)
        model.write(past.assign(score=_chance(past), model_version="v1"), HOME / "reference.parquet")
    rows = world.applications(day)
    if day == BROKEN:
        rows.loc[rows.index[::10], "age"] = 999
        rows.loc[rows.index[::50], "income"] = -1.0
    model.write(rows, HOME / "applications" / f"{start}.parquet")
    return len(rows)


def _chance(rows: pd.DataFrame) -> pd.Series:
    """A model, as simple as one can be."""
    return (rows["debt_ratio"] / 2).clip(0.01, 0.99)


@task
def score(good: str) -> int:
    """Score the rows that may be scored."""
    import credit_model as model
    import pandas as pd

    rows = pd.read_parquet(good)
    model.write(rows.assign(score=_chance(rows), model_version="v1"), HOME / "predictions" / Path(good).name)
    return len(rows)


@dag(schedule="@daily", start_date=datetime(2026, 1, 1, tzinfo=UTC), catchup=False, max_active_runs=1)
def score_guarded_credit() -> None:
    good = f"{HOME}/good/{DAY}.parquet"
    validate = ValidateRowsOperator(
        task_id="validate",
        spec=guarded,
        source=f"{HOME}/applications/{DAY}.parquet",
        good=good,
        quarantine=f"{HOME}/held/{DAY}.parquet",
        row_model="quarantine:Applicant",
        most_quarantined=0.5,
    )
    land() >> validate >> score(good) >> monitor_tasks(guarded)


score_guarded_credit()
