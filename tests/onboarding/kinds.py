"""Strangers' tables of every kind of task: past rows with what came true, rows since, labels that came late."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from airflow_ml_monitor.onboarding.draft import Draft, draft

MONDAY = pd.Timestamp("2026-03-02", tz="UTC")
TAGS = ("politics", "sport", "culture", "economy")


@dataclass(frozen=True)
class Tables:
    """reference: rows before MONDAY, with their label; predictions: those since; labels: when they became known."""

    reference: pd.DataFrame
    predictions: pd.DataFrame
    labels: pd.DataFrame

    @classmethod
    def of(cls, every: pd.DataFrame, label: str, key: list[str], delay: np.ndarray, events: str = "") -> Tables:
        """delay: in days, a row each. events: an expression over rows; of no others is a label reported."""
        known = (every["at"] + pd.to_timedelta(delay, unit="D")).astype("datetime64[us, UTC]")
        now = every["at"] >= MONDAY
        told = every.assign(known_at=known)[now]
        told = told.query(events) if events else told
        return cls(every[~now], every[now].drop(columns=label), told[[*key, label, "known_at"]])

    def draft(self, **more: str) -> Draft:
        """Of the tables in memory."""
        return draft(self.reference, predictions=self.predictions, labels=self.labels, **more)

    def drafted(self, folder: Path, **more: str) -> Path:
        """The spec that `init` writes for the tables as files."""
        (folder / "predictions").mkdir(parents=True)
        self.reference.to_parquet(folder / "reference.parquet")  # with an index, as pandas writes what was filtered
        self.labels.to_parquet(folder / "labels.parquet")
        for day, rows in self.predictions.groupby(self.predictions["at"].dt.date):
            rows.to_parquet(folder / "predictions" / f"{day}.parquet")
        sources = {"predictions": folder / "predictions", "labels": folder / "labels.parquet"}
        return draft(folder / "reference.parquet", **sources, **more).write(folder / "dags")[0]


def moments(rng: np.random.Generator, past: int, now: int, days: int = 7) -> pd.DatetimeIndex:
    """Of rows of the twenty days before MONDAY, and of some since."""
    day = np.r_[rng.integers(-20, 0, past), rng.integers(0, days, now)]
    seconds = pd.to_timedelta(day * 86_400 + rng.integers(0, 86_400, past + now), unit="s")
    return (MONDAY + seconds).as_unit("us")


def forecast(rng: np.random.Generator, names: tuple[str, ...] = ("p10", "p50", "p90")) -> Tables:
    """Sales by shop; names: of the deciles and the median between them."""
    n = 4000
    x = rng.normal(size=n)
    low, middle, high = (100 + 20 * x + 10 * z for z in (-1.2816, 0, 1.2816))
    every = pd.DataFrame({
        "forecast_id": [f"f{i}" for i in range(n)],
        "at": moments(rng, 1500, 2500),
        "price": x,
        "shop": rng.choice(list("abc"), n),
        **dict(zip(names, (low, middle, high), strict=True)),
        "sold": 100 + 20 * x + rng.normal(0, 10, n),
    })  # fmt: skip
    return Tables.of(every, "sold", ["forecast_id"], rng.uniform(0, 2, n))


def ranking(rng: np.random.Generator, *, has_rank: bool = False, is_flipped: bool = False) -> Tables:
    """Searches of eight hotels; clicks and bookings are reported, nothing else is."""
    q, k = 3600, 8
    x = rng.normal(size=(q, k))
    first = (x + rng.gumbel(size=(q, k))).argsort(1).argsort(1) == k - 1
    worth = first * (rng.random((q, 1)) < 0.9) * (1 + (rng.random((q, 1)) < 0.3))
    order = {"rank": (-x).argsort(1).argsort(1).ravel() + 1} if has_rank else {"score": x.ravel()}
    every = pd.DataFrame({
        "search_id": np.repeat([f"s{i}" for i in range(q)], k),
        "hotel_id": np.tile([f"h{i}" for i in range(k)], q),
        "at": moments(rng, 1000, 2600).repeat(k),
        "price": rng.normal(size=q * k),
        "device": np.repeat(rng.choice(["app", "web"], q), k),
        **{name: -column if is_flipped else column for name, column in order.items()},
        "worth": worth.ravel().astype(int),
    })  # fmt: skip
    return Tables.of(every, "worth", ["search_id", "hotel_id"], rng.uniform(0, 1, q * k), "worth > 0")


def multilabel(rng: np.random.Generator, *, form: str = "scores", separator: str = "|") -> Tables:
    """Tags of articles. form: 'scores' of each tag, or the tags decided for, as 'text' or as 'lists'."""
    n = 5000
    has = rng.random((n, len(TAGS))) < [0.4, 0.3, 0.25, 0.08]
    chance = 1 / (1 + np.exp(3 - 2 * (2.0 * has + rng.normal(size=has.shape))))

    def sets(of: np.ndarray) -> list[object]:
        named = [[tag for tag, is_on in zip(TAGS, row, strict=True) if is_on] for row in of]
        return [list(one) if form == "lists" else separator.join(one) for one in named]

    scores = {f"p_{tag}": chance[:, i] for i, tag in enumerate(TAGS)}
    every = pd.DataFrame({
        "article_id": [f"a{i}" for i in range(n)],
        "at": moments(rng, 1500, 3500),
        "length": rng.gamma(2, 100, n),
        "language": rng.choice(["de", "en"], n),
        **(scores if form == "scores" else {"predicted_tags": sets(chance > 0.5)}),
        "tags": sets(has),
    })  # fmt: skip
    return Tables.of(every, "tags", ["article_id"], rng.uniform(0, 2, n))


def multiclass(rng: np.random.Generator, *, form: str = "scores") -> Tables:
    """Teams of tickets. form: 'scores' of each team, or the team decided for, as 'text'."""
    n, teams = 5000, ("billing", "bug", "question")
    z = np.exp(1.5 * rng.normal(size=(n, 3)))
    chance = z / z.sum(1, keepdims=True)
    drawn = (rng.random((n, 1)) > chance.cumsum(1)).sum(1)
    scores = {f"{team}_score": chance[:, i] for i, team in enumerate(teams)}
    every = pd.DataFrame({
        "ticket_id": [f"t{i}" for i in range(n)],
        "at": moments(rng, 1500, 3500),
        "length": rng.gamma(2, 100, n),
        **(scores if form == "scores" else {"predicted_team": [teams[i] for i in chance.argmax(1)]}),
        "team": [teams[i] for i in drawn],
    })  # fmt: skip
    return Tables.of(every, "team", ["ticket_id"], rng.uniform(0, 2, n))


def events(rng: np.random.Generator) -> Tables:
    """Payments, of which frauds alone are ever reported."""
    n = 9000
    x = rng.normal(size=n)
    chance = 1 / (1 + np.exp(2.5 - 1.5 * x))
    every = pd.DataFrame({
        "payment_id": [f"p{i}" for i in range(n)],
        "at": moments(rng, 3000, 6000, days=14),
        "amount": rng.gamma(2, 100, n),
        "p_fraud": chance,
        "fraud": (rng.random(n) < chance).astype(int),
    })  # fmt: skip
    return Tables.of(every, "fraud", ["payment_id"], rng.exponential(1, n).clip(0, 3.9), "fraud == 1")


def ordinary(rng: np.random.Generator) -> Tables:
    """A binary task, a regression, or one of a few classes or grades, with whatever else such tables have by chance.

    What might be misread: columns called p10, q3, low and high, rank, position; sessions and requests with several rows
    each, in which a position counts them; texts with commas; shares under the names of the values of other columns.
    """
    n = int(rng.choice([600, 1500, 3000]))
    at = moments(rng, n // 2, n - n // 2).tz_localize(None).to_numpy()
    x = rng.normal(size=(n, 3))
    truth, said = _truth(rng, x @ rng.normal(size=3))
    group = np.sort(rng.integers(0, n // 4, n))
    within = pd.Series(group).groupby(group).cumcount().to_numpy() + 1
    towns = np.array(["Lyon, FR", "Bonn, DE", "Pau, FR", "Kiel, DE", "Nice, FR"])
    extras: dict[str, Callable[[], object]] = {
        "p10": lambda: rng.gamma(2, 50, n),
        "p90": lambda: rng.gamma(2, 50, n) + 100,
        "q3": lambda: rng.normal(size=n),
        "temp_low": lambda: x[:, 0] - 5,
        "temp_high": lambda: x[:, 0] + 5,
        "low": lambda: rng.normal(size=n),
        "high": lambda: rng.normal(size=n) + 3,
        "sales_last_week_p50": lambda: rng.gamma(2, 30, n),
        "session_id": lambda: [f"s{i}" for i in group],
        "request_id": lambda: group,
        "position": lambda: within,
        "rank": lambda: rng.integers(1, 9, n),
        "step": lambda: within,
        "town": lambda: rng.choice(towns, n),
        "tags": lambda: rng.choice(["a|b", "a", "b|c", "c", ""], n),
        "predicted_segment": lambda: rng.choice(["gold", "iron", "tin"], n),
        "p_gold": lambda: rng.random(n),
        "is_new": lambda: rng.random(n) < 0.3,
        "grade": lambda: rng.integers(1, 6, n),
        "click_rate": lambda: rng.random(n),
    }
    chosen = rng.choice(sorted(extras), int(rng.integers(4, 12)), replace=False)
    # The rows of a request may have been scored at one moment, as those of a query are.
    group = np.unique(group, return_inverse=True)[1]
    moment = np.sort(rng.permutation(at)[: group.max() + 1])[group] if rng.random() < 0.5 else np.sort(at)
    every = pd.DataFrame({
        "row_id": [f"r{i}" for i in range(n)],
        "at": pd.DatetimeIndex(moment, tz="UTC"),
        "x0": x[:, 0],
        "x1": x[:, 1],
        **{name: extras[name]() for name in chosen},
        **said,
        **truth,
    })  # fmt: skip
    [label] = truth
    return Tables.of(every, label, ["row_id"], rng.exponential(1, n))


def _truth(rng: np.random.Generator, signal: np.ndarray) -> tuple[dict[str, object], dict[str, object]]:
    """(the label, what the model said of it), under some of their usual names."""
    n, chance = len(signal), 1 / (1 + np.exp(2 - signal))
    kind = rng.choice(["binary", "binary", "rare", "regression", "regression", "grades", "words"])
    if kind in ("binary", "rare"):
        label = (rng.random(n) < chance * (0.1 if kind == "rare" else 1)).astype(int)
        name, score = (
            rng.choice(["defaulted", "churned", "clicked", "is_fraud", "y"]),
            rng.choice(["score", "p", "risk"]),
        )
        return {str(name): label}, {str(score): signal if rng.random() < 0.2 else chance}
    if kind == "regression":
        name = rng.choice(["minutes", "sold", "price", "temp"])
        return {str(name): 50 + 10 * signal + rng.normal(0, 8, n)}, {f"predicted_{name}": 50 + 10 * signal}
    if kind == "grades":
        stars = np.clip(np.round(3 + signal + rng.normal(0, 1, n)), 0, 5).astype(int)
        return {"stars": stars}, {"predicted_stars": np.clip(3 + signal, 0, 5)}
    words = np.array(["early", "late", "never"])[np.digitize(signal, [-1, 1])]
    return {"arrival": words}, {"score": chance}
