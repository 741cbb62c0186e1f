"""A forecast with quantiles: is it as sure of itself as it may be, and at which lead is it not?

Why the window is the day that is forecast, and not the day on which the forecast was made: so all leads of a day meet
its truth at once, and none waits for the longest. The lead is a column like any other, and the days are sliced by it.
Why a rule on coverage: from day 6 on demand is less steady than it was, which shows in the last four days before. What
was forecast seven days ahead is as narrow as ever, and holds less than half of the sales instead of eight in ten. Over
all leads the coverage falls by less than the rule allows, and the error stays below that of last week's sales (mase).
Why the sales of a day are not all known on the next: one shop in five reports later, one in twenty after four days.

The first task lands the day: its forecasts of all leads, and the sales reported on it. So the DAG needs nothing else:
backfill 2026-01-01 to 2026-01-12 and read the decision of the run of 8 January, two days after day 6.
"""

from __future__ import annotations

from datetime import UTC, date, datetime

from airflow.sdk import dag, get_current_context, task

from airflow_ml_monitor import MonitorSpec, monitor_tasks

demand = MonitorSpec.from_yaml("demand.yaml")
START, UNSTEADY_FROM = date(2026, 1, 1), 6


@task
def land() -> int:
    """What a real chain's feeds would bring: what was forecast of the day, and the sales reported on it."""
    import credit_model
    from credit_model import write

    from airflow_ml_monitor.hooks.run_window import resolve_window
    from airflow_ml_monitor.simulate.demand import DemandWorld

    world, data = DemandWorld(0, START, unsteady_from=UNSTEADY_FROM), credit_model.HOME / "data"
    day = resolve_window(get_current_context(), demand.rule()).start.date()
    number = (day - START).days
    if not (data / "demand_reference.parquet").exists():
        write(world.history(20), data / "demand_reference.parquet")
    forecasts = world.forecasts(number)
    write(forecasts, data / "demand" / f"{day}.parquet")
    write(world.sales(number), data / "sales" / f"{day}.parquet")
    return len(forecasts)


@dag(schedule="@daily", start_date=datetime(2026, 1, 1, tzinfo=UTC), catchup=False, max_active_runs=1)
def watch_demand() -> None:
    land() >> monitor_tasks(demand)


watch_demand()
