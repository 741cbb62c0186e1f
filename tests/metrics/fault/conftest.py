"""A feed as it arrives every day: ordinary, with a weekly pattern and days that differ, in which faults are made.

Views are made by the real engine, from frames.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest

from airflow_ml_monitor.keys import EVER, Window
from airflow_ml_monitor.measurement import Estimate
from airflow_ml_monitor.metrics.metric import Subject, metric_named
from airflow_ml_monitor.monitor.measure import fault_rows
from airflow_ml_monitor.profile.dataset import Column, Dataset, Kind, Role
from airflow_ml_monitor.profile.engines.embedded.duckdb import DuckDB
from airflow_ml_monitor.profile.feed_view import FeedView

FIRST = datetime(2026, 3, 2, tzinfo=UTC)
COLUMNS = (
    Column("income", Kind.NUMERIC),
    Column("age", Kind.NUMERIC),
    Column("balance", Kind.NUMERIC),
    Column("children", Kind.NUMERIC),
    Column("owner", Kind.BOOLEAN),
    Column("purpose", Kind.CATEGORICAL),
    Column("region", Kind.CATEGORICAL),
    Column("opened", Kind.DATETIME),
    Column("score", Kind.NUMERIC, Role.SCORE),
)
SHARES = {"car": 0.4, "house": 0.25, "travel": 0.2, "study": 0.15}


def day(number: int, *, seed: int = 1, rows: int = 600) -> pd.DataFrame:
    """One day's rows; the same for the same seed and number. Sundays have half as many, every day a little more or less
    of everything."""
    rng = np.random.default_rng([seed, abs(number)])
    start = FIRST + timedelta(days=number)
    n = int(rng.poisson(rows * (0.5 if start.weekday() == 6 else 1.0) * rng.lognormal(0, 0.1)))
    age = rng.normal(42 + rng.normal(0, 0.5), 12, n).clip(18, 95)
    income = rng.lognormal(7.8 + rng.normal(0, 0.02), 0.5, n) * (0.5 + age / 84)
    shares = np.array(list(SHARES.values())) * rng.lognormal(0, 0.05, len(SHARES))
    # More by day than by night.
    hour = rng.choice(24, n, p=np.r_[[1] * 7, [6] * 13, [2] * 4] / 93)
    at = pd.to_timedelta(hour * 3600 + rng.integers(0, 3600, n), unit="s")
    logit = -1 - (income / 3000 - 1) + (age < 30) * 0.8 + rng.normal(0, 0.7, n)
    return pd.DataFrame({
        "id": [f"{number}-{i}" for i in range(n)],
        "at": pd.Timestamp(start) + at,
        "income": np.where(rng.random(n) < 0.03, np.nan, income),
        "age": age,
        "balance": rng.normal(500, 900, n),
        "children": rng.poisson(1.2, n),
        "owner": rng.random(n) < 0.3 + (age > 40) * 0.3,
        "purpose": rng.choice(list(SHARES), n, p=shares / shares.sum()),
        "region": rng.choice([f"region {i}" for i in range(12)], n),
        "opened": pd.Timestamp(start) - pd.to_timedelta(rng.integers(30, 4000, n), unit="D"),
        "score": 1 / (1 + np.exp(-logit)),
    })  # fmt: skip


@pytest.fixture(scope="session")
def days() -> Callable[..., pd.DataFrame]:
    return day


@pytest.fixture(scope="session")
def reference() -> pd.DataFrame:
    """Four weeks before the first day."""
    return pd.concat([day(-number) for number in range(1, 29)], ignore_index=True)


Feed = Callable[..., FeedView]


@pytest.fixture(scope="session")
def feed(reference: pd.DataFrame) -> Feed:
    """feed(current, number=0, before=(frames, the newest first)): what arrived as day `number`; the view of it.

    columns, keys, of: other columns, entity key and reference than the usual ones.
    """
    engine, layouts = DuckDB(), {}

    def made(
        current: pd.DataFrame,
        number: int = 0,
        before: Sequence[pd.DataFrame] = (),
        *,
        columns: Sequence[Column] = COLUMNS,
        keys: tuple[str, ...] = ("id",),
        of: pd.DataFrame = reference,
    ) -> FeedView:
        dataset = Dataset("applications", of, tuple(columns), "at", entity_key=keys)
        place = (id(of), tuple(columns), keys)
        if place not in layouts:
            layout = engine.layout(dataset, EVER)
            layouts[place] = (layout, engine.profile(dataset, layout, EVER), of)
        layout, profile, _ = layouts[place]

        def profiled(frame: pd.DataFrame, nth: int) -> Any:
            start = FIRST + timedelta(days=nth)
            arrived = Dataset("applications", frame, tuple(columns), "at", entity_key=keys)
            return engine.profile(arrived, layout, Window(start, start + timedelta(days=1)))

        earlier = [profiled(frame, number - 1 - i) for i, frame in enumerate(before)]
        return FeedView(dataset, layout, profile, profiled(current, number), earlier)

    return made


@pytest.fixture(scope="session")
def after(days: Callable[..., pd.DataFrame], feed: Feed) -> Callable[[FeedView], FeedView]:
    """after(view): the same, after three ordinary days, which are read once."""
    earlier = feed(days(2), 2, [days(1), days(0)])
    return lambda view: replace(view, before=[earlier.current, *earlier.before])


@pytest.fixture(scope="session")
def named() -> Callable[[FeedView], dict[tuple[str, str, str], Estimate]]:
    """Every fault that a view has: (fault, column, parameters) → estimate."""

    def found(view: FeedView) -> dict[tuple[str, str, str], Estimate]:
        rows = fault_rows(view)
        failed = [(row.metric, row.reason) for row in rows if row.status == "failed"]
        assert not failed
        return {
            (row.metric, row.column, row.parameters): row.estimate
            for row in rows
            if row.estimate and row.estimate.value
        }

    return found


@pytest.fixture(scope="session")
def fault() -> Callable[[str, FeedView], dict[tuple[str, str], Estimate]]:
    """One fault's own answer: (column, parameters) → estimate."""

    def found(name: str, view: FeedView) -> dict[tuple[str, str], Estimate]:
        metric = metric_named(name)
        if metric.subject is Subject.FEED:
            return {("", key): value for key, value in dict(metric.function(view)).items()}  # type: ignore[arg-type]
        columns = view.lost if metric.subject is Subject.LOST_COLUMN else view.columns
        fitting = [c for c in columns if not metric.kinds or c.kind in metric.kinds]
        return {
            (c.name, key): value
            for c in fitting
            for key, value in dict(metric.function(c)).items()  # type: ignore[arg-type]
        }

    return found
