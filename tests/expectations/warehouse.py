"""A table in a database, rules on it, and what they lead to."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import sqlalchemy as sa

from airflow_ml_monitor.expectations.in_database import run_in_place
from airflow_ml_monitor.expectations.outcome import Outcome
from airflow_ml_monitor.expectations.suite import load_suite
from airflow_ml_monitor.keys import Window
from airflow_ml_monitor.profile.dataset import Column, Dataset
from airflow_ml_monitor.profile.engines.databases.in_place import InPlace
from airflow_ml_monitor.profile.engines.databases.sql import SQL
from airflow_ml_monitor.profile.table import Table

START = datetime(2026, 3, 1, tzinfo=UTC)
DAY = Window(START, START + timedelta(days=1))
ROWS = 400


def table() -> pa.Table:
    """Two days, of which the second would break most rules."""
    random = np.random.default_rng(7)
    size = 2 * ROWS
    x = np.round(random.normal(50, 12, size), 3)
    x[[3, 9]], x[ROWS:] = np.nan, -1e6
    low = random.integers(0, 50, size)
    times = [
        START + timedelta(minutes=3 * i) if i < ROWS else START + timedelta(days=1, minutes=i) for i in range(size)
    ]
    names = random.choice(["web", "shop", "Phone ü%"], size, p=[0.6, 0.3, 0.1])
    named = [None if i % 50 == 7 else f"other {i}" if i >= ROWS else str(name) for i, name in enumerate(names)]
    return pa.table(
        {
            "at": pa.array(times, pa.timestamp("us", "UTC")),
            "id": [f"id-{i}" for i in range(size)],
            "x": pa.array(x, from_pandas=False),
            "Low Ü": low,
            "high": low + random.integers(0, 9, size),
            "channel": named,
            "flag": random.random(size) < 0.3,
            "day": pa.array([at.date() for at in times], pa.date32()),
            "net": x,
            "gross": x * 1.5,
            "tax": x * 0.5,
        }
    )


class Warehouse:
    """The table, in a database."""

    day = DAY

    def __init__(self, url: str) -> None:
        self.url, self.engine = url, SQL(lambda _connection: sa.make_url(url), timeout=timedelta(seconds=20))

    def dataset(self, name: str, *columns: str) -> Dataset:
        return Dataset("rows", Table("warehouse", name), tuple(map(Column, columns)), "at")

    @contextmanager
    def place(self, name: str = "events", columns: tuple[str, ...] = ()) -> Iterator[InPlace]:
        with self.engine.in_place(self.dataset(name, *(columns or table().column_names)), DAY) as place:
            yield place

    def told(self, *rules: dict[str, Any], **place: Any) -> dict[str, Outcome]:
        with self.place(**place) as found:
            return run_in_place(self.loaded(*rules), found)

    @staticmethod
    def loaded(*rules: dict[str, Any]) -> Any:
        return load_suite({"expectations": list(rules)})["expectations"]

    def run(self, *statements: str) -> None:
        engine = sa.create_engine(self.url)
        with engine.begin() as connection:
            for statement in statements:
                connection.exec_driver_sql(statement.replace("%", "%%"))
        engine.dispose()
