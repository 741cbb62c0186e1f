"""A model of several classes: which queue solves a support ticket, judged class by class.

Why a rule on one class: from day 5 on customers who send something back write as if they waited for it. One ticket in
twelve is such a one, so the accuracy falls by less than its rule allows; the recall of `returns` falls to nothing.
Why a rule on `class=undeclared`: from day 7 on a new queue, `warranty`, takes a twentieth of the tickets. No class of
the task has this name; such labels are counted, never right, and have a rate of their own: the model needs a new class.
Why the accuracy needs no patience: of the tickets that went to the right queue seven in ten are solved on the same day,
of those that went astray one in three; the rest by the next morning. So the labels of the day itself flatter the model
(`naive.accuracy`). But how many of each come by then is soon known, and from the fourth day on the accuracy is
estimated at the end of the day. Judged is what holds by then, and again when the labels are in.
Several labels at once: multilabel.py.

The first task lands the day: the tickets with their scores, the queues that solved some of them, and those that solved
the rest of the day before. So the DAG needs nothing else: backfill 2026-01-01 to 2026-01-10 and read the decisions of
7 and 9 January.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

from airflow.sdk import dag, get_current_context, task

from airflow_ml_monitor import MonitorSpec, monitor_tasks

if TYPE_CHECKING:
    import pandas as pd

tickets = MonitorSpec.from_yaml("tickets.yaml")
START, CONFUSED_FROM, WARRANTY_FROM = date(2026, 1, 1), 5, 7
SHARES = {"billing": 0.42, "delivery": 0.32, "returns": 0.08, "other": 0.18}
WORDS = {"billing": (3, 0, 0), "delivery": (0, 3, 0), "returns": (0, 2, 3), "other": (0, 0, 0)}


def _opened(day: int) -> pd.DataFrame:
    """One day's tickets with the queue that will solve them: what is said of money, parcels and wishes."""
    import numpy as np
    import pandas as pd

    random = np.random.default_rng([int(day < 0), abs(day)])
    queue = random.choice(list(SHARES), 400, p=list(SHARES.values()))
    said = np.array([WORDS[name] for name in queue], float)
    if day >= CONFUSED_FROM:
        said[queue == "returns"] = WORDS["delivery"]
    if day >= WARRANTY_FROM:
        queue = np.where(random.random(400) < 0.05, "warranty", queue)
    at = (
        pd.Timestamp(START, tz="UTC") + timedelta(days=day) + pd.to_timedelta(random.integers(0, 86_400, 400), unit="s")
    )
    found = pd.DataFrame(said + random.normal(size=said.shape), columns=["money", "parcel", "wish"])
    return found.assign(
        ticket_id=[f"{day}-{i}" for i in range(400)],
        opened_at=at.as_unit("us"),
        language=random.choice(["de", "en"], 400),
        queue=queue.astype(str),
    )


def _scored(rows: pd.DataFrame) -> pd.DataFrame:
    """The model: the chance of each queue by Bayes' rule, from how its customers used to write."""
    import numpy as np

    words = rows[["money", "parcel", "wish"]].to_numpy()
    fit = {name: SHARES[name] * np.exp(-((words - WORDS[name]) ** 2).sum(axis=1) / 2) for name in SHARES}
    return rows.assign(**{f"p_{name}": part / sum(fit.values()) for name, part in fit.items()})


def _solved(day: int) -> pd.DataFrame:
    """The queues that solved one day's tickets, and when that was known: in the evening, or on the next morning."""
    import numpy as np
    import pandas as pd

    rows = _scored(_opened(day))
    sent_to = np.array(list(SHARES))[rows[[f"p_{name}" for name in SHARES]].to_numpy().argmax(axis=1)]
    quick = np.where(sent_to == rows["queue"], 0.7, 0.35)
    is_quick = np.random.default_rng([int(day < 0), abs(day), 2]).random(len(rows)) < quick
    midnight = pd.Timestamp(START, tz="UTC") + timedelta(days=day)
    known_at = np.where(is_quick, midnight + timedelta(hours=23), midnight + timedelta(hours=30))
    return rows[["ticket_id", "queue"]].assign(known_at=pd.to_datetime(known_at, utc=True).as_unit("us"))


@task
def land() -> int:
    """What a real help desk would bring: the day's tickets, scored; which queues solved them, as far as is known."""
    import credit_model
    import pandas as pd
    from credit_model import write

    from airflow_ml_monitor.hooks.run_window import resolve_window

    data, start = credit_model.HOME / "data", resolve_window(get_current_context(), tickets.rule()).start
    day = (start.date() - START).days
    if not (data / "tickets_reference.parquet").exists():
        write(_scored(pd.concat([_opened(past) for past in range(-10, 0)])), data / "tickets_reference.parquet")
    scored = _scored(_opened(day)).drop(columns="queue")
    write(scored, data / "tickets" / f"{start.date()}.parquet")
    solved = pd.concat([_solved(day - 1), _solved(day)])
    brought = solved["known_at"].between(start, start + timedelta(days=1), inclusive="left")
    write(solved[brought], data / "solved" / f"{start.date()}.parquet")
    return len(scored)


@dag(schedule="@daily", start_date=datetime(2026, 1, 1, tzinfo=UTC), catchup=False, max_active_runs=1)
def watch_tickets() -> None:
    land() >> monitor_tasks(tickets)


watch_tickets()
