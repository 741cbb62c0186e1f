"""A model that must stay better than the rule it replaced, and than what it reached when it was trained.

Why a column of role `baseline`: an accuracy of 0.8 is neither good nor bad. Beside every score stands what the old rule
says of the same order, so that `accuracy_gain` is of pairs: surer than the difference of two accuracies.
Why a benchmark: the reference has no labels, and "five points below" needs something to be below of; the numbers of
the hold-out are stated in the spec. `brier_skill` needs neither: it is against always saying the day's own base rate.

From day 4 on small baskets are free to return, and those of others pay. The rule is changed the same morning and stays
as good as it was; the model, whose inputs look as ever, takes the wrong ones for returners. The first task lands the
day: the orders, and what came back of those of the day before. So the DAG needs nothing else: backfill 2026-01-01 to
2026-01-07 and read the decision of 6 January.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

from airflow.sdk import dag, get_current_context, task

from airflow_ml_monitor import MonitorSpec, monitor_tasks

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

returns = MonitorSpec.from_yaml("returns.yaml")
START, FREE_FROM = date(2026, 1, 1), 4


def _chance(basket: np.ndarray, items: np.ndarray) -> np.ndarray:
    """The model, and how it is: a logistic regression that found the truth."""
    import numpy as np

    return 1 / (1 + np.exp(np.clip(6 - 0.04 * basket - 0.9 * items, -500, 500)))


def _ordered(day: int) -> pd.DataFrame:
    """One day's orders, scored, with what the rule says and what will become of them."""
    import numpy as np
    import pandas as pd

    random = np.random.default_rng([int(day < 0), abs(day)])
    basket, items = random.gamma(2, 40, 500).round(2), random.integers(1, 5, 500)
    is_free, chance = basket < 29, _chance(basket, items)
    at = (
        pd.Timestamp(START, tz="UTC") + timedelta(days=day) + pd.to_timedelta(random.integers(0, 86_400, 500), unit="s")
    )
    return pd.DataFrame(
        {
            "order_id": [f"{day}-{i}" for i in range(500)],
            "ordered_at": at.as_unit("us"),
            "basket": basket,
            "items": items,
            "score": chance,
            "rule_says": is_free if day >= FREE_FROM else basket > 140,
            "is_sent_back": random.random(500) < (np.where(is_free, 0.9, 0.1) if day >= FREE_FROM else chance),
        }
    )


@task
def land() -> int:
    """What a real shop would bring: the day's orders, scored; what became of those of the day before."""
    import credit_model
    import pandas as pd
    from credit_model import write

    from airflow_ml_monitor.hooks.run_window import resolve_window

    data, start = credit_model.HOME / "data", resolve_window(get_current_context(), returns.rule()).start
    day = (start.date() - START).days
    if not (data / "orders_reference.parquet").exists():
        past = pd.concat([_ordered(past) for past in range(-10, 0)])
        write(past.drop(columns="is_sent_back"), data / "orders_reference.parquet")
    write(_ordered(day).drop(columns="is_sent_back"), data / "orders" / f"{start.date()}.parquet")
    known = _ordered(day - 1)[["order_id", "is_sent_back"]].assign(known_at=pd.Timestamp(start + timedelta(hours=6)))
    write(known, data / "sent_back" / f"{start.date()}.parquet")
    return day


@dag(schedule="@daily", start_date=datetime(2026, 1, 1, tzinfo=UTC), catchup=False, max_active_runs=1)
def watch_returns() -> None:
    land() >> monitor_tasks(returns)


watch_returns()
