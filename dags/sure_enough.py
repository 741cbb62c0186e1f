"""A price list that follows the model's default rate, but only once that rate is known well enough.

Why wait for a width and not for a number of labels: what the price needs is a rate that is right to a few points. How
many labels that takes depends on the rate, the scores and how the monitor estimates; the interval that is stored beside
every value says it. It narrows as labels come, so the sensor asks the metrics database now and then, and nothing else.
Why not only for status ok: a value may be judged and still be too vague for a purpose that its monitor does not know.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from airflow.sdk import dag, task

from airflow_ml_monitor import MeasurementSensor


@task
def set_prices() -> None:
    """Where the rate would be used."""


@dag(schedule="@daily", start_date=datetime(2026, 1, 1, tzinfo=UTC), catchup=False, max_active_runs=40)
def price_by_accuracy() -> None:
    is_known = MeasurementSensor(
        task_id="accuracy_is_known",
        monitor="default/credit",
        metric="accuracy",
        width=0.07,
        deferrable=True,
        poke_interval=timedelta(hours=1).total_seconds(),
        timeout=timedelta(days=40).total_seconds(),
        soft_fail=True,  # a day whose accuracy never gets that sure sets no price
    )
    is_known >> set_prices()


price_by_accuracy()
