"""Rows that a profile keeps: those whose key's hash is lowest, in files and in three databases."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pytest

from airflow_ml_monitor.errors import SpecError
from airflow_ml_monitor.keys import EVER, Window
from airflow_ml_monitor.profile.codec import decode_profile, encode_profile
from airflow_ml_monitor.profile.dataset import MOST, Column, Dataset, Kind, Role
from airflow_ml_monitor.profile.engines.embedded.duckdb import DuckDB
from airflow_ml_monitor.profile.engines.lowest_rows import coded
from airflow_ml_monitor.profile.layout import Layout
from airflow_ml_monitor.profile.row_sample import FINE, MISSING, NAMELESS, RowSample

KINDS = {"x": Kind.NUMERIC, "y": Kind.NUMERIC, "flag": Kind.BOOLEAN, "kind": Kind.CATEGORICAL}
SIZE, KEPT = 1_500, 120


def rows(day: Any, seed: int = 1, size: int = SIZE) -> pd.DataFrame:
    """Customers of several days; some values are missing, some kinds have no bucket."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({
        "customer": [f"C{i:04d}" for i in rng.integers(0, size // 3, size)],
        "x": rng.normal(5, 2, size),
        "y": np.where(rng.random(size) < 0.2, np.nan, rng.lognormal(0, 1, size)),
        "flag": rng.random(size) < 0.3,
        "kind": rng.choice(["a", "b", "c", "rare"], size, p=[0.5, 0.3, 0.195, 0.005]),
    })  # fmt: skip
    return frame.assign(at=pd.Timestamp(day.start) + pd.to_timedelta(rng.integers(0, 86_400, size), unit="s"))


def declared(source: Any, most: int = KEPT) -> Dataset:
    columns = tuple(Column(name, kind) for name, kind in KINDS.items())
    score = Column("score", role=Role.SCORE)
    return Dataset("d", source, (*columns, score), "at", entity_key=("customer",), sample_rows=most)


@pytest.fixture(scope="module")
def frame(oracle: ModuleType) -> pd.DataFrame:
    return rows(oracle.DAY).assign(score=0.5)


@pytest.fixture(scope="module")
def layout(frame: pd.DataFrame) -> Layout:
    return DuckDB().layout(declared(frame), EVER)


def sample_of(engine: Any, dataset: Dataset, layout: Layout, window: Window) -> RowSample:
    found = engine.profile(dataset, layout, window).traces.sample
    assert isinstance(found, RowSample)
    return found


def content(sample: RowSample) -> list[list[int]]:
    return np.column_stack([sample.hashes, sample.values]).tolist()


def every_row(frame: pd.DataFrame, layout: Layout) -> set[tuple[int, ...]]:
    """What any row may look like in a sample, whatever engine rounds it; its last digit left out."""
    columns = {
        name: np.ma.masked_array(frame[name].to_numpy(), pd.isna(frame[name])) for name in ("x", "y", "flag", "kind")
    }
    values = np.column_stack([coded(layout[name], column) for name, column in columns.items()])
    return {(round(a, -1), round(b, -1), c, d) for a, b, c, d in values.tolist()}


def check_is_of(sample: RowSample, frame: pd.DataFrame, layout: Layout) -> None:
    """That it is a sample of these rows: so many, each of them one, with every kind of value."""
    assert (sample.columns, sample.most, len(sample.hashes)) == (tuple(KINDS), KEPT, KEPT)
    assert (np.diff(sample.hashes) >= 0).all()
    known = every_row(frame, layout)
    for a, b, c, d in sample.values.tolist():
        assert (round(a, -1), round(b, -1), c, d) in known
    x, y, _, kind = sample.values.T
    assert abs(x.mean() - np.mean([row[0] for row in known])) < 5 * x.std() / np.sqrt(KEPT)
    assert np.abs(x).max() < FINE
    assert 0.05 < (y == MISSING).mean() < 0.4
    assert set(kind.tolist()) <= {0, 1, 2, NAMELESS}


