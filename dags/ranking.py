"""A model that ranks: in which order a search shows its hotels, judged by what guests clicked and booked.

Why a rule on the order: from day 4 on the guests, on holiday now, look for the beach and no longer for the price.
Prices, distances and scores are what they were, and as many hotels are clicked; only not those that stand first.
`ndcg [at=3]` falls, a booking counting twice a click; so does `mean_reciprocal_rank`.
Why a rule on searches without a click: on day 7 half of the clicks get lost on their way. A search of which nothing
was clicked is worth nothing in any order, so the NDCG falls again; `queries_without_relevant` says that it is not the
model's fault, and of a day whose data are in doubt the order is not judged.

Values are means over searches, each search one: its hotels are not independent of each other, and an interval over
rows would be too narrow. The first task lands the day: the hotels shown, and what was clicked of the day before. So the
DAG needs nothing else: backfill 2026-01-01 to 2026-01-09 and read the decisions of 6 and 9 January.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

from airflow.sdk import dag, get_current_context, task

from airflow_ml_monitor import MonitorSpec, monitor_tasks

if TYPE_CHECKING:
    import pandas as pd

searches = MonitorSpec.from_yaml("searches.yaml")
START, HOLIDAY_FROM, LOST_ON = date(2026, 1, 1), 4, 7
SEARCHES, HOTELS = 250, 8


def _shown(day: int) -> pd.DataFrame:
    """One day's searches: eight hotels each, and what they will be worth to the guest: 2 booked, 1 clicked, else 0."""
    import numpy as np
    import pandas as pd

    random = np.random.default_rng([int(day < 0), abs(day)])
    rows = SEARCHES * HOTELS
    price, rating, distance = random.normal(size=(3, rows))
    wish = 0.5 * rating + random.gumbel(size=rows) - (2 * distance if day >= HOLIDAY_FROM else 2 * price)
    nth = (-wish.reshape(SEARCHES, HOTELS)).argsort(axis=1).argsort(axis=1)
    # Nine in ten click what they like best, half of these what they like second; one in three books.
    is_clicked = (nth == 0) & (random.random((SEARCHES, 1)) < 0.9)
    is_also = (nth == 1) & (random.random((SEARCHES, 1)) < 0.5) & is_clicked.any(axis=1, keepdims=True)
    is_booked = is_clicked & (random.random((SEARCHES, 1)) < 1 / 3)
    seconds = np.repeat(random.integers(0, 86_400, SEARCHES), HOTELS)
    at = pd.Timestamp(START, tz="UTC") + timedelta(days=day) + pd.to_timedelta(seconds, unit="s")
    return pd.DataFrame({
        "search_id": np.repeat([f"{day}-{i}" for i in range(SEARCHES)], HOTELS),
        "hotel_id": [f"hotel-{i}" for i in np.tile(np.arange(HOTELS), SEARCHES)],
        "searched_at": at.as_unit("us"),
        "price": price,
        "rating": rating,
        "distance": distance,
        "device": np.repeat(random.choice(["app", "web"], SEARCHES), HOTELS),
        # The model: what guests have looked for so far.
        "score": 0.5 * rating - 2 * price,
        "worth": (is_clicked.astype(int) + is_also + is_booked).ravel(),
    })  # fmt: skip


def _clicked(day: int) -> pd.DataFrame:
    """What is reported of one day: clicks and bookings alone."""
    events = _shown(day).query("worth > 0")[["search_id", "hotel_id", "worth"]]
    return events.sample(frac=0.5, random_state=day) if day == LOST_ON else events


@task
def land() -> int:
    """What a real shop would bring: the hotels that the day's searches showed; what was clicked the day before."""
    import credit_model
    import pandas as pd
    from credit_model import write

    from airflow_ml_monitor.hooks.run_window import resolve_window

    data, start = credit_model.HOME / "data", resolve_window(get_current_context(), searches.rule()).start
    day = (start.date() - START).days
    if not (data / "results_reference.parquet").exists():
        write(pd.concat([_shown(past) for past in range(-10, 0)]), data / "results_reference.parquet")
    shown = _shown(day).drop(columns="worth")
    write(shown, data / "results" / f"{start.date()}.parquet")
    clicked = _clicked(day - 1).assign(known_at=pd.Timestamp(start + timedelta(hours=6)))
    write(clicked, data / "events" / f"{start.date()}.parquet")
    return len(shown)


@dag(schedule="@daily", start_date=datetime(2026, 1, 1, tzinfo=UTC), catchup=False, max_active_runs=1)
def watch_searches() -> None:
    land() >> monitor_tasks(searches)


watch_searches()
