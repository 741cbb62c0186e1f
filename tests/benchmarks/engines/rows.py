"""The rows that engines and peers are measured on: one day in one Parquet file, in row groups as a feed writes them.

30 numeric columns (normal, lognormal, two decimals, counts, float32, heavy tails; NULL in some), ten categorical ones
of 5 to 5,000 levels, a score with its prediction and label, a time and an id. The narrow ones are the first 10 and 3.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from airflow_ml_monitor.keys import EVER, Window
from airflow_ml_monitor.profile.dataset import Column, Dataset, Kind
from airflow_ml_monitor.profile.engines.embedded.duckdb import DuckDB
from airflow_ml_monitor.profile.layout import Layout, digest

NUMERIC, LEVELS = 30, (5, 8, 12, 20, 50, 100, 300, 800, 2000, 5000)
NARROW = 10, 3
DAY = Window(datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 2, tzinfo=UTC))
GROUP = 250_000


def numbers(narrow: bool = False) -> list[str]:
    return [f"n{i}" for i in range(NARROW[0] if narrow else NUMERIC)]


def categories(narrow: bool = False) -> list[str]:
    return [f"c{i}" for i in range(NARROW[1] if narrow else len(LEVELS))]


def write(path: Path, rows: int, *, narrow: bool = False, seed: int = 7) -> None:
    """So many rows; a file that is there is kept."""
    _written(path, (block(np.random.default_rng([seed, start]), size, start, narrow) for start, size in _groups(rows)))


def write_joined(predictions: Path, labels: Path, rows: int, labelled: int) -> None:
    """Ids with scores, and so many of the ids, shuffled, with labels and the moments at which these became known."""
    rng = np.random.default_rng(8)
    label_of = rng.permutation(rows)[:labelled]

    def scored(start: int, size: int) -> pa.Table:
        at = _moments(rng, size)
        return pa.table({"id": np.arange(start, start + size), "score": rng.random(size), "at": at})

    def told(start: int, size: int) -> pa.Table:
        known = pa.array(np.full(size, np.datetime64("2026-03-03", "us")), pa.timestamp("us", "UTC"))
        label = rng.integers(0, 2, size).astype(np.int8)
        return pa.table({"id": label_of[start : start + size], "label": label, "known_at": known})

    _written(predictions, (scored(start, size) for start, size in _groups(rows)))
    _written(labels, (told(start, size) for start, size in _groups(labelled)))


def _groups(rows: int) -> list[tuple[int, int]]:
    return [(start, min(GROUP, rows - start)) for start in range(0, rows, GROUP)]


def _written(path: Path, parts: Iterator[pa.Table]) -> None:
    if path.exists():
        return
    half, writer = path.with_suffix(".half"), None
    for part in parts:
        writer = writer or pq.ParquetWriter(half, part.schema, compression="snappy")
        writer.write_table(part)
    assert writer is not None
    writer.close()
    half.rename(path)


def block(rng: np.random.Generator, rows: int, first: int, narrow: bool = False) -> pa.Table:
    columns: dict[str, Any] = {}
    for i in range(len(numbers(narrow))):
        x = (
            lambda i: rng.normal(i, 1 + i, rows),
            lambda i: rng.lognormal(0, 1.5, rows),
            lambda i: np.round(rng.gamma(2, 30, rows), 2),
            lambda i: rng.poisson(3 + i, rows),
            lambda i: rng.normal(size=rows).astype(np.float32),
            lambda i: np.where(rng.random(rows) < 0.7, 0.0, rng.standard_cauchy(rows)),
        )[i % 6](i)
        columns[f"n{i}"] = pa.array(x, mask=rng.random(rows) < 0.03 if i % 4 == 0 else None)
    for i in range(len(categories(narrow))):
        rank = np.minimum(rng.zipf(1.3, rows), LEVELS[i]) - 1
        names = pa.array([f"level {level}" for level in range(LEVELS[i])])
        columns[f"c{i}"] = pa.DictionaryArray.from_arrays(pa.array(rank, pa.int32()), names).cast(pa.string())
    columns["at"] = _moments(rng, rows)
    if not narrow:
        columns["id"] = pa.array([f"A{first + i:09d}" for i in range(rows)])
        score = rng.random(rows)
        columns |= {"score": score, "prediction": (score > 0.5).astype(np.int8)}
        columns["label"] = (rng.random(rows) < score).astype(np.int8)
    return pa.table(columns)


def _moments(rng: np.random.Generator, rows: int) -> pa.Array:
    moments = rng.integers(0, 86_400_000_000, rows).astype("timedelta64[us]") + np.datetime64("2026-03-01", "us")
    return pa.array(moments, pa.timestamp("us", "UTC"))


def declared(source: Any, *, sliced: str = "", narrow: bool = False) -> Dataset:
    """The columns that are measured; sliced: by which."""
    columns = [Column(name) for name in numbers(narrow)]
    columns += [Column(name, Kind.CATEGORICAL) for name in categories(narrow)]
    return Dataset("d", source, tuple(columns), "at", slice_by=(sliced,) if sliced else ())


def layout_of(dataset: Dataset) -> Layout:
    """Buckets from a reference of 20,000 rows in memory: choosing them is no part of a profile."""
    kept = Path(tempfile.gettempdir()) / f"ml-monitor-layout-{digest([c.name for c in dataset.columns])}.json"
    if not kept.exists():
        reference = block(np.random.default_rng(9), 20_000, 0)
        found = DuckDB().layout(replace(dataset, source=reference, slice_by=()), EVER)
        kept.write_text(json.dumps(found.document()))
    return replace(Layout.from_document(json.loads(kept.read_text())), slice_by=dataset.slice_by)
