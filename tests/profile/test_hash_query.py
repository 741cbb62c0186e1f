"""Keys that are told apart by their hashes are counted as those that are grouped."""

from __future__ import annotations

from types import ModuleType

import numpy as np
import pandas as pd
import pytest

from airflow_ml_monitor.profile.dataset import Kind
from airflow_ml_monitor.profile.engines.embedded import duckdb_scan
from airflow_ml_monitor.profile.engines.embedded.duckdb import DuckDB
from airflow_ml_monitor.profile.layout import Layout

ROWS = 500


def repeated(engine: DuckDB, oracle: ModuleType, keys: pd.DataFrame) -> int:
    frame = keys.assign(x=1.0, at=pd.Timestamp(oracle.NOON))
    dataset = oracle.dataset(frame, {"x": Kind.NUMERIC}, entity_key=tuple(keys))
    found = engine.profile(dataset, Layout(()), oracle.DAY)
    assert found.duplicates == len(keys) - len(keys.drop_duplicates())
    return int(found.duplicates)


@pytest.mark.parametrize("most", [10**6, 10], ids=["looked at", "too many"])
def test_repeats_are_those_of_pandas(
    engine: DuckDB, oracle: ModuleType, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(duckdb_scan, "MOST", most)
    number = np.arange(ROWS)
    assert repeated(engine, oracle, pd.DataFrame({"id": number})) == 0
    assert repeated(engine, oracle, pd.DataFrame({"a": number // 7, "b": number % 7})) == 0
    assert repeated(engine, oracle, pd.DataFrame({"id": [f"A{i % 499}" for i in number]})) == 1
    assert repeated(engine, oracle, pd.DataFrame({"id": ["x", None, None, "y", ""]})) == 1
    assert repeated(engine, oracle, pd.DataFrame({"id": [0.0, -0.0, 1.0]})) == 1


@pytest.mark.parametrize("labels_repeat", [0, 3])
@pytest.mark.parametrize("predictions_repeat", [0, 4])
@pytest.mark.parametrize("orphans", [0, 5])
def test_orphans_and_repeats_of_labels_without_times(
    engine: DuckDB, oracle: ModuleType, labels_repeat: int, predictions_repeat: int, orphans: int
) -> None:
    ids = np.arange(60)
    scored = np.append(ids, ids[:predictions_repeat])
    predictions = pd.DataFrame({"id": scored, "score": 0.3, "at": pd.Timestamp(oracle.NOON)})
    labelled = np.concatenate([ids[:40], ids[:labels_repeat], 1_000 + np.arange(orphans)])
    labels = pd.DataFrame({"id": labelled, "label": 1})
    asked = oracle.request(
        oracle.predictions(predictions), oracle.labelled_by(labels, label_time=None), oracle.DAYS[-1].end
    )
    batch = engine.label_entries(asked)
    assert (batch.orphans, batch.repeats) == (orphans, labels_repeat)
    assert sum(int(e.count[e.label == 1].sum()) for e in batch.entries.values()) == sum(
        int((scored == key).sum()) for key in labelled
    )
