"""A model that predicts a number: minutes of delay, with MAE, RMSE and bias once the flights have arrived.

Why bias has a rule of its own: from day 7 on every flight of this simulated airline arrives six minutes later than its
inputs say. No input moves, so no drift is seen, and the mean absolute error hardly grows; the sign of the errors tells.
Why the label of a cancelled flight is NULL and not left out: it was looked at and never comes; such a flight counts as
unlabelled, so `mature_at` must leave room for them (3 % here), or every window would wait for its horizon.

The first task lands the day: the flights with their predictions, and the delays of the day before. So the DAG needs
nothing else: backfill 2026-01-01 to 2026-01-12 and read the decision of the run of 10 January, two days after day 7.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

from airflow.sdk import dag, get_current_context, task

from airflow_ml_monitor import MonitorSpec, monitor_tasks

if TYPE_CHECKING:
    import pandas as pd

flights = MonitorSpec.from_yaml("flights.yaml")
START, SLOWER_FROM = date(2026, 1, 1), 7


def _predicted(rows: pd.DataFrame) -> pd.DataFrame:
    """The model: what a regression on the past found, rounded."""
    carrier = rows["carrier"].map({"ado": 0.0, "bel": 2.0, "cor": -2.0, "dun": 4.0})
    minutes = -10 + 0.004 * rows["distance"] + 0.6 * rows["wind"] + 20 * rows["traffic"] + carrier
    return rows.assign(predicted_delay=minutes.round(1))


@task
def land() -> int:
    """What a real airline's feeds would bring: the day's flights, scored; the delays known by its end."""
    import credit_model
    from credit_model import write

    from airflow_ml_monitor.hooks.run_window import resolve_window
    from airflow_ml_monitor.simulate.flights import FlightWorld

    world, data = FlightWorld(0, START, slower_from=SLOWER_FROM), credit_model.HOME / "data"
    day = resolve_window(get_current_context(), flights.rule()).start.date()
    number = (day - START).days
    scored = _predicted(world.flights(number))
    if not (data / "flights_reference.parquet").exists():
        write(_predicted(world.history(20)), data / "flights_reference.parquet")
    write(scored, data / "flights" / f"{day}.parquet")
    write(world.arrivals(number), data / "arrivals" / f"{day}.parquet")
    return len(scored)


@dag(schedule="@daily", start_date=datetime(2026, 1, 1, tzinfo=UTC), catchup=False, max_active_runs=1)
def watch_flights() -> None:
    land() >> monitor_tasks(flights)


watch_flights()
