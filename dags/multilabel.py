"""A model of several labels a row: which tags a news article gets, judged tag by tag and as a set.

Why a rule on one tag: from day 5 on the economy is written about in other words. One article in twelve is about it, so
the micro average of F1 falls by less than its rule allows; the recall of `economy` falls to nothing.
Why a rule on `class=undeclared`: from day 7 on the desk has a new tag, `climate`, on a tenth of the articles. No class
of the task has this name; such tags take no part in the other metrics, and have a rate of their own: the model needs a
new class. `accuracy` (the whole set is right), `hamming_loss` and `jaccard` look at an article's tags together.

The first task lands the day: the articles with their scores, and the tags that the desk left on those of the day
before. So the DAG needs nothing else: backfill 2026-01-01 to 2026-01-10 and read the decisions of 7 and 9 January.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

from airflow.sdk import dag, get_current_context, task

from airflow_ml_monitor import MonitorSpec, monitor_tasks

if TYPE_CHECKING:
    import pandas as pd

news = MonitorSpec.from_yaml("news.yaml")
START, OTHER_WORDS_FROM, CLIMATE_FROM = date(2026, 1, 1), 5, 7
SHARES = {"politics": 0.4, "sport": 0.3, "culture": 0.25, "economy": 0.08}
WORDS = ("votes", "goals", "stages", "prices")


def _published(day: int) -> pd.DataFrame:
    """One day's articles with the tags that the desk will leave: each tag has its word, and articles on it use it."""
    import numpy as np
    import pandas as pd

    random = np.random.default_rng([int(day < 0), abs(day)])
    has = random.random((400, len(SHARES))) < list(SHARES.values())
    said = 3.0 * has
    if day >= OTHER_WORDS_FROM:
        said[:, -1] = 0
    tags = [[name for name, is_on in zip(SHARES, row, strict=True) if is_on] for row in has]
    if day >= CLIMATE_FROM:
        tags = [[*on, "climate"] if new else on for on, new in zip(tags, random.random(400) < 0.1, strict=True)]
    at = (
        pd.Timestamp(START, tz="UTC") + timedelta(days=day) + pd.to_timedelta(random.integers(0, 86_400, 400), unit="s")
    )
    return pd.DataFrame(said + random.normal(size=said.shape), columns=list(WORDS)).assign(
        article_id=[f"{day}-{i}" for i in range(400)],
        published_at=at.as_unit("us"),
        language=random.choice(["de", "en"], 400),
        tags=["|".join(on) for on in tags],
    )


def _scored(rows: pd.DataFrame) -> pd.DataFrame:
    """The model: the chance of each tag by Bayes' rule, from how often its word used to be said of it."""
    import numpy as np

    logits = {name: np.log(share / (1 - share)) for name, share in SHARES.items()}
    chances = {
        name: 1 / (1 + np.exp(-3 * rows[word] + 4.5 - logits[name])) for name, word in zip(SHARES, WORDS, strict=True)
    }
    return rows.assign(**{f"p_{name}": chance for name, chance in chances.items()})


@task
def land() -> int:
    """What a real newsroom would bring: the day's articles, scored; the tags left on those of the day before."""
    import credit_model
    import pandas as pd
    from credit_model import write

    from airflow_ml_monitor.hooks.run_window import resolve_window

    data, start = credit_model.HOME / "data", resolve_window(get_current_context(), news.rule()).start
    day = (start.date() - START).days
    if not (data / "articles_reference.parquet").exists():
        write(_scored(pd.concat([_published(past) for past in range(-10, 0)])), data / "articles_reference.parquet")
    scored = _scored(_published(day)).drop(columns="tags")
    write(scored, data / "articles" / f"{start.date()}.parquet")
    tagged = _published(day - 1)[["article_id", "tags"]].assign(known_at=pd.Timestamp(start + timedelta(hours=6)))
    write(tagged, data / "tagged" / f"{start.date()}.parquet")
    return len(scored)


@dag(schedule="@daily", start_date=datetime(2026, 1, 1, tzinfo=UTC), catchup=False, max_active_runs=1)
def watch_news() -> None:
    land() >> monitor_tasks(news)


watch_news()