def check_adds(engine: Any, frame: pd.DataFrame, layout: Layout, day: Window) -> None:
    """That two halves of a day hold its sample, in whatever order rows lie, and that it is drawn anew alike."""
    noon = day.start + timedelta(hours=12)
    whole = sample_of(engine, declared(frame), layout, day)
    parts = [engine.profile(declared(frame), layout, part) for part in (Window(day.start, noon), Window(noon, day.end))]
    added = (parts[0] + parts[1]).traces.sample
    assert content(added) == content(whole)
    shuffled = frame.sample(frac=1, random_state=3).reset_index(drop=True)
    assert content(sample_of(engine, declared(shuffled), layout, day)) == content(whole)


def test_rows_of_lowest_hash_are_kept_by_kernel_and_by_statement(
    either: DuckDB, frame: pd.DataFrame, layout: Layout, oracle: ModuleType
) -> None:
    check_is_of(sample_of(either, declared(frame), layout, oracle.DAY), frame, layout)
    check_adds(either, frame, layout, oracle.DAY)


@pytest.mark.servers
def test_rows_of_lowest_hash_are_kept_of_tables_too(
    there: Any, frame: pd.DataFrame, layout: Layout, oracle: ModuleType
) -> None:
    check_is_of(sample_of(there, declared(frame), layout, oracle.DAY), frame, layout)
    check_adds(there, frame, layout, oracle.DAY)


def test_a_customers_rows_are_drawn_one_by_one(
    engine: DuckDB, frame: pd.DataFrame, layout: Layout, oracle: ModuleType
) -> None:
    sample = sample_of(engine, declared(frame), layout, oracle.DAY)
    assert len(set(sample.hashes.tolist())) > 0.95 * KEPT


def test_few_rows_are_all_kept_and_none_where_none_are_asked_for(
    engine: DuckDB, frame: pd.DataFrame, layout: Layout, oracle: ModuleType
) -> None:
    few = sample_of(engine, declared(frame[:70]), layout, oracle.DAY)
    assert len(few.hashes) == 70
    asked = [declared(frame, 0), declared(frame.drop(columns="customer"))]
    assert [engine.profile(dataset, layout, oracle.DAY).traces.sample for dataset in asked] == [None, None]
    late = Window(oracle.DAY.end, oracle.DAY.end + timedelta(days=1))
    assert len(sample_of(engine, declared(frame), layout, late).hashes) == 0


def test_a_column_that_did_not_arrive_is_left_out(
    engine: DuckDB, frame: pd.DataFrame, layout: Layout, oracle: ModuleType
) -> None:
    found = sample_of(engine, declared(frame.drop(columns="y")), layout, oracle.DAY)
    assert found.columns == ("x", "flag", "kind")


def test_a_sample_is_stored_in_two_bytes_a_value_and_read_back(
    engine: DuckDB, frame: pd.DataFrame, layout: Layout, oracle: ModuleType
) -> None:
    profile = engine.profile(declared(frame), layout, oracle.DAY)
    payload = encode_profile(profile)
    again = decode_profile(payload).traces.sample
    assert again is not None
    assert profile.traces.sample is not None
    assert content(again) == content(profile.traces.sample)
    assert (again.columns, again.most) == (tuple(KINDS), KEPT)
    without = encode_profile(replace(profile, traces=replace(profile.traces, sample=None)))
    assert len(payload) - len(without) < KEPT * (8 + 2 * len(KINDS)) + 150


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"sample_rows": 50}, "50 rows are no sample; give 100 to 2000"),
        ({"sample_rows": MOST + 1}, "2001 rows are no sample"),
        ({"sample_rows": -1}, "-1 rows are no sample"),
        ({"sample_rows": 1000, "entity_key": ()}, "there is no entity_key; declare one"),
    ],
)
def test_a_sample_that_cannot_be_drawn_is_refused(more: dict[str, Any], told: str) -> None:
    with pytest.raises(SpecError, match=told) as caught:
        replace(declared("x.parquet"), **more)
    assert caught.value.field == "datasets.d.sample_rows"
