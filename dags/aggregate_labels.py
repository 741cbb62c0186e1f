"""A model whose labels are only ever counted: clicks that are bought, by day and channel, reported two days later.

Why `mode: aggregate`: browsers no longer tell which click was followed by a purchase, so there is no label to join with
its prediction. What comes is a report: of 400 clicks of 3 January by mail 61 were bought. Beside what the model said of
the same clicks it tells the `label_rate`, the `prediction_surplus`, and by `calibration_in_the_large` whether scores
are too high; not which row has which label, so `roc_auc` is `undefined`, and a rule on it refused before anything runs.
`cbpe.roc_auc` is still said from the scores alone, and the scoreboard says that nothing will show how right it was.
Why `by: channel`: from day 4 on half as many clicks by social media are bought. Of the whole that is a gap that could
be chance; of its channel it is none, and on day 7, when the second report of it has come, a retraining is asked for.
Why `mature_at`: the report of day 2 is of half of the clicks at first. It stands as `naive.label_rate`, waits for
its correction two days later, and the window is then restated, it alone.

The first task lands the day's clicks and what is reported on it. So the DAG needs nothing else: backfill 2026-01-01 to
2026-01-10 and read the decision of 8 January.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

from airflow.sdk import dag, get_current_context, task

from airflow_ml_monitor import MonitorSpec, monitor_tasks

if TYPE_CHECKING:
    import pandas as pd

conversions = MonitorSpec.from_yaml("conversions.yaml")
START, FEWER_FROM, HALF_ON = date(2026, 1, 1), 4, 2
CLICKS = 1200


def _clicked(day: int) -> pd.DataFrame:
    """One day's clicks, and whether they will be bought."""
    import numpy as np
    import pandas as pd

    random = np.random.default_rng([int(day < 0), abs(day)])
    price, age = random.normal(size=(2, CLICKS))
    channel = np.repeat(["search", "social", "mail"], CLICKS // 3)
    # The model knows what buyers did so far.
    score = 1 / (1 + np.exp(1.8 + 0.8 * price - 0.3 * age))
    chance = np.where((day >= FEWER_FROM) & (channel == "social"), score / 2, score)
    at = pd.Timestamp(START, tz="UTC") + timedelta(days=day) + pd.to_timedelta(random.integers(0, 86_400, CLICKS), "s")
    return pd.DataFrame({
        "click_id": [f"{day}-{i}" for i in range(CLICKS)],
        "clicked_at": at.as_unit("us"),
        "price": price,
        "age": age,
        "channel": channel,
        "score": score,
        "is_bought": (random.random(CLICKS) < chance).astype(int),
    })  # fmt: skip


def _reported(day: int, *, half: bool = False) -> pd.DataFrame:
    """What is told of one day: purchases by channel, of all clicks, or at first of half of them."""
    clicks = _clicked(day).iloc[:: 2 if half else 1]
    counts = clicks.groupby("channel")["is_bought"].agg(clicks="size", purchases="sum").reset_index()
    return counts.assign(clicked_on=START + timedelta(days=day))


@task
def land() -> int:
    """What a shop and an ad network would bring: the day's clicks; the report of the day before yesterday."""
    import credit_model
    import pandas as pd
    from credit_model import write

    from airflow_ml_monitor.hooks.run_window import resolve_window

    data, start = credit_model.HOME / "data", resolve_window(get_current_context(), conversions.rule()).start
    day = (start.date() - START).days
    if not (data / "clicks_reference.parquet").exists():
        write(pd.concat([_clicked(past) for past in range(-10, 0)]), data / "clicks_reference.parquet")
    clicks = _clicked(day).drop(columns="is_bought")
    write(clicks, data / "clicks" / f"{start.date()}.parquet")
    reports = [_reported(day - 2, half=day - 2 == HALF_ON)] + [_reported(day - 4)] * (day - 4 == HALF_ON)
    report = pd.concat(reports).assign(reported_at=pd.Timestamp(start + timedelta(hours=6)))
    write(report, data / "reports" / f"{start.date()}.parquet")
    return len(clicks)


@dag(schedule="@daily", start_date=datetime(2026, 1, 1, tzinfo=UTC), catchup=False, max_active_runs=1)
def watch_conversions() -> None:
    land() >> monitor_tasks(conversions)


watch_conversions()
