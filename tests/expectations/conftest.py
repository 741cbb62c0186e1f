"""A world to infer contracts from: its layout, the profile of its reference, and fresh frames."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pytest

from airflow_ml_monitor.expectations.gx import load_gx
from airflow_ml_monitor.keys import WHOLE, Window
from airflow_ml_monitor.profile.cells import Cells, Profile
from airflow_ml_monitor.profile.dataset import Kind
from airflow_ml_monitor.profile.layout import NAN, NULL, OTHER, PLUS_INF, RARE, Binning, Layout

WINDOW = Window(datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC))
KINDS = {
    "amount": Kind.NUMERIC,
    "age": Kind.NUMERIC,
    "visits": Kind.NUMERIC,
    "income": Kind.NUMERIC,
    "channel": Kind.CATEGORICAL,
    "region": Kind.CATEGORICAL,
    "vip": Kind.BOOLEAN,
    "joined": Kind.DATETIME,
}


def draw(rows: int, seed: int) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    channels = ["web", "shop", "phone", *(f"rare{i}" for i in range(100))]
    frame = pd.DataFrame(
        {
            "amount": random.lognormal(3, 1, rows),
            "age": np.round(np.clip(random.normal(45, 14, rows), 18, 99)),
            "visits": random.poisson(2, rows),
            "income": np.where(random.random(rows) < 0.1, np.nan, random.normal(3000, 700, rows)),
            "channel": random.choice(channels, rows, p=[0.6, 0.3, 0.09, *[0.0001] * 100]),
            "region": random.choice([1, 2, 3], rows),
            "vip": random.random(rows) < 0.2,
        }
    )
    return frame.assign(joined=pd.Timestamp("2025-01-01", tz="UTC") + pd.to_timedelta(random.random(rows), unit="D"))


def binning(name: str, kind: Kind, values: pd.Series) -> Binning:
    if kind is Kind.CATEGORICAL:
        counts = values.dropna().astype(str).value_counts()
        return Binning(name, kind, categories=tuple(sorted(counts[counts >= RARE].index)))
    if kind is Kind.BOOLEAN:
        return Binning(name, kind, values=(0.0, 1.0))
    numbers = values[np.isfinite(values)]
    distinct = np.unique(numbers)
    if len(distinct) <= 20:
        return Binning(name, kind, float(np.median(numbers)), values=tuple(map(float, distinct)))
    low, centre, high = np.quantile(numbers, [0.25, 0.5, 0.75])
    return Binning(name, kind, float(centre), float(high - low))


def cells(cut: Binning, values: pd.Series) -> Cells:
    size = len(values)
    if cut.kind is Kind.CATEGORICAL:
        where = {category: i for i, category in enumerate(cut.categories)}
        bucket = np.array([NULL if pd.isna(v) else where.get(str(v), OTHER) for v in values], np.int64)
        none, nan = np.zeros(size), np.full(size, np.nan)
        return Cells.collect(bucket, np.ones(size, np.int64), none, none, nan, nan)
    x = values.to_numpy(np.float64)
    finite = np.isfinite(x)
    d = np.where(finite, x - cut.centre, 0.0)
    if cut.values:
        where_number = {value: i for i, value in enumerate(cut.values)}
        bucket = np.array([where_number.get(float(v), OTHER) for v in x], np.int64)
    else:
        bucket = np.floor(cut.resolution * d / (cut.scale + np.abs(d))).astype(np.int64)
    bucket[np.isnan(x)] = NAN
    bucket[np.isposinf(x)] = PLUS_INF
    x = np.where(finite, x, np.nan)
    return Cells.collect(bucket, np.ones(size, np.int64), d, d * d, x, x)


def profiled(frame: pd.DataFrame, kinds: dict[str, Kind]) -> tuple[Layout, Profile]:
    read = {name: frame[name] for name in kinds}
    for name, kind in kinds.items():
        if kind is Kind.DATETIME:
            read[name] = (frame[name] - pd.Timestamp(0, tz="UTC")) / pd.Timedelta(seconds=1)
    layout = Layout(tuple(binning(name, kind, read[name]) for name, kind in kinds.items()))
    counted = {(WHOLE, cut.column): cells(cut, read[cut.column]) for cut in layout.binnings}
    return layout, Profile("world", WINDOW, layout.digest, {WHOLE: len(frame)}, counted)


@dataclass(frozen=True)
class World:
    layout: Layout
    reference: Profile
    draw: Callable[[int, int], pd.DataFrame]


@pytest.fixture(scope="session")
def great_expectations() -> Iterator[None]:
    """Great Expectations imported, once. Its 600 000 objects are frozen: every run collects garbage, 0.2 s each."""
    load_gx()
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.fixture(scope="session")
def profile_of() -> Callable[[pd.DataFrame, dict[str, Kind]], tuple[Layout, Profile]]:
    return profiled


@pytest.fixture(scope="session")
def world() -> World:
    """20 000 reference rows, and `draw(rows, seed)` for fresh ones."""
    layout, reference = profiled(draw(20_000, 1), KINDS)
    return World(layout, reference, draw)


@pytest.fixture(scope="module")
def warehouse(
    builders: Callable[[str], ModuleType], empty_database: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Any]:
    """The table of warehouse.py, in a database."""
    made = builders("expectations/warehouse.py")
    with empty_database("postgresql", tmp_path_factory.mktemp("contract")) as url:
        builders("profile/database_tables.py").upload(url, made.table(), "events")
        yield made.Warehouse(url)
